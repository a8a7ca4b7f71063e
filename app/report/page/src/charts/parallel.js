import { fitness, plural, title, valueOf } from "../data/format.js";
import { representatives } from "../data/filter.js";
import { COMPLETE } from "../data/study.js";
import { axisOf, quantityOf } from "./axes.js";
import { base, hasAccuracies, isNarrow, OPEN_ENDS, wrapped } from "./parts.js";

/** More lines than these are no picture any more, and slow. */
const MOST_LINES = 600;
const MOST_OTHERS = 200;
/** And these while a filter is dragged. */
const QUICK_LINES = 100;

/**
 * The dimensions that are drawn: those chosen, else those that the winner has on.
 * @param {import("./parts.js").Scene} scene
 * @returns {string[]}
 */
export function chosenDimensions({ study, choices, width }) {
  const known = new Set(study.dimensions.map((dimension) => dimension.key));
  const chosen = choices.dimensions.filter((key) => known.has(key));
  if (chosen.length > 0) return chosen;
  const most = width < 560 ? 4 : 8;
  const setting = study.winner?.setting ?? {};
  const baseline = study.baseline?.setting ?? {};
  const isOn = (/** @type {import("../data/study.js").Dimension} */ d) => {
    const off = d.key in baseline ? baseline[d.key] : d.choices ? d.choices[d.off] : d.off;
    return d.key in setting && setting[d.key] !== off;
  };
  const sorted = [...study.dimensions].sort((a, b) => Number(isOn(b)) - Number(isOn(a)) || a.index - b.index);
  return sorted
    .slice(0, most)
    .sort((a, b) => a.index - b.index)
    .map((dimension) => dimension.key);
}

/**
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { study, theme, mask } = scene;
  if (study.order.length < 2) return { missing: "Fewer than two trials are complete." };
  if (study.dimensions.length === 0) return { missing: "The study has no parameters." };
  const keys = chosenDimensions(scene);
  const quantities = [...keys, ""].map((key) => quantityOf(study, key));
  const isShown = new Uint8Array(study.size);
  const isOther = new Uint8Array(study.size);
  let num = 0;
  for (let i = 0; i < study.size; ++i) {
    const isComplete = study.state[i] === COMPLETE && Number.isFinite(study.value[i]);
    isShown[i] = isComplete && mask[i] ? 1 : 0;
    isOther[i] = isComplete && !mask[i] ? 1 : 0;
    num += isShown[i];
  }
  const shown = representatives(study, isShown, scene.isQuick ? QUICK_LINES : MOST_LINES);
  const others = scene.isQuick ? [] : representatives(study, isOther, MOST_OTHERS);
  const { rank } = study;
  const isBetterLast = (/** @type {number} */ a, /** @type {number} */ b) => rank[b] - rank[a];
  // Colours by quarters of all complete trials, the best on top.
  const color = (/** @type {number} */ i) =>
    theme.ramp[3 - Math.min(3, Math.floor((4 * rank[i]) / study.order.length))];
  const rowOf = (/** @type {number} */ i) => quantities.map((one) => one.at(i));
  const data = shown.sort(isBetterLast).map((i) => {
    const quarter = theme.ramp.indexOf(color(i));
    return {
      value: rowOf(i),
      id: String(study.number[i]),
      lineStyle: { color: color(i), opacity: 0.25 + 0.2 * quarter },
    };
  });
  const isAccuracy = hasAccuracies(study);
  const space = (scene.width - 110) / (quantities.length - 1);
  const names = quantities.map((one) => wrapped(one.name, Math.max(8, Math.floor(space / 6.6))));
  const lines = Math.max(...names.map((name) => name.split("\n").length));
  const common = { coordinateSystem: "parallel", parallelIndex: 0, progressive: 0 };
  return {
    height: 380,
    note:
      shown.length < num
        ? `${plural(shown.length, "line")} stand for ${plural(num, "trial")}: the best half of them, and every so many-th of the rest. The filter counts all.`
        : undefined,
    option: {
      ...base(scene),
      parallel: {
        left: isNarrow(scene) ? 30 : 48,
        right: isNarrow(scene) ? 44 : 64,
        top: 20 + 15 * lines,
        bottom: 24,
        parallelAxisDefault: {
          nameLocation: "end",
          nameGap: 14,
          nameTextStyle: { color: theme.ink, fontSize: 12, lineHeight: 15, align: "center" },
          axisLine: { lineStyle: { color: theme.faint, width: 1 } },
          axisTick: { show: false },
          splitLine: { show: false },
          axisLabel: {
            color: theme.ink,
            fontSize: 11,
            showMinLabel: true,
            showMaxLabel: true,
            hideOverlap: true,
            // Labels lie on the lines, and stay readable by an edge in the colour of the ground.
            textBorderColor: theme.ground,
            textBorderWidth: 3,
          },
          z: 20,
          areaSelectStyle: { width: 18, borderWidth: 1, borderColor: theme.orange, color: theme.orange, opacity: 0.25 },
          realtime: true,
        },
      },
      parallelAxis: quantities.map((one, dim) => ({
        dim,
        id: `axis-${one.key}`,
        name: names[dim],
        ...axisOf(one, 0),
        splitNumber: 4,
        // Quarters of a range are rounder than what a search for round numbers leaves at its end.
        interval: one.choices || one.isLog || one.key === "" ? undefined : (one.high - one.low) / 4,
        axisLabel: {
          ...(one.key === "" ? OPEN_ENDS : {}),
          formatter: one.choices ? undefined : (/** @type {number} */ position) => one.label(position),
        },
      })),
      series: [
        {
          type: "parallel",
          name: "outside of the filter",
          ...common,
          silent: true,
          lineStyle: { color: theme.faint, width: 0.75, opacity: 0.25 },
          inactiveOpacity: 0.02,
          activeOpacity: 0.25,
          data: others.map(rowOf),
        },
        {
          type: "parallel",
          name: "trials",
          ...common,
          lineStyle: { width: 1.25 },
          inactiveOpacity: 0.04,
          activeOpacity: 0.8,
          data,
          tooltip: { show: false },
        },
      ],
    },
    marks: { lines: shown.length, others: others.length, axes: quantities.length },
    summary: `Parallel coordinates of ${plural(shown.length, "complete trial")} over ${keys.map(title).join(", ")} and the accuracy.`,
    table: {
      columns: ["trial", ...keys.map(title), "value"],
      rows: () =>
        Array.from(study.order)
          .filter((i) => mask[i])
          .map((i) => [
            study.number[i],
            ...keys.map((key) => {
              const dimension = study.dimensions.find((one) => one.key === key);
              return dimension ? valueOf(dimension, dimension.values[i]) : "";
            }),
            fitness(study.value[i], isAccuracy),
          ]),
    },
  };
}
