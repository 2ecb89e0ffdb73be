// The time bar: numbers in words, the line over time, what the summary says, play and pause.
import assert from "node:assert/strict";
import test from "node:test";
import { constant, elements, load, same } from "./load.mjs";

const script = load("time_bar");

test("numbers in words", () => {
  same([0, 0.004, 0.005, 0.5, 0.996, 1].map(script.percent), ["0", "0", "1", "50", "100", "100"]);
  same([0.12345, 1].map(script.exact), ["12.35%", "100.00%"]);
  same([3, 0, -12].map(script.signed), ["+3", "0", "−12"]);
  same([1234.5, 100, 99.96, 12.345, 0.01234].map(script.microjoules),
    ["≈ 1,235 µJ", "≈ 100 µJ", "≈ 100 µJ", "≈ 12.3 µJ", "≈ 0.0123 µJ"]);
  same([0.123456, -0.5, 1234.5, 0].map(script.short), ["0.123", "−0.5", "1230", "0"]);
});

test("what has one entry does not change over time", () => {
  same([1, 2, 3].map((t) => script.entry(["a", "b", "c"], t)), ["a", "b", "c"]);
  same([1, 2, 3].map((t) => script.entry(["only"], t)), ["only", "only", "only"]);
});

test("arrays are little-endian float32 in base64", () => {
  const values = Float32Array.of(0, -1.5, 3e-7, 65504);
  same(script.floatsOf(Buffer.from(values.buffer).toString("base64")), values);
  same(script.floatsOf("AACAPwAAAMA="), Float32Array.of(1, -2));
});

test("the line over time runs from edge to edge, a high probability on top", () => {
  const { width, height, edge } = constant(script, "SPARK");
  same([1, 2, 3].map((t) => script.sparkX(t, 3)), [edge, width / 2, width - edge]);
  assert.equal(script.sparkX(1, 1), width / 2);
  same([1, 0.5, 0].map(script.sparkY), [edge, height / 2, height - edge]);
});

const rows = [
  { kinds: [["all", "disagree"], ["all"]], decided: 2 },
  { kinds: [["all"], ["all"]], decided: 1 },
  { kinds: [["all", "disagree"], ["all", "disagree"]], decided: 2 },
];
const right = { student: [1, 2], teacher: [3] };
const data = { rows, models: { student: {}, teacher: {} }, labelled: true, right, bar: true };

test("the summary counts agreement, right answers and decisions that still change", () => {
  const said = (t, changes = {}) => script.summary({ t, data: { ...data, ...changes } });
  assert.equal(said(1), "After t = 1: they agree on 1 of 3 attributes; student right on 1, teacher right on 3; "
    + "2 of the student's decisions still change later.");
  assert.equal(said(2), "After t = 2: they agree on 2 of 3 attributes; student right on 2, teacher right on 3; "
    + "no decision of the student changes later.");
  assert.equal(said(1, { bar: false, labelled: false }), "They agree on 1 of 3 attributes.");
  assert.equal(said(1, { bar: false, labelled: false, models: { teacher: {} } }), "");
});

function bar(timesteps, t) {
  const own = load("time_bar");
  Object.assign(own, { drawImages() {}, drawEnergy() {}, drawGroups() {}, drawTable() {} });
  Object.assign(own, { mapsAt() {}, energyAt() {}, groupsAt() {}, tableAt() {} });
  const told = [];
  const view = { find: elements(), t, told: t, timesteps, stepping: false, data: { ...data, timesteps } };
  view.player = { timer: null, stops: 0, stop() { this.stops += 1; } };
  view.emit = (...said) => told.push(said);
  return { own, view, told };
}

test("a key held down is one movement", () => {
  const { own, view, told } = bar(4, 1);
  own.rangeKey(view, { key: "ArrowRight" });
  for (const t of [2, 3]) own.show(view, t);
  assert.equal(view.stepping, true);
  own.endStepping(view);
  own.endStepping(view);
  assert.deepEqual(told, [["moved", 3]]);
});

test("new data leaves t alone, another number of timesteps does not", () => {
  const { own, view } = bar(4, 2);
  own.make = () => ({});
  const fresh = { ...data, models: {}, labelled: false, t: 4, why: "", timesteps: 4 };
  own.update(view, fresh);
  assert.equal(view.t, 2);
  own.update(view, { ...fresh, t: 6, timesteps: 6 });
  same([view.t, view.told, view.timesteps], [6, 6, 6]);
  assert.equal(view.player.stops, 1);
});
