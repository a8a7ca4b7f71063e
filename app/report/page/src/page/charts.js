import { missingSample } from "../charts/importance.js";
import { MOST_CURVES, chosenTrials } from "../charts/curves.js";
import { numSweeps } from "../charts/swarm.js";
import { count, title } from "../data/format.js";
import { placeOf } from "../data/study.js";
import { choice, h, say } from "./dom.js";
import { whyMissing } from "./figure.js";

/** The sections that are a chart and the controls of it. */

/** @param {import("./app.js").App} app */
export function history(app) {
  const figure = app.figure("history", "History of trials");
  figure.connect = (instance) =>
    instance.on("click", (/** @type {any} */ event) => {
      if (!Array.isArray(event.value) && !event.data) return;
      const number = Number((event.value ?? event.data)[0]);
      if (placeOf(app.study, number) < 0) return;
      const chosen = app.choices.trials.filter((one) => one !== number);
      app.choices.trials = [number, ...chosen].slice(0, MOST_CURVES);
      say(`The learning curve of trial ${number} is drawn`);
      showChosen(app);
    });
  return [
    h(
      "p",
      {},
      "Every trial by its number. Below: those that were aborted (their accuracy was near chance) and those that diverged (their loss became no number).",
    ),
    figure.element,
  ];
}

/** @param {import("./app.js").App} app */
function showChosen(app) {
  const input = /** @type {HTMLInputElement | null} */ (document.getElementById("curves-of"));
  if (input) input.value = app.choices.trials.join(", ");
  app.figures.get("curves")?.update();
}

/** @param {import("./app.js").App} app */
export function curves(app) {
  const figure = app.figure("curves", "Learning curves");
  const { study } = app;
  const input = h("input", {
    id: "curves-of",
    type: "text",
    inputmode: "numeric",
    size: 24,
    value: app.choices.trials.join(", "),
    placeholder: chosenTrials({ ...app.scene() })
      .map((i) => study.number[i])
      .join(", "),
    onchange: (/** @type {any} */ event) => {
      const numbers = String(event.target.value).match(/\d+/g) ?? [];
      app.choices.trials = [...new Set(numbers.map(Number))]
        .filter((number) => placeOf(study, number) >= 0)
        .slice(0, MOST_CURVES);
      showChosen(app);
    },
  });
  return [
    h(
      "p",
      {},
      `Validation accuracy after each epoch of chosen trials beside ${study.baselineName}. A click on a trial in the history adds it.`,
    ),
    study.curves.length > 0 &&
      h(
        "div",
        { class: "controls" },
        h("label", { class: "field", for: "curves-of" }, h("span", {}, `Trials, up to ${MOST_CURVES}`), input),
      ),
    figure.element,
  ];
}

/** @param {import("./app.js").App} app */
export function importance(app) {
  const { study } = app;
  const missing = missingSample(study);
  if (missing) return [h("div", { class: "missing" }, ...whyMissing(missing, "a designed sample"))];
  return [
    h(
      "p",
      {},
      "Of a designed sample: settings that were drawn without looking at values, so that p values hold. Filled: significant by Holm's correction.",
    ),
    app.figure(
      "importance",
      "Importance",
      undefined,
      "importance",
      "Share of variance: how much of the ranks of all values a technique explains alone. Contribution to the best: how differently the best quarter is spread from all.",
    ).element,
    h("h3", {}, "Technique by optimizer"),
    h(
      "p",
      {},
      "Rank correlation of each technique with the accuracy, for each optimizer by itself. Cells without colour are not significant. A peak in the middle of a range has no direction, and shows only above.",
    ),
    app.figure("optimizers", "Technique by optimizer").element,
    h("h3", {}, "Interactions"),
    h(
      "p",
      {},
      "Pairs that do together what neither does alone, as a share of the variance; the first are the least likely by chance. Filled: significant by Holm's correction.",
    ),
    app.figure("interactions", "Interactions").element,
  ];
}

/** @param {import("./app.js").App} app */
export function failures(app) {
  return [
    h(
      "p",
      {},
      "How many trainings were aborted or diverged, with each technique on and off. These are counts of where the search went, with Wilson's 95 % intervals, and no evidence for or against a technique.",
    ),
    app.figure("aborts", "Failed trainings").element,
  ];
}

/** @param {import("./app.js").App} app */
export function swarm(app) {
  const { study, choices } = app;
  const figure = app.figure("swarm", "Movement of the swarm");
  const num = study.particle ? numSweeps(study) : 0;
  if (num < 2 || study.dimensions.length < 2) return [figure.element];
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  /** @type {number | undefined} */
  let timer;
  const slider = /** @type {HTMLInputElement} */ (
    h("input", {
      id: "swarm-sweep",
      type: "range",
      min: 0,
      max: num - 1,
      step: 1,
      value: String(choices.sweep < 0 ? num - 1 : Math.min(choices.sweep, num - 1)),
      oninput: () => show(Number(slider.value)),
    })
  );
  const output = h("output", { for: "swarm-sweep" });
  const play = h(
    "button",
    { type: "button", id: "swarm-play", onclick: () => (timer === undefined ? start() : stop()) },
    "Play",
  );
  const show = (/** @type {number} */ sweep) => {
    choices.sweep = sweep;
    slider.value = String(sweep);
    slider.setAttribute("aria-valuetext", `sweep ${sweep + 1} of ${num}`);
    output.textContent = `${count(sweep + 1)} of ${count(num)}`;
    figure.update();
  };
  const stop = () => {
    app.isPlaying = false;
    clearInterval(timer);
    timer = undefined;
    play.textContent = "Play";
  };
  const start = () => {
    app.isPlaying = true;
    if (Number(slider.value) >= num - 1) show(0);
    play.textContent = "Pause";
    // Who wants little motion sees a still picture a second.
    const wait = isCalm ? 1000 : Math.max(60, Math.min(350, 15000 / num));
    timer = window.setInterval(() => {
      // Where the page has been made anew, another timer goes on.
      if (!play.isConnected) return clearInterval(timer);
      if (Number(slider.value) >= num - 1) return stop();
      show(Number(slider.value) + 1);
    }, wait);
  };
  /** @type {[string, string][]} */
  const options = [
    ["", "projection"],
    ...study.dimensions.map((d) => /** @type {[string, string]} */ ([d.key, title(d.key)])),
  ];
  const axis = (/** @type {"swarmX" | "swarmY"} */ name, /** @type {string} */ label) =>
    choice(`swarm-${name === "swarmX" ? "x" : "y"}`, label, options, choices[name], (value) => {
      const other = name === "swarmX" ? "swarmY" : "swarmX";
      choices[name] = value;
      // A projection has both directions; two dimensions need another one.
      if (value === "") choices[other] = "";
      else if (choices[other] === "") choices[other] = study.dimensions.find((d) => d.key !== value)?.key ?? "";
      for (const [id, key] of [
        ["swarm-x", "swarmX"],
        ["swarm-y", "swarmY"],
      ]) {
        const select = /** @type {HTMLSelectElement | null} */ (document.getElementById(id));
        if (select) select.value = choices[/** @type {"swarmX"} */ (key)];
      }
      figure.update();
    });
  if (app.isPlaying) start();
  const start0 = Number(slider.value);
  slider.setAttribute("aria-valuetext", `sweep ${start0 + 1} of ${num}`);
  output.textContent = `${count(start0 + 1)} of ${count(num)}`;
  return [
    h(
      "p",
      {},
      "Where each particle is in a sweep, and its last moves. Colours are quarters of all complete trials, the strongest the best.",
    ),
    h(
      "div",
      { class: "controls" },
      play,
      h("label", { class: "field wide-field", for: "swarm-sweep" }, h("span", {}, "Sweep"), slider),
      output,
      axis("swarmX", "Across"),
      axis("swarmY", "Up"),
    ),
    figure.element,
  ];
}
