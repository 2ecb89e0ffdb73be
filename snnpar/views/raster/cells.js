// The raster: a row for each channel, a column for each token within its timestep, a lit cell for a spike.

import { bytesOf } from "../shared/bits.js";
import { make } from "../shared/dom.js";
import { bit, paintBrush, rgb } from "./image.js";

export const GUTTER = 46; // pixels for the numbers of the channels, and above for the timesteps
export const HEAD = 20;
const CLOSE = 18; // pixels of a cell seen close up
export const ZOOM = 1.6;

export function newCells(view) {
  const { data, find } = view, { raster } = data;
  const perToken = raster.patch[0] * raster.patch[1];
  const columns = raster.tokens.length * perToken, width = columns * data.timesteps;
  const bytes = bytesOf(raster.bits);
  view.cells = { perToken, columns, width, height: raster.channels, at: (row, x) => bit(bytes, row * width + x) };
  const key = JSON.stringify([data.layer, data.box, raster.side, raster.page]);
  if (key !== view.cellsOf) {
    view.cellsOf = key;
    view.frame = { x: 0, y: 0, w: width, h: raster.channels };
    view.cursor = view.hovered = null;
    find(".readout").textContent = "";
  }
  drawTools(view);
}

function drawTools(view) {
  const { data, find, cells: { perToken } } = view, { raster } = data;
  find(".cell-size").hidden = raster.sides.length === 1;
  find(".side").replaceChildren(...raster.sides.map((side) => {
    const option = make("option", { value: side }, side === 1 ? "one neuron" : `${side} × ${side} neurons`);
    option.selected = side === raster.side;
    return option;
  }));
  find(".pages").hidden = raster.pages === 1;
  find(".page").textContent = `page ${raster.page + 1} of ${raster.pages}`;
  find(".before").disabled = raster.page === 0;
  find(".after").disabled = raster.page === raster.pages - 1;
  const some = (shown, all) => (shown === all ? `all ${all}` : `${shown} of ${all}`);
  const channels = raster.channels === 1 ? `channel ${raster.first}` : `channels ${raster.first} to ${raster.first + raster.channels - 1}`;
  const pooled = raster.side > 1 ? ` A cell is lit when at least one of its ${raster.side} × ${raster.side} neurons spikes.` : "";
  find(".shown").textContent = `${data.layer}, ${channels} of ${data.shape[0]}, ${some(raster.tokens.length, raster.of_tokens)} tokens`
    + `${data.box ? " of the box" : ""}, t = 1 to ${data.timesteps} from left to right${perToken > 1 ? `, ${perToken} cells side by side to a token` : ""}.${pooled}`;
}

export function area(view) {
  const canvas = view.find(".cells");
  return { width: Math.max(1, canvas.clientWidth - GUTTER), height: Math.max(1, canvas.clientHeight - HEAD) };
}

export function paintCells(view) {
  const canvas = view.find(".cells"), ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  if (!canvas.width || !canvas.height) return;
  const context = canvas.getContext("2d");
  const left = Math.round(GUTTER * ratio), top = Math.round(HEAD * ratio);
  const image = context.createImageData(Math.max(1, canvas.width - left), Math.max(1, canvas.height - top));
  fillCells(view, image);
  context.putImageData(image, left, top);
  context.scale(ratio, ratio);
  paintAxes(view, context);
  paintMarks(view, context);
  canvas.setAttribute("aria-label", `Raster of ${view.find(".shown").textContent}`);
}

// Each pixel says which share of the cells below it spikes; a lone spike stays visible.
function fillCells(view, image) {
  const { cells, frame, data } = view, { width, height } = image;
  const colour = rgb(data.colour), kept = keptTokens(view);
  const edge = (i, size, from, span, most) => Math.min(most, Math.floor(from + i * span / size));
  const across = Array.from({ length: width }, (_, i) => {
    const start = edge(i, width, frame.x, frame.w, cells.width - 1);
    const token = Math.floor((start % cells.columns) / cells.perToken);
    return { start, end: Math.max(start + 1, edge(i + 1, width, frame.x, frame.w, cells.width)),
      strength: (Math.floor(start / cells.columns) === view.t - 1 ? 1 : 0.5) * (kept[token] ? 1 : 0.2) };
  });
  for (let line = 0, before = null; line < height; line++) {
    const start = edge(line, height, frame.y, frame.h, cells.height - 1);
    const end = Math.max(start + 1, edge(line + 1, height, frame.y, frame.h, cells.height));
    const offset = 4 * line * width;
    if (before && before.start === start && before.end === end) {
      image.data.copyWithin(offset, offset - 4 * width, offset);
      continue;
    }
    before = { start, end };
    across.forEach((pixel, i) => {
      let spikes = 0;
      for (let row = start; row < end; row++) for (let x = pixel.start; x < pixel.end; x++) spikes += cells.at(row, x);
      const share = spikes / ((end - start) * (pixel.end - pixel.start)), at = offset + 4 * i;
      const [red, green, blue] = spikes ? colour : [128, 136, 148];
      image.data[at] = red;
      image.data[at + 1] = green;
      image.data[at + 2] = blue;
      image.data[at + 3] = pixel.strength * (spikes ? 90 + 165 * share : 44);
    });
  }
}

// Is each shown token inside the box that is being drawn?
function keptTokens(view) {
  const { draft, data } = view, [, columns] = data.grid;
  return data.raster.tokens.map((token) => {
    if (!draft) return true;
    const row = Math.floor(token / columns), column = token % columns;
    return draft[0] <= row && row <= draft[2] && draft[1] <= column && column <= draft[3];
  });
}

function paintAxes(view, context) {
  const { cells, frame, data } = view, { width, height } = area(view);
  const style = getComputedStyle(view.find(".spikes"));
  context.font = `11px ${style.fontFamily}`;
  context.textBaseline = "middle";
  for (let t = 1; t <= data.timesteps; t++) {
    const from = GUTTER + ((t - 1) * cells.columns - frame.x) * width / frame.w;
    const to = from + cells.columns * width / frame.w;
    const start = Math.max(GUTTER, from), end = Math.min(GUTTER + width, to);
    if (end - start < 1) continue;
    context.fillStyle = t === view.t ? data.colour : style.color;
    context.globalAlpha = t === view.t ? 1 : 0.25;
    context.fillRect(start + 1, HEAD - 4, end - start - 2, t === view.t ? 3 : 1);
    context.globalAlpha = t === view.t ? 1 : 0.65;
    context.fillStyle = style.color;
    context.textAlign = "center";
    if (end - start > 30) context.fillText(`t = ${t}`, (start + end) / 2, HEAD / 2 - 2);
    context.globalAlpha = 0.5;
    if (t > 1 && from > GUTTER) context.fillRect(from - 0.5, HEAD, 1, height);
  }
  const tall = height / frame.h;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((n) => n * tall >= 15) ?? 2000;
  context.textAlign = "right";
  for (let row = Math.ceil(frame.y - 0.5); row < frame.y + frame.h; row++) {
    const channel = data.raster.first + row;
    if (row < 0 || row >= cells.height || (channel % step !== 0 && channel !== data.channel)) continue;
    if (channel !== data.channel && data.channel !== null && Math.abs(channel - data.channel) * tall < 14) continue;
    context.globalAlpha = channel === data.channel ? 1 : 0.65;
    context.fillText(`${channel === data.channel ? "▸ " : ""}${channel}`, GUTTER - 6, HEAD + (row + 0.5 - frame.y) * tall);
  }
  context.globalAlpha = 1;
}

// Outlines of the chosen row, the chosen neuron in each timestep, and the cell under the cursor.
function paintMarks(view, context) {
  const { cells, frame, data } = view, { width, height } = area(view);
  const wide = width / frame.w, tall = height / frame.h;
  context.save();
  context.beginPath();
  context.rect(GUTTER, HEAD, width, height);
  context.clip();
  context.strokeStyle = getComputedStyle(view.find(".spikes")).color;
  const outline = (x, row, span, line) => {
    context.lineWidth = line;
    context.strokeRect(GUTTER + (x - frame.x) * wide, HEAD + (row - frame.y) * tall, span * wide, tall);
  };
  const chosen = data.channel === null ? -1 : data.channel - data.raster.first;
  if (chosen >= 0 && chosen < cells.height) {
    outline(0, chosen, cells.width, 1);
    const column = data.neuron ? columnOf(view, data.neuron) : -1;
    for (let t = 0; column >= 0 && t < data.timesteps; t++) outline(t * cells.columns + column, chosen, 1, 2);
  }
  if (view.cursor) outline(view.cursor.x, view.cursor.row, 1, 2);
  context.restore();
}

// The column of a neuron within each timestep, -1 if its token is not shown.
function columnOf(view, { row, column }) {
  const { raster, grid } = view.data, [down, across] = raster.patch;
  const cellRow = Math.floor(row / raster.side), cellColumn = Math.floor(column / raster.side);
  const index = raster.tokens.indexOf(Math.floor(cellRow / down) * grid[1] + Math.floor(cellColumn / across));
  return index < 0 ? -1 : index * view.cells.perToken + (cellRow % down) * across + (cellColumn % across);
}

// What a cell stands for: channel, timestep, token, and the first of its neurons.
function meaning(view, { row, x }) {
  const { cells, data } = view, { raster, grid } = data, [down, across] = raster.patch;
  const within = x % cells.columns, token = raster.tokens[Math.floor(within / cells.perToken)], part = within % cells.perToken;
  return {
    channel: raster.first + row,
    t: Math.floor(x / cells.columns) + 1,
    token,
    row: (Math.floor(token / grid[1]) * down + Math.floor(part / across)) * raster.side,
    column: ((token % grid[1]) * across + (part % across)) * raster.side,
    spikes: view.cells.at(row, x) === 1,
  };
}

export function hover(view, cell) {
  view.hovered = cell && meaning(view, cell);
  view.find(".readout").textContent = view.hovered ? inWords(view, view.hovered) : "";
  paintBrush(view);
}

function inWords(view, cell) {
  const { side } = view.data.raster;
  const place = side === 1
    ? `row ${cell.row}, column ${cell.column}`
    : `rows ${cell.row} to ${cell.row + side - 1}, columns ${cell.column} to ${cell.column + side - 1}`;
  return `Channel ${cell.channel}, token ${cell.token} (${place}), t = ${cell.t}: ${cell.spikes ? "spike" : "no spike"}`;
}

export function zoom(view, factor, at = null) {
  const { cells, frame } = view, { width, height } = area(view);
  const least = (size, all) => Math.min(all, size / (2 * CLOSE));
  const w = Math.min(cells.width, Math.max(least(width, cells.width), frame.w / factor));
  const h = Math.min(cells.height, Math.max(least(height, cells.height), frame.h / factor));
  const x = at?.x ?? frame.x + frame.w / 2, y = at?.y ?? frame.y + frame.h / 2;
  place(view, x - (x - frame.x) * w / frame.w, y - (y - frame.y) * h / frame.h, w, h);
}

// Cells as large as they need to be to tell them apart, around the cursor, the chosen neuron or the cell at t.
export function closeUp(view) {
  const { cells, data } = view, { width, height } = area(view);
  const w = Math.min(cells.width, width / CLOSE), h = Math.min(cells.height, height / CLOSE);
  const column = data.neuron ? Math.max(0, columnOf(view, data.neuron)) : 0;
  const chosen = data.channel === null ? 0 : data.channel - data.raster.first;
  const at = view.cursor ?? { x: (view.t - 1) * cells.columns + column, row: chosen };
  place(view, at.x - w / 2, at.row - h / 2, w, h);
}

export function place(view, x, y, w, h) {
  const { cells } = view;
  const inside = (value, span, all) => Math.min(all - span, Math.max(0, value));
  view.frame = { x: inside(x, w, cells.width), y: inside(y, h, cells.height), w, h };
  paintCells(view);
}

export function pick(view, cell) {
  const { channel, row, column } = meaning(view, cell);
  view.emit("picked", { channel, row, column, side: view.data.raster.side });
}

export function pickRow(view, row) {
  const channel = view.data.raster.first + row;
  view.emit("picked", { channel: channel === view.data.channel && !view.data.neuron ? null : channel });
}

export function turn(view, by) {
  const { page, pages } = view.data.raster;
  if (page + by >= 0 && page + by < pages) view.emit("page", { page: page + by });
}
