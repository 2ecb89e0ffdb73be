// The player that moves t by itself, and lists over t.
import assert from "node:assert/strict";
import test from "node:test";
import { STEP_MS, entry, newPlayer } from "../../snnpar/views/shared/timeline.js";

const running = new Map(); // node's own mock goes on with an interval that is cleared while it runs
let last = 0;
globalThis.setInterval = (act, ms) => { running.set(++last, { act, ms }); return last; };
globalThis.clearInterval = (timer) => running.delete(timer);

function tick(times = 1) {
  for (let i = 0; i < times; i++) {
    for (const { act, ms } of [...running.values()]) {
      assert.equal(ms, STEP_MS);
      act();
    }
  }
}

function player(steps, t) {
  const one = { t, drawn: [], rests: [] };
  one.player = newPlayer({
    at: () => one.t,
    steps: () => steps,
    go: (next) => { one.t = next; },
    rest: () => one.rests.push(one.t),
    draw: (playing) => one.drawn.push(playing),
  });
  return one;
}

test("what has one entry does not change over time", () => {
  assert.deepEqual([1, 2, 3].map((t) => entry(["a", "b", "c"], t)), ["a", "b", "c"]);
  assert.deepEqual([1, 2, 3].map((t) => entry(["only"], t)), ["only", "only", "only"]);
});

test("play goes to the end, rests there once, and begins anew from there", () => {
  const one = player(3, 1);
  one.player.toggle();
  tick();
  assert.deepEqual([one.t, one.rests], [2, []]); // it has not come to rest
  tick();
  assert.deepEqual([one.t, one.rests, one.player.timer], [3, [3], null]);
  tick(5);
  assert.deepEqual([one.t, one.rests], [3, [3]]);
  one.player.toggle();
  assert.equal(one.t, 1);
  tick(2);
  assert.deepEqual([one.t, one.rests, one.drawn], [3, [3, 3], [true, false, true, false]]);
});

test("pause stays where it is and tells", () => {
  const one = player(4, 1);
  one.player.toggle();
  tick();
  one.player.toggle();
  tick(5);
  assert.deepEqual([one.t, one.rests], [2, [2]]);
});

test("stop tells nobody", () => {
  const one = player(4, 1);
  one.player.toggle();
  one.player.stop();
  tick(5);
  assert.deepEqual([one.t, one.rests, one.drawn], [1, [], [true, false]]);
});
