// What of a page's links becomes a step of the browser's history.
import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

function browser(hasBeenActive = false) {
  const heard = {}, steps = [];
  const window = { now: 10, heard, steps };
  const history = {
    pushState: (_state, _unused, url) => steps.push(`push ${url}`),
    replaceState: (_state, _unused, url) => steps.push(`replace ${url}`),
  };
  const script = load("pages/ui/widgets/back_button.js", {
    URL,
    history,
    location: { href: "http://here/spikes?t=1", pathname: "/spikes" },
    navigator: { userActivation: { hasBeenActive } },
    performance: { now: () => window.now },
    addEventListener: (event, act) => { heard[event] = act; },
  });
  script.backButton();
  script.backButton(); // a page may ask again: it is in place once
  window.go = (url, now) => { window.now = now; history.pushState({}, "", url); };
  window.act = (event, now) => { window.now = now; heard[event](); };
  return window;
}

test("what a page adds to its link while it opens replaces, what the visitor does is a step", () => {
  const window = browser();
  window.go("?t=2", 20);
  window.act("pointerdown", 30);
  window.go("?t=3", 31);
  window.act("keydown", 40);
  window.go("?t=4", 41);
  assert.deepEqual(window.steps, ["replace ?t=2", "push ?t=3", "push ?t=4"]);
});

test("after another page, or Back, the page opens again until the visitor acts", () => {
  const window = browser();
  window.act("pointerdown", 30);
  window.go("/energy", 31);
  window.go("?t=2", 32);
  window.act("pointerdown", 40);
  window.go("?t=3", 41);
  window.act("popstate", 50);
  window.go("?t=4", 51);
  assert.deepEqual(window.steps, ["push /energy", "replace ?t=2", "push ?t=3", "replace ?t=4"]);
});

test("who has acted before the script was there has acted", () => {
  const window = browser(true);
  window.go("?t=2", 20);
  assert.deepEqual(window.steps, ["push ?t=2"]);
});
