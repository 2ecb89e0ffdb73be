// Masks on the tokens of an image.
import assert from "node:assert/strict";
import test from "node:test";
import { load, needsPython, packed, same } from "./load.mjs";

const script = load("occluder");

test("eight cells to a byte, the first one highest, the last byte filled up with zeros", () => {
  const cells = [true, false, false, false, false, false, false, true, false, true];
  assert.equal(script.pack(cells), "8140");
  same(script.unpack("8140", 10), cells);
  assert.equal(script.pack([false, false, false]), "");
  same(script.unpack("", 3), [false, false, false]);
});

test("masks come back as they were packed", () => {
  for (let count = 1; count < 20; count++) {
    for (let cell = 0; cell < count; cell++) {
      const one = Array.from({ length: count }, (_, i) => i === cell);
      same(script.unpack(script.pack(one), count), one);
    }
  }
});

test("masks are packed as Python packs them", { skip: needsPython }, () => {
  for (const { cells, text } of packed.masks) {
    assert.equal(script.pack(cells), text);
    same(script.unpack(text, cells.length), cells);
  }
});

test("between two cells lies a line without holes", () => {
  same(script.between(0, 3, 4), [0, 1, 2, 3]);
  same(script.between(0, 15, 4), [0, 5, 10, 15]);
  same(script.between(12, 0, 4), [12, 8, 4, 0]);
  same(script.between(6, 6, 4), [6, 6]);
  const columns = 8;
  for (let from = 0; from < 64; from += 5) {
    for (let to = 0; to < 64; to += 3) {
      const line = script.between(from, to, columns);
      assert.deepEqual([line[0], line.at(-1)], [from, to]);
      for (let i = 1; i < line.length; i++) {
        const down = Math.floor(line[i] / columns) - Math.floor(line[i - 1] / columns);
        const across = (line[i] % columns) - (line[i - 1] % columns);
        assert.ok(Math.max(Math.abs(down), Math.abs(across)) <= 1);
      }
    }
  }
});
