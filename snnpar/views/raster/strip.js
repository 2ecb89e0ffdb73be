// The strip of layers: one button per layer, coloured by its rate at t, with the number.

import { floatsOf } from "../shared/bits.js";
import { make } from "../shared/dom.js";

export function drawStrip(view) {
  const { data, find } = view;
  const names = data.layers.map((layer) => layer.name).join();
  if (names !== view.stripOf) {
    view.stripOf = names;
    buildStrip(view);
  }
  for (const [name, button] of view.strip) button.setAttribute("aria-pressed", String(name === data.layer));
  const focusable = view.strip.get(data.layer);
  for (const button of view.strip.values()) button.tabIndex = button === focusable ? 0 : -1;
  view.rates = floatsOf(data.box_rates || data.rates);
  view.highest = view.rates.reduce((a, b) => Math.max(a, b), 1e-9);
  find(".strip-note").textContent = `${data.model}, “${data.image.title}”: `
    + (data.box ? "percent of the neurons inside the box that spike at t." : "percent of each layer's neurons that spike at t.");
}

function buildStrip(view) {
  const columns = view.data.layers.filter((layer) => layer.row === "block 1").map((layer) => layer.column);
  const rows = new Map();
  view.strip = new Map();
  for (const layer of view.data.layers) {
    const isStage = layer.row === "tokenizer";
    const button = make("button", { type: "button", title: layer.name });
    button.addEventListener("click", () => view.emit("layer", layer.name));
    button.addEventListener("keydown", (event) => stripKey(view, event));
    view.strip.set(layer.name, button);
    if (!rows.has(layer.row)) rows.set(layer.row, [make("th", { scope: "row" }, layer.row)]);
    rows.get(layer.row).push(make("td", isStage ? { "aria-label": layer.column } : {}, button));
  }
  const stages = view.data.layers.filter((layer) => layer.row === "tokenizer").map((layer) => layer.column);
  const body = make("tbody");
  for (const [row, cells] of rows) {
    if (row === "tokenizer") body.append(headings(stages), make("tr", {}, ...cells), headings(columns));
    else body.append(make("tr", {}, ...cells));
  }
  view.find(".layers").replaceChildren(body);
}

function headings(names) {
  return make("tr", {}, make("td"), ...names.map((name) => make("th", { scope: "col" }, name)));
}

export function stripAt(view) {
  const { data, t } = view;
  data.layers.forEach((layer, i) => {
    const rate = view.rates[i * data.timesteps + t - 1];
    const button = view.strip.get(layer.name);
    button.style.setProperty("--heat", (rate / view.highest).toFixed(3));
    button.textContent = (100 * rate).toFixed(1);
    button.setAttribute("aria-label", `${layer.row}, ${layer.column}: ${(100 * rate).toFixed(1)}% at t = ${t}`);
  });
}

function stripKey(view, event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const rows = [...view.find(".layers").rows].map((row) => [...row.querySelectorAll("button")]).filter((row) => row.length);
  const at = rows.findIndex((row) => row.includes(event.currentTarget));
  const row = rows[Math.min(rows.length - 1, Math.max(0, at + step[0]))];
  row[Math.min(row.length - 1, Math.max(0, rows[at].indexOf(event.currentTarget) + step[1]))].focus();
}
