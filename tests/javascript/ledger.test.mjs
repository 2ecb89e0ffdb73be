// The spike ledger: sums over timesteps and branches, digits, colours, bits.
import assert from "node:assert/strict";
import test from "node:test";
import { constant, load, needsPython, packed, same } from "./load.mjs";

const script = load("ledger");
const [fixed, decimals, parts, fires] = ["fixed", "decimals", "parts", "fires"].map((name) => constant(script, name));
const base64 = (array) => Buffer.from(array.buffer).toString("base64");

test("numbers have a sign, a real minus, and about three digits of the largest", () => {
  assert.equal(fixed(0.125, 2), "+0.13");
  assert.equal(fixed(-1.5, 1), "\u22121.5");
  assert.equal(fixed(0, 1), "+0.0");
  const sets = [[123], [12.3], [1.23], [-0.123], [0.0123], [1e-7], []];
  same(sets.map((values) => decimals(values)), [1, 1, 2, 3, 4, 5, 5]);
  assert.equal(decimals([0.01, -40, 3]), 1);
});

test("a cell is a timestep and a branch, whose name may have points", () => {
  same(parts("2.block.0.attn"), ["2", "block.0.attn"]);
  same(parts("all.all"), ["all", "all"]);
  const branches = [{ name: "tokenizer" }, { name: "block.0.attn" }];
  const chosen = (cell) => script.chosen({ cell, data: { branches } });
  same(chosen("2.block.0.attn"), { t: 1, s: 1 });
  same(chosen("all.tokenizer"), { t: null, s: 0 });
  same(chosen("1.all"), { t: 0, s: null });
});

test("terms are summed over timesteps, branches, or both, token by token", () => {
  const [T, S, N] = [2, 3, 4];
  const spikes = Float32Array.from({ length: T * S * N }, (_, i) => 2 ** (i % 20) * (i < 20 ? 1 : -1));
  const branches = [..."abc"].map((name) => ({ name }));
  const data = { spikes: base64(spikes), timesteps: T, branches, rows: 2, columns: 2 };
  const terms = script.readTerms(data);
  same([terms.T, terms.S, terms.N], [T, S, N]);
  const at = (t, s, n) => spikes[(t * S + s) * N + n];
  for (let n = 0; n < N; n++) {
    assert.equal(terms.tokens(1, 2)[n], at(1, 2, n));
    assert.equal(terms.tokens(0, null)[n], at(0, 0, n) + at(0, 1, n) + at(0, 2, n));
    assert.equal(terms.tokens(null, 1)[n], at(0, 1, n) + at(1, 1, n));
    assert.equal(terms.tokens(null, null)[n], [0, 1, 2].reduce((sum, s) => sum + at(0, s, n) + at(1, s, n), 0));
  }
});

test("terms are those that Python sent", { skip: needsPython }, () => {
  const terms = script.readTerms(packed.ledger.data);
  const { by_time: byTime, by_branch: byBranch, whole } = packed.ledger.sums;
  const close = (found, wanted) => wanted.forEach((value, n) => assert.ok(Math.abs(found[n] - value) < 1e-5));
  byTime.forEach((wanted, t) => close(terms.tokens(t, null), wanted));
  byBranch.forEach((wanted, s) => close(terms.tokens(null, s), wanted));
  close(terms.tokens(null, null), whole);
});

test("the spikes of channels and tokens are those that Python packed", { skip: needsPython }, () => {
  const { bits, spikes } = packed.ledger;
  const view = { bits: script.bytesOf(bits), terms: { N: spikes[0].length } };
  spikes.forEach((channel, c) => channel.forEach((spike, n) => assert.equal(fires(view, c, n), spike)));
});

test("colours run from -1 to 1 over all of the palette", () => {
  const palette = Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : i >> 2));
  same([-1, 0, 1].map((share) => script.colour(palette, share)),
    ["rgba(0,0,0,1)", "rgba(128,128,128,1)", "rgba(255,255,255,1)"]);
});

test("arrow keys walk over the tokens and do not leave a row sideways", () => {
  const view = { data: { rows: 2, columns: 3 }, token: -1 };
  const press = (key, from) => {
    view.token = from;
    let to = from;
    script.moveToken({ key, preventDefault() {} }, view, (token) => { to = token; });
    return to;
  };
  same(["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"].map((key) => press(key, 1)), [2, 0, 4, 1]);
  same([press("ArrowRight", 2), press("ArrowLeft", 3), press("ArrowDown", 4)], [2, 3, 4]);
  same([press("ArrowRight", -1), press("Escape", 4), press("x", 4)], [0, -1, 4]);
});
