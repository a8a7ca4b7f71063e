import { count, percent, plural, title, valueOf } from "../data/format.js";
import { failures, wilson } from "../data/stats.js";
import { base, heightOf, intervalSeries, labelWidth, legendHeight, rowAxis, valueAxis } from "./parts.js";

/**
 * How many of the full trainings failed, with each technique on and off, and with each choice of the optimizer.
 * @param {import("../data/study.js").Study} study
 */
export function ratesOf(study) {
  /** @type {{key: string, what: string, on: boolean, failures: import("../data/stats.js").Failures}[]} */
  const rates = [];
  for (const dimension of study.dimensions) {
    const { values, choices, off, key } = dimension;
    if (key === "optimizer" && choices) {
      choices.forEach((choice, index) =>
        rates.push({
          key: `optimizer ${choice}`,
          what: "",
          on: true,
          failures: failures(study, (i) => values[i] === index),
        }),
      );
    } else if (Number.isFinite(off) && !(dimension.isLog && dimension.low <= off && off <= dimension.high)) {
      const isOff = (/** @type {number} */ i) => Number.isNaN(values[i]) || values[i] === off;
      rates.push({ key, what: `off (${valueOf(dimension, off)})`, on: false, failures: failures(study, isOff) });
      rates.push({ key, what: "on", on: true, failures: failures(study, (i) => !isOff(i)) });
    }
  }
  return rates.filter((rate) => rate.failures.all > 0);
}

/** @param {import("../data/stats.js").Failures} f */
const share = (f) => (f.aborted + f.diverged) / f.all;

/**
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { study, theme } = scene;
  const all = failures(study, () => true);
  if (all.all === 0) return { missing: "No full training has ended yet." };
  if (all.aborted + all.diverged === 0) {
    return { missing: `None of ${plural(all.all, "training")} was aborted or diverged.` };
  }
  const rates = ratesOf(study);
  const keys = [...new Set(rates.map((rate) => rate.key))];
  if (keys.length === 0) {
    return {
      missing: `${percent(share(all), 1)} of ${plural(all.all, "training")} failed; no searched technique can be off.`,
    };
  }
  const rows = keys.map((key) => ({ label: title(key) }));
  const toData = (/** @type {boolean} */ on) =>
    rates
      .filter((rate) => rate.on === on)
      .map((rate) => {
        const [low, high] = wilson(rate.failures.aborted + rate.failures.diverged, rate.failures.all);
        return {
          row: keys.indexOf(rate.key),
          value: share(rate.failures),
          low,
          high,
          isFilled: on,
          lines: [
            `${title(rate.key)} ${rate.what}`,
            `${percent(share(rate.failures), 1)} of ${plural(rate.failures.all, "training")} failed`,
            `${count(rate.failures.aborted)} aborted, ${count(rate.failures.diverged)} diverged`,
          ],
        };
      });
  const names = ["on", "off"];
  const top = legendHeight(scene, names);
  return {
    height: top + heightOf(scene, 26 * rows.length) + 52,
    option: {
      ...base(scene),
      legend: {
        top: 0,
        left: 0,
        selectedMode: false,
        itemWidth: 12,
        itemHeight: 10,
        textStyle: { color: theme.ink, fontSize: 12 },
        data: [
          { name: "on", icon: "circle" },
          { name: "off", icon: "circle", itemStyle: { color: theme.ground, borderColor: theme.blue, borderWidth: 2 } },
        ],
      },
      grid: { left: labelWidth(scene), right: 18, top, bottom: 48, outerBoundsMode: "none" },
      xAxis: valueAxis(scene, "trainings that failed", {
        nameGap: 28,
        min: 0,
        max: (/** @type {any} */ { max }) => Math.min(1, Math.ceil(10 * max) / 10),
        axisLabel: {
          color: theme.muted,
          formatter: (/** @type {number} */ v) => `${Math.round(100 * v)} %`,
          hideOverlap: true,
        },
      }),
      yAxis: rowAxis(scene, rows),
      series: [
        intervalSeries(scene, { name: "off", color: theme.blue, shape: "circle", shift: 4, data: toData(false) }),
        intervalSeries(scene, { name: "on", color: theme.orange, shape: "circle", shift: -4, data: toData(true) }),
      ],
    },
    marks: { on: toData(true).length, off: toData(false).length },
    summary: `${percent(share(all), 1)} of ${plural(all.all, "training")} failed: ${count(all.aborted)} aborted, ${count(all.diverged)} diverged.`,
    table: {
      columns: ["technique", "is", "trainings", "aborted", "diverged", "failed"],
      rows: () =>
        rates.map((rate) => [
          title(rate.key),
          rate.what,
          rate.failures.all,
          rate.failures.aborted,
          rate.failures.diverged,
          percent(share(rate.failures), 1),
        ]),
    },
  };
}
