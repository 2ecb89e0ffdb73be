// The page's scripts for tests: those of one component in a context of their own, as the page joins them to one module.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import vm from "node:vm";

const UI = new URL("../../pages/ui/components/", import.meta.url);
const SCRIPTS = {
  back_button: ["../widgets/back_button.js"],
  cropper: ["cropper/cropper.js"],
  ledger_grid: ["geometry.js", "ledger_grid/ledger_grid.js", "ledger_grid/table.js", "ledger_grid/tokens.js"],
  occluder: ["geometry.js", "occluder/occluder.js"],
  raster: [
    "geometry.js",
    "time_bar/draw.js",
    ...["strip", "picture", "cells", "membrane", "view"].map((name) => `raster/${name}.js`),
  ],
  time_bar: ["geometry.js", ...["draw", "table", "maps", "bar"].map((name) => `time_bar/${name}.js`)],
};

// A component's functions by name. They call each other through this object, so that one can be replaced in it.
export function load(component, globals = {}) {
  const text = SCRIPTS[component].map((name) => readFileSync(new URL(name, UI), "utf-8")).join("\n");
  const context = vm.createContext({ atob, ...globals });
  const plain = text.replace(/^export default function *\(/m, "function entry(").replace(/^export default /m, "");
  vm.runInContext(plain, context);
  return context;
}

// A constant of a component, which is no property of its context.
export function constant(context, name) {
  return vm.runInContext(name, context);
}

// Equal, whichever context the arrays and objects are of.
export function same(actual, expected, message) {
  assert.deepEqual(structuredClone(actual), expected, message);
}

// Elements by selector, made when they are asked for, that take whatever a script writes to them.
export function elements() {
  const made = {};
  const element = () => ({
    textContent: "",
    style: { setProperty() {} },
    classList: { toggle() {} },
    childNodes: [],
    setAttribute() {},
    replaceChildren() {},
  });
  return (selector) => (made[selector] ??= element());
}

// Timers that run when they are told to.
export function clock() {
  const running = new Map();
  let last = 0;
  return {
    running,
    setInterval: (act, ms) => { running.set(++last, { act, ms }); return last; },
    clearInterval: (timer) => { running.delete(timer); },
    tick: () => { for (const { act } of [...running.values()]) act(); },
  };
}

// What Python packed, see test_node.py; null where the tests are run by hand.
export const packed = process.env.PACKED ? JSON.parse(readFileSync(process.env.PACKED, "utf-8")) : null;
export const needsPython = packed ? false : "needs what Python packs: run it with pytest";
