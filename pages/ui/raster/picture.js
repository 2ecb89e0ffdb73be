// The person: a map of spikes at t over the picture, the box of tokens, and the map in each timestep.

const GROUND = [23, 21, 28]; // of the small maps: dark is silent
const THUMB_HEIGHT = 92;

function drawPicture(view) {
  const { data, find } = view;
  const image = find(".stack img");
  if (image.getAttribute("src") !== data.picture.source) image.src = data.picture.source;
  image.width = data.picture.width;
  image.height = data.picture.height;
  image.alt = data.picture.title;
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

function bit(bytes, i) {
  return (bytes[i >> 3] >> (7 - (i & 7))) & 1;
}

function rgb(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
}

// One timestep's map as a canvas of one pixel per place; clear where nothing spikes, unless there is a ground.
function mapImage(view, t, ground = null) {
  const { map } = view;
  const canvas = make("canvas", { width: map.width, height: map.height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(map.width, map.height);
  const colour = rgb(view.data.colour);
  for (let row = 0; row < map.height; row++) {
    for (let column = 0; column < map.width; column++) {
      const value = map.at(t, row, column), i = 4 * (row * map.width + column);
      colour.forEach((part, k) => { image.data[i + k] = ground ? ground[k] + value * (part - ground[k]) : part; });
      image.data[i + 3] = ground ? 255 : 215 * value;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function drawFrames(view) {
  const { data, map } = view;
  const width = Math.max(18, Math.round(THUMB_HEIGHT * data.picture.width / data.picture.height));
  const held = view.find(".frames").contains(view.root.activeElement) ? view.root.activeElement.dataset.t : null;
  const buttons = Array.from({ length: data.timesteps }, (_, i) => {
    const canvas = mapImage(view, i + 1, GROUND);
    canvas.style.cssText = `width:${width}px;height:${THUMB_HEIGHT}px`;
    const button = make("button", { type: "button", "data-t": i + 1, "aria-label": `Go to t = ${i + 1}` }, canvas, `t = ${i + 1}`);
    button.addEventListener("click", () => { move(view, i + 1); rest(view); });
    return button;
  });
  view.find(".frames").replaceChildren(...buttons);
  if (held) buttons[held - 1]?.focus();
}

function pictureAt(view) {
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

function paintBrush(view) {
  const { data, find } = view;
  const canvas = find(".brush"), ratio = window.devicePixelRatio || 1;
  const width = canvas.width = Math.round(canvas.clientWidth * ratio);
  const height = canvas.height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(mapImage(view, view.t), 0, 0, width, height);
  const [rows, columns] = data.grid;
  context.strokeStyle = "rgba(255,255,255,.22)";
  context.lineWidth = ratio;
  context.beginPath();
  for (let i = 1; i < rows; i++) context.rect(0, height * i / rows, width, 0);
  for (let i = 1; i < columns; i++) context.rect(width * i / columns, 0, 0, height);
  context.stroke();
  const box = boxShown(view);
  canvas.setAttribute("aria-label", `Picture of ${rows} × ${columns} tokens. `
    + (box ? `Box: rows ${box[0] + 1} to ${box[2] + 1}, columns ${box[1] + 1} to ${box[3] + 1}.` : "No box."));
  if (box) paintBox(context, box, data, { width, height, ratio });
  if (data.neuron) paintPlace(view, context, data.neuron, 1, { width, height, ratio });
  if (view.hovered) paintPlace(view, context, view.hovered, data.raster.side, { width, height, ratio });
}

function paintBox(context, [top, left, bottom, right], data, { width, height, ratio }) {
  const [rows, columns] = data.grid;
  const x = width * left / columns, y = height * top / rows;
  const w = width * (right - left + 1) / columns, h = height * (bottom - top + 1) / rows;
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

// A square of neurons outlined on the picture: the chosen one, or the raster's cell under the pointer.
function paintPlace(view, context, { row, column }, side, { width, height, ratio }) {
  const [, rows, columns] = view.data.shape;
  const w = Math.max(5 * ratio, width * side / columns), h = Math.max(5 * ratio, height * side / rows);
  for (const [colour, line] of [["#000", 4], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = line * ratio;
    context.strokeRect(width * column / columns, height * row / rows, w, h);
  }
}

function boxShown(view) {
  return view.draft ?? view.data.box;
}

function brushing(view) {
  const canvas = view.find(".brush");
  const tokenAt = (event) => {
    const area = canvas.getBoundingClientRect(), [rows, columns] = view.data.grid;
    const cell = (from, size, cells) => Math.min(cells - 1, Math.max(0, Math.floor(from / size * cells)));
    return [cell(event.clientY - area.top, area.height, rows), cell(event.clientX - area.left, area.width, columns)];
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

function draft(view, box) {
  view.draft = box;
  paintBrush(view);
  numbersAt(view);
  paintCells(view);
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
