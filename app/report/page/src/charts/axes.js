import { quantity, title } from "../data/format.js";
import { extent } from "../data/study.js";
import { hasAccuracies, percentLabel } from "./parts.js";

/** @typedef {import("../data/study.js").Study} Study */
/** @typedef {import("../data/study.js").Dimension} Dimension */

/** How far below a logarithmic axis off lies, as a share of the axis. */
const OFF_GAP = 0.08;

/**
 * What one axis of a scatter shows: a dimension, or the value.
 * @typedef {object} Quantity
 * @property {string} key "" for the value
 * @property {string} name
 * @property {(i: number) => number} at where trial i lies on the axis: logarithmic dimensions by their logarithm
 * @property {(position: number) => number} undo the value of a position; what counts as off becomes -Infinity
 * @property {(position: number) => string} label
 * @property {number} low
 * @property {number} high
 * @property {string[] | null} choices
 * @property {boolean} isLog
 */

/**
 * @param {Study} study
 * @param {string} key
 * @returns {Quantity}
 */
export function quantityOf(study, key) {
  const dimension = study.dimensions.find((one) => one.key === key);
  return dimension ? ofDimension(dimension) : ofValue(study);
}

/** @param {Study} study @returns {Quantity} */
function ofValue(study) {
  const complete = Array.from(study.order, (i) => study.value[i]);
  const [low, high] = extent(complete.length > 0 ? complete : study.value);
  return {
    key: "",
    name: hasAccuracies(study) ? "validation accuracy" : "value",
    at: (i) => study.value[i],
    undo: (position) => position,
    label: hasAccuracies(study) ? percentLabel : quantity,
    low,
    high,
    choices: null,
    isLog: false,
  };
}

/** @param {Dimension} dimension @returns {Quantity} */
function ofDimension(dimension) {
  const { values, isLog, choices } = dimension;
  const name = title(dimension.key);
  if (!isLog) {
    const off = dimension.off;
    const low = Number.isFinite(off) && off < dimension.low && !choices ? off : dimension.low;
    return {
      key: dimension.key,
      name,
      at: (i) => values[i],
      undo: (position) => position,
      label: (position) => (choices ? (choices[position] ?? "") : quantity(Number(position.toPrecision(6)))),
      low,
      high: dimension.high,
      choices,
      isLog,
    };
  }
  const low = Math.log10(dimension.low);
  const high = Math.log10(dimension.high);
  const offAt = low - OFF_GAP * (high - low);
  let hasOff = false;
  for (let i = 0; i < values.length && !hasOff; ++i) hasOff = values[i] < dimension.low * 0.999;
  return {
    key: dimension.key,
    name,
    at: (i) => (values[i] < dimension.low * 0.999 ? offAt : Math.log10(values[i])),
    undo: (position) => (position < low - 1e-9 ? -Infinity : 10 ** position),
    label: (position) => (position < low - 1e-9 ? "off" : quantity(Number((10 ** position).toPrecision(3)))),
    low: hasOff ? offAt : low,
    high,
    choices: null,
    isLog,
  };
}

/** The fields of an axis of ECharts for a quantity. @param {Quantity} one @param {number} margin a share of the range */
export function axisOf(one, margin) {
  if (one.choices) return { type: "category", data: one.choices, boundaryGap: true };
  const gap = margin * (one.high - one.low || 1);
  return {
    type: "value",
    min: one.low - gap,
    max: one.high + gap,
    minInterval: one.isLog ? 1 : undefined,
  };
}

/**
 * The values of the trials that are shown, instead of all: who looks at the best wants to see them apart.
 * @param {Quantity} one
 * @param {Study} study
 * @param {Uint8Array} mask
 * @returns {Quantity}
 */
export function zoomed(one, study, mask) {
  if (one.key !== "") return one;
  let low = Infinity;
  let high = -Infinity;
  for (const i of study.order) {
    if (!mask[i]) continue;
    low = Math.min(low, study.value[i]);
    high = Math.max(high, study.value[i]);
  }
  return low < high ? { ...one, low, high } : one;
}

/**
 * A number in [0, 1) that belongs to a trial: it spreads points of one category.
 * @param {number} i
 */
export function jitter(i) {
  let bits = Math.imul(i + 1, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
  return ((bits ^ (bits >>> 13)) >>> 0) / 2 ** 32;
}
