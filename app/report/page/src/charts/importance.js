import { percent, pValue, title } from "../data/format.js";
import { base, heightOf, isNarrow, labelWidth, legendHeight, rowAxis, valueAxis } from "./parts.js";

const LEVEL = 0.05;

/** @param {unknown} value */
const number = (value) => (typeof value === "number" ? value : NaN);

/** How many settings the designed sample has. @param {any} sample */
export const sizeOfSample = (sample) => sample?.num_settings ?? sample?.settings?.length ?? 0;

/** Below this a sample finds a quarter of what there is: docs/analysis.md. */
export const ENOUGH_SETTINGS = 30;

/**
 * Why a designed sample says nothing, or undefined where it does.
 * @param {import("../data/study.js").Study} study
 * @returns {import("./parts.js").Chart | undefined}
 */
export function missingSample(study) {
  if (!study.sample) {
    return {
      missing:
        "Only a designed sample, whose settings were drawn without looking at values, can say this; a search's own trials are where it found something, and importances taken from them are wrong most of the time.",
      how: "This line trains a sample:",
      command: study.commands.analyse,
    };
  }
  const size = sizeOfSample(study.sample);
  if (size > 0 && size < ENOUGH_SETTINGS) {
    return {
      missing: `The designed sample has only ${size} settings; from fewer than ${ENOUGH_SETTINGS} nothing is drawn.`,
      how: "The same line with more --trials trains more:",
      command: study.commands.analyse,
    };
  }
  return undefined;
}

/**
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { study, theme } = scene;
  const missing = missingSample(study);
  if (missing) return missing;
  /** @type {any[]} */
  const dimensions = study.sample.dimensions ?? [];
  const found = dimensions
    .map((row) => ({
      key: String(row.technique ?? ""),
      variance: number(row.variance?.share),
      varianceP: number(row.variance?.adjusted_p),
      best: number(row.best?.share),
      bestP: number(row.best?.adjusted_p),
    }))
    .filter((row) => Number.isFinite(row.variance) || Number.isFinite(row.best))
    .sort((a, b) => (b.variance || 0) - (a.variance || 0));
  if (found.length === 0) return { missing: "The designed sample has no importances." };
  const rows = found.map((row) => ({ label: title(row.key) }));
  const names = ["share of all variance", "contribution to the best quarter"];
  const bar = (/** @type {string} */ name, /** @type {"variance" | "best"} */ part, /** @type {string} */ color) => ({
    type: "bar",
    name,
    color,
    barWidth: heightOf(scene, 8),
    barGap: "25%",
    data: found.map((row) => ({
      value: Number.isFinite(row[part]) ? Math.max(0, row[part]) : 0,
      itemStyle: row[`${part}P`] < LEVEL ? { color } : { color: theme.ground, borderColor: color, borderWidth: 1 },
    })),
    tooltip: {
      formatter: (/** @type {any} */ p) => {
        const row = found[p.dataIndex];
        return scene.tip([title(row.key), `${name}: ${percent(row[part], 1)}`, `p ${pValue(row[`${part}P`])} (Holm)`]);
      },
    },
  });
  const top = legendHeight(scene, names);
  const significant = found.filter((row) => row.varianceP < LEVEL);
  return {
    height: top + heightOf(scene, 24 * rows.length) + 52,
    option: {
      ...base(scene),
      legend: {
        top: 0,
        left: 0,
        itemGap: isNarrow(scene) ? 8 : 18,
        selectedMode: false,
        itemWidth: 14,
        itemHeight: 8,
        textStyle: { color: theme.ink, fontSize: 12 },
      },
      grid: { left: labelWidth(scene), right: 18, top, bottom: 48, outerBoundsMode: "none" },
      xAxis: valueAxis(scene, "share", {
        nameGap: 28,
        min: 0,
        axisLabel: {
          color: theme.muted,
          hideOverlap: true,
          formatter: (/** @type {number} */ v) => `${Math.round(100 * v)} %`,
        },
      }),
      yAxis: rowAxis(scene, rows),
      series: [bar(names[0], "variance", theme.blue), bar(names[1], "best", theme.green)],
    },
    marks: { dimensions: found.length },
    summary: `Importance of ${found.length} techniques in ${sizeOfSample(study.sample)} settings. Significant by share of variance: ${
      significant.map((row) => `${title(row.key)} ${percent(row.variance, 1)}`).join(", ") || "none"
    }.`,
    table: {
      columns: ["technique", "share of variance", "p (Holm)", "contribution to the best", "p (Holm) of it"],
      rows: () =>
        found.map((row) => [
          title(row.key),
          percent(row.variance, 1),
          pValue(row.varianceP),
          percent(row.best, 1),
          pValue(row.bestP),
        ]),
    },
  };
}
