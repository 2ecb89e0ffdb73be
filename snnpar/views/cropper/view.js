// A box on an image, in the image's own pixels: [x, y, width, height]. Python hears only of what the tool is closed with.
const TALLEST_PX = 460, STEPS = 50, PREVIEW_PX = 160;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Asks for "closed": the box, "whole" or "cancel".
export function mount(root, host) {
  const view = newView(root);
  view.close = (value) => host.ask("closed", value);
  return { update: (data) => update(view, data) };
}

function newView(root) {
  const find = (selector) => root.querySelector(selector);
  const view = { root, find, id: "", box: [0, 0, 1, 1], width: 1, height: 1, least: 1, drag: null };
  const stage = find(".stage"), box = find(".box");
  stage.addEventListener("pointerdown", (event) => begin(view, event));
  stage.addEventListener("pointermove", (event) => view.drag && follow(view, event));
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => finish(view));
  box.addEventListener("keydown", (event) => key(view, event));
  find("img").addEventListener("load", () => draw(view));
  find(".tools").addEventListener("click", (event) => {
    const action = event.target.closest("button")?.dataset.do;
    if (action) view.close({ apply: view.box, whole: "whole", cancel: "cancel" }[action]);
  });
  return view;
}

function update(view, { id, image, box, least, cancel }) {
  const { find } = view;
  view.least = least;
  find("[data-do=cancel]").hidden = !cancel;
  if (view.id !== id) { // another image; the same one keeps the box that is being drawn
    Object.assign(view, { id, box: [...box], width: image.width, height: image.height });
    find("img").src = image.source;
    find(".stage").style.setProperty("--wide", `${Math.round((TALLEST_PX * image.width) / image.height)}px`);
  }
  draw(view);
}

function place(view, event) {
  const at = view.find(".stage").getBoundingClientRect();
  return [((event.clientX - at.left) / at.width) * view.width, ((event.clientY - at.top) / at.height) * view.height];
}

function begin(view, event) {
  if (event.button) return;
  const from = place(view, event), edge = event.target.dataset.edge;
  const inside = event.target.closest(".box");
  const kind = edge ?? (inside ? "move" : "new");
  view.drag = { kind, from, box: [...view.box], moved: false };
  view.find(".stage").setPointerCapture(event.pointerId);
  (edge ? event.target : view.find(".box")).focus({ preventScroll: true });
  event.preventDefault();
}

function follow(view, event) {
  const { kind, from, box } = view.drag, [x, y] = place(view, event), [dx, dy] = [x - from[0], y - from[1]];
  view.drag.moved ||= Math.hypot(dx, dy) > 3 * (view.width / view.find(".stage").clientWidth);
  if (!view.drag.moved) return; // a click draws no box
  if (kind === "new") {
    set(view, [Math.min(from[0], x), Math.min(from[1], y), Math.abs(dx), Math.abs(dy)]);
  } else {
    set(view, kind === "move" ? moved(view, box, dx, dy) : resized(view, box, kind, dx, dy));
  }
}

function finish(view) {
  view.drag = null;
  draw(view);
}

function moved({ width, height }, [x, y, w, h], dx, dy) {
  return [Math.min(Math.max(0, x + dx), width - w), Math.min(Math.max(0, y + dy), height - h), w, h];
}

// One or two edges, by their compass letters; the opposite ones stay, and the box keeps its least size.
function resized({ width, height, least }, [x, y, w, h], edges, dx, dy) {
  let [left, top, right, bottom] = [x, y, x + w, y + h];
  if (edges.includes("w")) left = Math.min(Math.max(0, left + dx), right - least);
  if (edges.includes("e")) right = Math.max(Math.min(width, right + dx), left + least);
  if (edges.includes("n")) top = Math.min(Math.max(0, top + dy), bottom - least);
  if (edges.includes("s")) bottom = Math.max(Math.min(height, bottom + dy), top + least);
  return [left, top, right - left, bottom - top];
}

// Whole pixels, inside the image, never smaller than its least size nor longer than 10 to 1.
function set(view, [x, y, w, h]) {
  const { width, height, least } = view;
  const side = (wanted, other, most) => Math.min(most, Math.max(least, Math.ceil(other / 10), Math.round(wanted)));
  const wide = side(w, h, width), tall = side(h, wide, height);
  view.box = [Math.round(Math.min(Math.max(0, x), width - wide)), Math.round(Math.min(Math.max(0, y), height - tall)),
    wide, tall];
  draw(view);
}

function key(view, event) {
  const move = MOVES[event.key], edge = event.target.dataset.edge;
  if (event.key === "Enter" && !edge) {
    view.close(view.box);
  } else if (move) {
    const step = event.ctrlKey || event.metaKey ? 1 : Math.max(1, Math.round(Math.max(view.width, view.height) / STEPS));
    const [dx, dy] = move.map((one) => one * step);
    set(view, edge || event.shiftKey ? resized(view, view.box, edge ?? "se", dx, dy) : moved(view, view.box, dx, dy));
  } else {
    return;
  }
  event.preventDefault();
}

function draw(view) {
  const { find, width, height, drag } = view, [x, y, w, h] = view.box;
  const box = find(".box"), share = (value, of) => `${(100 * value) / of}%`;
  Object.assign(box.style, { left: share(x, width), top: share(y, height), width: share(w, width), height: share(h, height) });
  const words = `${w} × ${h} of ${width} × ${height} pixels, from ${x}, ${y}`;
  box.setAttribute("aria-label", `Box round the person: ${words}. Arrow keys move it, Shift and arrow keys resize it.`);
  if (!drag) find(".size").textContent = words; // read aloud at rest only
  const canvas = find("canvas"), image = find("img"), sharp = window.devicePixelRatio || 1;
  const scale = Math.min(PREVIEW_PX / h, 220 / w);
  canvas.style.width = `${w * scale}px`;
  canvas.style.height = `${h * scale}px`;
  canvas.width = Math.max(1, Math.round(w * scale * sharp));
  canvas.height = Math.max(1, Math.round(h * scale * sharp));
  canvas.setAttribute("aria-label", "What is inside the box");
  canvas.setAttribute("role", "img");
  if (!image.complete || !image.naturalWidth) return;
  const shown = image.naturalWidth / width; // the image on screen may be smaller than the one that is read
  canvas.getContext("2d").drawImage(image, x * shown, y * shown, w * shown, h * shown, 0, 0, canvas.width, canvas.height);
}
