import { hasInterval, isDecided } from "../charts/verdict.js";
import { hasAccuracies } from "../charts/parts.js";
import { count, fitness, percent, plural, points, settingValue, title } from "../data/format.js";
import { mean, standardError } from "../data/stats.js";
import { ABORTED, baselineValue, DIVERGED, GROUPS, PRUNED, RUNNING, STATE_NAMES, WAITING } from "../data/study.js";
import { command, h, table } from "./dom.js";

/** @typedef {import("../data/study.js").Study} Study */

/** "1.98", without a sign. @param {number} value */
const size = (value) => (100 * Math.abs(value)).toFixed(2);

/** "86.12 ± 0.06 %" @param {number} value @param {number} error */
const withError = (value, error) => (Number.isFinite(error) ? `${size(value)} ± ${size(error)} %` : percent(value));

/**
 * What is to be said where no trial is complete and some are still to end.
 * @param {Study} study
 * @returns {{headline: string, lead: string[]}}
 */
function unfinishedAnswer(study) {
  const { counts, isInterrupted, isRunning } = study;
  const unfinished = counts[RUNNING] + counts[WAITING];
  const are = (/** @type {number} */ value, /** @type {string} */ one, /** @type {string} */ more) =>
    value > 0 ? `${count(value)} ${value === 1 ? one : more}` : "";
  const parts = [
    are(counts[ABORTED], "was aborted", "were aborted"),
    are(counts[PRUNED], "was pruned", "were pruned"),
    are(counts[DIVERGED], "diverged", "diverged"),
    isInterrupted
      ? `${count(unfinished)} will go on when the same command is given again`
      : isRunning
        ? are(unfinished, "is being trained", "are being trained")
        : are(unfinished, "has not ended", "have not ended"),
  ];
  const planned = isRunning && study.planned ? ` (${count(study.planned)} are planned)` : "";
  const lead = [`Of ${plural(study.size, "trial")}${planned} ${parts.filter(Boolean).join(", ")}.`];
  if (isInterrupted) return { headline: "Interrupted: no trial has ended its epochs yet", lead };
  const hasEnded = study.size > unfinished;
  return { headline: hasEnded ? "No trial has ended its epochs yet" : "No trial has ended yet", lead };
}

/**
 * The answer in one sentence, and what stands behind it.
 * @param {Study} study
 * @returns {{headline: string, lead: string[]}}
 */
export function answerOf(study) {
  const { verdict } = study;
  if (verdict && hasInterval(study)) {
    const [low, high] = verdict.interval;
    const error = typeof verdict.standard_error === "number" ? ` ± ${size(verdict.standard_error)}` : "";
    const trial = `Trial ${verdict.trial}`;
    const headline = isDecided(study)
      ? `${trial} is ${verdict.difference > 0 ? "better" : "worse"} than ${study.baselineName} by ${size(verdict.difference)}${error} points`
      : `${trial} is not distinguishable from ${study.baselineName}`;
    const winner = verdict.winner?.accuracies ?? [];
    const baseline = verdict.baseline?.accuracies ?? [];
    const written = (/** @type {number[]} */ values) => withError(mean(values), standardError(values));
    const lead = [
      `The 95 % interval of the difference is ${points(low)} to ${points(high)} points of test accuracy` +
        (isDecided(study) ? "." : `, and has 0 in it: ${points(verdict.difference)}${error} points.`),
    ];
    if (winner.length > 0) {
      lead.push(
        `Both were trained ${winner.length} times on train + validation with the same seeds, which no trial had: ` +
          `${written(winner)} for trial ${verdict.trial}, ${written(baseline)} for ${study.baselineName}. The test set was touched once.`,
      );
    }
    const { ablation } = study;
    if (ablation?.noise_text && ablation.trial === verdict.trial) {
      lead.push(`The analysis, by validation accuracy: ${ablation.noise_text}`);
    }
    return { headline, lead };
  }
  if (verdict?.text) return { headline: `Trial ${verdict.trial}: ${verdict.text}`, lead: [] };
  if (study.size === 0) {
    return {
      headline: study.isRunning ? "The search has begun" : "The study has no trials",
      lead: ["There is nothing to say yet."],
    };
  }
  if (!study.isOurs && study.order.length > 0) {
    const best = study.order[0];
    return {
      headline: `The best of ${plural(study.size, "trial")} is trial ${study.number[best]}, with ${fitness(study.value[best], hasAccuracies(study))}`,
      lead: ["Another program made this study. It has no final test, so that nothing says how much of this is luck."],
    };
  }
  const unfinished = study.counts[RUNNING] + study.counts[WAITING];
  if (study.order.length === 0 && unfinished > 0) return unfinishedAnswer(study);
  const done = study.size - unfinished;
  const lead = [];
  if (study.order.length > 0) {
    const isAccuracy = hasAccuracies(study);
    const best = study.order[0];
    const baseline = baselineValue(study);
    lead.push(
      `Trial ${study.number[best]} is the best so far by validation, with ${fitness(study.value[best], isAccuracy)}` +
        (Number.isFinite(baseline) ? `; ${study.baselineName} has ${fitness(baseline, isAccuracy)}. ` : ". ") +
        "What wins among many trials, each trained once, has had luck too: that it is better only the final test can say.",
    );
  } else {
    lead.push("No trial is complete, so that there is no setting to test.");
  }
  if (study.isRunning) {
    return {
      headline: `The search is running: ${plural(done, "trial")}${study.planned ? ` of ${count(study.planned)}` : ""}`,
      lead,
    };
  }
  if (study.order.length === 0) return { headline: `All of ${plural(study.size, "trial")} failed`, lead };
  return { headline: "There is no verdict: nothing was tested", lead };
}

/** @param {Study} study */
function facts(study) {
  const isAccuracy = hasAccuracies(study);
  const best = study.order[0];
  const { definition } = study;
  /** @type {[string, string, string][]} */
  const rows = [
    [
      "trials",
      count(study.size),
      STATE_NAMES.map((name, state) => `${count(study.counts[state])} ${name}`)
        .filter((_, state) => study.counts[state] > 0)
        .join(", "),
    ],
  ];
  if (best !== undefined) {
    rows.push(["best by validation", fitness(study.value[best], isAccuracy), `trial ${study.number[best]}`]);
  }
  if (Number.isFinite(baselineValue(study))) {
    rows.push([study.baselineName, fitness(baselineValue(study), isAccuracy), "trained as a trial is"]);
  }
  if (definition.dataset) {
    rows.push([
      "data set",
      String(definition.dataset),
      [definition.model, definition.epochs && plural(Number(definition.epochs), "epoch")].filter(Boolean).join(", "),
    ]);
  }
  if (study.algorithm) {
    const seed = definition.seed ? `seed ${definition.seed}` : "";
    const particles = definition.particles ? plural(Number(definition.particles), "particle") : "";
    rows.push(["search", study.algorithm, [particles, seed].filter(Boolean).join(", ")]);
  }
  return h(
    "dl",
    { class: "facts" },
    ...rows.map(([name, value, more]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, h("b", {}, value), h("span", {}, more))),
    ),
  );
}

/** @param {import("./app.js").App} app */
export function answer(app) {
  const { study } = app;
  const { headline, lead } = answerOf(study);
  const caption = "Point and line: the mean difference and its 95 % interval. Ticks: the difference of each seed.";
  const figure = app.figure("verdict", "The verdict", (scene) => (scene.studies = [scene.study]), "verdict", caption);
  return [
    h("p", { class: "over" }, study.name),
    h("h1", {}, headline),
    ...lead.map((text) => h("p", { class: "lead" }, text)),
    ...study.notes.map((text) => h("p", { class: "remark" }, text)),
    hasInterval(study) && figure.element,
    facts(study),
  ];
}

/** @param {Study} study */
function settingRows(study) {
  const winner = study.winner?.setting ?? {};
  const baseline = study.baseline?.setting ?? {};
  const groups = new Map(study.dimensions.map((d) => [d.key, d.group]));
  const order = [...study.dimensions.map((d) => d.key), ...Object.keys(winner), ...Object.keys(baseline)];
  const keys = [...new Set(order)].filter((key) => key in winner || key in baseline);
  return GROUPS.map((group) => ({
    group,
    rows: keys
      .filter((key) => (groups.get(key) ?? "other") === group)
      .map((key) => ({ key, winner: winner[key], baseline: baseline[key], differs: winner[key] !== baseline[key] })),
  })).filter(({ rows }) => rows.length > 0);
}

/** @param {import("./app.js").App} app */
export function settings(app) {
  const { study } = app;
  if (!study.winner) return [h("p", { class: "missing" }, "No trial is complete: there is no setting to show.")];
  const name = `trial ${study.winner.trial}`;
  const hasBaseline = Object.keys(study.baseline?.setting ?? {}).length > 0;
  const columns = hasBaseline ? [name, study.baselineName] : [name];
  const bodies = settingRows(study).map(({ group, rows }) =>
    h(
      "tbody",
      {},
      h("tr", { class: "group" }, h("th", { colspan: 1 + columns.length, scope: "rowgroup" }, group)),
      ...rows.map((row) =>
        h(
          "tr",
          { class: hasBaseline && !row.differs ? "same" : "differs" },
          h("th", { scope: "row" }, title(row.key)),
          h("td", { class: "number" }, settingValue(row.winner)),
          hasBaseline && h("td", { class: "number" }, settingValue(row.baseline)),
        ),
      ),
    ),
  );
  /** @type {[string, string][]} */
  const commands = [];
  if (study.winner.command) commands.push([`Trains ${name} again`, study.winner.command]);
  if (study.baseline?.command) commands.push([`Trains ${study.baselineName}`, study.baseline.command]);
  const what = study.winner.tested ? `The setting that was tested, ${name}` : `The best so far, ${name}`;
  return [
    h("p", {}, hasBaseline ? `${what}, beside ${study.baselineName}. Bold: what differs.` : `${what}.`),
    h(
      "div",
      { class: "settings" },
      h(
        "table",
        {},
        h("caption", { class: "unseen" }, `Settings of ${columns.join(" and ")}`),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "technique"),
            ...columns.map((column) => h("th", { scope: "col", class: "number" }, column)),
          ),
        ),
        ...bodies,
      ),
      h(
        "div",
        {},
        ...commands.flatMap(([label, text]) => [
          h("h3", {}, label),
          command(text, `the command that ${label[0].toLowerCase()}${label.slice(1)}`),
        ]),
        ...confirmation(study),
      ),
    ),
  ];
}

/** @param {Study} study */
function confirmation(study) {
  const rows = study.confirmation?.rows ?? [];
  if (rows.length === 0) return [];
  const written = (/** @type {any} */ row) =>
    row.unstable ? `unstable: ${row.unstable}` : withError(row.mean ?? NaN, row.standard_error ?? NaN);
  const all = [...rows, study.confirmation.baseline].filter(Boolean);
  const num = all[0]?.accuracies?.length ?? 0;
  return [
    h("h3", {}, "Confirmation"),
    h(
      "p",
      {},
      `What wins among many trials, each trained once, has had luck too. So the best trials and ${study.baselineName} were trained again on the training split, ` +
        `${plural(num, "time")} each with the same new seeds, and ranked by their mean: the first was tested.`,
    ),
    table(
      "Confirmation",
      ["trial", "validation, as a trial", "confirmed"],
      all.map((row) => [
        row.trial === null || row.trial < 0 ? study.baselineName : `${row.trial}`,
        percent(row.validation_accuracy ?? NaN),
        written(row),
      ]),
    ),
  ];
}

/** Every study in a row, for who compares. @param {import("./app.js").App} app @param {(index: number) => void} open */
export function sideBySide(app, open) {
  const rows = app.studies.map((study, index) => {
    const best = study.order[0];
    return [
      h(
        "button",
        { type: "button", class: "link", "aria-pressed": index === app.current, onclick: () => open(index) },
        study.name,
      ),
      String(study.definition.dataset ?? "–"),
      String(study.definition.model ?? "–"),
      study.algorithm || "–",
      count(study.size),
      best === undefined ? "–" : fitness(study.value[best], hasAccuracies(study)),
      fitness(baselineValue(study), hasAccuracies(study)),
      study.verdict?.text ?? (study.isRunning ? "running" : "no final test"),
    ];
  });
  const tests = app.studies.filter(hasInterval);
  const elements = [
    table("Studies", ["study", "data", "network", "search", "trials", "best", "baseline", "verdict"], rows, {
      class: "wide",
    }),
  ];
  if (tests.length > 0) {
    elements.push(
      h("h3", {}, "Verdicts"),
      app.figure(
        "verdict",
        "Verdicts of all studies",
        undefined,
        "verdicts",
        "Filled: the interval leaves out 0. Differences are over each study's own baseline.",
      ).element,
    );
  }
  elements.push(
    h("h3", {}, "Best so far"),
    app.figure(
      "history",
      "Best so far in all studies",
      (scene) => (scene.choices.compare = "all"),
      "histories",
      "Best complete trial so far by validation; thin dashed lines are the baselines, each in its study's colour.",
    ).element,
  );
  return elements;
}
