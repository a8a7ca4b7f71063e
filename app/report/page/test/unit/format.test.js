import assert from "node:assert/strict";
import { test } from "node:test";
import { count, csv, duration, percent, plural, points, pValue, quantity, signed } from "../../src/data/format.js";
import { principal } from "../../src/data/projection.js";
import { wrapped } from "../../src/charts/parts.js";
import { jitter } from "../../src/charts/axes.js";

test("numbers as people read them", () => {
  assert.equal(percent(0.8612), "86.12 %");
  assert.equal(percent(NaN), "–");
  assert.equal(points(0.0198), "+1.98");
  assert.equal(points(-0.0004), "\u22120.04");
  assert.equal(quantity(0.000012345), "1.23e\u22125");
  assert.equal(quantity(0), "0");
  assert.equal(quantity(1234567), "1.23e6");
  assert.equal(signed(-0.316), "\u22120.32");
  assert.equal(pValue(0.0002), "< .001");
  assert.equal(pValue(0.04), ".040");
  assert.equal(pValue(null), "–");
  assert.equal(count(1234567), "1,234,567");
  assert.equal(plural(1, "trial"), "1 trial");
  assert.equal(duration(192), "3 min 12 s");
});

test("a CSV file quotes what would end a field", () => {
  assert.equal(csv([["a", 'b"c', "d,e", NaN, null]]), 'a,"b""c","d,e",,\r\n');
});

test("words are wrapped between words only", () => {
  assert.equal(wrapped("learning rate schedule", 13), "learning rate\nschedule");
  assert.equal(wrapped("optimizer", 4), "optimizer");
});

test("principal components find a line in the plane", () => {
  const points3 = Array.from({ length: 50 }, (_, i) => [i, 2 * i, 5]);
  const { axes, shares } = principal(points3);
  assert.ok(Math.abs(Math.abs(axes[0][1] / axes[0][0]) - 2) < 1e-6);
  assert.ok(shares[0] > 0.999999);
  assert.equal(axes[0][2], 0);
});

test("jitter is in [0, 1) and the same every time", () => {
  for (let i = 0; i < 1000; ++i) assert.ok(jitter(i) >= 0 && jitter(i) < 1);
  assert.equal(jitter(5), jitter(5));
});
