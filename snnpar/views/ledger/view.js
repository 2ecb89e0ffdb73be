// The ledger of a logit: it keeps the chosen cell, the token under the pointer and the decoded arrays.

import { bytesOf, floatsOf } from "../shared/bits.js";
import { fillTable, markCell, moveInTable } from "./table.js";
import { columnAt, drawMap, drawRamp, drawRaster, moveToken, say, tokenAt } from "./tokens.js";

// The terms of a ledger: spikes (T, S, N) and sums over any of them.
function readTerms(data) {
  const values = floatsOf(data.spikes);
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

// Shows a logit's terms, and asks for "cell", as "2.block.0.attn".
export function mount(root, host) {
  const find = (selector) => root.querySelector(selector);
  const view = { data: null, terms: null, cell: "all.all", token: -1, image: new Image(), bits: null };
  const map = find(".map"), raster = find(".raster"), table = find("table");

  view.update = (data) => {
    const fresh = !view.data || view.data.spikes !== data.spikes || view.data.title !== data.title;
    if (!view.data || view.data.image.source !== data.image.source) {
      view.image.onload = () => drawMap(view, map, find);
      view.image.src = data.image.source;
    }
    view.data = data;
    view.cell = data.cell;
    view.bits = data.raster && bytesOf(data.raster.bits);
    if (fresh) {
      view.terms = readTerms(data);
      view.palette = bytesOf(data.palette);
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
    host.ask("cell", cell);
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
