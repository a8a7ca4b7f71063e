import { count, fitness, plural } from "../data/format.js";
import { ABORTED, baselineValue, COMPLETE, DIVERGED, placeOf, PRUNED, STATE_NAMES } from "../data/study.js";
import {
  base,
  DASH_ICON,
  heightOf,
  hasAccuracies,
  isNarrow,
  legend,
  legendHeight,
  LINE_ICON,
  OPEN_ENDS,
  openLines,
  percentLabel,
  strideOf,
  valueAxis,
} from "./parts.js";

/** @typedef {import("../data/study.js").Study} Study */

/** From this many points on they are drawn in one go, without an outline. */
const LARGE = 3000;

/**
 * The range of values worth drawing: what lies below three quarters of the complete trials would press the rest together at the
 * top. The baseline is always in it.
 * @param {Study} study
 * @returns {[number, number]}
 */
export function range(study) {
  // The order is from the best to the worst.
  const at = (/** @type {number} */ share) =>
    study.value[study.order[Math.floor(share * (study.order.length - 1))]] ?? NaN;
  const edges = [at(0), at(0.75), baselineValue(study)];
  const finite = edges.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const margin = (high - low || 0.02) * 0.07;
  return [low - margin, high + margin];
}

/** The places where the best so far changes, and the end. @param {Study} study @returns {number[][]} */
export function bestSteps(study) {
  const steps = [];
  for (let i = 0; i < study.size; ++i) {
    if (Number.isFinite(study.best[i]) && !(study.best[i] === study.best[i - 1])) {
      steps.push([study.number[i], study.best[i]]);
    }
  }
  if (steps.length > 0) steps.push([study.number[study.size - 1], study.best[study.size - 1]]);
  return steps;
}

/**
 * The best so far of all studies, and their baselines.
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
function buildComparison(scene) {
  const studies = scene.studies.filter((study) => study.order.length > 0);
  if (studies.length === 0) return { missing: "No study has a complete trial yet." };
  const isAccuracy = studies.every(hasAccuracies);
  const dashes = ["solid", "dashed", "dotted", [8, 3, 2, 3], [2, 2], [12, 4]];
  const names = studies.map((study) => study.name);
  const top = legendHeight(scene, names);
  const series = studies.map((study, k) => {
    const color = scene.theme.series[k % scene.theme.series.length];
    return {
      type: "line",
      name: study.name,
      step: "end",
      symbol: "none",
      color,
      lineStyle: { width: 2, type: dashes[k % dashes.length] },
      data: bestSteps(study),
      markLine: Number.isFinite(baselineValue(study))
        ? {
            silent: true,
            symbol: "none",
            label: { show: false },
            lineStyle: { color, width: 1, type: "dashed", opacity: 0.7 },
            data: [{ yAxis: baselineValue(study) }],
          }
        : undefined,
    };
  });
  const ranges = studies.map(range);
  return {
    height: heightOf(scene, 300) + top,
    option: {
      ...base(scene),
      tooltip: { ...base(scene).tooltip, trigger: "item" },
      legend: legend(scene, { data: names.map((name, k) => ({ name, icon: k === 0 ? LINE_ICON : DASH_ICON })) }),
      grid: { left: 64, right: 16, top: top + 8, bottom: 46, outerBoundsMode: "none" },
      xAxis: valueAxis(scene, "trial", { nameGap: 28, splitLine: { show: false }, min: 0 }),
      yAxis: valueAxis(scene, "", {
        min: Math.min(...ranges.map((r) => r[0])),
        max: Math.max(...ranges.map((r) => r[1])),
        axisLabel: {
          color: scene.theme.muted,
          formatter: isAccuracy ? percentLabel : undefined,
          ...OPEN_ENDS,
        },
        splitLine: openLines(scene),
      }),
      series,
    },
    marks: { studies: series.length, steps: series.reduce((sum, one) => sum + one.data.length, 0) },
    summary: studies
      .map(
        (study) =>
          `${study.name}: best ${fitness(study.value[study.order[0]], isAccuracy)} of ${plural(study.size, "trial")}.`,
      )
      .join(" "),
    table: {
      columns: ["study", "trial", "best so far"],
      rows: () =>
        studies.flatMap((study) => bestSteps(study).map((step) => [study.name, step[0], fitness(step[1], isAccuracy)])),
    },
  };
}

/**
 * Every trial by its number: above its value, below a row for what was aborted, one for what diverged and, where there
 * is any, one for what was pruned.
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  if (scene.choices.compare) return buildComparison(scene);
  const { study, theme, mask } = scene;
  if (study.size === 0) return { missing: "The study has no trial yet." };
  const isAccuracy = hasAccuracies(study);
  const [low, high] = range(study);
  /** @type {Record<"shown" | "hidden" | "below" | "aborted" | "diverged" | "pruned", number[]>} */
  const points = { shown: [], hidden: [], below: [], aborted: [], diverged: [], pruned: [] };
  let numBelow = 0;
  const stride = strideOf(scene);
  for (let i = 0; i < study.size; i += stride) {
    const x = study.number[i];
    if (study.state[i] === ABORTED) {
      points.aborted.push(x, 1);
    } else if (study.state[i] === DIVERGED) {
      points.diverged.push(x, 0);
    } else if (study.state[i] === PRUNED) {
      points.pruned.push(x, 2);
    } else if (study.state[i] === COMPLETE && Number.isFinite(study.value[i])) {
      const isOutside = study.value[i] < low || study.value[i] > high;
      numBelow += isOutside ? 1 : 0;
      if (isOutside) points.below.push(x, study.value[i] < low ? low : high);
      else (mask[i] ? points.shown : points.hidden).push(x, study.value[i]);
    }
  }
  const isLarge = study.size > LARGE;
  const size = isLarge ? 3 : study.size > 600 ? 4 : 6;
  const steps = bestSteps(study);
  const names = ["complete", "best so far"];
  const baseline = baselineValue(study);
  if (Number.isFinite(baseline)) names.push(study.baselineName);
  if (points.hidden.length > 0) names.splice(1, 0, "outside of the filter");
  const winner = typeof study.winner?.trial === "number" ? placeOf(study, study.winner.trial) : -1;
  const hasWinner = winner >= 0 && study.winner.tested === true && Number.isFinite(study.value[winner]);
  if (hasWinner) names.push("winner");
  const top = legendHeight(scene, names);
  const tipOf = (/** @type {any} */ p) =>
    scene.tip([`trial ${p.value[0]}`, fitness(p.value[1], isAccuracy), "click: its learning curve"]);
  const dots = (/** @type {string} */ name, /** @type {number[]} */ data, /** @type {any} */ more) => ({
    type: "scatter",
    name,
    data: isLarge ? new Float32Array(data) : pairs(data),
    dimensions: ["x", "y"],
    symbolSize: size,
    large: isLarge,
    largeThreshold: 1,
    progressive: 0,
    tooltip: { formatter: tipOf },
    ...more,
  });
  const strip = { xAxisIndex: 1, yAxisIndex: 1, symbol: "rect", symbolSize: [isLarge ? 1 : 1.5, 9] };
  const stripTip = (/** @type {string} */ what) => ({
    formatter: (/** @type {any} */ p) => scene.tip([`trial ${p.value[0]}: ${what}`]),
  });
  const lastTrial = study.number[study.size - 1];
  const x = { min: 0, max: Math.max(1, lastTrial) };
  const left = isNarrow(scene) ? 62 : 72;
  const rows = ["diverged", "aborted", ...(points.pruned.length > 0 ? ["pruned"] : [])];
  const bottom = 64 + 20 * rows.length;
  const summary =
    `${plural(study.size, "trial")}: ${STATE_NAMES.map((name, state) => `${count(study.counts[state])} ${name}`)
      .filter((_, state) => study.counts[state] > 0)
      .join(", ")}. ` +
    (study.order.length > 0
      ? `The best is trial ${study.number[study.order[0]]} with ${fitness(study.value[study.order[0]], isAccuracy)}` +
        (Number.isFinite(baseline) ? `; ${study.baselineName} has ${fitness(baseline, isAccuracy)}.` : ".")
      : "None is complete.");
  return {
    height: heightOf(scene, 420),
    note:
      numBelow > 0
        ? `${plural(numBelow, "complete trial")} outside of the range that is drawn: triangles at its edge. The table has all values.`
        : undefined,
    option: {
      ...base(scene),
      legend: legend(scene, {
        data: names.map((name) => ({
          name,
          icon: name === "best so far" ? LINE_ICON : name === study.baselineName ? DASH_ICON : "circle",
          itemStyle: name === "winner" ? { color: theme.ground, borderColor: theme.ink, borderWidth: 1.5 } : undefined,
        })),
      }),
      grid: [
        { left, right: 16, top: top + 8, bottom, outerBoundsMode: "none" },
        { left, right: 16, bottom: 48, height: 20 * rows.length, outerBoundsMode: "none" },
      ],
      xAxis: [
        valueAxis(scene, "", { ...x, splitLine: { show: false }, axisLabel: { show: false } }),
        valueAxis(scene, "trial", {
          ...x,
          gridIndex: 1,
          nameGap: 28,
          splitLine: { show: false },
          axisLabel: { color: theme.muted, hideOverlap: true, showMaxLabel: false },
        }),
      ],
      yAxis: [
        valueAxis(scene, "", {
          min: low,
          max: high,
          axisLabel: {
            color: theme.muted,
            formatter: isAccuracy ? percentLabel : undefined,
            ...OPEN_ENDS,
          },
          splitLine: openLines(scene),
        }),
        {
          type: "category",
          gridIndex: 1,
          data: rows,
          axisLine: { show: false },
          axisTick: { show: false },
          splitLine: { show: false },
          axisLabel: { color: theme.muted, fontSize: 11, interval: 0 },
        },
      ],
      series: [
        dots("outside of the filter", points.hidden, { itemStyle: { color: theme.faint, opacity: 0.5 } }),
        dots("complete", points.shown, { itemStyle: { color: theme.blue, opacity: isLarge ? 0.55 : 0.75 } }),
        dots("outside of the range", points.below, {
          symbol: "triangle",
          symbolSize: isLarge ? 3 : 6,
          itemStyle: { color: theme.muted, opacity: 0.7 },
          tooltip: {
            formatter: (/** @type {any} */ p) =>
              scene.tip([
                `trial ${p.value[0]}`,
                fitness(study.value[placeOf(study, p.value[0])], isAccuracy),
                "outside of the range that is drawn",
              ]),
          },
        }),
        dots("aborted", points.aborted, { ...strip, itemStyle: { color: theme.gold }, tooltip: stripTip("aborted") }),
        dots("pruned", points.pruned, { ...strip, itemStyle: { color: theme.blue }, tooltip: stripTip("pruned") }),
        dots("diverged", points.diverged, {
          ...strip,
          itemStyle: { color: theme.orange },
          tooltip: stripTip("diverged"),
        }),
        {
          type: "line",
          name: "best so far",
          step: "end",
          symbol: "none",
          silent: true,
          color: theme.ink,
          lineStyle: { width: 1.75 },
          data: steps,
        },
        {
          type: "line",
          name: study.baselineName,
          silent: true,
          symbol: "none",
          color: theme.orange,
          lineStyle: { width: 1.5, type: "dashed" },
          data: Number.isFinite(baseline)
            ? [
                [0, baseline],
                [x.max, baseline],
              ]
            : [],
        },
        {
          type: "scatter",
          name: "winner",
          silent: true,
          symbolSize: 14,
          z: 5,
          itemStyle: { color: "transparent", borderColor: theme.ink, borderWidth: 1.75 },
          data: hasWinner ? [[study.number[winner], study.value[winner]]] : [],
        },
      ],
    },
    marks: {
      shown: points.shown.length / 2,
      hidden: points.hidden.length / 2,
      below: points.below.length / 2,
      aborted: points.aborted.length / 2,
      diverged: points.diverged.length / 2,
      pruned: points.pruned.length / 2,
      steps: steps.length,
      baseline: Number.isFinite(baseline) ? 1 : 0,
    },
    summary,
    table: {
      columns: ["trial", "state", "value", "best so far"],
      rows: () =>
        Array.from({ length: study.size }, (_, i) => [
          study.number[i],
          STATE_NAMES[study.state[i]] ?? "",
          fitness(study.value[i], isAccuracy),
          fitness(study.best[i], isAccuracy),
        ]),
    },
  };
}

/** @param {number[]} flat @returns {number[][]} */
export function pairs(flat) {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
}
