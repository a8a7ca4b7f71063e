import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, noFilter, representatives } from "../../src/data/filter.js";
import { curveBand, failures, quantile, wilson } from "../../src/data/stats.js";
import { commandFor, curveOf, extent, placeOf, studyOf } from "../../src/data/study.js";
import { study } from "../fixtures.js";
import { loaded } from "../loaded.js";

const small = () =>
  studyOf({
    trials: { state: [0, 1, 0, 2, 0, 3], value: [0.5, 0.1, 0.7, null, 0.6, null], epochs: [2, 1, 2, 0, 2, 1] },
    params: [
      [0, 1, 2, 3, 4, 5],
      [0, 1, 0, 1, 0, 1],
    ],
    dimensions: [
      { key: "dropout", group: "activation", low: 0, high: 5, off: 0 },
      { key: "optimizer", group: "update", choices: ["sgd", "adam"], off: null },
    ],
    curves: [0.4, 0.5, 0.1, 0.6, 0.7, 0.5, 0.6, 0.3],
    commands: { train: "murmur train --trial {trial}" },
  });

test("best so far, order and counts are of complete trials", () => {
  const one = small();
  assert.deepEqual([...one.best], [0.5, 0.5, 0.7, 0.7, 0.7, 0.7]);
  assert.deepEqual([...one.order], [2, 4, 0]);
  assert.deepEqual(one.counts, [3, 1, 1, 1, 0, 0]);
});

test("a study that is minimised has its lowest value first", () => {
  const one = studyOf({ direction: "minimize", trials: { state: [0, 0, 0], value: [3, 1, 2] } });
  assert.deepEqual([...one.order], [1, 2, 0]);
  assert.deepEqual([...one.best], [3, 1, 1]);
});

test("curves are cut at each trial's epochs", () => {
  const one = small();
  assert.deepEqual(curveOf(one, 2), [0.6, 0.7]);
  assert.deepEqual(curveOf(one, 3), []);
  assert.deepEqual(curveOf(one, 5), [0.3]);
});

test("an empty object is a study without trials", () => {
  const one = studyOf({});
  assert.equal(one.size, 0);
  assert.equal(one.dimensions.length, 0);
  assert.equal(one.order.length, 0);
});

test("columns of another length than the trials are left out", () => {
  const one = studyOf({ trials: { state: [0, 0], value: [1, 2, 3] }, dimensions: [{ key: "a" }], params: [[1]] });
  assert.ok(Number.isNaN(one.value[0]));
  assert.equal(one.dimensions[0].values.length, 2);
});

test("extent passes over NaN and has a width", () => {
  assert.deepEqual(extent([NaN, 2, 1]), [1, 2]);
  assert.deepEqual(extent([NaN]), [0, 1]);
  assert.deepEqual(extent([3]), [2.5, 3.5]);
});

test("the command of a trial, and its place by number", () => {
  assert.equal(commandFor(small(), 17), "murmur train --trial 17");
  const one = studyOf({ trials: { state: [0, 0], number: [4, 9] } });
  assert.equal(placeOf(one, 9), 1);
  assert.equal(placeOf(one, 5), -1);
});

test("no filter shows everything; the best percent only what is complete", () => {
  const one = small();
  assert.equal(apply(one, noFilter()).count, 6);
  const { mask, count } = apply(one, { top: 50, ranges: new Map() });
  assert.equal(count, 2);
  assert.deepEqual([...mask], [0, 0, 1, 0, 1, 0]);
});

test("ranges hold together, ends included, and NaN is in none", () => {
  const one = small();
  const ranges = new Map([["dropout", /** @type {[number, number]} */ ([2, 4])]]);
  assert.deepEqual([...apply(one, { top: 100, ranges }).mask], [0, 0, 1, 1, 1, 0]);
  ranges.set("", [0.6, 1]);
  assert.deepEqual([...apply(one, { top: 100, ranges }).mask], [0, 0, 1, 0, 1, 0]);
  ranges.set("a parameter that is not there", [0, 0]);
  assert.equal(apply(one, { top: 100, ranges }).count, 2);
});

test("representatives are the best half and a part of the rest, each once", () => {
  const one = loaded(study({ trials: 1000 }));
  const { mask } = apply(one, noFilter());
  const chosen = representatives(one, mask, 100);
  assert.equal(chosen.length, 100);
  assert.equal(new Set(chosen).size, 100);
  assert.deepEqual(chosen.slice(0, 50), [...one.order.slice(0, 50)]);
  assert.equal(representatives(one, mask, 5000).length, 1000);
});

test("quantiles are linear between two values", () => {
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test("Wilson's interval of 5 of 10", () => {
  const [low, high] = wilson(5, 10);
  assert.ok(Math.abs(low - 0.2366) < 1e-4);
  assert.ok(Math.abs(high - 0.7634) < 1e-4);
});

test("failures leave out what runs, and stage one", () => {
  const one = small();
  assert.deepEqual(
    failures(one, () => true),
    { all: 5, aborted: 1, diverged: 1 },
  );
  const pruned = studyOf({ trials: { state: [5, 0, 2] } });
  assert.deepEqual(
    failures(pruned, () => true),
    { all: 3, aborted: 0, diverged: 1 },
    "what was pruned did not fail",
  );
  const staged = studyOf({ trials: { state: [1, 0], stage: [1, 0] } });
  assert.equal(failures(staged, () => true).all, 1);
});

test("the band of curves has one value an epoch", () => {
  const [middle] = curveBand(small(), [0.5]);
  assert.deepEqual(middle, [0.5, 0.6]);
});
