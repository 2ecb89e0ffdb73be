// Scripts for tests: all modules of a view in a context of their own, without what they import and export.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import vm from "node:vm";

const ROOT = new URL("../../", import.meta.url);
const IMPORT = /^import \{ [^}]* \} from "([^"]+)";\n/gm;

// A module and all that it imports, each once, after what it needs.
function ordered(url, done = []) {
  if (done.includes(url.href)) return done;
  const text = readFileSync(url, "utf-8");
  for (const [, place] of text.matchAll(IMPORT)) ordered(new URL(place, url), done);
  if (!done.includes(url.href)) done.push(url.href);
  return done;
}

// A view's functions by name, or those of another script. They call each other through this object, so that one can be
// replaced in it.
export function load(name, globals = {}) {
  const entry = new URL(name.includes("/") ? name : `snnpar/views/${name}/view.js`, ROOT);
  const text = ordered(entry).map((href) => readFileSync(new URL(href), "utf-8").replace(IMPORT, "")).join("\n");
  const context = vm.createContext({ atob, ...globals });
  const plain = text.replace(/^export default function *\(/m, "function entry(").replace(/^export (default )?/gm, "");
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

// What Python packed, see test_node.py; null where the tests are run by hand.
export const packed = process.env.PACKED ? JSON.parse(readFileSync(process.env.PACKED, "utf-8")) : null;
export const needsPython = packed ? false : "needs what Python packs: run it with pytest";
