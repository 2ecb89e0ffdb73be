// The bar itself. It alone says what t is; Python hears of it when the bar comes to rest.

import { closeOnEscape, make } from "../shared/dom.js";
import { entry, newPlayer, rest, takeData } from "../shared/timeline.js";
import { drawEnergy, drawGroups, drawImages, energyAt, groupsAt, mapsAt } from "./maps.js";
import { arrange, drawTable, tableAt } from "./table.js";

const STEPPING = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

// Shows the answers at t, and asks for "moved" (t), "picked" (an attribute) and "filtered" (a kind, "" for all).
export function mount(root, host) {
  let view = null;
  return {
    update(data) {
      view ??= newView(root, host, data);
      update(view, data);
    },
    rest() { view?.player.stop(); },
  };
}

function newView(root, host, data) {
  const find = (selector) => root.querySelector(selector);
  const view = { root, find, emit: host.ask, t: data.t, told: data.t, timesteps: data.timesteps, stepping: false,
    filter: data.show || "all", order: { key: null, up: true }, wanted: "" };
  view.player = newPlayer({
    at: () => view.t,
    steps: () => view.timesteps,
    go: (t) => show(view, t),
    rest: () => rest(view),
    draw: (playing) => labelPlay(view, playing),
  });
  closeOnEscape(root);
  const range = find(".t");
  range.addEventListener("input", () => { view.player.stop(); show(view, Number(range.value)); });
  range.addEventListener("change", () => { if (!view.stepping) rest(view); });
  range.addEventListener("keydown", (event) => rangeKey(view, event));
  range.addEventListener("keyup", () => endStepping(view));
  range.addEventListener("blur", () => endStepping(view));
  find(".play").addEventListener("click", view.player.toggle);
  find(".search").addEventListener("input", (event) => {
    view.wanted = event.target.value.trim().toLowerCase();
    arrange(view);
  });
  const helps = root.querySelectorAll("details.help");
  for (const help of helps) {
    help.addEventListener("toggle", () => {
      if (help.open) for (const other of helps) if (other !== help) other.open = false;
    });
    help.addEventListener("keydown", (event) => { if (event.key === "Escape") help.open = false; });
    help.addEventListener("focusout", (event) => { if (!help.contains(event.relatedTarget)) help.open = false; });
  }
  return view;
}

function update(view, data) {
  takeData(view, data);
  const { find } = view;
  const range = find(".t");
  find(".compare").classList.toggle("three", Object.keys(data.models).length > 2);
  find(".timebar").hidden = !data.bar;
  find(".why").textContent = data.why;
  range.max = data.timesteps;
  range.disabled = find(".play").disabled = data.timesteps === 1;
  const ticks = Array.from({ length: data.timesteps }, (_, i) => make("span", {}, String(i + 1)));
  find(".ticks").replaceChildren(...ticks);
  range.style.setProperty("--colour", data.models.student?.colour ?? "currentColor");
  drawImages(view);
  drawEnergy(view);
  drawGroups(view);
  drawTable(view);
  show(view, view.t);
}

function show(view, t) {
  view.t = t;
  const { data, find } = view;
  const range = find(".t");
  const words = `t = ${t} of ${data.timesteps}`;
  range.value = t;
  range.style.setProperty("--done", data.timesteps === 1 ? 1 : (t - 1) / (data.timesteps - 1));
  range.setAttribute("aria-valuetext", words);
  find(".now").textContent = words;
  find(".ticks").childNodes.forEach((tick, i) => tick.classList.toggle("passed", i < t));
  find(".summary").ariaLive = view.player.timer ? "off" : "polite";
  find(".summary").textContent = summary(view);
  mapsAt(view);
  energyAt(view);
  groupsAt(view);
  tableAt(view);
}

function summary({ data, t }) {
  const total = data.rows.length;
  const parts = [];
  if (Object.keys(data.models).length > 1) {
    const agree = data.rows.filter((row) => !entry(row.kinds, t).includes("disagree")).length;
    parts.push(`they agree on ${agree} of ${total} attributes`);
  }
  if (data.labelled) {
    const right = Object.keys(data.models).map((role) => `${role} right on ${entry(data.right[role], t)}`);
    parts.push(right.join(", "));
  }
  if (data.bar) {
    const open = data.rows.filter((row) => row.decided > t).length;
    const changes = `${open} of the student's decisions still ${open === 1 ? "changes" : "change"} later`;
    parts.push(open ? changes : "no decision of the student changes later");
  }
  const when = data.bar ? `After t = ${t}: ` : "";
  const said = parts.join("; ");
  return said ? `${when || said[0].toUpperCase()}${when ? said : said.slice(1)}.` : "";
}

function rangeKey(view, event) {
  if (event.key === " ") {
    event.preventDefault();
    view.player.toggle();
  } else if (STEPPING.has(event.key)) {
    view.stepping = true; // a key held down is one movement
  }
}

function endStepping(view) {
  if (!view.stepping) return;
  view.stepping = false;
  rest(view);
}

function labelPlay(view, playing) {
  const button = view.find(".play");
  button.classList.toggle("playing", playing);
  button.setAttribute("aria-label", playing ? "Pause" : "Play the timesteps");
}
