// One neuron's membrane: it charges, and where it reaches the threshold it spikes and starts anew from 0.

import { make } from "../shared/dom.js";

const TALL = 150;
const STEP = 100; // of the drawing, from one timestep to the next

export function drawMembrane(view) {
  const { data, find } = view, { neuron } = data;
  find(".none").hidden = neuron !== null;
  find(".potential").hidden = neuron === null;
  find(".charge").textContent = "h(t) = v(t−1) + (x(t) − v(t−1)) / τ"
    + (neuron ? `,  τ = ${neuron.tau}, threshold = ${neuron.threshold}` : "");
  if (!neuron) return;
  const name = `${data.model}, ${data.layer}, channel ${data.channel}, row ${neuron.row}, column ${neuron.column}`;
  find(".potential").replaceChildren(
    make("p", { class: "whose" }, name),
    membranePlot(view, name),
    make("p", { class: "note" }, `Dashed: threshold ${neuron.threshold}. ● orange: spike, the potential falls back to 0.`),
    make("div", { class: "scroll" }, membraneTable(neuron)),
  );
}

function membranePlot(view, name) {
  const { neuron, timesteps } = view.data, { potential, spikes, threshold } = neuron;
  const high = Math.max(threshold, ...potential), low = Math.min(0, ...potential), margin = 0.08 * (high - low);
  const x = (t) => STEP * t + 20, y = (value) => TALL * (high + margin - value) / (high - low + 2 * margin);
  const level = (value, kind) => make("line", { x1: x(0), x2: x(timesteps), y1: y(value), y2: y(value), class: kind });
  const said = potential.map((h, i) => `t = ${i + 1}: ${h.toFixed(3)}${spikes[i] ? ", spike, reset to 0" : ""}`).join("; ");
  const plot = make("svg", { viewBox: `0 0 ${STEP * timesteps + 40} ${TALL}`, role: "img",
    style: `max-width:${1.3 * (STEP * timesteps + 40)}px`, "aria-label": `Membrane potential of ${name}. ${said}. Threshold ${threshold}.` },
  make("line", { class: "cursor", y1: 0, y2: TALL }), level(0, "zero"), level(threshold, "threshold"));
  potential.forEach((h, i) => {
    const from = i === 0 || spikes[i - 1] ? 0 : potential[i - 1];
    plot.append(make("polyline", { points: `${x(i)},${y(from)} ${x(i + 1)},${y(h)}`, class: "charge-line" }));
    if (spikes[i]) plot.append(make("line", { x1: x(i + 1), x2: x(i + 1), y1: y(h), y2: y(0), class: "reset" }));
  });
  potential.forEach((h, i) => {
    plot.append(make("circle", { cx: x(i + 1), cy: y(h), r: spikes[i] ? 5 : 3, class: spikes[i] ? "dot fired" : "dot" }));
  });
  return plot;
}

function membraneTable({ potential, spikes }) {
  const row = (title, cells) => make("tr", {}, make("th", { scope: "row" }, title), ...cells.map((cell) => make("td", {}, cell)));
  return make("table", {}, make("tbody", {},
    row("t", potential.map((_, i) => String(i + 1))),
    row("h before reset", potential.map((h) => h.toFixed(3))),
    row("spike", spikes.map((fired) => (fired ? "●" : "–")))));
}

export function membraneAt(view) {
  if (!view.data.neuron) return;
  const line = view.find(".potential .cursor"), at = STEP * view.t + 20;
  line.setAttribute("x1", at);
  line.setAttribute("x2", at);
  for (const row of view.find(".potential table").rows) {
    [...row.cells].forEach((cell, i) => cell.classList.toggle("at", i === view.t));
  }
}
