/**
 * Columns of numbers: DATA.md has their form. A column is decoded in two steps, because a browser inflates
 * asynchronously and a program that draws one chart must not: first bytes, then numbers.
 */

/** @typedef {{type: string, length: number, deflate: string, low?: number, high?: number}} PackedColumn */
/** @typedef {ArrayLike<number>} Column */

/** @type {Record<string, {new (buffer: ArrayBuffer): ArrayLike<number>, BYTES_PER_ELEMENT: number}>} */
const TYPES = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u16: Uint16Array,
  u8: Uint8Array,
};

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Base64 to bytes without `atob`, which a bare engine does not have.
 * @param {string} text
 */
export function fromBase64(text) {
  const values = new Uint8Array(128);
  for (let i = 0; i < DIGITS.length; ++i) values[DIGITS.charCodeAt(i)] = i;
  let length = text.length;
  while (length > 0 && text[length - 1] === "=") --length;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  for (let i = 0, at = 0; at < bytes.length; i += 4) {
    const word =
      (values[text.charCodeAt(i)] << 18) |
      (values[text.charCodeAt(i + 1)] << 12) |
      ((i + 2 < length ? values[text.charCodeAt(i + 2)] : 0) << 6) |
      (i + 3 < length ? values[text.charCodeAt(i + 3)] : 0);
    bytes[at++] = word >> 16;
    if (at < bytes.length) bytes[at++] = (word >> 8) & 255;
    if (at < bytes.length) bytes[at++] = word & 255;
  }
  return bytes;
}

/**
 * @param {unknown} value
 * @returns {value is PackedColumn}
 */
export function isPacked(value) {
  return typeof value === "object" && value !== null && typeof (/** @type {any} */ (value).deflate) === "string";
}

/**
 * Every packed column in a JSON value, wherever it stands.
 * @param {any} value
 * @param {PackedColumn[]} found
 */
export function packedColumns(value, found = []) {
  if (isPacked(value)) {
    found.push(value);
  } else if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) packedColumns(part, found);
  }
  return found;
}

/**
 * @param {PackedColumn} column
 * @param {Uint8Array} bytes what its stream inflates to
 * @returns {Column}
 */
export function numbersOf(column, bytes) {
  const Type = TYPES[column.type];
  if (!Type) throw new Error(`a column has the unknown type ${column.type}`);
  const length = column.length;
  if (bytes.length < length * Type.BYTES_PER_ELEMENT) throw new Error("a column is shorter than it says");
  // A copy begins at an address that suits every type.
  const numbers = new Type(new Uint8Array(bytes.subarray(0, length * Type.BYTES_PER_ELEMENT)).buffer);
  if (column.type !== "u16" || column.low === undefined || column.high === undefined) return numbers;
  const scaled = new Float32Array(length);
  const step = (column.high - column.low) / 65534;
  for (let i = 0; i < length; ++i) scaled[i] = numbers[i] === 65535 ? NaN : column.low + step * numbers[i];
  return scaled;
}

/**
 * A plain array as numbers: null is NaN.
 * @param {any} value an array, a column that was decoded, or nothing
 * @returns {Column}
 */
export function toNumbers(value) {
  if (ArrayBuffer.isView(value)) return /** @type {any} */ (value);
  if (!Array.isArray(value)) return new Float32Array(0);
  return Float64Array.from(value, (entry) => (typeof entry === "number" ? entry : NaN));
}
