import { percent, pValue, title } from "../data/format.js";
import { missingSample } from "./importance.js";
import { base, heightOf, isNarrow, rowAxis, valueAxis } from "./parts.js";

const LEVEL = 0.05;
const MOST = 12;

/**
 * The pairs that are least likely by chance.
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { study, theme } = scene;
  const missing = missingSample(study);
  if (missing) return missing;
  /** @type {any[]} */
  const all = (study.sample.interactions ?? []).filter(
    (/** @type {any} */ pair) => Array.isArray(pair.techniques) && typeof pair.share === "number",
  );
  if (all.length === 0) return { missing: "The designed sample has no pairs of techniques." };
  const significant = all.filter((pair) => pair.adjusted_p < LEVEL);
  if (significant.length === 0) {
    return {
      missing: `None of ${all.length} pairs of techniques is distinguishable from no interaction after Holm's correction. A few hundred settings find interactions only where they are as large as main effects.`,
    };
  }
  const shown = all.slice(0, MOST);
  const name = (/** @type {any} */ pair) =>
    `${title(String(pair.techniques[0]))} × ${title(String(pair.techniques[1]))}`;
  const left = isNarrow(scene) ? 150 : 270;
  // A narrow label has two lines, rather than an end cut off.
  const rows = shown.map((pair) => ({ label: isNarrow(scene) ? name(pair).replace(" × ", "\n× ") : name(pair) }));
  const yAxis = rowAxis(scene, rows);
  yAxis.axisLabel.width = left - 12;
  return {
    height: heightOf(scene, (isNarrow(scene) ? 38 : 24) * rows.length) + 64,
    option: {
      ...base(scene),
      grid: { left, right: 18, top: 8, bottom: 48, outerBoundsMode: "none" },
      xAxis: valueAxis(scene, "share of the variance", {
        nameGap: 28,
        min: 0,
        axisLabel: {
          color: theme.muted,
          formatter: (/** @type {number} */ v) => `${Number((100 * v).toFixed(1))} %`,
          hideOverlap: true,
        },
      }),
      yAxis,
      series: [
        {
          type: "bar",
          name: "interaction",
          barWidth: 10,
          data: shown.map((pair) => ({
            value: Math.max(0, pair.share),
            itemStyle:
              pair.adjusted_p < LEVEL
                ? { color: theme.purple }
                : { color: theme.ground, borderColor: theme.faint, borderWidth: 1 },
          })),
          tooltip: {
            formatter: (/** @type {any} */ p) =>
              scene.tip([
                name(shown[p.dataIndex]),
                percent(shown[p.dataIndex].share, 1),
                `p ${pValue(shown[p.dataIndex].adjusted_p)} (Holm)`,
              ]),
          },
        },
      ],
    },
    marks: { pairs: shown.length, significant: significant.length },
    summary: `${significant.length} of ${all.length} pairs interact significantly by Holm's correction: ${significant.slice(0, 5).map(name).join(", ")}.`,
    table: {
      columns: ["pair", "share of variance", "p", "p (Holm)"],
      rows: () => all.map((pair) => [name(pair), percent(pair.share, 1), pValue(pair.p), pValue(pair.adjusted_p)]),
    },
  };
}
