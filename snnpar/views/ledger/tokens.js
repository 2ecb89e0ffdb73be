// The tokens of the chosen cell over the image, and the spikes behind it.

import { decimals, fixed, sum } from "../shared/format.js";
import { cellRectangle, cellUnder } from "../shared/geometry.js";

export function moveToken(event, view, point) {
  const { rows, columns } = view.data;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (event.key === "Escape") point(-1);
  if (!step) return;
  event.preventDefault();
  const next = view.token < 0 ? 0 : view.token + step;
  const leavesRow = Math.abs(step) === 1 && view.token >= 0
    && Math.floor(next / columns) !== Math.floor(view.token / columns);
  if (next >= 0 && next < rows * columns && !leavesRow) point(next);
}

export function tokenAt(view, map, event) {
  const at = cellUnder(view.data.geometry, map, event);
  return at ? at.row * view.data.columns + at.column : -1;
}

export function columnAt(view, raster, event) {
  if (!view.bits) return -1;
  const box = raster.getBoundingClientRect();
  return Math.min(view.terms.N - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * view.terms.N)));
}

export function colour(palette, share) { // share in [-1, 1]
  const place = 4 * Math.round(((share + 1) / 2) * 255);
  const [red, green, blue, alpha] = palette.subarray(place, place + 4);
  return `rgba(${red},${green},${blue},${alpha / 255})`;
}

export function drawRamp(view, canvas) {
  const paper = canvas.getContext("2d");
  paper.clearRect(0, 0, 256, 1);
  for (let i = 0; i < 256; i++) {
    paper.fillStyle = colour(view.palette, i / 127.5 - 1);
    paper.fillRect(i, 0, 1, 1);
  }
}

export function drawMap(view, canvas, find) {
  const { data, terms, image } = view, { t, s } = chosen(view);
  const values = terms.tokens(t, s), bound = Math.max(1e-9, ...values.map(Math.abs));
  const sharp = window.devicePixelRatio || 1, width = 190;
  const height = Math.round(width * Math.min(3, data.image.height / data.image.width));
  canvas.width = Math.round(width * sharp);
  canvas.height = Math.round(height * sharp);
  canvas.style.height = `${height}px`;
  const paper = canvas.getContext("2d");
  const place = (n) => cellRectangle(data.geometry, Math.floor(n / data.columns), n % data.columns, canvas.width,
    canvas.height);
  if (image.complete && image.naturalWidth) {
    paper.filter = "grayscale(1)";
    paper.drawImage(image, 0, 0, canvas.width, canvas.height);
    paper.filter = "none";
  }
  values.forEach((value, n) => {
    paper.fillStyle = colour(view.palette, value / bound);
    const { x, y, w, h } = place(n);
    paper.fillRect(x, y, w, h);
  });
  if (view.token >= 0) frame(paper, place(view.token), sharp);
  const digits = decimals([bound]);
  find(".low").textContent = fixed(-bound, digits);
  find(".high").textContent = fixed(bound, digits);
  const what = `${s === null ? "all branches" : data.branches[s].label}, ${t === null ? "all t" : `t = ${t + 1}`}`;
  find(".what").textContent = `${what}: ${fixed(sum(values), decimals([sum(values)]))}`;
  canvas.setAttribute("aria-label", `${data.title}, tokens over the image, ${what}`);
}

function frame(paper, { x, y, w, h }, sharp) { // white in black, to be seen on any ground
  for (const [style, width] of [["#000", 4], ["#fff", 2]]) {
    paper.strokeStyle = style;
    paper.lineWidth = width * sharp;
    paper.strokeRect(x + sharp, y + sharp, w - 2 * sharp, h - 2 * sharp);
  }
}

const fires = (view, channel, token) => {
  const place = channel * view.terms.N + token;
  return (view.bits[place >> 3] >> (7 - (place & 7))) & 1;
};

export function drawRaster(view, canvas, find) {
  const { data, terms } = view, { t, s } = chosen(view), single = t !== null && s !== null;
  canvas.hidden = !view.bits;
  find(".note").textContent = !single
    ? "Choose one branch at one t to see the spikes behind it."
    : !view.bits ? "Fetching the spikes\u2026"
      : `The spikes behind this cell: ${data.raster.channels} channels (rows) by ${terms.N} tokens (columns), `
        + `row by row of the image, as the last convolution of ${data.branches[s].label} reads them at t = ${t + 1}.`;
  if (!view.bits) return;
  const channels = data.raster.channels;
  canvas.width = terms.N;
  canvas.height = channels;
  canvas.style.height = `${channels * (channels <= 110 ? 2 : 1)}px`;
  const paper = canvas.getContext("2d"), pixels = paper.createImageData(terms.N, channels);
  for (let place = 0; place < channels * terms.N; place++) {
    const on = fires(view, Math.floor(place / terms.N), place % terms.N), marked = place % terms.N === view.token;
    pixels.data.set(on ? [232, 113, 10, 255] : marked ? [128, 136, 148, 150] : [128, 136, 148, 40], 4 * place);
  }
  paper.putImageData(pixels, 0, 0);
  canvas.setAttribute("aria-label", find(".note").textContent);
}

export function say(view, find) {
  const { data, terms, token } = view, { t, s } = chosen(view);
  if (token < 0) {
    find(".said").textContent = "";
    return;
  }
  const here = terms.tokens(t, s)[token], everything = terms.tokens(null, null)[token];
  const place = `Row ${Math.floor(token / data.columns) + 1}, column ${(token % data.columns) + 1}`;
  const total = t === null && s === null ? "" : `; all branches and t there: ${fixed(everything, decimals([everything]))}`;
  let firing = "";
  if (view.bits) {
    let count = 0;
    for (let channel = 0; channel < data.raster.channels; channel++) count += fires(view, channel, token);
    firing = `; ${count} of ${data.raster.channels} channels fire`;
  }
  find(".said").textContent = `${place}: ${fixed(here, decimals([here]))} logit${total}${firing}`;
}

const parts = (cell) => { // "2.block.0.attn" -> ["2", "block.0.attn"]
  const dot = cell.indexOf(".");
  return [cell.slice(0, dot), cell.slice(dot + 1)];
};

function chosen(view) {
  const [t, branch] = parts(view.cell);
  const place = view.data.branches.findIndex((one) => one.name === branch);
  return { t: t === "all" ? null : Number(t) - 1, s: place < 0 ? null : place };
}
