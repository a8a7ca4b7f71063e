import { COMPLETE } from "./study.js";

/**
 * Which trials are shown: the best `top` percent of the complete ones, of those the ones within all ranges.
 * @typedef {object} Filter
 * @property {number} top in percent, of the complete trials; 100: all trials, also what failed
 * @property {Map<string, [number, number]>} ranges by a dimension's key, or "" for the value; both ends belong to it
 */

/** @returns {Filter} */
export const noFilter = () => ({ top: 100, ranges: new Map() });

/** @param {Filter} filter */
export const isActive = (filter) => filter.top < 100 || filter.ranges.size > 0;

/**
 * @param {import("./study.js").Study} study
 * @param {Filter} filter
 * @returns {{mask: Uint8Array, count: number}} 1 where a trial is shown
 */
export function apply(study, filter) {
  const mask = new Uint8Array(study.size);
  if (filter.top < 100) {
    const most = Math.ceil((study.order.length * filter.top) / 100);
    for (let k = 0; k < most; ++k) mask[study.order[k]] = 1;
  } else {
    mask.fill(1);
  }
  for (const [key, [low, high]] of filter.ranges) {
    const values = key === "" ? study.value : study.dimensions.find((dimension) => dimension.key === key)?.values;
    if (!values) continue;
    for (let i = 0; i < mask.length; ++i) if (!(values[i] >= low && values[i] <= high)) mask[i] = 0;
  }
  let count = 0;
  for (let i = 0; i < mask.length; ++i) count += mask[i];
  return { mask, count };
}

/**
 * At most `most` of the trials that are shown, for charts that cannot hold all of them: the best half of them, and of the rest
 * every so many-th.
 * @param {import("./study.js").Study} study
 * @param {Uint8Array} mask
 * @param {number} most
 * @returns {number[]}
 */
export function representatives(study, mask, most) {
  const shown = [];
  for (const i of study.order) if (mask[i]) shown.push(i);
  for (let i = 0; i < study.size; ++i) {
    if (mask[i] && !(study.state[i] === COMPLETE && Number.isFinite(study.value[i]))) shown.push(i);
  }
  if (shown.length <= most) return shown;
  const half = Math.floor(most / 2);
  const chosen = shown.slice(0, half);
  const step = (shown.length - half) / (most - half);
  for (let k = 0; k < most - half; ++k) chosen.push(shown[Math.floor(half + k * step)]);
  return chosen;
}
