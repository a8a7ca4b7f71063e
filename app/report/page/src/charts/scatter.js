import { fitness, plural, title } from "../data/format.js";
import { COMPLETE, DIVERGED } from "../data/study.js";
import { axisOf, jitter, quantityOf, zoomed } from "./axes.js";
import { pairs } from "./history.js";
import { base, hasAccuracies, legend, legendHeight, OPEN_ENDS, openLines, strideOf, valueAxis } from "./parts.js";

const LARGE = 3000;

/**
 * Any dimension against the value or another dimension; colours are quarters of the complete trials.
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { study, theme, mask } = scene;
  if (study.dimensions.length === 0) return { missing: "The study has no parameters." };
  if (study.order.length === 0) return { missing: "No trial is complete yet." };
  const first = scene.choices.x || study.dimensions[0].key;
  const x = quantityOf(study, first);
  const y = zoomed(quantityOf(study, scene.choices.y), study, mask);
  const isAccuracy = hasAccuracies(study);
  const { rank } = study;
  const names = ["best quarter", "second", "third", "last quarter", "aborted"];
  /** @type {number[][]} */
  const points = [[], [], [], [], []];
  /** @type {number[]} */
  const hidden = [];
  const spread = (/** @type {import("./axes.js").Quantity} */ one, /** @type {number} */ i) =>
    one.choices ? one.at(i) + 0.6 * (jitter(i) - 0.5) : one.at(i);
  const stride = strideOf(scene);
  for (let i = 0; i < study.size; i += stride) {
    if (study.state[i] >= DIVERGED) continue;
    const px = spread(x, i);
    const py = spread(y, i);
    if (!Number.isFinite(px) || !Number.isFinite(py)) continue;
    const isComplete = study.state[i] === COMPLETE && rank[i] >= 0;
    // What was aborted lies far below all that is complete: there is no place for its value.
    if (!isComplete && y.key === "") continue;
    const quarter = isComplete ? Math.min(3, Math.floor((4 * rank[i]) / study.order.length)) : 4;
    if (mask[i]) points[quarter].push(px, py);
    else hidden.push(px, py);
  }
  const isLarge = study.size > LARGE;
  const used = names.filter((_, k) => points[k].length > 0);
  const top = legendHeight(scene, used);
  const data = (/** @type {number[]} */ flat) => (isLarge ? new Float32Array(flat) : pairs(flat));
  const common = { type: "scatter", dimensions: ["x", "y"], large: isLarge, largeThreshold: 1, progressive: 0 };
  const axis = (/** @type {import("./axes.js").Quantity} */ one, /** @type {object} */ more) =>
    valueAxis(scene, one.name, {
      ...axisOf(one, 0.03),
      ...(one.choices
        ? { type: "value", min: -0.5, max: one.choices.length - 0.5, interval: 0.5, data: undefined }
        : {}),
      axisLabel: {
        color: theme.muted,
        hideOverlap: true,
        ...OPEN_ENDS,
        formatter: (/** @type {number} */ position) =>
          one.choices ? (Number.isInteger(position) ? one.label(position) : "") : one.label(position),
      },
      splitLine: openLines(scene),
      ...more,
    });
  const colors = [theme.ramp[3], theme.ramp[2], theme.ramp[1], theme.ramp[0], theme.orange];
  const order = [4, 3, 2, 1, 0];
  const numShown = points.reduce((sum, flat) => sum + flat.length / 2, 0);
  return {
    height: 400,
    option: {
      ...base(scene),
      legend: legend(scene, { data: used, itemWidth: 12 }),
      grid: { left: 76, right: 16, top: top + 4, bottom: 50, outerBoundsMode: "none" },
      xAxis: axis(x, { nameGap: 30 }),
      yAxis: axis(y, { nameGap: 58 }),
      series: [
        {
          ...common,
          name: "outside of the filter",
          silent: true,
          symbolSize: isLarge ? 2 : 4,
          itemStyle: { color: theme.faint, opacity: 0.35 },
          data: data(hidden),
        },
        ...order.map((k) => ({
          ...common,
          name: names[k],
          symbol: k === 4 ? "triangle" : "circle",
          symbolSize: isLarge ? 3 : k === 0 ? 7 : 5,
          itemStyle: { color: colors[k], opacity: isLarge ? 0.6 : 0.8 },
          data: data(points[k]),
          tooltip: {
            formatter: (/** @type {any} */ p) =>
              scene.tip([`${x.name} ${x.label(snap(x, p.value[0]))}`, `${y.name} ${y.label(snap(y, p.value[1]))}`]),
          },
        })),
      ],
    },
    marks: { points: numShown, hidden: hidden.length / 2 },
    summary: `${plural(numShown, "trial")} by ${x.name} and ${y.name}.`,
    table: {
      columns: ["trial", title(x.name), y.name, "value"],
      rows: () =>
        Array.from({ length: study.size }, (_, i) => i)
          .filter((i) => mask[i] && study.state[i] < DIVERGED && Number.isFinite(x.at(i)))
          .map((i) => [study.number[i], x.label(x.at(i)), y.label(y.at(i)), fitness(study.value[i], isAccuracy)]),
    },
  };
}

/** @param {import("./axes.js").Quantity} one @param {number} position */
const snap = (one, position) => (one.choices ? Math.round(position) : position);
