// One view per mounted grid: it keeps the chosen cell, the token under the pointer and the decoded arrays.
const views = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = createView(parentElement);
    views.set(parentElement, view);
  }
  view.update(data, setStateValue);
}

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const signed = (value, digits) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(digits);
const sum = (values) => values.reduce((total, value) => total + value, 0);

// Decimals that show about three digits of the largest of some values.
function decimals(values) {
  const largest = Math.max(1e-9, ...values.map(Math.abs));
  return Math.min(5, Math.max(1, 2 - Math.floor(Math.log10(largest))));
}

// The terms of a ledger: spikes (T, S, N) and sums over any of them.
function readTerms(data) {
  const values = new Float32Array(bytes(data.spikes).buffer);
  const [T, S, N] = [data.timesteps, data.branches.length, data.rows * data.columns];
  const tokens = (t, s) => {
    const total = new Float64Array(N);
    for (let a = 0; a < T; a++) {
      for (let b = 0; b < S; b++) {
        if ((t !== null && t !== a) || (s !== null && s !== b)) continue;
        for (let n = 0; n < N; n++) total[n] += values[(a * S + b) * N + n];
      }
    }
    return total;
  };
  return { T, S, N, tokens };
}

function createView(root) {
  const find = (selector) => root.querySelector(selector);
  const view = { data: null, terms: null, cell: "all.all", token: -1, picture: new Image(), bits: null };
  const map = find(".map"), raster = find(".raster"), table = find("table");
  let send = () => {};

  view.update = (data, setStateValue) => {
    send = setStateValue;
    const fresh = !view.data || view.data.spikes !== data.spikes || view.data.title !== data.title;
    if (!view.data || view.data.picture.source !== data.picture.source) {
      view.picture.onload = () => drawMap(view, map, find);
      view.picture.src = data.picture.source;
    }
    view.data = data;
    view.cell = data.cell;
    view.bits = data.raster && bytes(data.raster.bits);
    if (fresh) {
      view.terms = readTerms(data);
      view.palette = bytes(data.palette);
      fillTable(view, table);
      drawRamp(view, find(".ramp"));
    }
    draw();
  };

  function draw() {
    markCell(view, table);
    drawMap(view, map, find);
    drawRaster(view, raster, find);
    say(view, find);
  }

  function choose(cell) {
    if (cell === view.cell) return;
    view.cell = cell;
    view.bits = null; // those of the cell before
    draw();
    send("cell", cell);
  }

  function point(token) {
    if (token === view.token) return;
    view.token = token;
    drawMap(view, map, find);
    drawRaster(view, raster, find);
    say(view, find);
  }

  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td.pick");
    if (cell) choose(cell.dataset.cell);
  });
  table.addEventListener("keydown", (event) => moveInTable(event, table, choose));
  map.addEventListener("pointermove", (event) => point(tokenAt(view, map, event)));
  map.addEventListener("pointerdown", (event) => point(tokenAt(view, map, event)));
  map.addEventListener("pointerleave", () => point(-1));
  map.addEventListener("keydown", (event) => moveToken(event, view, point));
  raster.addEventListener("pointermove", (event) => point(columnAt(view, raster, event)));
  raster.addEventListener("pointerleave", () => point(-1));
  return view;
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
