import { ABORTED, COMPLETE, DIVERGED, PRUNED } from "./study.js";

/** @param {number[]} values */
export function mean(values) {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? NaN : finite.reduce((sum, value) => sum + value, 0) / finite.length;
}

/** Of the mean. @param {number[]} values */
export function standardError(values) {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return NaN;
  const middle = mean(finite);
  const squares = finite.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (finite.length - 1) / finite.length);
}

/** Of numbers in ascending order, linear between two. @param {ArrayLike<number>} sorted @param {number} q */
export function quantile(sorted, q) {
  if (sorted.length === 0) return NaN;
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/**
 * Wilson's 95 % interval of a share.
 * @param {number} hits
 * @param {number} all
 * @returns {[number, number]}
 */
export function wilson(hits, all) {
  if (all === 0) return [NaN, NaN];
  const z = 1.959964;
  const p = hits / all;
  const middle = p + (z * z) / (2 * all);
  const half = z * Math.sqrt((p * (1 - p)) / all + (z * z) / (4 * all * all));
  const scale = 1 + (z * z) / all;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

/** @typedef {{all: number, aborted: number, diverged: number}} Failures */

/**
 * How many of the full trainings that `chosen` picks failed. Stage one, and what still runs, is left out; what was
 * pruned did not fail.
 * @param {import("./study.js").Study} study
 * @param {(i: number) => boolean} chosen
 * @returns {Failures}
 */
export function failures(study, chosen) {
  const result = { all: 0, aborted: 0, diverged: 0 };
  for (let i = 0; i < study.size; ++i) {
    const state = study.state[i];
    if ((state > DIVERGED && state !== PRUNED) || study.stage[i] === 1 || !chosen(i)) continue;
    result.all += 1;
    if (state === ABORTED) result.aborted += 1;
    if (state === DIVERGED) result.diverged += 1;
  }
  return result;
}

/**
 * Quantiles of all complete trials' curves, epoch by epoch.
 * @param {import("./study.js").Study} study
 * @param {number[]} qs
 * @returns {number[][]} [quantile][epoch]
 */
export function curveBand(study, qs) {
  /** @type {number[][]} */
  const epochs = [];
  // A thousand curves say where the quantiles are: more would only cost time.
  const complete = [];
  for (let i = 0; i < study.size; ++i) if (study.state[i] === COMPLETE) complete.push(i);
  const step = Math.max(1, complete.length / 1000);
  for (let k = 0; k < complete.length; k += step) {
    const i = complete[Math.floor(k)];
    for (let at = study.curveOffset[i]; at < study.curveOffset[i + 1]; ++at) {
      const epoch = at - study.curveOffset[i];
      if (Number.isFinite(study.curves[at])) (epochs[epoch] ??= []).push(study.curves[at]);
    }
  }
  const sorted = Array.from(epochs, (values) => Float64Array.from(values ?? []).sort());
  return qs.map((q) => sorted.map((values) => quantile(values, q)));
}
