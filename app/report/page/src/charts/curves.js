import { fitness, plural } from "../data/format.js";
import { curveBand } from "../data/stats.js";
import { curveOf, extent, placeOf } from "../data/study.js";
import {
  base,
  DASH_ICON,
  heightOf,
  hasAccuracies,
  legend,
  legendHeight,
  LINE_ICON,
  percentLabel,
  valueAxis,
} from "./parts.js";

/** As many curves as colours tell apart. */
export const MOST_CURVES = 6;
/** A curve of more epochs is drawn by every so many-th. */
const MOST_EPOCHS = 1000;

/**
 * The trials whose curves are drawn: those chosen, else the winner and the best.
 * @param {import("./parts.js").Scene} scene
 * @returns {number[]} places
 */
export function chosenTrials({ study, choices }) {
  const chosen = choices.trials.map((wanted) => placeOf(study, wanted)).filter((i) => i >= 0);
  if (chosen.length > 0) return chosen.slice(0, MOST_CURVES);
  const winner = typeof study.winner?.trial === "number" ? placeOf(study, study.winner.trial) : -1;
  const places = [...new Set([winner, ...study.order.slice(0, 3)])].filter((i) => i >= 0);
  return places.slice(0, 3);
}

/** @param {number[]} curve @returns {[number, number][]} epoch from 1, and value */
function thinned(curve) {
  const step = Math.max(1, Math.ceil(curve.length / MOST_EPOCHS));
  /** @type {[number, number][]} */
  const points = [];
  for (let i = 0; i < curve.length; i += step) points.push([i + 1, curve[i]]);
  const last = curve.length - 1;
  if (points.length > 0 && points[points.length - 1][0] !== last + 1) points.push([last + 1, curve[last]]);
  return points.filter((point) => Number.isFinite(point[1]));
}

/**
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { study, theme } = scene;
  if (study.curves.length === 0) return { missing: "The study has no learning curves." };
  const isAccuracy = hasAccuracies(study);
  const curves = chosenTrials(scene)
    .map((i) => ({ name: `trial ${study.number[i]}`, values: curveOf(study, i) }))
    .filter(({ values }) => values.length > 0);
  const given = Array.isArray(study.baseline?.curve) ? study.baseline.curve : Array.from(study.baseline?.curve ?? []);
  const baseline = given.map((/** @type {any} */ value) => (typeof value === "number" ? value : NaN));
  if (curves.length === 0 && baseline.length === 0) return { missing: "None of these trials has a learning curve." };
  const [low, lower, upper, high] = curveBand(study, [0.05, 0.25, 0.75, 0.95]);
  const names = curves.map((curve) => curve.name);
  if (baseline.length > 0) names.push(study.baselineName);
  const hasBand = low.length > 0;
  if (hasBand) names.push("middle 90 % of all trials", "middle half");
  const top = legendHeight(scene, names);
  const epochs = Math.max(low.length, baseline.length, ...curves.map((curve) => curve.values.length));
  /** @param {string} name @param {number[]} from @param {number[]} to @param {number} opacity */
  const band = (name, from, to, opacity) => {
    const below = thinned(from);
    const above = thinned(to);
    const common = {
      type: "line",
      stack: name,
      stackStrategy: "all",
      symbol: "none",
      silent: true,
      lineStyle: { width: 0 },
    };
    return [
      { ...common, name: `below ${name}`, data: below, areaStyle: { opacity: 0 } },
      {
        ...common,
        name,
        color: theme.muted,
        data: above.map(([epoch, value], k) => [epoch, value - below[k][1]]),
        areaStyle: { color: theme.muted, opacity },
      },
    ];
  };
  const line = (
    /** @type {string} */ name,
    /** @type {number[]} */ values,
    /** @type {string} */ color,
    /** @type {any} */ more,
  ) => ({
    type: "line",
    name,
    color,
    symbol: values.length > 40 ? "none" : "circle",
    symbolSize: 5,
    data: thinned(values),
    lineStyle: { width: 2, ...more },
    tooltip: {
      formatter: (/** @type {any} */ p) => scene.tip([name, `epoch ${p.value[0]}`, fitness(p.value[1], isAccuracy)]),
    },
  });
  // What learns little would press everything else together at the top: the band may go on below.
  const drawnValues = [...curves.map((curve) => curve.values), baseline].flat().filter(Number.isFinite);
  const [lowest, highest] = extent(drawnValues);
  const floor = Math.floor(50 * Math.max(isAccuracy ? 0 : -Infinity, lowest - 0.3 * (highest - lowest))) / 50;
  const rows = () =>
    [...curves, { name: study.baselineName, values: baseline }].flatMap(({ name, values }) =>
      values.map((/** @type {number} */ value, /** @type {number} */ epoch) => [
        name,
        epoch + 1,
        fitness(value, isAccuracy),
      ]),
    );
  return {
    height: heightOf(scene, 320) + top,
    option: {
      ...base(scene),
      tooltip: { ...base(scene).tooltip, trigger: "item" },
      legend: legend(scene, {
        data: names.map((name) => ({
          name,
          icon: name === study.baselineName ? DASH_ICON : name.startsWith("middle") ? "rect" : LINE_ICON,
          itemStyle: name.startsWith("middle") ? { opacity: name === "middle half" ? 0.45 : 0.2 } : undefined,
        })),
      }),
      grid: { left: 64, right: 16, top: top + 8, bottom: 46, outerBoundsMode: "none" },
      xAxis: valueAxis(scene, "epoch", {
        nameGap: 28,
        min: 1,
        max: Math.max(2, epochs),
        minInterval: 1,
        splitLine: { show: false },
      }),
      yAxis: valueAxis(scene, "", {
        min: floor,
        scale: true,
        axisLabel: {
          color: theme.muted,
          formatter: isAccuracy ? percentLabel : undefined,
          showMinLabel: !isAccuracy || floor > 0.02,
        },
      }),
      series: [
        ...(hasBand
          ? [...band("middle 90 % of all trials", low, high, 0.12), ...band("middle half", lower, upper, 0.16)]
          : []),
        ...curves.map((curve, k) => line(curve.name, curve.values, theme.series[k % theme.series.length], {})),
        ...(baseline.length > 0 ? [line(study.baselineName, baseline, theme.ink, { type: "dashed" })] : []),
      ],
    },
    marks: { curves: curves.length, baseline: baseline.length > 0 ? 1 : 0, band: hasBand ? low.length : 0 },
    summary:
      `Accuracy after each epoch of ${plural(curves.length, "trial")}` +
      (baseline.length > 0 ? ` and of ${study.baselineName}. ` : ". ") +
      curves
        .map((curve) => `${curve.name} ends with ${fitness(curve.values[curve.values.length - 1], isAccuracy)}.`)
        .join(" "),
    table: { columns: ["trial", "epoch", "value"], rows },
  };
}
