// The attributes: filters, search, sorting, and what every t says.

import { make, modelName } from "../shared/dom.js";
import { exact, percent, signed } from "../shared/format.js";
import { entry } from "../shared/timeline.js";

const SPARK = { width: 84, height: 26, edge: 4 };

const COLUMNS = [
  { key: "label", title: "Attribute", sort: (row) => row.label.toLowerCase() },
  { key: "truth", title: "Truth", labelled: true, sort: (row) => !row.truth },
  { key: "teacher", role: "teacher", sort: (row) => -row.teacher },
  { key: "student", role: "student", sort: (row, t) => -entry(row.student, t) },
  { key: "opponent", role: "opponent", sort: (row) => -row.opponent },
  { key: "difference", title: "Diff.", help: "Student minus teacher, in points.", both: true,
    sort: (row, t) => row.teacher - entry(row.student, t) },
  { key: "time", title: "Over time", overTime: true, sort: (row) => row.decided,
    help: "The student after every timestep; the teacher, who answers once, is the dashed line." },
  { key: "verdict", title: "Agreement", sort: (row, t) => entry(row.verdicts, t) },
];

export function drawTable(view) {
  const { data, find } = view;
  const focused = view.root.activeElement?.closest("tr[data-attribute]")?.dataset.attribute;
  const columns = COLUMNS.filter((column) => (!column.role || data.models[column.role])
    && (!column.labelled || data.labelled) && (!column.both || (data.models.teacher && data.models.student))
    && (!column.overTime || data.bar));
  if (!data.filters.includes(view.filter)) view.filter = "all";
  if (!columns.some((column) => column.key === view.order.key)) view.order = { key: null, up: true };
  view.columns = columns;
  view.rows = data.rows.map((row) => drawRow(view, row, columns));
  const head = make("tr", { role: "row" }, ...columns.map((column) => drawHead(view, column)));
  find(".attributes").replaceChildren(
    make("thead", { role: "rowgroup" }, head),
    make("tbody", { role: "rowgroup" }, ...view.rows.map((row) => row.node)),
  );
  drawFilters(view);
  const unknown = data.labelled ? "" : " The truth is not known for your own image.";
  find(".legend").textContent = "Probabilities in percent; a click on a row, or Enter, shows where the models look for "
    + `it. Unsure: within ${Math.round(100 * data.unsure)} points of the threshold.${unknown}`;
  if (focused) view.rows.find((row) => row.of.attribute === focused)?.node.focus({ preventScroll: true });
}

function drawHead(view, column) {
  const name = column.role ? modelName(view.data.models[column.role]) : column.title;
  const arrow = make("span", { class: "arrow", "aria-hidden": "true" });
  const button = make("button", { type: "button", title: column.help }, name, arrow);
  button.addEventListener("click", () => {
    const again = view.order.key === column.key;
    view.order = again && !view.order.up ? { key: null, up: true } : { key: column.key, up: !again };
    arrange(view);
  });
  return make("th", { role: "columnheader", class: column.key, "data-key": column.key }, button);
}

function drawRow(view, of, columns) {
  const { data } = view;
  const row = { of, parts: {} };
  const draw = {
    label: () => [of.label],
    truth: () => [of.truth ? "yes" : "no"],
    teacher: () => [drawBar(data.models.teacher, data.threshold, (row.parts.teacher = {}))],
    student: () => [drawBar(data.models.student, data.threshold, (row.parts.student = {}))],
    opponent: () => [drawBar(data.models.opponent, data.threshold, (row.parts.opponent = {}))],
    difference: () => [(row.parts.difference = make("span"))],
    time: () => [drawSpark(view, of, row.parts), (row.parts.decided = make("span", { class: "decided" }))],
    verdict: () => [(row.parts.verdict = make("span"))],
  };
  const cells = columns.map((column) => make("td", { role: "gridcell", class: column.key }, ...draw[column.key]()));
  const current = of.attribute === data.attribute;
  const attributes = { role: "row", tabindex: -1, "data-attribute": of.attribute, "aria-selected": current };
  row.node = make("tr", attributes, ...cells);
  row.node.addEventListener("click", () => pick(view, of.attribute));
  row.node.addEventListener("keydown", (event) => rowKey(view, row, event));
  for (const role of ["teacher", "opponent"]) if (row.parts[role]) setBar(row.parts[role], of[role]); // whatever t is
  return row;
}

function drawBar(model, threshold, parts) {
  parts.fill = make("i", { style: `background:${model.colour}` });
  parts.number = make("span", { class: "number" });
  const mark = make("b", { style: `left:${100 * threshold}%` });
  const bar = make("div", { class: "bar", "aria-hidden": "true" }, parts.fill, mark);
  return make("div", { class: "prob" }, bar, parts.number);
}

function setBar(parts, prob) {
  parts.fill.style.width = `${100 * prob}%`;
  parts.number.textContent = percent(prob);
  parts.number.title = exact(prob);
}

function sparkX(t, timesteps) {
  const { width, edge } = SPARK;
  return timesteps === 1 ? width / 2 : edge + ((t - 1) * (width - 2 * edge)) / (timesteps - 1);
}

function sparkY(prob) {
  return SPARK.edge + (1 - prob) * (SPARK.height - 2 * SPARK.edge);
}

function drawSpark(view, of, parts) {
  const { models, threshold, timesteps } = view.data;
  const across = { x1: 0, x2: SPARK.width };
  const level = (prob, attributes) => make("line", { ...across, y1: sparkY(prob), y2: sparkY(prob), ...attributes });
  const points = of.student.map((prob, i) => `${sparkX(i + 1, timesteps)},${sparkY(prob)}`).join(" ");
  const teacher = of.teacher === undefined ? "" : `; teacher ${percent(of.teacher)}`;
  parts.cursor = make("line", { class: "cursor", y1: 0, y2: SPARK.height });
  parts.dot = make("circle", { r: 3, fill: models.student.colour });
  return make(
    "svg",
    { viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, role: "img", "aria-label":
      `Student after t = 1 to ${timesteps}, in percent: ${of.student.map(percent).join(", ")}${teacher}` },
    level(threshold, { class: "threshold" }),
    of.teacher === undefined ? null : level(of.teacher, { class: "teacher-line", stroke: models.teacher.colour }),
    make("polyline", { points, class: "student-line", stroke: models.student.colour }),
    parts.cursor,
    parts.dot,
  );
}

function drawFilters(view) {
  const drawn = view.filterButtons?.map((button) => button.dataset.kind).join();
  if (drawn === view.data.filters.join()) return; // a button that is being pressed stays
  view.filterButtons = view.data.filters.map((kind) => {
    const button = make("button", { type: "button", "data-kind": kind });
    button.addEventListener("click", () => {
      if (view.filter === kind) return;
      view.filter = kind;
      arrange(view);
      view.emit("filtered", kind === "all" ? "" : kind);
    });
    return button;
  });
  view.find(".filters").replaceChildren(...view.filterButtons);
}

// What the table says at the bar's t.
export function tableAt(view) {
  const { t } = view;
  for (const { of, parts } of view.rows) {
    if (parts.student) setBar(parts.student, entry(of.student, t));
    if (parts.difference) parts.difference.textContent = signed(Math.round(100 * (entry(of.student, t) - of.teacher)));
    if (parts.dot) {
      const x = sparkX(t, view.data.timesteps);
      for (const end of ["x1", "x2"]) parts.cursor.setAttribute(end, x);
      parts.dot.setAttribute("cx", x);
      parts.dot.setAttribute("cy", sparkY(entry(of.student, t)));
      parts.decided.textContent = `decided at t=${of.decided}, stable since`;
      parts.decided.classList.toggle("ahead", t < of.decided);
    }
    parts.verdict.textContent = entry(of.verdicts, t);
    parts.verdict.classList.toggle("differ", entry(of.kinds, t).includes("disagree"));
  }
  arrange(view);
}

// Filter, search and order.
export function arrange(view) {
  const { t, order, find } = view;
  const column = view.columns.find(({ key }) => key === order.key);
  const sorted = [...view.rows];
  if (column) {
    const value = new Map(sorted.map((row) => [row, column.sort(row.of, t)]));
    const compare = (a, b) => (value.get(a) < value.get(b) ? -1 : value.get(a) > value.get(b) ? 1 : 0);
    sorted.sort((a, b) => (order.up ? compare(a, b) : compare(b, a)));
  }
  const body = find(".attributes tbody");
  if (sorted.some((row, i) => body.children[i] !== row.node)) {
    const focused = view.root.activeElement; // to move a row is to take the focus from it
    body.append(...sorted.map((row) => row.node));
    if (body.contains(focused)) focused.focus({ preventScroll: true });
  }
  for (const row of sorted) {
    const named = `${row.of.label} ${row.of.attribute}`.toLowerCase().includes(view.wanted);
    row.node.hidden = !named || !entry(row.of.kinds, t).includes(view.filter);
  }
  const shown = sorted.filter((row) => !row.node.hidden);
  const first = shown.find((row) => row.node.ariaSelected === "true") ?? shown[0];
  for (const row of view.rows) row.node.tabIndex = row === first ? 0 : -1;
  find(".none").textContent = shown.length ? "" : "No attribute passes this filter.";
  for (const head of find(".attributes thead").querySelectorAll("th")) {
    const mine = head.dataset.key === order.key;
    head.setAttribute("aria-sort", mine ? (order.up ? "ascending" : "descending") : "none");
    head.querySelector(".arrow").textContent = mine ? (order.up ? " ↓" : " ↑") : "";
  }
  for (const button of view.filterButtons) {
    const { kind } = button.dataset;
    const count = view.rows.filter((row) => entry(row.of.kinds, t).includes(kind)).length;
    button.textContent = `${kind} ${count}`;
    button.setAttribute("aria-pressed", kind === view.filter);
  }
}

function pick(view, attribute) {
  for (const row of view.rows) row.node.ariaSelected = String(row.of.attribute === attribute);
  arrange(view);
  view.emit("picked", attribute);
}

function rowKey(view, row, event) {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pick(view, row.of.attribute);
    return;
  }
  const way = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (!way) return;
  event.preventDefault();
  let next = row.node[way];
  while (next?.hidden) next = next[way];
  next?.focus();
}
