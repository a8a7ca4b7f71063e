import { sourcesOf } from "../charts/effects.js";
import { points, pValue } from "../data/format.js";
import { choice, h, table } from "./dom.js";

const COMPARED = /** @type {[string, string][]} */ ([
  ["alone", "all studies: alone"],
  ["ablation", "all studies: within the winner"],
  ["sample", "all studies: designed sample"],
]);

/** Rows of the ablation that take several techniques away at once. */
const TOGETHER = ["without_place", "without_noise"];

/** @param {import("./app.js").App} app */
export function effects(app) {
  const { study } = app;
  const figure = app.figure("effects", "Effects of techniques");
  const comparable = COMPARED.filter(
    ([source]) => app.studies.filter((one) => sourcesOf(one).has(/** @type {any} */ (source))).length > 1,
  );
  if (!comparable.some(([source]) => source === app.choices.compare)) app.choices.compare = "";
  const hasAny = sourcesOf(study).size > 0;
  const elements = [
    hasAny &&
      h(
        "p",
        {},
        "What each technique is worth, by three measurements that answer different questions: ",
        h("b", {}, "alone"),
        ", put on over the baseline; ",
        h("b", {}, "within the winner"),
        ", what its setting loses without it, or gains from it besides; and ",
        h("b", {}, "in a designed sample"),
        ", how the accuracy goes with its size over the whole region that trains. To the right of 0 it helps. ",
        "Filled marks are distinguishable from no effect by Holm's correction, hollow ones are not. Lines are 95 % intervals.",
      ),
    comparable.length > 0 &&
      h(
        "div",
        { class: "controls" },
        choice(
          "effects-of",
          "Show",
          [["", `${study.name}: its three marks`], ...comparable],
          app.choices.compare,
          (value) => {
            app.choices.compare = value;
            figure.update();
          },
        ),
      ),
    figure.element,
  ];
  /** @type {any[]} */
  const places = (study.ablation?.rows ?? []).filter((/** @type {any} */ row) => TOGETHER.includes(row.comparison));
  if (places.length > 0) {
    elements.push(
      h("h3", {}, "All of a place together"),
      h("p", {}, "What the winner loses when all of its techniques of a place, or all of its noise, are off."),
      table(
        "Effects of places",
        ["place", "gives, points", "95 % interval", "p (Holm)"],
        places.map((row) => [
          String(row.label ?? ""),
          points(row.difference ?? NaN),
          `${points(row.interval?.[0] ?? NaN)} to ${points(row.interval?.[1] ?? NaN)}`,
          pValue(row.adjusted_p),
        ]),
      ),
    );
  }
  return elements;
}
