/** Studies with known content for the tests, and for looking at the page: `node test/fixtures.js KIND > data.json`. */
import { pathToFileURL } from "node:url";
import { deflateSync } from "node:zlib";

/** A generator of numbers in [0, 1) that gives the same ones every time. @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  };
}

/** @param {() => number} uniform */
const normal = (uniform) => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

/** @type {Record<string, any>} */
const TYPES = { f32: Float32Array, i32: Int32Array, u8: Uint8Array };

/** @param {string} type @param {ArrayLike<number>} values */
export function packed(type, values) {
  const numbers = TYPES[type].from(values);
  return { type, length: numbers.length, deflate: deflateSync(Buffer.from(numbers.buffer)).toString("base64") };
}

/** @type {[string, string, number, number, string?][]} key, group, low, high, scale */
const TECHNIQUES = [
  ["shuffle", "input", 0, 1, "off,on"],
  ["flip", "input", 0, 3, "none,both,horizontal,vertical"],
  ["rotation", "input", 0, 0.5],
  ["zoom", "input", 0, 0.9],
  ["translation", "input", 0, 1],
  ["contrast", "input", 0, 1],
  ["input_noise", "input", 0, 1],
  ["label_smoothing", "loss", 0, 0.9],
  ["init_scale", "weight", 0, 1],
  ["dropout", "activation", 0, 0.9],
  ["dropconnect", "weight", 0, 0.9],
  ["frozen_fraction", "gradient", 0, 1],
  ["activation_noise", "activation", 0, 1],
  ["loss_noise", "loss", 0, 1],
  ["optimizer", "update", 0, 2, "sgd,momentum,adam"],
  ["learning_rate", "update", 1e-4, 1, "log"],
  ["learning_rate_schedule", "update", -1, 1],
  ["batch_size", "update", 128, 1024],
  ["batch_size_schedule", "update", -1, 1],
  ["weight_noise", "weight", 1e-8, 1e-2, "log"],
  ["gradient_noise", "gradient", 0, 1],
  ["gradient_dropout", "gradient", 0, 0.9],
];

const HAS_NO_OFF = new Set(["init_scale", "optimizer", "learning_rate", "batch_size"]);

export function dimensions() {
  return TECHNIQUES.map(([key, group, low, high, scale]) => {
    const choices = scale?.includes(",") ? scale.split(",") : null;
    return {
      key,
      help: `what ${key} does`,
      group,
      kind: choices ? "categorical" : key === "batch_size" ? "integer" : "float",
      scale: scale === "log" ? "log" : "linear",
      low: choices ? null : low,
      high: choices ? null : high,
      choices,
      off: HAS_NO_OFF.has(key) ? null : choices ? choices[0] : 0,
    };
  });
}

/**
 * @typedef {object} Options
 * @property {string} [name]
 * @property {string} [algorithm]
 * @property {number} [trials]
 * @property {number} [epochs]
 * @property {number} [seed]
 * @property {number} [particles]
 * @property {boolean} [analysis]
 * @property {boolean} [verdict]
 * @property {boolean} [running]
 * @property {number} [gain] of the winner, in points
 * @property {string} [dataset]
 */

/** A study in which every ninth trial is aborted and every thirteenth diverged. @param {Options} options */
export function study(options = {}) {
  const { trials = 110, epochs = 6, seed = 1, particles = 8, gain = 1.98, name = "fashion" } = options;
  const { algorithm = "swarm", dataset = "fashion-mnist" } = options;
  const uniform = random(seed);
  const space = dimensions();
  const state = Array.from(
    { length: trials },
    (_, i) => /** @type {number} */ (i % 13 === 12 ? 2 : i % 9 === 8 ? 1 : 0),
  );
  if (options.running) for (let i = Math.max(0, trials - 4); i < trials; ++i) state[i] = 3;
  /** @type {number[]} */
  const value = [];
  const params = space.map(() => /** @type {number[]} */ ([]));
  const curves = [];
  const lengths = [];
  const begin = [];
  const end = [];
  const home = space.map(() => uniform());
  for (let i = 0; i < trials; ++i) {
    const sweep = algorithm === "swarm" ? Math.floor(i / particles) : 0;
    const heat = 0.6 * Math.exp(-sweep / 9) + 0.06;
    space.forEach((dimension, d) => {
      const free = algorithm === "swarm" ? home[d] + heat * normal(uniform) : uniform();
      const at = Math.min(1, Math.max(0, free));
      const [low, high] = [dimension.low ?? 0, dimension.high ?? 0];
      let parameter;
      if (dimension.choices) {
        parameter = Math.min(dimension.choices.length - 1, Math.floor(at * dimension.choices.length));
      } else if (dimension.scale === "log") {
        parameter = dimension.off === 0 && at < 0.1 ? 0 : low * (high / low) ** at;
      } else {
        parameter = low + (high - low) * at;
      }
      if (dimension.kind === "integer") parameter = Math.round(parameter);
      params[d].push(parameter);
    });
    const level =
      0.842 + (gain / 100) * 1.05 * (1 - Math.exp(-i / (trials / 4))) - 0.03 * uniform() ** 2 - 0.12 * heat * uniform();
    const length = state[i] === 3 ? Math.floor(epochs / 2) : state[i] === 0 ? epochs : Math.min(epochs, 1 + (i % 3));
    lengths.push(length);
    let last = NaN;
    for (let epoch = 1; epoch <= length; ++epoch) {
      const progress = 1 - 0.28 * Math.exp(-epoch / (epochs / 4)) + 0.003 * (uniform() - 0.5);
      last = state[i] === 0 || state[i] === 3 ? level * progress : 0.1 + 0.01 * uniform();
      if (epoch === epochs && state[i] === 0) last = level;
      curves.push(last);
    }
    value.push(state[i] === 2 || state[i] === 3 ? NaN : last);
    begin.push(i * 1.4);
    end.push(state[i] === 3 ? NaN : i * 1.4 + 8);
  }
  let winner = -1;
  value.forEach((v, i) => {
    if (state[i] === 0 && !(v <= value[winner])) winner = i;
  });
  const write = (/** @type {number} */ d, /** @type {number} */ v) => (space[d].choices ? space[d].choices?.[v] : v);
  const settingOf = (/** @type {number} */ i) =>
    Object.fromEntries(space.map((one, d) => [one.key, write(d, params[d][i])]));
  const baseSetting = Object.fromEntries(
    space.map((one) => [
      one.key,
      one.off ?? { init_scale: 0.05, optimizer: "sgd", learning_rate: 0.1, batch_size: 128 }[one.key] ?? 0,
    ]),
  );
  const train = `murmur train --from ${name}.db --trial`;
  const at = (/** @type {number} */ middle, /** @type {number} */ spread) =>
    Array.from({ length: 5 }, () => middle + spread * normal(uniform));
  const baseline = at(0.8411, 0.0012);
  const better = baseline.map((accuracy) => accuracy + gain / 100 + 0.0006 * normal(uniform));
  const differences = better.map((accuracy, i) => accuracy - baseline[i]);
  const middle = differences.reduce((sum, d) => sum + d, 0) / 5;
  const error = Math.sqrt(differences.reduce((sum, d) => sum + (d - middle) ** 2, 0) / 4 / 5);
  const interval = [middle - 2.776 * error, middle + 2.776 * error];
  const isDecided = interval[0] > 0 || interval[1] < 0;
  const written = (/** @type {number} */ points) => (100 * points).toFixed(2);
  const numbers = `${written(middle)} ± ${written(error)} points (95 % interval ${written(interval[0])} to ${written(interval[1])})`;
  const finished = options.verdict !== false && winner >= 0;
  const ranked = value
    .map((_, i) => i)
    .filter((i) => state[i] === 0)
    .sort((a, b) => value[b] - value[a])
    .slice(0, 10);
  return {
    name,
    file: `${name}.db`,
    origin: "murmur",
    algorithm,
    running: options.running === true,
    planned: options.running ? 2 * trials : trials,
    baseline_name: "all off",
    definition: { dataset, model: "fc", epochs, seed: "1", abort_below: 0.12, particles },
    provenance: [
      ["version", "0.4.0"],
      ["commit", "e9cf086"],
      ["device", "CPU, AVX-512, 2 cores"],
      ["data", `${dataset}, checksum 6a41c8d2`],
      ["seed", "1; the confirmation 1099511627777 to 1099511627781"],
      ["begun", "2026-01-31 12:00:00 UTC"],
    ],
    notes: [],
    commands: {
      search: `murmur search --dataset ${dataset} --model fc --study ${name}.db --trials ${trials} --epochs ${epochs} --seed 1`,
      analyse: `murmur analyse --study ${name}.db --trials 440`,
      train: `${train} {trial}`,
    },
    dimensions: space,
    trials: {
      state: packed("u8", state),
      value: packed("f32", value),
      stage: packed(
        "u8",
        state.map(() => 0),
      ),
      ...(algorithm === "swarm"
        ? {
            particle: packed(
              "i32",
              state.map((_, i) => i % particles),
            ),
          }
        : {}),
      begin: packed("f32", begin),
      end: packed("f32", end),
      origin: "2026-01-31T12:00:00Z",
      epochs: packed("i32", lengths),
    },
    params: params.map((column) => packed("f32", column)),
    curves: packed("f32", curves),
    baseline: {
      value: 0.8421,
      curve: Array.from({ length: epochs }, (_, k) => 0.8421 * (1 - 0.3 * Math.exp(-(k + 1) / (epochs / 4)))).map(
        (v, k) => (k === epochs - 1 ? 0.8421 : v),
      ),
      setting: baseSetting,
      command: `${train} baseline`,
    },
    winner:
      winner < 0
        ? null
        : {
            trial: winner,
            tested: finished,
            value: value[winner],
            setting: settingOf(winner),
            command: `${train} winner`,
          },
    confirmation: finished
      ? {
          epochs,
          first_seed: "1099511627777",
          baseline: { trial: null, validation_accuracy: 0.8421, setting: baseSetting, ...summary(baseline) },
          rows: ranked.map((i) => ({
            trial: i,
            validation_accuracy: value[i],
            setting: settingOf(i),
            ...summary(at(value[i] - 0.002, 0.001)),
          })),
        }
      : null,
    verdict: finished
      ? {
          trial: winner,
          difference: middle,
          standard_error: error,
          interval,
          winner: { accuracies: better },
          baseline: { accuracies: baseline },
          text: isDecided
            ? `${middle > 0 ? "better" : "worse"} than all off by ${numbers}`
            : `not distinguishable from all off: ${numbers}`,
        }
      : null,
    analysis: options.analysis && winner >= 0 ? analysis(space, settingOf(winner), uniform, `${train}`) : null,
  };
}

/** @param {number[]} accuracies */
function summary(accuracies) {
  const mean = accuracies.reduce((sum, v) => sum + v, 0) / accuracies.length;
  const deviation = Math.sqrt(accuracies.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (accuracies.length - 1));
  return {
    accuracies,
    mean,
    standard_error: deviation / Math.sqrt(accuracies.length),
    unstable: null,
    command: "murmur train --again",
  };
}

/** @param {any[]} space @param {any} setting @param {() => number} uniform @param {string} train */
function analysis(space, setting, uniform, train) {
  const row = (/** @type {string} */ comparison, /** @type {string} */ label, /** @type {number} */ size) => {
    const difference = size + 0.0005 * normal(uniform);
    const error = 0.0004 + 0.0006 * uniform();
    const adjusted = Math.abs(difference) > 4 * error ? 0.004 : Math.min(1, 0.2 + uniform());
    return {
      comparison,
      label,
      setting: {},
      accuracies: [0.85, 0.86, 0.85, 0.86, 0.85],
      difference,
      standard_error: error,
      interval: [difference - 2.776 * error, difference + 2.776 * error],
      p: adjusted / 20,
      adjusted_p: adjusted,
      command: `${train} 1 --set ${label}`,
    };
  };
  const optional = space.filter((one) => !HAS_NO_OFF.has(one.key));
  const strength = (/** @type {number} */ d) => (d % 4 === 1 ? 0.009 : d % 5 === 2 ? -0.006 : 0.0003);
  const short = (/** @type {any} */ v) => (typeof v === "number" ? v.toPrecision(3) : v);
  const rows = [row("setting", "setting", 0.0198)];
  optional.forEach((one, d) => {
    const on = d % 3 !== 0;
    rows.push(row(on ? "without" : "with", `${one.key}=${short(setting[one.key])}`, strength(d)));
    rows.push(row("alone", `${one.key}=${short(setting[one.key])}`, strength(d) * 0.7));
  });
  for (const place of ["input", "weight", "loss"]) rows.push(row("without_place", place, 0.004));
  const tested = space.map((one, d) => {
    /** @type {Record<string, any>} */
    const correlations = {};
    for (const optimizer of ["sgd", "momentum", "adam"]) {
      const rho = one.choices ? null : 45 * strength(d) + 0.05 * normal(uniform);
      correlations[optimizer] = {
        rho,
        p: rho === null ? null : 0.01,
        adjusted_p: rho === null ? null : Math.abs(rho) > 0.2 ? 0.001 : 0.6,
        interval: rho === null ? [null, null] : [rho - 0.13, rho + 0.13],
        settings: 146,
      };
    }
    const share = Math.abs(strength(d)) * 9 * (0.8 + 0.4 * uniform());
    return {
      technique: one.key,
      variance: { share, p: share > 0.02 ? 0.0001 : 0.5, adjusted_p: share > 0.02 ? 0.002 : 1 },
      best: { share: share * 1.4, p: share > 0.02 ? 0.001 : 0.5, adjusted_p: share > 0.03 ? 0.02 : 1 },
      correlations,
    };
  });
  /** @type {{techniques: string[], share: number, p: number, adjusted_p: number}[]} */
  const pairs = [];
  for (let a = 0; a < space.length; ++a) {
    for (let b = a + 1; b < space.length; ++b) {
      /** @type {boolean} */
      const isReal = pairs.length % 60 === 7;
      const p = isReal ? 1e-5 * (1 + uniform()) : 0.01 + uniform() * 0.99;
      pairs.push({
        techniques: [space[a].key, space[b].key],
        share: isReal ? 0.03 + 0.02 * uniform() : 0.004 * uniform(),
        p,
        adjusted_p: Math.min(1, p * 231),
      });
    }
  }
  pairs.sort((a, b) => a.p - b.p);
  return {
    ablation: {
      trial: 98,
      epochs: 6,
      first_seed: "1",
      all_off: { accuracies: [0.84], command: "" },
      text: "better",
      rows,
    },
    sample: { seed: "1", epochs: 6, num_settings: 440, dimensions: tested, interactions: pairs },
  };
}

/** @param {any[]} studies */
export function report(studies, more = {}) {
  return {
    format: "murmur-report-1",
    written: "2026-01-31T12:34:56Z",
    generator: { version: "0.4.0", commit: "e9cf086" },
    command: "murmur report --study fashion.db --output report.html",
    watch: false,
    studies,
    ...more,
  };
}

const MARKUP = '<script>window.hacked = 1</script><img src=x onerror="window.hacked=1">"\'&{a|b}';

/** The reports that tests open, by name. @type {Record<string, () => any>} */
export const REPORTS = {
  whole: () => report([study({ analysis: true })]),
  plain: () => report([study({ seed: 3 })]),
  several: () =>
    report([
      study({ analysis: true }),
      study({ name: "random", algorithm: "random", seed: 2, gain: 0.4, trials: 300, analysis: true }),
      { ...study({ name: "tpe", algorithm: "TPESampler", seed: 5, gain: 0.05, verdict: false }), origin: "optuna" },
    ]),
  // A study that another program made, of a function that is minimised.
  foreign: () => {
    const uniform = random(4);
    const x = Array.from({ length: 60 }, () => 10 ** (4 * uniform() - 2));
    const kind = x.map(() => Math.floor(3 * uniform()));
    return report([
      {
        name: "foreign",
        file: "foreign.db",
        origin: "optuna",
        direction: "minimize",
        running: false,
        definition: {},
        dimensions: [
          { key: "x", group: "other", kind: "float", scale: "log", low: 0.01, high: 100, choices: null },
          { key: "kind", group: "other", kind: "categorical", scale: "linear", choices: ["a", "b", "c"] },
        ],
        trials: {
          number: x.map((_, i) => i),
          state: x.map(() => 0),
          value: x.map((v, i) => Math.log10(v) ** 2 + 30 * kind[i] + 2),
          epochs: x.map(() => 0),
        },
        params: [x, kind],
        curves: null,
        winner: { trial: 1, tested: false, value: 2, setting: { x: 1, kind: "a" } },
      },
    ]);
  },
  empty: () => report([{ name: "empty" }]),
  nothing: () => report([]),
  one: () => report([study({ trials: 1, verdict: false })]),
  aborted: () => {
    const given = study({ trials: 40, verdict: false });
    given.trials.state = packed("u8", new Array(40).fill(1));
    return report([{ ...given, winner: null }]);
  },
  nan: () => {
    const given = study({ trials: 40, verdict: false });
    given.trials.value = packed("f32", new Array(40).fill(NaN));
    given.params = given.params.map(() => packed("f32", new Array(40).fill(NaN)));
    given.curves = packed("f32", new Array(given.curves.length).fill(NaN));
    /** @type {any} */ (given.baseline).value = null;
    return report([given]);
  },
  markup: () => {
    const given = study({ analysis: true, name: MARKUP });
    given.dimensions.forEach((one, d) => {
      one.help = MARKUP;
      if (one.choices) one.choices = one.choices.map((choice) => choice + MARKUP);
      if (d === 2) one.key = MARKUP;
    });
    given.provenance.push([MARKUP, MARKUP]);
    /** @type {string[]} */ (given.notes).push(MARKUP);
    if (given.verdict) given.verdict.text += MARKUP;
    for (const row of given.analysis?.ablation.rows ?? []) row.label += MARKUP;
    for (const row of given.analysis?.sample.dimensions ?? []) row.technique += MARKUP;
    return report([given, study({ name: `${MARKUP}2` })], { command: MARKUP });
  },
  running: () => report([study({ running: true, verdict: false })], { watch: true }),
  finished: () => report([study()], { watch: true }),
  large: () => report([study({ trials: 50000, epochs: 6, particles: 22 })]),
  epochs: () => report([study({ trials: 10000, epochs: 120, particles: 22 })]),
};

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(JSON.stringify(REPORTS[process.argv[2] ?? "whole"]()));
}
