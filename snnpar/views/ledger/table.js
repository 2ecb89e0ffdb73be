// The sheet: branches down, timesteps across, sums and constants at the edges.

import { decimals, fixed, sum } from "../shared/format.js";

export function fillTable(view, table) {
  const { data, terms } = view;
  const steps = [...Array(terms.T).keys()];
  const row = (s) => steps.map((t) => sum(terms.tokens(t, s)));
  const rows = data.branches.map((branch, s) => ({ name: branch.name, label: branch.label, values: row(s) }));
  const constants = [...data.constants, sum(data.constants)];
  rows.push({ name: "all", label: "all branches", values: row(null) });
  const cells = rows.slice(0, -1).flatMap((one) => one.values);
  const top = Math.max(1e-12, ...cells.map(Math.abs));
  const digits = decimals([...rows.map((one) => sum(one.values)), ...constants]);
  const head = element("tr", [element("th", "spikes, logit"), ...steps.map((t) => element("th", `t = ${t + 1}`)),
    element("th", "all t"), element("th", "constant")]);
  head.childNodes.forEach((cell) => { cell.scope = "col"; });
  const body = rows.map((one, s) => {
    const isSum = s === rows.length - 1;
    const line = element("tr", [element("th", one.label)]);
    line.firstChild.scope = "row";
    if (isSum) line.className = "sum";
    one.values.forEach((value, t) => line.append(pick(`${t + 1}.${one.name}`, value, digits, isSum ? 0 : value / top)));
    line.append(pick(`all.${one.name}`, sum(one.values), digits, 0));
    line.lastChild.classList.add("sum");
    const constant = element("td", fixed(constants[s], digits));
    constant.className = "constant";
    line.append(constant);
    return line;
  });
  table.replaceChildren(element("thead", [head]), element("tbody", body));
  table.setAttribute("aria-label", `${data.title}: what the spikes of each branch add at each timestep, in logits`);
}

function element(tag, content) {
  const made = document.createElement(tag);
  if (typeof content === "string") made.textContent = content;
  else made.append(...content);
  return made;
}

// `share` in [-1, 1] colours a cell: red for, blue against, as over the image.
function pick(cell, value, digits, share) {
  const made = element("td", fixed(value, digits));
  made.className = "pick";
  made.dataset.cell = cell;
  made.setAttribute("role", "gridcell");
  const colour = share < 0 ? "33,80,180" : "177,0,38";
  if (share) made.style.background = `rgba(${colour},${(0.6 * Math.abs(share)).toFixed(3)})`;
  return made;
}

export function markCell(view, table) {
  for (const cell of table.querySelectorAll("td.pick")) {
    const on = cell.dataset.cell === view.cell;
    cell.setAttribute("aria-selected", String(on));
    cell.tabIndex = on ? 0 : -1;
  }
}

export function moveInTable(event, table, choose) {
  const cell = event.target.closest("td.pick");
  if (!cell) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    choose(cell.dataset.cell);
    return;
  }
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const lines = [...table.tBodies[0].rows];
  const line = lines.indexOf(cell.parentNode), column = cell.cellIndex;
  const next = lines[line + step[0]]?.cells[column + step[1]];
  if (next?.classList.contains("pick")) {
    next.tabIndex = 0;
    next.focus();
    cell.tabIndex = -1;
  }
}
