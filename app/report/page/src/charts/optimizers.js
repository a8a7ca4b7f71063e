import { pValue, signed, title } from "../data/format.js";
import { missingSample } from "./importance.js";
import { base, heightOf, isNarrow, labelWidth, rowAxis } from "./parts.js";
import { FONT, mix } from "./theme.js";

const LEVEL = 0.05;

/**
 * Rank correlations, a row a technique and a column an optimizer. What is not significant has no colour.
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { study, theme } = scene;
  const missing = missingSample(study);
  if (missing) return missing;
  /** @type {{key: string, optimizer: string, rho: number, p: number, interval: number[]}[]} */
  const cells = [];
  /** @type {string[]} */
  const optimizers = [];
  /** @type {string[]} */
  const keys = [];
  /** @type {Record<string, number>} */
  const sizes = {};
  for (const row of study.sample.dimensions ?? []) {
    for (const [optimizer, found] of Object.entries(/** @type {Record<string, any>} */ (row.correlations ?? {}))) {
      if (!optimizers.includes(optimizer)) optimizers.push(optimizer);
      sizes[optimizer] = found.settings;
      if (typeof found.rho !== "number") continue;
      if (!keys.includes(row.technique)) keys.push(row.technique);
      cells.push({
        key: String(row.technique),
        optimizer,
        rho: found.rho,
        p: found.adjusted_p,
        interval: found.interval ?? [],
      });
    }
  }
  if (cells.length === 0) return { missing: "No optimizer has at least ten settings in the designed sample." };
  const rows = keys.map((key) => ({ label: title(key) }));
  const strongest = Math.max(...cells.map((cell) => Math.abs(cell.rho)));
  const isSure = (/** @type {number} */ k) => cells[k].p < LEVEL;
  const height = heightOf(scene, 26);
  return {
    height: 64 + height * rows.length,
    option: {
      ...base(scene),
      grid: { left: labelWidth(scene), right: 16, top: 44, bottom: 8, outerBoundsMode: "none" },
      xAxis: {
        type: "category",
        position: "top",
        data: optimizers,
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: {
          color: theme.ink,
          interval: 0,
          lineHeight: 15,
          formatter: (/** @type {string} */ name) =>
            `${name}\n${sizes[name] ? (isNarrow(scene) ? sizes[name] : `${sizes[name]} settings`) : ""}`,
        },
      },
      yAxis: rowAxis(scene, rows),
      series: [
        {
          type: "custom",
          name: "correlation",
          data: cells.map((cell) => [optimizers.indexOf(cell.optimizer), keys.indexOf(cell.key), cell.rho]),
          encode: { x: 0, y: 1 },
          tooltip: {
            formatter: (/** @type {any} */ p) => {
              const cell = cells[p.dataIndex];
              return scene.tip([
                `${title(cell.key)}, ${cell.optimizer}`,
                `rank correlation ${signed(cell.rho)}`,
                `95 % interval ${signed(cell.interval[0] ?? NaN)} to ${signed(cell.interval[1] ?? NaN)}`,
                `p ${pValue(cell.p)} (Holm)`,
              ]);
            },
          },
          renderItem: (/** @type {any} */ params, /** @type {any} */ api) => {
            const cell = cells[params.dataIndex];
            const [x, y] = api.coord([optimizers.indexOf(cell.optimizer), keys.indexOf(cell.key)]);
            const [w] = api.size([1, 1]);
            const sure = isSure(params.dataIndex);
            const strength = 0.25 + 0.75 * (Math.abs(cell.rho) / strongest);
            const fill = sure
              ? mix(theme.ground, cell.rho > 0 ? theme.positive : theme.negative, strength)
              : "transparent";
            const isStrong = sure && strength > 0.55;
            return {
              type: "group",
              children: [
                {
                  type: "rect",
                  shape: { x: x - w / 2 + 2, y: y - height / 2 + 2, width: w - 4, height: height - 4, r: 2 },
                  style: { fill },
                },
                {
                  type: "text",
                  style: {
                    text: signed(cell.rho),
                    x,
                    y,
                    align: "center",
                    verticalAlign: "middle",
                    fontSize: 12,
                    fontFamily: FONT,
                    fontWeight: sure ? 600 : 400,
                    fill: isStrong ? theme.ground : sure ? theme.ink : theme.muted,
                  },
                },
              ],
            };
          },
        },
      ],
    },
    marks: { cells: cells.length, significant: cells.filter((_, k) => isSure(k)).length },
    summary: `Rank correlation of ${keys.length} techniques with the accuracy for ${optimizers.join(", ")}; ${
      cells.filter((_, k) => isSure(k)).length
    } of ${cells.length} are significant by Holm's correction.`,
    table: {
      columns: ["technique", "optimizer", "settings", "rank correlation", "low", "high", "p (Holm)"],
      rows: () =>
        cells.map((cell) => [
          title(cell.key),
          cell.optimizer,
          sizes[cell.optimizer] ?? "",
          signed(cell.rho),
          signed(cell.interval[0] ?? NaN),
          signed(cell.interval[1] ?? NaN),
          pValue(cell.p),
        ]),
    },
  };
}
