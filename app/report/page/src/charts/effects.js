import { points, pValue, signed, title } from "../data/format.js";
import { GROUPS } from "../data/study.js";
import {
  base,
  heightOf,
  intervalSeries,
  isNarrow,
  labelWidth,
  legendHeight,
  pointsLabel,
  rowAxis,
  rule,
  valueAxis,
} from "./parts.js";

/** @typedef {import("../data/study.js").Study} Study */

/**
 * What one source says of one technique.
 * @typedef {object} Mark
 * @property {string} key
 * @property {"alone" | "ablation" | "sample"} source
 * @property {string} comparison as in `murmur analyse --json`; of the designed sample the optimizer
 * @property {string} label
 * @property {number} value
 * @property {number} low
 * @property {number} high
 * @property {number} p Holm's
 * @property {string} command
 */

const LEVEL = 0.05;
/** Between the two panels, in pixels. */
const GAP = 48;

/** @param {number} value */
const correlationLabel = (value) => (value === 0 ? "0" : signed(value, 1));

/** What a row of the ablation compares, in words. */
export const COMPARISONS = /** @type {Record<string, string>} */ ({
  alone: "alone, over the baseline",
  without: "in the winner, against the winner without it",
  with: "put on besides, over the winner",
});

/** @param {unknown} value */
const number = (value) => (typeof value === "number" ? value : NaN);

/** @param {Study} study @returns {Mark[]} */
export function marksOf(study) {
  /** @type {Mark[]} */
  const marks = [];
  for (const row of study.ablation?.rows ?? []) {
    if (!(row.comparison in COMPARISONS)) continue;
    const label = String(row.label ?? "");
    marks.push({
      key: label.split("=")[0],
      source: row.comparison === "alone" ? "alone" : "ablation",
      comparison: row.comparison,
      label,
      value: number(row.difference),
      low: number(row.interval?.[0]),
      high: number(row.interval?.[1]),
      p: number(row.adjusted_p),
      command: String(row.command ?? ""),
    });
  }
  for (const row of study.sample?.dimensions ?? []) {
    for (const [optimizer, of] of Object.entries(row.correlations ?? {})) {
      const found = /** @type {any} */ (of);
      marks.push({
        key: String(row.technique ?? ""),
        source: "sample",
        comparison: optimizer,
        label: String(row.technique ?? ""),
        value: number(found.rho),
        low: number(found.interval?.[0]),
        high: number(found.interval?.[1]),
        p: number(found.adjusted_p),
        command: "",
      });
    }
  }
  return marks.filter((mark) => Number.isFinite(mark.value));
}

/**
 * Rows of a chart: every technique that has a mark, under the name of its place.
 * @param {Study[]} studies
 * @param {Set<string>} keys
 */
function rowsOf(studies, keys) {
  const groups = new Map(studies.flatMap((study) => study.dimensions.map((d) => [d.key, d.group])));
  const order = [...new Set(studies.flatMap((study) => study.dimensions.map((d) => d.key)))];
  for (const key of keys) if (!order.includes(key)) order.push(key);
  /** @type {{label: string, isGroup?: boolean, key?: string}[]} */
  const rows = [];
  for (const group of GROUPS) {
    const members = order.filter((key) => keys.has(key) && (groups.get(key) ?? "other") === group);
    if (members.length === 0) continue;
    rows.push({ label: group.toUpperCase(), isGroup: true });
    for (const key of members) rows.push({ label: title(key), key });
  }
  return rows;
}

/** @param {Mark} mark */
function linesOf(mark) {
  const isSample = mark.source === "sample";
  const write = isSample ? signed : points;
  return [
    title(mark.label),
    isSample ? `designed sample, ${mark.comparison}` : COMPARISONS[mark.comparison],
    `${write(mark.value)} ${isSample ? "rank correlation" : "points"}`,
    `95 % interval ${write(mark.low)} to ${write(mark.high)}`,
    `p ${pValue(mark.p)} (Holm)`,
  ];
}

/** @param {import("./parts.js").Scene} scene */
function seriesColors(scene) {
  const { theme } = scene;
  return { alone: theme.green, ablation: theme.blue, sample: [theme.orange, theme.purple, theme.gold, theme.muted] };
}

/**
 * @param {import("./parts.js").Scene} scene
 * @param {string} source
 * @returns {import("./parts.js").Chart}
 */
function buildComparison(scene, source) {
  const studies = scene.studies
    .map((study) => ({ study, marks: marksOf(study).filter((mark) => mark.source === source) }))
    .filter(({ marks }) => marks.length > 0);
  if (studies.length < 2) {
    return { missing: "Fewer than two of the studies have these effects, so that there is nothing to compare." };
  }
  const isSample = source === "sample";
  const rows = rowsOf(
    studies.map(({ study }) => study),
    new Set(studies.flatMap(({ marks }) => marks.map((mark) => mark.key))),
  );
  const place = new Map(rows.map((row, i) => [row.key, i]));
  /** @type {import("./parts.js").Shape[]} */
  const shapes = ["circle", "diamond", "triangle", "square"];
  const series = studies.map(({ study, marks }, k) =>
    intervalSeries(scene, {
      name: study.name,
      color: scene.theme.series[k % scene.theme.series.length],
      shape: shapes[k % shapes.length],
      shift: (k - (studies.length - 1) / 2) * 8,
      data: marks.map((mark) => ({
        ...mark,
        row: place.get(mark.key) ?? 0,
        isFilled: mark.p < LEVEL,
        lines: [study.name, ...linesOf(mark)],
      })),
    }),
  );
  const all = studies.flatMap(({ study, marks }) => marks.map((mark) => ({ study, mark })));
  const top = legendHeight(
    scene,
    studies.map(({ study }) => study.name),
  );
  Object.assign(series[0], { markLine: rule(scene, "x", 0) });
  return {
    height: top + 52 + rows.length * Math.max(24, 9 * studies.length + 8),
    option: {
      ...base(scene),
      legend: studyLegend(
        scene,
        studies.map(({ study }, k) => [study.name, shapes[k % shapes.length]]),
      ),
      grid: { left: labelWidth(scene), right: 18, top, bottom: 48, outerBoundsMode: "none" },
      xAxis: valueAxis(scene, isSample ? "rank correlation with the accuracy" : "points of accuracy", {
        nameGap: 28,
        axisLabel: {
          color: scene.theme.muted,
          formatter: isSample ? correlationLabel : pointsLabel,
          hideOverlap: true,
        },
      }),
      yAxis: rowAxis(scene, rows),
      series,
    },
    marks: { marks: all.length, studies: studies.length },
    summary: `Effects of ${rows.filter((row) => !row.isGroup).length} techniques in ${studies.length} studies.`,
    table: {
      columns: [
        "study",
        "technique",
        "comparison",
        isSample ? "rank correlation" : "points",
        "low",
        "high",
        "p (Holm)",
      ],
      rows: () => all.map(({ study, mark }) => [study.name, ...rowOf(mark).slice(0, 6)]),
    },
  };
}

/** @param {import("./parts.js").Scene} scene @param {[string, string][]} entries a name and a shape each */
function studyLegend(scene, entries) {
  return {
    top: 0,
    left: 0,
    itemWidth: 12,
    itemHeight: 10,
    itemGap: 16,
    selectedMode: false,
    textStyle: { color: scene.theme.ink, fontSize: 12 },
    data: entries.map(([name, shape]) => ({ name, icon: shape === "square" ? "rect" : shape })),
  };
}

/** @param {Mark} mark @returns {(string | number)[]} */
function rowOf(mark) {
  const write = mark.source === "sample" ? signed : points;
  const comparison = mark.source === "sample" ? `designed sample, ${mark.comparison}` : COMPARISONS[mark.comparison];
  return [title(mark.label), comparison, write(mark.value), write(mark.low), write(mark.high), pValue(mark.p)];
}

/**
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  if (scene.choices.compare) return buildComparison(scene, scene.choices.compare);
  const { study } = scene;
  const marks = marksOf(study);
  if (marks.length === 0) {
    return {
      missing:
        "What each technique is worth has not been measured: that takes trainings beside the search, since where a search has looked is no evidence.",
      how: "This line makes them:",
      command: study.commands.analyse,
    };
  }
  const colors = seriesColors(scene);
  const rows = rowsOf([study], new Set(marks.map((mark) => mark.key)));
  const place = new Map(rows.map((row, i) => [row.key, i]));
  const optimizers = [...new Set(marks.filter((mark) => mark.source === "sample").map((mark) => mark.comparison))];
  const hasPoints = marks.some((mark) => mark.source !== "sample");
  const hasSample = optimizers.length > 0;
  const isStacked = hasPoints && hasSample && isNarrow(scene);
  const toData = (/** @type {Mark} */ mark) => ({
    ...mark,
    row: place.get(mark.key) ?? 0,
    isFilled: mark.p < LEVEL,
    lines: linesOf(mark),
  });

  /** @type {any[]} */
  const series = [];
  /** @type {[string, string][]} */
  const entries = [];
  for (const [source, name, shape, shift] of /** @type {const} */ ([
    ["alone", "alone, over the baseline", "circle", -4.5],
    ["ablation", "within the winner", "diamond", 4.5],
  ])) {
    const data = marks.filter((mark) => mark.source === source).map(toData);
    if (data.length === 0) continue;
    series.push(intervalSeries(scene, { name, color: colors[source], shape, shift, data }));
    entries.push([name, shape]);
  }
  const sampleAxis = hasPoints ? 1 : 0;
  optimizers.forEach((optimizer, k) => {
    const name = optimizer === "all" ? "designed sample" : `designed sample, ${optimizer}`;
    const shift = (k - (optimizers.length - 1) / 2) * 7;
    const data = marks.filter((mark) => mark.source === "sample" && mark.comparison === optimizer).map(toData);
    const color = colors.sample[k % colors.sample.length];
    series.push(intervalSeries(scene, { name, color, shape: "triangle", shift, axis: sampleAxis, data }));
    entries.push([name, "triangle"]);
  });

  const left = labelWidth(scene);
  const top = legendHeight(
    scene,
    entries.map(([name]) => name),
  );
  const rowHeight = heightOf(scene, Math.max(24, hasSample ? 7 * optimizers.length + 9 : 24));
  const panel = rows.length * rowHeight;
  const usable = scene.width - left - 18;
  const firstWidth = hasPoints && hasSample ? (usable - GAP) * 0.56 : usable;
  const grids = [];
  const xAxes = [];
  const yAxes = [];
  if (hasPoints) {
    grids.push({ left, width: isStacked ? usable : firstWidth, top, height: panel });
    xAxes.push(
      valueAxis(scene, isNarrow(scene) ? "points" : "points of validation accuracy", {
        nameGap: 28,
        axisLabel: { color: scene.theme.muted, fontSize: 12, formatter: pointsLabel, hideOverlap: true },
      }),
    );
    yAxes.push(rowAxis(scene, rows));
  }
  if (hasSample) {
    const at = hasPoints && !isStacked ? left + firstWidth + GAP : left;
    grids.push({
      left: at,
      width: hasPoints && !isStacked ? usable - firstWidth - GAP : usable,
      top: isStacked ? top + panel + 64 : top,
      height: panel,
    });
    xAxes.push(
      valueAxis(scene, "rank correlation", {
        nameGap: 28,
        gridIndex: sampleAxis,
        splitNumber: 4,
        axisLabel: { color: scene.theme.muted, fontSize: 12, hideOverlap: true, formatter: correlationLabel },
      }),
    );
    const labels = rowAxis(scene, rows, { gridIndex: sampleAxis });
    if (hasPoints && !isStacked) labels.axisLabel = /** @type {any} */ ({ show: false });
    yAxes.push(labels);
  }
  for (let axis = 0; axis < xAxes.length; ++axis) {
    const first = series.find((one) => one.xAxisIndex === axis);
    if (first) first.markLine = rule(scene, "x", 0);
  }
  const found = marks.filter((mark) => mark.p < LEVEL);
  const summary =
    `Effects of ${rows.filter((row) => !row.isGroup).length} techniques; ` +
    `${found.length} of ${marks.length} effects are distinguishable from none by Holm's correction` +
    (found.length > 0 && found.length <= 12 ? `: ${found.map((mark) => title(mark.label)).join(", ")}.` : ".");
  return {
    height: (isStacked ? top + 2 * panel + 64 : top + panel) + 52,
    option: {
      ...base(scene),
      legend: studyLegend(scene, entries),
      grid: grids.map((grid) => ({ ...grid, outerBoundsMode: "none" })),
      xAxis: xAxes,
      yAxis: yAxes,
      series,
    },
    marks: {
      alone: marks.filter((mark) => mark.source === "alone").length,
      ablation: marks.filter((mark) => mark.source === "ablation").length,
      sample: marks.filter((mark) => mark.source === "sample").length,
    },
    summary,
    table: {
      columns: ["technique", "comparison", "difference (points) or correlation", "low", "high", "p (Holm)", "command"],
      rows: () => marks.map((mark) => [...rowOf(mark), mark.command]),
    },
  };
}

/** How many effects of a study there are of each source. @param {Study} study */
export function sourcesOf(study) {
  return new Set(marksOf(study).map((mark) => mark.source));
}
