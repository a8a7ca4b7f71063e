import { chosenDimensions } from "../charts/parallel.js";
import { quantityOf } from "../charts/axes.js";
import { count, plural, quantity, title } from "../data/format.js";
import { choice, h, say } from "./dom.js";

/** @typedef {import("./app.js").App} App */

/** @param {App} app @param {() => void} rebuild */
export function explore(app, rebuild) {
  const { study } = app;
  const parallel = app.figure("parallel", "Parallel coordinates");
  connectBrush(app, parallel);
  return [
    h(
      "p",
      {},
      "Each line is a complete trial; the strongest colour is the best quarter. Drag along an axis to keep what lies there, or give the ends as numbers. The history, the scatter and the table follow. This is where the search has looked: what all good trials have in common here is no evidence that it made them good.",
    ),
    filterBar(app),
    dimensionChooser(app, rebuild),
    parallel.element,
    h("h3", {}, "Scatter"),
    h("div", { class: "controls" }, ...axes(app)),
    app.figure("scatter", "Scatter").element,
    study.dimensions.length === 0 && null,
  ];
}

/** @param {App} app */
function axes(app) {
  const { study, choices } = app;
  if (study.dimensions.length === 0) return [];
  const all = study.dimensions.map((d) => /** @type {[string, string]} */ ([d.key, title(d.key)]));
  const known = new Set(all.map(([key]) => key));
  if (!known.has(choices.x)) choices.x = defaultX(app);
  if (!known.has(choices.y)) choices.y = "";
  const update = () => app.figures.get("scatter")?.update();
  return [
    choice("scatter-x", "Across", all, choices.x, (value) => {
      choices.x = value;
      update();
    }),
    choice("scatter-y", "Up", [["", quantityOf(study, "").name], ...all], choices.y, (value) => {
      choices.y = value;
      update();
    }),
  ];
}

/** The learning rate, where there is one: everybody looks at it first. @param {App} app */
function defaultX({ study }) {
  const found = study.dimensions.find((d) => d.key === "learning_rate") ?? study.dimensions.find((d) => !d.choices);
  return (found ?? study.dimensions[0]).key;
}

/** @param {App} app */
function filterBar(app) {
  const { filter, study } = app;
  const slider = /** @type {HTMLInputElement} */ (
    h("input", { id: "filter-top", type: "range", min: 1, max: 100, step: 1, value: String(filter.top) })
  );
  const top = h("output", { for: "filter-top" });
  const shown = h("output", { id: "filter-count", class: "note" });
  const show = () => {
    top.textContent = filter.top < 100 ? `best ${filter.top} %` : "all trials";
    shown.textContent = `${count(app.numShown)} of ${plural(study.size, "trial")} shown`;
    slider.setAttribute("aria-valuetext", top.textContent);
  };
  slider.addEventListener("input", () => {
    filter.top = Number(slider.value);
    app.filterChanged();
  });
  app.onFilter.push(show);
  show();
  const reset = h(
    "button",
    {
      type: "button",
      id: "filter-reset",
      class: "quiet",
      onclick: () => {
        filter.top = 100;
        slider.value = "100";
        filter.ranges.clear();
        app.filterChanged();
        showRanges(app);
        say("The filter is empty: all trials are shown");
      },
    },
    "Reset",
  );
  return h(
    "div",
    { class: "controls filter" },
    h("label", { class: "field wide-field", for: "filter-top" }, h("span", {}, "Best by value"), slider),
    top,
    shown,
    reset,
  );
}

/** @param {App} app @param {() => void} rebuild */
function dimensionChooser(app, rebuild) {
  const { study } = app;
  const chosen = chosenDimensions({ ...app.scene() });
  const boxes = study.dimensions.map((d, k) =>
    h(
      "label",
      { class: "check", title: d.help || null },
      h("input", {
        type: "checkbox",
        id: `dimension-${k}`,
        checked: chosen.includes(d.key),
        onchange: (/** @type {any} */ event) => {
          const now = new Set(chosenDimensions({ ...app.scene() }));
          if (event.target.checked) now.add(d.key);
          else now.delete(d.key);
          app.choices.dimensions = study.dimensions.filter((one) => now.has(one.key)).map((one) => one.key);
          for (const key of app.filter.ranges.keys()) if (key !== "" && !now.has(key)) app.filter.ranges.delete(key);
          app.applyFilter();
          rebuild();
        },
      }),
      title(d.key),
    ),
  );
  return h(
    "div",
    { class: "pair" },
    h(
      "details",
      { id: "dimensions" },
      h("summary", {}, `Axes: ${chosen.length} of ${study.dimensions.length} parameters`),
      h("div", { class: "checks" }, ...boxes),
    ),
    h(
      "details",
      { id: "ranges" },
      h("summary", {}, "Ranges as numbers"),
      h("div", { class: "ranges" }, ...[...chosen, ""].map((key, k) => rangeFields(app, key, k))),
    ),
  );
}

/** @param {App} app @param {string} key @param {number} index */
function rangeFields(app, key, index) {
  const { study, filter } = app;
  const one = quantityOf(study, key);
  const [low, high] = filter.ranges.get(key) ?? [-Infinity, Infinity];
  if (one.choices) {
    const options = /** @type {[string, string][]} */ ([
      ["", "all"],
      ...one.choices.map((text, i) => [String(i), text]),
    ]);
    const value = filter.ranges.has(key) && low === high ? String(low) : "";
    return h(
      "div",
      { class: "range" },
      choice(`range-${index}`, one.name, options, value, (picked) => {
        if (picked === "") filter.ranges.delete(key);
        else filter.ranges.set(key, [Number(picked), Number(picked)]);
        changed(app);
      }),
    );
  }
  const field = (/** @type {0 | 1} */ end, /** @type {number} */ value) =>
    h("input", {
      type: "number",
      step: "any",
      id: `range-${index}-${end}`,
      "data-key": key,
      "data-end": end,
      "aria-label": `${end === 0 ? "lowest" : "highest"} ${one.name}`,
      value: Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "",
      placeholder: quantity(end === 0 ? one.undo(one.low) : one.undo(one.high)),
      onchange: (/** @type {any} */ event) => {
        const now = filter.ranges.get(key) ?? [-Infinity, Infinity];
        const given = event.target.value === "" ? (end === 0 ? -Infinity : Infinity) : Number(event.target.value);
        /** @type {[number, number]} */
        const range = end === 0 ? [given, now[1]] : [now[0], given];
        if (Number.isFinite(range[0]) || Number.isFinite(range[1])) filter.ranges.set(key, range);
        else filter.ranges.delete(key);
        changed(app);
      },
    });
  return h("div", { class: "range" }, h("span", {}, one.name), field(0, low), " to ", field(1, high));
}

/** @param {App} app */
function changed(app) {
  app.filterChanged();
  say(`${plural(app.numShown, "trial")} shown`);
}

/** The fields follow what was brushed. @param {App} app */
function showRanges(app) {
  for (const input of document.querySelectorAll(".ranges input[data-key]")) {
    const field = /** @type {HTMLInputElement} */ (input);
    const range = app.filter.ranges.get(field.dataset.key ?? "");
    const value = range?.[Number(field.dataset.end)] ?? NaN;
    field.value = Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "";
  }
}

/**
 * A brush along an axis is a range of the filter. The lines themselves fade in the chart as it is brushed; when the brush has come to
 * rest they are chosen anew, so that a narrow range shows all of its trials.
 * @param {App} app
 * @param {import("./figure.js").Figure} figure
 */
function connectBrush(app, figure) {
  /** @type {number | undefined} */
  let timer;
  let isOurs = false;
  figure.connect = (instance) =>
    instance.on("axisareaselected", () => {
      if (isOurs) return;
      readBrush(app, figure);
      app.filterChanged(figure);
      showRanges(app);
      clearTimeout(timer);
      timer = window.setTimeout(() => figure.update(), 250);
    });
  figure.drawn = () => {
    // Drawn anew, the axes have no brushes: they get those of the filter.
    isOurs = true;
    for (const [key, intervals] of brushes(app)) {
      figure.instance?.dispatchAction({ type: "axisAreaSelect", parallelAxisId: `axis-${key}`, intervals });
    }
    isOurs = false;
  };
}

/** @param {App} app @returns {[string, number[][]][]} positions on the axes that have a range */
function brushes(app) {
  const { study, filter } = app;
  const drawn = [...chosenDimensions({ ...app.scene() }), ""];
  return drawn
    .filter((key) => filter.ranges.has(key))
    .map((key) => {
      const one = quantityOf(study, key);
      const [low, high] = filter.ranges.get(key) ?? [0, 0];
      const to = (/** @type {number} */ value, /** @type {number} */ otherwise) => {
        if (!Number.isFinite(value)) return otherwise;
        if (!one.isLog) return value;
        return value > 0 ? Math.log10(value) : one.low;
      };
      const margin = one.choices ? 0.49 : 0;
      const ends = [Math.max(one.low, to(low, one.low)) - margin, Math.min(one.high, to(high, one.high)) + margin];
      return /** @type {[string, number[][]]} */ ([key, [ends]]);
    });
}

/** @param {App} app @param {import("./figure.js").Figure} figure */
function readBrush(app, figure) {
  const { study, filter } = app;
  const drawn = [...chosenDimensions({ ...app.scene(), width: figure.builtFor ?? app.width }), ""];
  drawn.forEach((key, index) => {
    /** @type {number[][]} */
    const intervals = figure.instance.getModel().getComponent("parallelAxis", index)?.activeIntervals ?? [];
    if (intervals.length === 0) {
      filter.ranges.delete(key);
      return;
    }
    const one = quantityOf(study, key);
    const low = Math.min(...intervals.map((ends) => Math.min(ends[0], ends[1])));
    const high = Math.max(...intervals.map((ends) => Math.max(ends[0], ends[1])));
    const isLow = low <= one.low + 1e-6 * (one.high - one.low);
    filter.ranges.set(
      key,
      one.choices ? [Math.ceil(low), Math.floor(high)] : [isLow ? -Infinity : one.undo(low), one.undo(high)],
    );
  });
}
