/** Numbers as the page writes them. */

const MINUS = "\u2212";

/** @param {string} text */
const withMinus = (text) => text.replace(/-/g, MINUS);

/** An accuracy as a percentage: "86.12 %". @param {number} value */
export function percent(value, digits = 2) {
  return Number.isFinite(value) ? `${withMinus((100 * value).toFixed(digits))} %` : "–";
}

/** A value of the study: a percentage where all lie in [0, 1]. @param {number} value @param {boolean} isAccuracy */
export function fitness(value, isAccuracy = true) {
  return isAccuracy ? percent(value) : quantity(value);
}

/** A difference of accuracies in points: "+1.98". @param {number} value */
export function points(value, digits = 2) {
  if (!Number.isFinite(value)) return "–";
  const text = (100 * value).toFixed(digits);
  return (value >= 0 && !text.startsWith("-") ? "+" : "") + withMinus(text);
}

/** "0.31", "1.2e-5": four digits at most. @param {number} value */
export function quantity(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return withMinus(String(Number(value.toPrecision(4))));
  return withMinus(String(Number(value.toPrecision(3)).toExponential()).replace("e+", "e"));
}

/** "+0.31" @param {number} value */
export function signed(value, digits = 2) {
  if (!Number.isFinite(value)) return "–";
  return (value >= 0 ? "+" : "") + withMinus(value.toFixed(digits));
}

/** @param {number | null | undefined} p */
export function pValue(p) {
  if (typeof p !== "number" || Number.isNaN(p)) return "–";
  return p < 0.001 ? "< .001" : p.toFixed(3).replace(/^0/, "");
}

/** "12,345" @param {number} value */
export function count(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 trial", "12 trials" @param {number} value @param {string} noun */
export function plural(value, noun, many = `${noun}s`) {
  return `${count(value)} ${value === 1 ? noun : many}`;
}

/** "3 min 12 s" @param {number} seconds */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A dimension's name for people: "input noise". @param {string} key */
export const title = (key) => key.replaceAll("_", " ");

/**
 * A value of a dimension as a user writes it.
 * @param {import("./study.js").Dimension} dimension
 * @param {number} value
 */
export function valueOf(dimension, value) {
  if (!Number.isFinite(value)) return "–";
  if (dimension.choices) return dimension.choices[Math.round(value)] ?? "–";
  return quantity(value);
}

/** A value of a setting: a number or a choice. @param {unknown} value */
export function settingValue(value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? quantity(value) : String(value);
}

/** One field of a CSV file. @param {unknown} value */
export function csvField(value) {
  const text = value === null || value === undefined || Number.isNaN(value) ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {unknown[][]} rows */
export const csv = (rows) => rows.map((row) => row.map(csvField).join(",") + "\r\n").join("");
