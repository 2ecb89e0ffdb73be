// The raster: bits to cells, cells to neurons and back, zoom, maps, numbers of a box, play and pause.
import assert from "node:assert/strict";
import test from "node:test";
import { elements, load, needsPython, packed, same } from "./load.mjs";

const script = load("raster");
script.drawTools = () => {};
script.paintCells = () => {};
script.paintBrush = () => {};
const base64 = (bytes) => Buffer.from(bytes).toString("base64");

// Two channels from 5 on, T = 2, tokens 1 and 4 of a grid of 3 x 2, 2 x 3 cells to a token, 2 x 2 neurons to a cell.
function small() {
  const lit = [0, 5, 12 + 1, 24 + 2, 36 + 11]; // in two channels of two timesteps of two tokens of six cells
  const bytes = new Uint8Array(6);
  for (const i of lit) bytes[i >> 3] |= 128 >> (i & 7);
  const raster = {
    bits: base64(bytes), first: 5, channels: 2, tokens: [1, 4], patch: [2, 3], side: 2, page: 0, pages: 3,
  };
  const data = { raster, timesteps: 2, grid: [3, 2], shape: [8, 12, 12], box: null, channel: null, neuron: null };
  const emitted = [];
  const view = { data, t: 1, find: elements(), emit: (...said) => emitted.push(said), emitted, draft: null,
    numbersAt() {}, paintCells() {} };
  script.newCells(view);
  return view;
}

test("bits are read from the highest of each byte on", () => {
  const bytes = Uint8Array.of(0x81, 0x40);
  same(Array.from({ length: 16 }, (_, i) => script.bit(bytes, i)), [1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
  same(script.rgb("#e8710a"), [232, 113, 10]);
});

test("a cell says channel, timestep, token and its first neuron", () => {
  const view = small();
  same([view.cells.columns, view.cells.width, view.cells.height], [12, 24, 2]);
  same(script.meaning(view, { row: 0, x: 0 }), { channel: 5, t: 1, token: 1, row: 0, column: 6, spikes: true });
  same(script.meaning(view, { row: 0, x: 5 }), { channel: 5, t: 1, token: 1, row: 2, column: 10, spikes: true });
  same(script.meaning(view, { row: 0, x: 13 }), { channel: 5, t: 2, token: 1, row: 0, column: 8, spikes: true });
  same(script.meaning(view, { row: 1, x: 23 }), { channel: 6, t: 2, token: 4, row: 10, column: 4, spikes: true });
  same(script.meaning(view, { row: 1, x: 21 }), { channel: 6, t: 2, token: 4, row: 10, column: 0, spikes: false });
});

test("a neuron is found in the column of its cell, or nowhere", () => {
  const view = small();
  for (let x = 0; x < view.cells.columns; x++) {
    const { row, column } = script.meaning(view, { row: 0, x });
    for (const [down, across] of [[0, 0], [1, 0], [1, 1]]) {
      assert.equal(script.columnOf(view, { row: row + down, column: column + across }), x);
    }
  }
  assert.equal(script.columnOf(view, { row: 0, column: 0 }), -1);
});

test("cells are those of the layer that Python packed", { skip: needsPython }, () => {
  for (const { data, maps } of packed.rasters) {
    const view = { data, find: elements() };
    script.newCells(view);
    const { side, tokens, patch } = data.raster;
    assert.equal(view.cells.columns, tokens.length * patch[0] * patch[1]);
    assert.equal(view.cells.width, view.cells.columns * data.timesteps);
    let spikes = 0;
    for (let row = 0; row < view.cells.height; row++) {
      for (let x = 0; x < view.cells.width; x++) {
        const cell = script.meaning(view, { row, x });
        const lines = maps[cell.channel][cell.t - 1].slice(cell.row, cell.row + side);
        assert.equal(cell.spikes, lines.some((line) => line.slice(cell.column, cell.column + side).includes(1)));
        assert.equal(script.columnOf(view, cell), x % view.cells.columns);
        spikes += cell.spikes;
      }
    }
    assert.ok(spikes > 0 && spikes < view.cells.width * view.cells.height);
  }
});

test("the map of a channel is the layer's", { skip: needsPython }, () => {
  for (const { data, maps } of packed.rasters.filter((one) => one.data.channel !== null)) {
    const map = script.mapOf(data.map);
    same([map.timesteps, map.height, map.width], [data.timesteps, data.shape[1], data.shape[2]]);
    maps[data.channel].forEach((rows, t) => rows.forEach((line, row) => line.forEach((spike, column) => {
      assert.equal(map.at(t + 1, row, column), spike);
    })));
  }
});

test("a map of shares has 255 levels", () => {
  const map = script.mapOf({ levels: base64(Uint8Array.of(0, 51, 102, 153, 204, 255)), shape: [1, 2, 3], top: 0.5 });
  same([map.at(1, 0, 1), map.at(1, 1, 0), map.at(1, 1, 2)], [0.2, 0.6, 1]);
});

test("places are drawn in three pieces, of which none is empty", () => {
  same([1, 2, 3, 9].map((count) => script.strips(count)),
    [[[0, 1]], [[0, 1], [1, 1]], [[0, 1], [1, 1], [2, 1]], [[0, 1], [1, 7], [8, 1]]]);
});

test("a box spans its corners, and the tokens in it are kept", () => {
  same(script.spanning([2, 1], [0, 3]), [0, 1, 2, 3]);
  const view = small();
  same(script.keptTokens(view), [true, true]);
  view.draft = [0, 0, 1, 1];
  same(script.keptTokens(view), [true, false]);
  view.draft = [0, 0, 2, 0];
  same(script.keptTokens(view), [false, true]);
});

test("pixels say which share of their cells spikes; a lone spike stays visible", () => {
  const view = small(), paint = (width, height) => {
    const image = { width, height, data: new Uint8ClampedArray(4 * width * height) };
    view.data.colour = "#e8710a";
    script.fillCells(view, image);
    return (row, x) => [...image.data.slice(4 * (row * width + x), 4 * (row * width + x) + 4)];
  };
  const each = paint(24, 2);
  same([each(0, 0), each(0, 1), each(0, 13)], [[232, 113, 10, 255], [128, 136, 148, 44], [232, 113, 10, 128]]);
  same(paint(48, 4)(3, 47), [232, 113, 10, 128]);
  same(paint(2, 1)(0, 1).slice(0, 3), [232, 113, 10]);
  assert.equal(paint(2, 1)(0, 0)[3], Math.round(90 + 165 * (3 / 24)));
});

test("zoom keeps the point under the pointer, stays inside, and goes no closer than a few large cells", () => {
  const view = small();
  Object.assign(view.find(".cells"), { clientWidth: 46 + 240, clientHeight: 20 + 36 });
  script.zoom(view, 2, { x: 18, y: 1 });
  same(view.frame, { x: 9, y: 0.5, w: 12, h: 1 });
  script.zoom(view, 1000, { x: 18, y: 1 });
  same([view.frame.w, view.frame.h], [240 / 36, 1]);
  assert.ok(Math.abs((18 - view.frame.x) / view.frame.w - 0.75) < 1e-12);
  script.zoom(view, 0);
  same(view.frame, { x: 0, y: 0, w: 24, h: 2 });
  script.place(view, 99, -3, 4, 1);
  same(view.frame, { x: 20, y: 0, w: 4, h: 1 });
});

test("a row that is picked twice is let go, one of a picked neuron is picked; pages end at both ends", () => {
  const view = small();
  script.pickRow(view, 1);
  view.data.channel = 6;
  script.pickRow(view, 1);
  view.data.neuron = { row: 10, column: 4 };
  script.pickRow(view, 1);
  script.pick(view, { row: 1, x: 23 });
  for (const [page, by] of [[0, -1], [0, 1], [2, 1]]) {
    view.data.raster.page = page;
    script.turn(view, by);
  }
  same(view.emitted, [["picked", { channel: 6 }], ["picked", { channel: null }], ["picked", { channel: 6 }],
    ["picked", { channel: 6, row: 10, column: 4, side: 2 }], ["page", { page: 1 }]]);
});

test("keys move and stretch the box inside the grid", () => {
  const view = small();
  script.numbersAt = () => {};
  const press = (key, shiftKey = false) => {
    script.brushKey(view, { key, shiftKey, preventDefault() {} });
    return view.draft;
  };
  same(press("ArrowDown"), [0, 0, 0, 0]);
  same(press("ArrowDown", true), [0, 0, 1, 0]);
  same(press("ArrowDown"), [1, 0, 2, 0]);
  same(press("ArrowDown"), [1, 0, 2, 0]);
  same(press("ArrowLeft"), [1, 0, 2, 0]);
  same(press("ArrowUp", true), [1, 0, 1, 0]);
  same(press("ArrowUp", true), [1, 0, 1, 0]);
  press("Enter");
  same(view.emitted, [["boxed", { box: [1, 0, 1, 0] }]]);
});

test("the numbers of a box and of the whole image", () => {
  const view = small(), own = load("raster"), found = {};
  own.make = (_tag, { "data-of": name, "data-value": value } = {}) => {
    if (name) found[name] = value;
  };
  view.counts = Uint32Array.from({ length: 12 }, (_, i) => 2 ** i); // two timesteps of six tokens
  view.accumulates = view.counts.map((count) => 3 * count);
  Object.assign(view, { t: 2 });
  Object.assign(view.data, { box: [1, 0, 2, 0], ac_pj: 0.9 }); // tokens 2 and 4
  own.numbersAt(view);
  const neurons = 8 * 12 * 12, now = 2 ** 8 + 2 ** 10, ever = now + 2 ** 2 + 2 ** 4;
  same(found, {
    "box-tokens": 2, "box-neurons": neurons / 3, "box-now": now, "box-rate": now / (neurons / 3), "box-ever": ever,
    "box-acs": 3 * ever, "box-energy": 3 * ever * 0.9 * 1e-6,
    "all-tokens": 6, "all-neurons": neurons, "all-now": 2 ** 12 - 2 ** 6, "all-rate": (2 ** 12 - 2 ** 6) / neurons,
    "all-ever": 2 ** 12 - 1, "all-acs": 3 * (2 ** 12 - 1), "all-energy": 3 * (2 ** 12 - 1) * 0.9 * 1e-6,
  });
});
