import assert from "node:assert/strict";
import { test } from "node:test";
import { CHARTS } from "../../src/charts/index.js";
import { noChoices } from "../../src/charts/parts.js";
import { THEMES } from "../../src/charts/theme.js";
import { murmurChart } from "../../src/chart.js";
import { answerOf } from "../../src/page/answer.js";
import { REPORTS, study } from "../fixtures.js";
import { loaded } from "../loaded.js";

/** @param {any} studies @param {object} more */
function scene(studies, more = {}) {
  return {
    study: studies[0],
    studies,
    theme: THEMES.light,
    width: 800,
    mask: new Uint8Array(studies[0].size).fill(1),
    choices: noChoices(),
    tip: () => "",
    ...more,
  };
}

const whole = loaded(study({ analysis: true }));

// Of 110 trials every thirteenth diverged (8), of the others every ninth was aborted (12).
test("the history has every trial once", () => {
  const { marks } = CHARTS.history(scene([whole]));
  assert.ok(marks);
  assert.equal(marks.diverged, 8);
  assert.equal(marks.aborted, 12);
  assert.equal(marks.shown + marks.below, 90);
  assert.equal(marks.baseline, 1);
});

test("the history has a row for what was pruned, where there is any", () => {
  const rows = (/** @type {any} */ chart) => chart.option.yAxis[1].data;
  assert.deepEqual(rows(CHARTS.history(scene([whole]))), ["diverged", "aborted"]);
  const pruned = { ...whole, state: Array.from(whole.state, (state, i) => (i % 10 === 3 && state === 0 ? 5 : state)) };
  const chart = CHARTS.history(scene([pruned]));
  assert.deepEqual(rows(chart), ["diverged", "aborted", "pruned"]);
  assert.equal(chart.marks?.pruned, pruned.state.filter((state) => state === 5).length);
});

test("the history greys what the filter hides", () => {
  const mask = new Uint8Array(whole.size);
  mask[whole.order[0]] = 1;
  const { marks } = CHARTS.history(scene([whole], { mask }));
  assert.equal(marks?.shown, 1);
});

// 22 techniques, of which 18 can be off: each alone, and each within the winner; the 19 that are ordered, for three optimizers.
test("the effects have three kinds of marks", () => {
  const { marks, table } = CHARTS.effects(scene([whole]));
  assert.deepEqual(marks, { alone: 18, ablation: 18, sample: 57 });
  assert.equal(table?.rows().length, 93);
});

// States: 1 aborted, 2 diverged, 3 running, 4 waiting.
test("trials that are still to end have not failed", () => {
  const answer = (/** @type {number[]} */ state, /** @type {object} */ more = {}) =>
    answerOf(loaded({ trials: { state, value: state.map(() => null) }, ...more }));
  const interrupted = answer([1, 3, 1, 3, 3, 3, 3, 4, 3], { interrupted: true });
  assert.equal(interrupted.headline, "Interrupted: no trial has ended its epochs yet");
  assert.deepEqual(interrupted.lead, [
    "Of 9 trials 2 were aborted, 7 will go on when the same command is given again.",
  ]);
  const running = answer([3, 3], { running: true, planned: 60 });
  assert.equal(running.headline, "No trial has ended yet");
  assert.deepEqual(running.lead, ["Of 2 trials (60 are planned) 2 are being trained."]);
  const later = answer([1, 2, 3], { running: true });
  assert.equal(later.headline, "No trial has ended its epochs yet");
  assert.deepEqual(later.lead, ["Of 3 trials 1 was aborted, 1 diverged, 1 is being trained."]);
  const killed = answer([3, 4]);
  assert.equal(killed.headline, "No trial has ended yet");
  assert.deepEqual(killed.lead, ["Of 2 trials 2 have not ended."]);
  assert.equal(answer([1, 2, 1], { interrupted: true }).headline, "All of 3 trials failed");
});

test("what the noise of the tested trial gives stands beside its verdict", () => {
  const sentence = "Trial 98 gives +2.00 ± 0.10 points over all off. It has no noise.";
  const lead = (/** @type {number} */ trial) => {
    const ablation = { ...whole.ablation, trial, noise_text: sentence };
    return answerOf({ ...whole, ablation }).lead.join("\n");
  };
  assert.match(lead(whole.verdict.trial), /by validation accuracy: Trial 98 gives .* It has no noise\./);
  assert.doesNotMatch(lead(whole.verdict.trial + 1), /noise/, "that of another trial says nothing of this one");
  assert.doesNotMatch(answerOf({ ...whole, ablation: null }).lead.join(" "), /noise/);
});

test("the verdict has a mark a study and a tick a seed", () => {
  const other = loaded(study({ name: "other", seed: 9 }));
  assert.deepEqual(CHARTS.verdict(scene([whole, other])).marks, { differences: 2, seeds: 10 });
});

test("importance, optimizers and interactions count what they draw", () => {
  assert.equal(CHARTS.importance(scene([whole])).marks?.dimensions, 22);
  assert.equal(CHARTS.optimizers(scene([whole])).marks?.cells, 57);
  assert.deepEqual(CHARTS.interactions(scene([whole])).marks, { pairs: 12, significant: 4 });
});

test("the swarm has a mark a particle", () => {
  const { marks } = CHARTS.swarm(scene([whole]));
  assert.equal(marks?.particles, 8);
  assert.equal(marks?.sweeps, 14);
});

test("without a designed sample nothing is said of importance", () => {
  const plain = loaded(study());
  for (const name of ["importance", "optimizers", "interactions", "effects"]) {
    const chart = CHARTS[name](scene([plain]));
    assert.ok(chart.missing, name);
    assert.match(chart.command ?? "", /murmur analyse/);
  }
});

test("a small sample is not drawn", () => {
  const given = study({ analysis: true });
  if (given.analysis) given.analysis.sample.num_settings = 12;
  assert.match(CHARTS.importance(scene([loaded(given)])).missing ?? "", /only 12 settings/);
});

test("a random search has no movement", () => {
  assert.match(CHARTS.swarm(scene([loaded(study({ algorithm: "random" }))])).missing ?? "", /no particles/);
});

test("every chart of every report is drawn or says why not, as text of an SVG", () => {
  for (const [name, make] of Object.entries(REPORTS)) {
    if (["large", "epochs", "nothing"].includes(name)) continue;
    const data = JSON.stringify(make());
    for (const chart of Object.keys(CHARTS)) {
      try {
        const svg = murmurChart(data, chart, '{"width": 600}');
        assert.match(svg, /^<svg[^>]*width="600"/, `${name} ${chart}`);
        assert.doesNotMatch(svg, /NaN|undefined|<script|<img/, `${name} ${chart}`);
      } catch (error) {
        assert.ok(error instanceof Error && error.message.startsWith(`${chart}: `), `${name} ${chart}: ${error}`);
      }
    }
  }
});

test("a chart that there is not is named", () => {
  assert.throws(() => murmurChart("{}", "pie"), /expected a chart, one of verdict.*got pie/);
  assert.throws(() => murmurChart("{}", "constructor"), /got constructor/);
});

test("the answer in words", () => {
  assert.match(answerOf(whole).headline, /^Trial \d+ is better than all off by \d\.\d\d ± 0\.\d\d points$/);
  assert.match(answerOf(loaded(study({ gain: 0.0 }))).headline, /not distinguishable from all off/);
  assert.match(answerOf(loaded(study({ gain: -1 }))).headline, /worse than all off/);
  assert.match(answerOf(loaded(study({ running: true, verdict: false }))).headline, /running: 106 trials of 220/);
  assert.match(answerOf(loaded({})).headline, /no trials/);
});
