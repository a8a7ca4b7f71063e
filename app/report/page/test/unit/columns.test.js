import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";
import { fromBase64, numbersOf, packedColumns, toNumbers } from "../../src/data/columns.js";
import { decode, decodeSync } from "../../src/data/decode.js";
import { packed, random, report, study } from "../fixtures.js";

test("base64 is decoded at every length", () => {
  const uniform = random(7);
  for (let length = 0; length < 40; ++length) {
    const bytes = Uint8Array.from({ length }, () => 256 * uniform());
    assert.deepEqual(fromBase64(Buffer.from(bytes).toString("base64")), bytes);
  }
});

test("a column comes back as it was, NaN included", () => {
  const values = [0.5, NaN, -1, 3e9, 0];
  const column = packed("f32", values);
  const numbers = numbersOf(column, inflateSync(Buffer.from(column.deflate, "base64")));
  assert.deepEqual(Array.from(numbers), values);
});

test("scaled u16: the ends of the range, and NaN", () => {
  const bytes = new Uint8Array(Uint16Array.of(0, 65534, 32767, 65535).buffer);
  const column = { type: "u16", length: 4, deflate: "", low: -1, high: 3 };
  assert.deepEqual(Array.from(numbersOf(column, bytes)), [-1, 3, 1, NaN]);
});

test("a column of an unknown type, or too short, is refused", () => {
  assert.throws(() => numbersOf({ type: "f16", length: 1, deflate: "" }, new Uint8Array(4)), /unknown type f16/);
  assert.throws(() => numbersOf({ type: "f32", length: 2, deflate: "" }, new Uint8Array(4)), /shorter/);
});

test("null in a plain array is NaN; nothing is an empty column", () => {
  assert.deepEqual(Array.from(toNumbers([1, null, 2])), [1, NaN, 2]);
  assert.equal(toNumbers(undefined).length, 0);
});

test("both ways to decode a report give the same", async () => {
  const text = JSON.stringify(report([study({ trials: 30, analysis: true })]));
  const one = decodeSync(text, (stream) => new Uint8Array(inflateSync(stream)));
  const other = await decode(text);
  assert.deepEqual(one, other);
  assert.equal(packedColumns(one).length, 0);
  assert.equal(one.studies[0].trials.value.length, 30);
});

test("another format is refused", async () => {
  await assert.rejects(decode('{"format": "murmur-report-9"}'), /murmur-report-9/);
  await assert.rejects(decode("null"), /undefined|null/);
});
