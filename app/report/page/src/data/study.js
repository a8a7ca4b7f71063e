import { toNumbers } from "./columns.js";

/** The states of a trial, as the column has them. */
export const COMPLETE = 0;
export const ABORTED = 1;
export const DIVERGED = 2;
export const RUNNING = 3;
export const WAITING = 4;
export const PRUNED = 5;
export const STATE_NAMES = ["complete", "aborted", "diverged", "running", "waiting", "pruned"];

export const GROUPS = ["input", "weight", "activation", "gradient", "loss", "update", "other"];

/**
 * A dimension of a search.
 * @typedef {object} Dimension
 * @property {number} index
 * @property {string} key
 * @property {string} help
 * @property {string} group
 * @property {"float" | "integer" | "categorical"} kind
 * @property {boolean} isLog
 * @property {number} low
 * @property {number} high
 * @property {string[] | null} choices
 * @property {number} off NaN where nothing counts as off; of a category the index of the choice
 * @property {ArrayLike<number>} values
 */

/**
 * A study, ready to be drawn. Whatever the data lacks is empty or null here, never undefined.
 * @typedef {object} Study
 * @property {string} name
 * @property {string} file
 * @property {boolean} isOurs
 * @property {string} algorithm
 * @property {boolean} isRunning
 * @property {boolean} isInterrupted a signal stopped the search before its end
 * @property {number | null} planned
 * @property {string} baselineName
 * @property {Record<string, any>} definition
 * @property {[string, string][]} provenance
 * @property {string[]} notes
 * @property {{search: string, analyse: string, train: string}} commands
 * @property {Dimension[]} dimensions
 * @property {number} size how many trials
 * @property {ArrayLike<number>} number
 * @property {ArrayLike<number>} state
 * @property {ArrayLike<number>} value
 * @property {ArrayLike<number>} stage
 * @property {ArrayLike<number> | null} particle
 * @property {ArrayLike<number>} begin
 * @property {ArrayLike<number>} end
 * @property {Int32Array} curveOffset [size + 1]
 * @property {ArrayLike<number>} curves
 * @property {number} sign 1, or -1 of a study that is minimised: sign * value is better where it is higher
 * @property {any} baseline
 * @property {any} winner
 * @property {any} confirmation
 * @property {any} verdict
 * @property {any} ablation
 * @property {any} sample
 * @property {Float64Array} best the best complete value so far, trial by trial; NaN before the first
 * @property {Int32Array} order the complete trials, the best first
 * @property {Int32Array} rank the place of a trial in `order`; -1 of what is not complete
 * @property {number[]} counts by state
 */

/** @param {unknown} value */
const text = (value) => (value === null || value === undefined ? "" : String(value));
/** @param {unknown} value */
const number = (value) => (typeof value === "number" ? value : NaN);

/** @returns {Dimension} */
function dimensionOf(/** @type {any} */ given, /** @type {number} */ index, /** @type {any} */ packed) {
  const choices = Array.isArray(given.choices) && given.choices.length > 0 ? given.choices.map(String) : null;
  const values = toNumbers(packed);
  let low = number(given.low);
  let high = number(given.high);
  if (choices) {
    low = 0;
    high = choices.length - 1;
  }
  if (!(low < high)) [low, high] = extent(values);
  return {
    index,
    key: text(given.key) || `parameter ${index + 1}`,
    help: text(given.help),
    group: GROUPS.includes(given.group) ? given.group : "other",
    kind: choices ? "categorical" : given.kind === "integer" ? "integer" : "float",
    isLog: given.scale === "log" && low > 0 && !choices,
    low,
    high,
    choices,
    off: choices
      ? given.off === null || given.off === undefined
        ? NaN
        : indexOf(choices, given.off)
      : number(given.off),
    values,
  };
}

/** @param {string[]} choices @param {unknown} off */
function indexOf(choices, off) {
  const found = choices.indexOf(String(off));
  return found < 0 ? NaN : found;
}

/**
 * The lowest and the highest finite number; [0, 1] without any.
 * @param {ArrayLike<number>} values
 * @returns {[number, number]}
 */
export function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; ++i) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** @param {any} trials @param {string} name @param {number} size @param {number} otherwise */
function column(trials, name, size, otherwise) {
  const given = toNumbers(trials[name]);
  return given.length === size ? given : new Float32Array(size).fill(otherwise);
}

/** @param {any} given one of the studies of a report, its columns decoded @returns {Study} */
export function studyOf(given) {
  const trials = given.trials ?? {};
  const state = toNumbers(trials.state);
  const size = state.length;
  const params = Array.isArray(given.params) ? given.params : [];
  const sign = given.direction === "minimize" ? -1 : 1;
  const value = column(trials, "value", size, NaN);
  const stage = column(trials, "stage", size, 0);
  const numbers = toNumbers(trials.number);
  const particle = toNumbers(trials.particle);
  const epochs = column(trials, "epochs", size, 0);
  const curves = toNumbers(given.curves);
  const curveOffset = new Int32Array(size + 1);
  for (let i = 0; i < size; ++i) curveOffset[i + 1] = Math.min(curves.length, curveOffset[i] + Math.max(0, epochs[i]));

  const best = new Float64Array(size);
  const complete = [];
  /** @type {number[]} */
  const counts = STATE_NAMES.map(() => 0);
  let soFar = NaN;
  for (let i = 0; i < size; ++i) {
    counts[state[i]] += 1;
    if (state[i] === COMPLETE && Number.isFinite(value[i])) {
      complete.push(i);
      if (!(sign * value[i] <= sign * soFar)) soFar = value[i];
    }
    best[i] = soFar;
  }
  const order = Int32Array.from(complete).sort((a, b) => sign * (value[b] - value[a]) || a - b);
  const rank = new Int32Array(size).fill(-1);
  order.forEach((i, k) => (rank[i] = k));

  return {
    name: text(given.name) || "a study without a name",
    file: text(given.file),
    isOurs: given.origin !== "optuna",
    algorithm: text(given.algorithm),
    isRunning: given.running === true,
    isInterrupted: given.interrupted === true,
    planned: typeof given.planned === "number" && given.planned > 0 ? given.planned : null,
    baselineName: text(given.baseline_name) || "the baseline",
    definition: given.definition ?? {},
    provenance: (given.provenance ?? []).map((/** @type {any} */ pair) => [text(pair[0]), text(pair[1])]),
    notes: (given.notes ?? []).map(text),
    commands: {
      search: text(given.commands?.search),
      analyse: text(given.commands?.analyse),
      train: text(given.commands?.train),
    },
    dimensions: (given.dimensions ?? []).map((/** @type {any} */ d, /** @type {number} */ i) => {
      const values = toNumbers(params[i]);
      return dimensionOf(d, i, values.length === size ? values : new Float32Array(size).fill(NaN));
    }),
    size,
    number: numbers.length === size ? numbers : Int32Array.from({ length: size }, (_, i) => i),
    state,
    value,
    stage,
    particle: particle.length === size && size > 0 ? particle : null,
    begin: column(trials, "begin", size, NaN),
    end: column(trials, "end", size, NaN),
    curveOffset,
    curves,
    sign,
    baseline: given.baseline ?? null,
    winner: given.winner ?? null,
    confirmation: given.confirmation ?? null,
    verdict: given.verdict ?? null,
    ablation: given.analysis?.ablation ?? null,
    sample: given.analysis?.sample ?? null,
    best,
    order,
    rank,
    counts,
  };
}

/** @param {Study} study @param {number} i */
export function curveOf(study, i) {
  return Array.from(
    { length: study.curveOffset[i + 1] - study.curveOffset[i] },
    (_, epoch) => study.curves[study.curveOffset[i] + epoch],
  );
}

/** The place of a trial by its number; -1 where there is none. @param {Study} study @param {number} wanted */
export function placeOf(study, wanted) {
  if (study.number[wanted] === wanted) return wanted;
  for (let i = 0; i < study.size; ++i) if (study.number[i] === wanted) return i;
  return -1;
}

/** @param {Study} study */
export const baselineValue = (study) => number(study.baseline?.value);

/** @param {Study} study @param {number} trial */
export function commandFor(study, trial) {
  return study.commands.train.split("{trial}").join(String(trial));
}
