import { unzlibSync } from "fflate";
import { fromBase64, numbersOf, packedColumns } from "./columns.js";

/**
 * Replaces the packed columns of a report by their numbers.
 * @param {any} value
 * @param {Map<object, ArrayLike<number>>} numbers
 * @returns {any}
 */
function replaced(value, numbers) {
  if (typeof value !== "object" || value === null) return value;
  const found = numbers.get(value);
  if (found) return found;
  for (const key of Object.keys(value)) value[key] = replaced(value[key], numbers);
  return value;
}

/** @param {string} text */
function parse(text) {
  const report = JSON.parse(text);
  const format = report && report.format;
  if (format !== "murmur-report-1") {
    throw new Error(`the data has the form ${String(format)}, and this page reads murmur-report-1`);
  }
  return report;
}

/**
 * @param {string} text JSON
 * @param {(stream: Uint8Array) => Uint8Array} inflate
 */
export function decodeSync(text, inflate) {
  const report = parse(text);
  const numbers = new Map();
  for (const column of packedColumns(report)) {
    numbers.set(column, numbersOf(column, inflate(fromBase64(column.deflate))));
  }
  return replaced(report, numbers);
}

/** @param {Uint8Array} stream */
async function inflateInBrowser(stream) {
  // Browsers of before 2023 have no such stream.
  if (typeof DecompressionStream === "undefined") return unzlibSync(stream);
  const inflated = new Blob([/** @type {any} */ (stream)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(inflated).arrayBuffer());
}

/** @param {string} text JSON */
export async function decode(text) {
  const report = parse(text);
  const numbers = new Map();
  await Promise.all(
    packedColumns(report).map(async (column) => {
      numbers.set(column, numbersOf(column, await inflateInBrowser(fromBase64(column.deflate))));
    }),
  );
  return replaced(report, numbers);
}
