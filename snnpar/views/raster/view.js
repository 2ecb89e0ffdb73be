// The whole view. It alone says what t is; Python hears of what came to rest.

import { countsOf } from "../shared/bits.js";
import { closeOnEscape, make } from "../shared/dom.js";
import { microjoules } from "../shared/format.js";
import { newPlayer, rest, takeData } from "../shared/timeline.js";
import { GUTTER, HEAD, ZOOM, area, closeUp, hover, newCells, paintCells, pick, pickRow, place, turn, zoom } from "./cells.js";
import { boxShown, brushing, drawImage, imageAt, paintBrush } from "./image.js";
import { drawMembrane, membraneAt } from "./membrane.js";
import { drawStrip, stripAt } from "./strip.js";

const REST_MS = 400; // without another key or move, t has come to rest

// Shows a layer's spikes at t, and asks for "moved" (t), "boxed" ({box}), "layer" (a name), "picked" ({channel, ...}),
// "side" and "page".
export function mount(root, host) {
  let view = null;
  return {
    update(data) {
      view ??= newView(root, host, data);
      update(view, data);
    },
    rest() {
      view?.player.stop();
      clearTimeout(view?.resting);
    },
  };
}

function newView(root, host, data) {
  const find = (selector) => root.querySelector(selector);
  const view = { root, find, t: data.t, told: data.t, timesteps: data.timesteps, resting: null, data,
    draft: null, corner: null, cursor: null, hovered: null };
  view.emit = (name, value) => {
    view.asked = name === "boxed" && value.box !== null;
    host.ask(name, value);
  };
  Object.assign(view, { // for those who are asked for by these
    move: (t) => move(view, t), rest: () => rest(view), numbersAt: () => numbersAt(view), paintCells: () => paintCells(view),
  });
  view.player = newPlayer({
    at: () => view.t,
    steps: () => view.timesteps,
    go: (t) => move(view, t),
    rest: () => rest(view),
    draw: (playing) => { find(".play").textContent = playing ? "❚❚" : "▶"; },
  });
  find(".t").addEventListener("input", (event) => {
    view.player.stop();
    move(view, Number(event.target.value));
    clearTimeout(view.resting);
  });
  find(".t").addEventListener("change", () => {
    clearTimeout(view.resting);
    view.resting = setTimeout(() => rest(view), REST_MS);
  });
  find(".play").addEventListener("click", view.player.toggle);
  closeOnEscape(root);
  brushing(view);
  pointing(view);
  for (const [button, act] of Object.entries({
    ".in": () => zoom(view, ZOOM, view.cursor && { x: view.cursor.x + 0.5, y: view.cursor.row + 0.5 }),
    ".out": () => zoom(view, 1 / ZOOM), ".single": () => closeUp(view), ".fit": () => zoom(view, 0),
    ".before": () => turn(view, -1), ".after": () => turn(view, 1),
  })) find(button).addEventListener("click", act);
  find(".side").addEventListener("change", (event) => view.emit("side", Number(event.target.value)));
  new ResizeObserver(() => { paintCells(view); paintBrush(view); }).observe(find(".spikes"));
  return view;
}

function update(view, data) {
  takeData(view, data);
  if (!view.corner) view.draft = null;
  view.find(".spikes").style.setProperty("--spike", data.colour);
  view.find(".t").max = data.timesteps;
  view.find(".t").disabled = view.find(".play").disabled = data.timesteps === 1;
  if (!view.player.timer) view.find(".play").textContent = "▶";
  view.counts = countsOf(data.counts);
  view.accumulates = countsOf(data.accumulates);
  drawStrip(view);
  newCells(view);
  drawImage(view);
  drawMembrane(view);
  move(view, view.t);
}

function move(view, t) {
  view.t = t;
  const words = `t = ${t} of ${view.data.timesteps}`;
  view.find(".t").value = t;
  view.find(".t").setAttribute("aria-valuetext", words);
  view.find(".now").textContent = words;
  stripAt(view);
  imageAt(view);
  numbersAt(view);
  paintCells(view);
  membraneAt(view);
}

// Spikes and energy of the tokens in the box and of all; they follow the box while it is drawn.
function numbersAt(view) {
  const { data, t } = view, [rows, columns] = data.grid, box = boxShown(view), tokens = rows * columns;
  const inside = (token) => !box || (box[0] <= Math.floor(token / columns) && Math.floor(token / columns) <= box[2]
    && box[1] <= token % columns && token % columns <= box[3]);
  const sum = (values, from, to, all) => {
    let total = 0;
    for (let i = from * tokens; i < to * tokens; i++) if (all || inside(i % tokens)) total += values[i];
    return total;
  };
  const perToken = data.shape[0] * data.shape[1] * data.shape[2] / tokens, whole = (number) => number.toLocaleString("en");
  const of = (all) => {
    const count = all || !box ? tokens : (box[2] - box[0] + 1) * (box[3] - box[1] + 1);
    const now = sum(view.counts, t - 1, t, all), acs = sum(view.accumulates, 0, t, all);
    return { tokens: [count, whole], neurons: [count * perToken, whole], now: [now, whole],
      rate: [now / (count * perToken), (rate) => `${(100 * rate).toFixed(2)}%`],
      ever: [sum(view.counts, 0, data.timesteps, all), whole], acs: [acs, whole], energy: [acs * data.ac_pj * 1e-6, microjoules] };
  };
  const part = of(false), all = of(true);
  const titles = { tokens: "tokens", neurons: "neurons of the layer", now: `spikes of the layer, t = ${t}`,
    rate: `firing rate, t = ${t}`, ever: `spikes, all ${data.timesteps} timesteps`, acs: `ACs of all layers, up to t = ${t}`,
    energy: `their energy, up to t = ${t}` };
  const cell = ([value, show], name) => make("td", { "data-value": value, "data-of": name }, show(value));
  const lines = Object.keys(titles).map((name) => make("tr", {}, make("th", { scope: "row" }, titles[name]),
    ...(box ? [cell(part[name], `box-${name}`)] : []), cell(all[name], `all-${name}`)));
  const head = [make("td"), ...[...(box ? ["box"] : []), "whole image"].map((title) => make("th", { scope: "col" }, title))];
  view.find(".numbers").replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines));
  view.find(".numbers-note").textContent = `${data.model}, ${data.layer}. Energy is an estimate, ${data.convention}: only what `
    + "spikes cause; what reads numbers, such as the first convolution, belongs to no spike.";
}

// Pointer and keys on the raster.
function pointing(view) {
  const canvas = view.find(".cells");
  let from = null;
  const under = (event) => {
    const box = canvas.getBoundingClientRect(), { width, height } = area(view), { frame, cells } = view;
    const x = frame.x + (event.clientX - box.left - GUTTER) * frame.w / width;
    const y = frame.y + (event.clientY - box.top - HEAD) * frame.h / height;
    return { x, y, inside: x >= frame.x && y >= frame.y, row: Math.min(cells.height - 1, Math.max(0, Math.floor(y))),
      cell: Math.min(cells.width - 1, Math.max(0, Math.floor(x))) };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    from = { px: event.clientX, py: event.clientY, frame: view.frame, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) {
      const at = under(event);
      return hover(view, at.inside ? { row: at.row, x: at.cell } : null);
    }
    const dx = event.clientX - from.px, dy = event.clientY - from.py, { width, height } = area(view);
    from.moved ||= Math.hypot(dx, dy) > 4;
    if (from.moved) place(view, from.frame.x - dx * from.frame.w / width, from.frame.y - dy * from.frame.h / height, from.frame.w, from.frame.h);
  });
  canvas.addEventListener("pointerup", (event) => {
    const clicked = from && !from.moved, at = under(event);
    from = null;
    if (!clicked) return;
    if (at.y < view.frame.y) {
      move(view, Math.floor(at.cell / view.cells.columns) + 1);
      rest(view);
    } else if (!at.inside) pickRow(view, at.row);
    else {
      view.cursor = { row: at.row, x: at.cell };
      pick(view, view.cursor);
    }
  });
  canvas.addEventListener("pointercancel", () => { from = null; });
  canvas.addEventListener("pointerleave", () => hover(view, null));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && view.root.activeElement !== canvas) return; // the page scrolls
    event.preventDefault();
    zoom(view, event.deltaY < 0 ? ZOOM : 1 / ZOOM, under(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => cellKey(view, event));
}

function cellKey(view, event) {
  const { cells, frame } = view;
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const acts = { "+": () => zoom(view, ZOOM, view.cursor && { x: view.cursor.x + 0.5, y: view.cursor.row + 0.5 }),
    "-": () => zoom(view, 1 / ZOOM), Home: () => zoom(view, 0), PageUp: () => turn(view, -1), PageDown: () => turn(view, 1),
    Escape: () => view.emit("picked", { channel: null }),
    Enter: () => view.cursor && (event.shiftKey ? pickRow(view, view.cursor.row) : pick(view, view.cursor)) };
  if (!step && !acts[event.key]) return;
  event.preventDefault();
  if (!step) return acts[event.key]();
  const { row, x } = view.cursor ?? { row: Math.floor(frame.y) - step[0], x: (view.t - 1) * cells.columns - step[1] };
  view.cursor = { row: Math.min(cells.height - 1, Math.max(0, row + step[0])), x: Math.min(cells.width - 1, Math.max(0, x + step[1])) };
  const shift = (at, from, span) => (at < from ? at : at + 1 > from + span ? at + 1 - span : from);
  place(view, shift(view.cursor.x, frame.x, frame.w), shift(view.cursor.row, frame.y, frame.h), frame.w, frame.h);
  hover(view, view.cursor);
}
