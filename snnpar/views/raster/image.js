// The person: a map of spikes at t over the image, the box of tokens, and the map in each timestep.

import { bytesOf } from "../shared/bits.js";
import { make } from "../shared/dom.js";
import { placeAt, rectangle } from "../shared/geometry.js";

const GROUND = [23, 21, 28]; // of the small maps: dark is silent
const THUMB_HEIGHT = 92;

export function drawImage(view) {
  const { data, find } = view;
  const image = find(".stack img");
  if (image.getAttribute("src") !== data.image.source) image.src = data.image.source;
  image.width = data.image.width;
  image.height = data.image.height;
  image.alt = data.image.title;
  view.map = mapOf(data.map);
  drawFrames(view);
  find(".clear-box").disabled = !data.box;
  find(".clear-channel").disabled = data.channel === null;
}

// Values from 0 to 1 of each timestep's map.
function mapOf({ bits, levels, shape, top }) {
  const bytes = bytesOf(bits ?? levels);
  const value = bits === undefined ? (i) => bytes[i] / 255 : (i) => bit(bytes, i);
  const [timesteps, height, width] = shape;
  return { timesteps, height, width, top, at: (t, row, column) => value(((t - 1) * height + row) * width + column) };
}

export function bit(bytes, i) {
  return (bytes[i >> 3] >> (7 - (i & 7))) & 1;
}

export function rgb(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
}

// The map of one timestep where its neurons lie; clear where nothing spikes, unless there is a ground.
function drawMap(view, context, t, width, height, ground = null) {
  const { map } = view, side = view.data.shape[1] / map.height;
  const canvas = make("canvas", { width: map.width, height: map.height }); // one pixel per place
  const image = new ImageData(map.width, map.height);
  const colour = rgb(view.data.colour);
  for (let row = 0; row < map.height; row++) {
    for (let column = 0; column < map.width; column++) {
      const value = map.at(t, row, column), i = 4 * (row * map.width + column);
      colour.forEach((part, k) => { image.data[i + k] = ground ? ground[k] + value * (part - ground[k]) : part; });
      image.data[i + 3] = ground ? 255 : 215 * value;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  for (const [top, rows] of strips(map.height)) { // equal places in one piece, those at the border by themselves
    for (const [left, columns] of strips(map.width)) {
      const neurons = [top * side, left * side, (top + rows) * side - 1, (left + columns) * side - 1];
      const { x, y, w, h } = rectangle(view.data.geometry, neurons, width, height);
      context.drawImage(canvas, left, top, columns, rows, x, y, w, h);
    }
  }
}

// First, inner and last of some places, as [start, count].
function strips(count) {
  return [[0, 1], [1, count - 2], [count - 1, 1]].slice(count === 1 ? 2 : 0).filter(([, size]) => size > 0);
}

function drawFrames(view) {
  const { data, map } = view;
  const width = Math.max(18, Math.round(THUMB_HEIGHT * data.image.width / data.image.height));
  const held = view.find(".frames").contains(view.root.activeElement) ? view.root.activeElement.dataset.t : null;
  const buttons = Array.from({ length: data.timesteps }, (_, i) => {
    const canvas = make("canvas", { width: 2 * width, height: 2 * THUMB_HEIGHT });
    drawMap(view, canvas.getContext("2d"), i + 1, canvas.width, canvas.height, GROUND);
    canvas.style.cssText = `width:${width}px;height:${THUMB_HEIGHT}px`;
    const button = make("button", { type: "button", "data-t": i + 1, "aria-label": `Go to t = ${i + 1}` }, canvas, `t = ${i + 1}`);
    button.addEventListener("click", () => { view.move(i + 1); view.rest(); });
    return button;
  });
  view.find(".frames").replaceChildren(...buttons);
  if (held) buttons[held - 1]?.focus();
}

export function imageAt(view) {
  const { data, t, find } = view;
  for (const button of find(".frames").children) button.setAttribute("aria-pressed", String(Number(button.dataset.t) === t));
  const perCell = data.shape[1] / view.map.height;
  const cell = perCell > 1 ? `, ${perCell} × ${perCell} neurons to a place` : "";
  const scale = `full orange is ${(100 * view.map.top).toFixed(1)}%`;
  find(".map-note").textContent = data.channel === null
    ? `All channels of ${data.layer} at t = ${t}${cell}; ${scale} of the channels.`
    : `Channel ${data.channel} of ${data.layer} at t = ${t}${cell}.`;
  paintBrush(view);
}

export function paintBrush(view) {
  const { data, find } = view;
  const canvas = find(".brush"), ratio = window.devicePixelRatio || 1;
  const width = canvas.width = Math.round(canvas.clientWidth * ratio);
  const height = canvas.height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return;
  const context = canvas.getContext("2d");
  drawMap(view, context, view.t, width, height);
  const [rows, columns] = data.grid;
  context.strokeStyle = "rgba(255,255,255,.22)";
  context.lineWidth = ratio;
  context.beginPath();
  for (let i = 1; i < rows; i++) context.rect(0, tokens(data, [i, 0, i, 0], width, height).y, width, 0);
  for (let i = 1; i < columns; i++) context.rect(tokens(data, [0, i, 0, i], width, height).x, 0, 0, height);
  context.stroke();
  const box = boxShown(view);
  canvas.setAttribute("aria-label", `Image of ${rows} × ${columns} tokens. `
    + (box ? `Box: rows ${box[0] + 1} to ${box[2] + 1}, columns ${box[1] + 1} to ${box[3] + 1}.` : "No box."));
  if (box) paintBox(context, box, data, { width, height, ratio });
  if (data.neuron) paintPlace(view, context, data.neuron, 1, { width, height, ratio });
  if (view.hovered) paintPlace(view, context, view.hovered, data.raster.side, { width, height, ratio });
}

// A box of tokens as the rectangle in which their neurons of this layer lie.
export function tokens({ geometry, grid, shape }, [top, left, bottom, right], width, height) {
  const down = shape[1] / grid[0], across = shape[2] / grid[1];
  return rectangle(geometry, [top * down, left * across, (bottom + 1) * down - 1, (right + 1) * across - 1], width, height);
}

function paintBox(context, box, data, { width, height, ratio }) {
  const { x, y, w, h } = tokens(data, box, width, height);
  context.fillStyle = "rgba(10,12,16,.55)";
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(x, y, w, h);
  context.fill("evenodd");
  for (const [colour, line] of [["#000", 4], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = line * ratio;
    context.strokeRect(x, y, w, h);
  }
}

// A square of neurons outlined on the image: the chosen one, or the raster's cell under the pointer.
function paintPlace(view, context, { row, column }, side, { width, height, ratio }) {
  const { x, y, w, h } = rectangle(view.data.geometry, [row, column, row + side - 1, column + side - 1], width, height);
  for (const [colour, line] of [["#000", 4], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = line * ratio;
    context.strokeRect(x, y, Math.max(5 * ratio, w), Math.max(5 * ratio, h));
  }
}

export function boxShown(view) {
  return view.draft ?? view.data.box;
}

export function brushing(view) {
  const canvas = view.find(".brush");
  const tokenAt = (event) => {
    const area = canvas.getBoundingClientRect(), { geometry: { rows, columns }, grid, shape } = view.data;
    const down = placeAt(rows, (event.clientY - area.top) / area.height);
    const across = placeAt(columns, (event.clientX - area.left) / area.width);
    return [Math.floor(down * grid[0] / shape[1]), Math.floor(across * grid[1] / shape[2])];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    view.corner = tokenAt(event);
    draft(view, spanning(view.corner, view.corner));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (view.corner) draft(view, spanning(view.corner, tokenAt(event)));
  });
  canvas.addEventListener("pointerup", () => { if (view.corner) keepBox(view); });
  canvas.addEventListener("pointercancel", () => { view.corner = null; draft(view, null); });
  canvas.addEventListener("dblclick", () => clearBox(view));
  canvas.addEventListener("keydown", (event) => brushKey(view, event));
  view.find(".clear-box").addEventListener("click", () => clearBox(view));
  view.find(".clear-channel").addEventListener("click", () => view.emit("picked", { channel: null }));
}

function spanning([a, b], [c, d]) {
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

export function draft(view, box) {
  view.draft = box;
  paintBrush(view);
  view.numbersAt();
  view.paintCells();
}

function keepBox(view) {
  view.corner = null;
  if (view.draft && String(view.draft) !== String(view.data.box)) view.emit("boxed", { box: view.draft });
}

function clearBox(view) {
  draft(view, null);
  if (view.data.box || view.asked) view.emit("boxed", { box: null });
}

function brushKey(view, event) {
  if (event.key === "Enter") return keepBox(view);
  if (event.key === "Escape") return clearBox(view);
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const [rows, columns] = view.data.grid, before = boxShown(view);
  if (!before) return draft(view, [0, 0, 0, 0]);
  const [top, left, bottom, right] = before;
  const fits = (box) => box[0] >= 0 && box[1] >= 0 && box[2] < rows && box[3] < columns && box[0] <= box[2] && box[1] <= box[3];
  const moved = event.shiftKey
    ? [top, left, bottom + step[0], right + step[1]]
    : [top + step[0], left + step[1], bottom + step[0], right + step[1]];
  if (fits(moved)) draft(view, moved);
}
