// Small helpers. Texts become text nodes and attributes, never markup.

function make(tag, attributes = {}, ...children) {
  const node = tag === "svg" || SVG_PARTS.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const SVG_PARTS = new Set(["line", "polyline", "circle"]);

// The entry of a list over t; what has one entry does not change over time.
function entry(list, t) {
  return list[Math.min(t, list.length) - 1];
}

function percent(prob) {
  return String(Math.round(100 * prob));
}

function exact(prob) {
  return `${(100 * prob).toFixed(2)}%`;
}

function signed(points) {
  return points > 0 ? `+${points}` : String(points).replace("-", "−");
}

function microjoules(value) {
  const digits = value >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return `≈ ${value.toLocaleString("en", digits)} µJ`;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function floatsOf(base64) {
  return new Float32Array(bytesOf(base64).buffer);
}

// A role as coloured mark and name, and which checkpoint it is.
function modelName(model, withCheckpoint = false) {
  const mark = make("span", { class: "mark", style: `color:${model.colour}`, "aria-hidden": "true" }, model.mark);
  const name = make("span", { title: model.checkpoint }, mark, ` ${model.name}`);
  if (withCheckpoint) name.append(make("span", { class: "checkpoint" }, ` ${model.checkpoint}`));
  return name;
}

// Escape closes the explanation that it is pressed in.
function closeOnEscape(root) {
  root.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && event.target.closest("details.help[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
}
