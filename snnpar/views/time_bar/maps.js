// The image, where each model looked, what it costs, and what the groups come to.

import { bytesOf, floatsOf } from "../shared/bits.js";
import { make, modelName } from "../shared/dom.js";
import { microjoules, short } from "../shared/format.js";
import { cellRectangle, cellUnder } from "../shared/geometry.js";
import { entry } from "../shared/timeline.js";

const CELL = 32; // canvas pixels of a cell: two for each pixel that a model reads

export function drawImages(view) {
  const { data, find } = view;
  const { image } = data;
  const plain = make("figure", {}, make("figcaption", { class: "who" }, "Image"), drawStack(image, false),
    make("figcaption", { class: "note" }, image.title));
  view.maps = data.maps.map((of) => drawMap(data, of));
  find(".images").replaceChildren(plain, ...view.maps.map((map) => map.node));
  find(".placed").textContent = [...new Set(data.maps.map((of) => of.placed))].join(" ");
}

function drawStack(image, grey) {
  const shown = make("img", { src: image.source, alt: grey ? "" : image.title, class: grey ? "grey" : null });
  const tall = Math.min(3, image.height / image.width);
  return make("div", { class: "stack", style: `aspect-ratio:1 / ${tall}` }, shown);
}

function drawMap(data, of) {
  const [, rows, columns] = of.shape;
  const map = { of, values: floatsOf(of.values), colours: bytesOf(data.palettes[of.palette]) };
  map.canvas = make("canvas", { width: CELL * columns, height: CELL * rows, role: "img" });
  map.unit = make("div", { class: "unit" });
  map.when = make("span", { class: "when" });
  const stack = drawStack(data.image, true);
  stack.append(map.canvas);
  map.canvas.addEventListener("pointermove", (event) => { map.at = cellUnder(of.geometry, map.canvas, event); sayUnit(map); });
  map.canvas.addEventListener("pointerleave", () => { map.at = null; sayUnit(map); });
  const general = of.general ? " The same for every attribute." : "";
  const sentence = `${of.hooked[0].toUpperCase()}${of.hooked.slice(1)}.${general}`;
  map.node = make(
    "figure",
    { "data-role": of.role },
    make("figcaption", { class: "who" }, modelName(data.models[of.role]), map.when),
    stack,
    drawScale(map),
    map.unit,
    make("div", { class: "note colours" }, of.colours),
    make("figcaption", { class: "note" }, make("span", { class: "checkpoint" }, `${data.models[of.role].checkpoint}: `),
      `${of.title}. ${sentence}`),
  );
  return map;
}

function drawScale(map) {
  const { low, high } = map.of;
  const strip = make("canvas", { width: 256, height: 1, class: "scale", "aria-hidden": "true" });
  const pixels = new ImageData(new Uint8ClampedArray(map.colours), 256, 1);
  strip.getContext("2d").putImageData(pixels, 0, 0);
  const ticks = [low, (low + high) / 2, high].map((value) => make("span", {}, short(value)));
  return make("div", {}, strip, make("div", { class: "range" }, ...ticks));
}

function sayUnit(map) {
  const { unit, shape: [, , columns] } = map.of;
  map.unit.textContent = map.at ? `${short(map.frame[map.at.row * columns + map.at.column])} ${unit}` : unit;
}

function paint(map, t) {
  const { shape: [count, rows, columns], low, high, geometry } = map.of, { width, height } = map.canvas;
  const frame = Math.min(t, count) - 1;
  map.frame = map.values.subarray(frame * rows * columns, (frame + 1) * rows * columns);
  const paper = map.canvas.getContext("2d");
  paper.clearRect(0, 0, width, height);
  map.frame.forEach((value, i) => {
    const place = Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low))));
    const [red, green, blue, alpha] = map.colours.subarray(4 * place, 4 * place + 4);
    const { x, y, w, h } = cellRectangle(geometry, Math.floor(i / columns), i % columns, width, height);
    paper.fillStyle = `rgba(${red},${green},${blue},${alpha / 255})`;
    paper.fillRect(x, y, w, h);
  });
}

export function mapsAt(view) {
  const { t, data } = view;
  for (const map of view.maps) {
    const { when, role, title, unit } = map.of;
    paint(map, t);
    const upTo = t === 1 ? " t = 1" : ` t = 1 to ${t}`;
    map.when.textContent = when === "up to" ? upTo : when === "alone" ? ` t = ${t} alone` : "";
    const top = map.frame.reduce((best, value, i) => (value > map.frame[best] ? i : best), 0);
    const [, rows, columns] = map.of.shape;
    map.canvas.setAttribute("aria-label", `${data.models[role].name}: ${title}${map.when.textContent}. Highest at row `
      + `${Math.floor(top / columns) + 1} of ${rows}, column ${(top % columns) + 1} of ${columns}: `
      + `${short(map.frame[top])} ${unit}.`);
    sayUnit(map);
  }
}

export function drawEnergy(view) {
  const { data, find } = view;
  const { spent, convention } = data.energy;
  const most = Math.max(...Object.values(spent).map((values) => values.at(-1)), 1e-9);
  const first = Object.keys(spent).sort((role) => (role === "student" ? -1 : 0)); // the one that the bar moves
  view.meters = first.map((role) => {
    const fill = make("i", { style: `background:${data.models[role].colour}` });
    const number = make("span", { class: "number" });
    const share = make("span", { class: "note" });
    const line = make("div", { class: "who" }, modelName(data.models[role], true));
    const bar = make("div", { class: "bar", "aria-hidden": "true" }, fill);
    const node = make("div", { "data-role": role }, line, bar, number, share);
    return { node, fill, number, share, values: spent[role], most };
  });
  find(".meters").replaceChildren(...view.meters.map((meter) => meter.node));
  find(".convention").textContent = `For one image. Convention: ${convention}.`;
}

export function energyAt(view) {
  const { t, data } = view;
  const { teacher } = data.energy.spent;
  for (const meter of view.meters) {
    const value = entry(meter.values, t);
    meter.fill.style.width = `${(100 * value) / meter.most}%`;
    meter.number.textContent = microjoules(value);
    const parts = [];
    if (meter.values.length > 1) parts.push(`by the end of t = ${t}`);
    if (teacher && meter.values !== teacher) {
      const share = (100 * value) / teacher[0];
      parts.push(`${share && share < 1 ? "less than 1" : Math.round(share)}% of the teacher's`);
    }
    meter.share.textContent = parts.length ? ` ${parts.join(", ")}` : "";
  }
}

export function drawGroups(view) {
  const { data, find } = view;
  const columns = ["group", "truth", "teacher", "student", "opponent", "same"].filter((key) => key in (data.groups[0] ?? {}));
  const plain = { group: "Group", truth: "Truth", same: "Agreement" };
  const title = (key) => (data.models[key] ? modelName(data.models[key]) : plain[key]);
  view.groups = [];
  const body = data.groups.map((group) => make("tr", {}, ...columns.map((key) => {
    const cell = make(key === "group" ? "th" : "td", key === "group" ? { scope: "row" } : {});
    view.groups.push({ cell, words: Array.isArray(group[key]) ? group[key] : [group[key]] });
    return cell;
  })));
  const head = make("tr", {}, ...columns.map((key) => make("th", { scope: "col" }, title(key))));
  find(".groups table").replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
}

export function groupsAt(view) {
  for (const { cell, words } of view.groups) cell.textContent = entry(words, view.t);
}
