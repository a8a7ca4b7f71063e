import { inflateSync } from "node:zlib";
import { decodeSync } from "../src/data/decode.js";
import { studyOf } from "../src/data/study.js";
import { report } from "./fixtures.js";

/** A study as the page has it. @param {any} given */
export function loaded(given) {
  const text = JSON.stringify(report([given]));
  return studyOf(decodeSync(text, (stream) => new Uint8Array(inflateSync(stream))).studies[0]);
}
