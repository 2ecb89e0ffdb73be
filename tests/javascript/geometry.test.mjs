// Where cells lie on an image.
import assert from "node:assert/strict";
import test from "node:test";
import { load, needsPython, packed, same } from "./load.mjs";

const script = load("occluder");
const even = (count) => ({ count, first: 0.5 / count, step: 1 / count });
// Centred on the first of 2 x 2 pixels, as a stem of convolutions is.
const shifted = { count: 4, first: 1 / 16, step: 1 / 4 };

test("the edges of even cells are even, those of shifted cells lie halfway between centres", () => {
  same([0, 1, 2, 3, 4].map((i) => script.edgeOf(even(4), i)), [0, 0.25, 0.5, 0.75, 1]);
  same([-1, 0, 1, 2, 3, 4, 9].map((i) => script.edgeOf(shifted, i)), [0, 0, 3 / 16, 7 / 16, 11 / 16, 1, 1]);
});

test("a place owns what lies between its edges, the outer ones up to the border", () => {
  for (const axis of [even(4), shifted, even(1), even(7)]) {
    for (let i = 0; i < axis.count; i++) {
      const low = script.edgeOf(axis, i), high = script.edgeOf(axis, i + 1);
      for (const share of [low + 1e-9, (low + high) / 2, high - 1e-9]) assert.equal(script.placeAt(axis, share), i);
    }
    assert.equal(script.placeAt(axis, -0.5), 0);
    assert.equal(script.placeAt(axis, 1.5), axis.count - 1);
  }
});

test("cells cover the canvas without seam or overlap, whatever its size", () => {
  const geometry = { rows: shifted, columns: even(3) };
  for (const [width, height] of [[100, 200], [7, 11], [191, 383]]) {
    const seen = new Uint8Array(width * height);
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column < 3; column++) {
        const { x, y, w, h } = script.cellRectangle(geometry, row, column, width, height);
        for (let down = y; down < y + h; down++) {
          for (let across = x; across < x + w; across++) seen[down * width + across] += 1;
        }
      }
    }
    assert.ok(seen.every((times) => times === 1));
  }
});

test("a box of cells is the rectangle round its corners", () => {
  same(script.rectangle({ rows: shifted, columns: even(3) }, [1, 0, 2, 1], 300, 160), { x: 0, y: 30, w: 200, h: 80 });
});

test("the cell under a pointer counts from the corner of the element; outside there is none", () => {
  const element = { getBoundingClientRect: () => ({ left: 10, top: 20, width: 300, height: 160 }) };
  const geometry = { rows: shifted, columns: even(3) };
  const under = (clientX, clientY) => script.cellUnder(geometry, element, { clientX, clientY });
  same(under(10, 20), { row: 0, column: 0 });
  same(under(10 + 299, 20 + 31), { row: 1, column: 2 });
  same(under(10 + 101, 20 + 159), { row: 3, column: 1 });
  for (const [x, y] of [[9, 20], [10, 19], [310, 20], [10, 180]]) assert.equal(under(x, y), null);
});

test("the nearest edge of a share", () => {
  same([0, 0.09, 0.1, 0.44, 0.9, 1].map((share) => script.nearestEdge(shifted, share)), [0, 0, 1, 2, 4, 4]);
});

test("edges and owners are those of Python", { skip: needsPython }, () => {
  for (const { axis, edges, owners } of packed.axes) {
    edges.forEach((edge, i) => assert.ok(Math.abs(script.edgeOf(axis, i) - edge) < 1e-12));
    same(owners.map((_, pixel) => script.placeAt(axis, (pixel + 0.5) / owners.length)), owners);
  }
});
