// A mask painted on the tokens of an image.

import { cellRectangle, cellUnder, nearestEdge } from "../shared/geometry.js";

const REST_MS = 400;

// Masks are packed as Python packs them: eight cells to a byte, the first one highest; nothing hidden is "".
function pack(cells) {
  if (!cells.some(Boolean)) return "";
  let text = "";
  for (let i = 0; i < cells.length; i += 8) {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | (cells[i + bit] ? 1 : 0);
    text += byte.toString(16).padStart(2, "0");
  }
  return text;
}

function unpack(text, count) {
  return Array.from({ length: count }, (_, i) => {
    const byte = parseInt(text.slice(2 * (i >> 3), 2 * (i >> 3) + 2), 16);
    return Boolean((byte >> (7 - (i & 7))) & 1);
  });
}

// A mask painted on the tokens of an image; asks for "hidden" once a stroke has ended and no other follows soon.
export function mount(root, host) {
  const canvas = root.querySelector("canvas");
  const view = { data: null, cells: [], past: [], cursor: 0, mode: "paint", stroke: null, image: new Image() };
  let timer = 0, told = "";

  view.update = (data) => {
    const { rows, columns, hidden, image } = data;
    const otherGrid = !view.data || view.data.rows !== rows || view.data.columns !== columns;
    if (otherGrid) Object.assign(view, { past: [], cursor: 0 });
    if (!view.data || view.data.image.source !== image.source) {
      view.image.onload = draw;
      view.image.src = image.source;
    }
    view.data = data;
    const waiting = timer || view.stroke; // what is on screen is newer than what Python says
    if (otherGrid || (!waiting && hidden !== pack(view.cells))) view.cells = unpack(hidden, rows * columns);
    if (!waiting) told = hidden;
    draw();
  };

  function rest() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      const now = pack(view.cells);
      if (now !== told && !view.stroke) {
        told = now;
        host.ask("hidden", now);
      }
    }, REST_MS);
    draw();
  }

  function change(cells) {
    view.past.push(view.cells);
    view.cells = cells;
    rest();
  }

  function paint(event) {
    const cell = cellAt(view, canvas, event);
    if (cell < 0) return;
    // A quick pointer skips cells: paint those between.
    for (const one of between(view.stroke.last ?? cell, cell, view.data.columns)) view.cells[one] = view.stroke.hides;
    Object.assign(view.stroke, { last: cell });
    view.cursor = cell;
    draw();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    view.past.push([...view.cells]);
    view.stroke = { hides: (view.mode === "paint") !== event.shiftKey, last: null };
    paint(event);
  });
  canvas.addEventListener("pointermove", (event) => view.stroke && paint(event));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (!view.stroke) return;
      view.stroke = null;
      rest();
    });
  }
  canvas.addEventListener("keydown", (event) => key(event));
  canvas.addEventListener("focus", () => draw());
  canvas.addEventListener("blur", () => draw());

  function key(event) {
    const { rows, columns } = view.data, row = Math.floor(view.cursor / columns), column = view.cursor % columns;
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (step) {
      const to = [row + step[0], column + step[1]];
      if (to[0] >= 0 && to[0] < rows && to[1] >= 0 && to[1] < columns) view.cursor = to[0] * columns + to[1];
      draw();
    } else if (event.key === " " || event.key === "Enter") {
      change(view.cells.map((hidden, cell) => (cell === view.cursor ? !hidden : hidden)));
    } else if (event.key === "u" || (event.key === "z" && (event.ctrlKey || event.metaKey))) {
      undo();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      clear();
    } else {
      return;
    }
    event.preventDefault();
  }

  function undo() {
    if (!view.past.length) return;
    view.cells = view.past.pop();
    rest();
  }

  function clear() {
    if (view.cells.some(Boolean)) change(view.cells.map(() => false));
  }

  root.querySelector(".occluder").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { do: action, part } = button.dataset;
    if (action === "paint" || action === "erase") view.mode = action;
    if (action === "undo") undo();
    if (action === "clear") clear();
    if (part) {
      const { columns, geometry: { rows } } = view.data;
      const [from, to] = part.split(" ").map((share) => nearestEdge(rows, share));
      change(view.cells.map((hidden, cell) => hidden || (cell >= from * columns && cell < to * columns)));
    }
    draw();
  });

  function draw() {
    if (!view.data) return;
    drawImage(view, canvas, root.activeElement === canvas);
    const count = view.cells.filter(Boolean).length, what = `${count} of ${view.cells.length} cells hidden`;
    const place = `row ${Math.floor(view.cursor / view.data.columns) + 1}, column ${(view.cursor % view.data.columns) + 1}`;
    root.querySelector(".count").textContent = what;
    canvas.setAttribute("aria-label", `The image, ${what}; at ${place}, ${view.cells[view.cursor] ? "hidden" : "shown"}`);
    for (const button of root.querySelectorAll("[data-do]")) {
      const action = button.dataset.do;
      if (action === "paint" || action === "erase") button.setAttribute("aria-pressed", String(view.mode === action));
      if (action === "undo") button.disabled = !view.past.length;
      if (action === "clear") button.disabled = !count;
    }
  }
  return view;
}

function cellAt(view, canvas, event) {
  const at = cellUnder(view.data.geometry, canvas, event);
  return at ? at.row * view.data.columns + at.column : -1;
}

function between(from, to, columns) {
  const [top, left] = [Math.floor(from / columns), from % columns];
  const [down, across] = [Math.floor(to / columns) - top, (to % columns) - left];
  const steps = Math.max(Math.abs(down), Math.abs(across), 1);
  return Array.from({ length: steps + 1 }, (_, i) =>
    Math.round(top + (down * i) / steps) * columns + Math.round(left + (across * i) / steps));
}

function drawImage(view, canvas, focused) {
  const { columns, fill, image, geometry } = view.data, sharp = window.devicePixelRatio || 1;
  canvas.width = Math.round(240 * sharp);
  canvas.height = Math.round(240 * sharp * Math.min(3, image.height / image.width));
  const paper = canvas.getContext("2d");
  const place = (cell) => cellRectangle(geometry, Math.floor(cell / columns), cell % columns, canvas.width, canvas.height);
  if (view.image.complete && view.image.naturalWidth) {
    paper.drawImage(view.image, 0, 0, canvas.width, canvas.height);
  }
  view.cells.forEach((hidden, cell) => {
    const { x, y, w, h } = place(cell);
    if (hidden) {
      paper.fillStyle = `rgb(${fill.join(",")})`;
      paper.fillRect(x, y, w, h);
      hatch(paper, x, y, w, h, sharp);
    }
    paper.strokeStyle = "rgba(255,255,255,0.35)";
    paper.lineWidth = sharp;
    paper.strokeRect(x, y, w, h);
  });
  if (!focused) return;
  const { x, y, w, h } = place(view.cursor);
  for (const [style, width] of [["#000", 5], ["#fff", 2]]) { // seen on any ground
    paper.strokeStyle = style;
    paper.lineWidth = width * sharp;
    paper.strokeRect(x + 2 * sharp, y + 2 * sharp, w - 4 * sharp, h - 4 * sharp);
  }
}

function hatch(paper, x, y, wide, tall, sharp) {
  paper.save();
  paper.beginPath();
  paper.rect(x, y, wide, tall);
  paper.clip();
  paper.beginPath();
  for (let shift = -tall; shift < wide; shift += 8 * sharp) {
    paper.moveTo(x + shift, y + tall);
    paper.lineTo(x + shift + tall, y);
  }
  paper.strokeStyle = "rgba(0,0,0,0.35)";
  paper.lineWidth = sharp;
  paper.stroke();
  paper.restore();
}
