import { percent, points } from "../data/format.js";
import {
  base,
  intervalSeries,
  isNarrow,
  OPEN_ENDS,
  openLines,
  pointsLabel,
  rowAxis,
  rule,
  valueAxis,
} from "./parts.js";

/** @typedef {import("../data/study.js").Study} Study */

/** The differences seed by seed, of the pairs that both ended. @param {any} verdict @returns {number[]} */
export function pairedDifferences(verdict) {
  const winner = verdict?.winner?.accuracies ?? [];
  const baseline = verdict?.baseline?.accuracies ?? [];
  return winner.map((/** @type {number | null} */ value, /** @type {number} */ i) =>
    typeof value === "number" && typeof baseline[i] === "number" ? value - baseline[i] : NaN,
  );
}

/** @param {Study} study */
export const hasInterval = (study) =>
  typeof study.verdict?.difference === "number" && typeof study.verdict?.interval?.[0] === "number";

/** @param {Study} study */
export function isDecided(study) {
  const [low, high] = study.verdict.interval;
  return low > 0 || high < 0;
}

/**
 * One row a study: the mean difference, its 95 % interval, and what each seed gave.
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { theme } = scene;
  const studies = scene.studies.filter(hasInterval);
  if (studies.length === 0) {
    return { missing: "No final test has ended yet, so that there is no difference to draw." };
  }
  const isOne = studies.length === 1;
  const rows = studies.map((study) => ({ label: isOne ? "" : study.name }));
  const seeds = studies.flatMap((study, row) =>
    pairedDifferences(study.verdict)
      .filter(Number.isFinite)
      .map((difference) => [difference, row]),
  );
  const data = studies.map((study, row) => ({
    row,
    value: study.verdict.difference,
    low: study.verdict.interval[0],
    high: study.verdict.interval[1],
    isFilled: isDecided(study),
    lines: [
      study.name,
      `${points(study.verdict.difference)} points`,
      `95 % interval ${points(study.verdict.interval[0])} to ${points(study.verdict.interval[1])}`,
    ],
  }));
  const left = isOne ? 12 : isNarrow(scene) ? 100 : 180;
  const axis = valueAxis(scene, `points of test accuracy over ${studies[0].baselineName}`, {
    nameGap: 30,
    axisLabel: { color: theme.muted, fontSize: 12, formatter: pointsLabel, hideOverlap: true },
    min: (/** @type {any} */ { min, max }) => Math.min(0, min) - 0.08 * (Math.max(0, max) - Math.min(0, min)),
    max: (/** @type {any} */ { min, max }) => Math.max(0, max) + 0.08 * (Math.max(0, max) - Math.min(0, min)),
  });
  Object.assign(axis.axisLabel, OPEN_ENDS);
  axis.splitLine = openLines(scene);
  return {
    height: 88 + 44 * studies.length,
    option: {
      ...base(scene),
      grid: { left, right: 16, top: 8, bottom: 52, outerBoundsMode: "none" },
      xAxis: axis,
      yAxis: rowAxis(scene, rows, { axisLabel: { ...rowAxis(scene, rows).axisLabel, width: left - 12 } }),
      series: [
        {
          type: "scatter",
          name: "one seed",
          data: seeds,
          symbol: "rect",
          symbolSize: [1.5, 14],
          symbolOffset: [0, 0],
          itemStyle: { color: theme.faint },
          markLine: rule(scene, "x", 0),
          tooltip: { formatter: (/** @type {any} */ p) => scene.tip([`one seed: ${points(p.value[0])} points`]) },
        },
        intervalSeries(scene, { name: "difference", color: theme.blue, shape: "circle", data }),
      ],
    },
    marks: { differences: data.length, seeds: seeds.length },
    summary: data
      .map(
        (mark, i) =>
          `${studies[i].name}: ${points(mark.value)} points over ${studies[i].baselineName}, 95 % interval ${points(mark.low)} to ${points(mark.high)}.`,
      )
      .join(" "),
    table: {
      columns: ["study", "seed", "winner, test", studies[0].baselineName, "difference, points"],
      rows: () =>
        studies.flatMap((study) =>
          pairedDifferences(study.verdict).map((difference, i) => [
            study.name,
            i + 1,
            percent(study.verdict.winner.accuracies[i] ?? NaN),
            percent(study.verdict.baseline.accuracies[i] ?? NaN),
            points(difference),
          ]),
        ),
    },
  };
}
