// The box round a person, in the image's own pixels.
import assert from "node:assert/strict";
import test from "node:test";
import { load, same } from "./load.mjs";

const script = load("cropper");
script.draw = () => {};
const view = { width: 200, height: 100, least: 16 };

function setTo(box) {
  const one = { ...view };
  script.set(one, box);
  return one.box;
}

test("a moved box keeps its size and stays inside", () => {
  same(script.moved(view, [10, 20, 30, 40], 5, -6), [15, 14, 30, 40]);
  same(script.moved(view, [10, 20, 30, 40], -50, 900), [0, 60, 30, 40]);
  same(script.moved(view, [10, 20, 30, 40], 900, -50), [170, 0, 30, 40]);
});

test("a resized box keeps its opposite edge, its least size and the image's border", () => {
  same(script.resized(view, [50, 30, 40, 40], "e", 15, 99), [50, 30, 55, 40]);
  same(script.resized(view, [50, 30, 40, 40], "nw", -10, 5), [40, 35, 50, 35]);
  same(script.resized(view, [50, 30, 40, 40], "w", 90, 0), [74, 30, 16, 40]);
  same(script.resized(view, [50, 30, 40, 40], "s", 0, -90), [50, 30, 40, 16]);
  same(script.resized(view, [50, 30, 40, 40], "se", 900, 900), [50, 30, 150, 70]);
  same(script.resized(view, [50, 30, 40, 40], "nw", -900, -900), [0, 0, 90, 70]);
});

test("a box has whole pixels, is inside, and is never smaller than its least size nor longer than 10 to 1", () => {
  same(setTo([10.4, 20.6, 30.5, 40.2]), [10, 21, 31, 40]);
  same(setTo([-5, 95, 20, 20]), [0, 80, 20, 20]);
  same(setTo([0, 0, 900, 900]), [0, 0, 200, 100]);
  same(setTo([50, 50, 1, 1]), [50, 50, 16, 16]);
  same(setTo([0, 0, 200, 1]), [0, 0, 200, 20]);
});

test("whatever is drawn makes a box that Python takes", () => {
  for (let i = 0; i < 500; i++) {
    const drawn = [0, 1, 2, 3].map((k) => ((i * 7919 * (k + 3)) % 4001) / 10 - 100);
    const [x, y, w, h] = setTo(drawn);
    assert.ok([x, y, w, h].every(Number.isInteger) && x >= 0 && y >= 0 && x + w <= 200 && y + h <= 100, String(drawn));
    assert.ok(Math.min(w, h) >= 16 && Math.max(w, h) <= 10 * Math.min(w, h), String(drawn));
  }
});
