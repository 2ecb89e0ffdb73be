// Elements. Texts become text nodes and attributes, never markup.

export function make(tag, attributes = {}, ...children) {
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

// A role as coloured mark and name, and which checkpoint it is.
export function modelName(model, withCheckpoint = false) {
  const mark = make("span", { class: "mark", style: `color:${model.colour}`, "aria-hidden": "true" }, model.mark);
  const name = make("span", { title: model.checkpoint }, mark, ` ${model.name}`);
  if (withCheckpoint) name.append(make("span", { class: "checkpoint" }, ` ${model.checkpoint}`));
  return name;
}

// Escape closes the explanation that it is pressed in.
export function closeOnEscape(root) {
  root.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && event.target.closest("details.help[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
}
