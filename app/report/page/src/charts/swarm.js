import { fitness, percent, plural } from "../data/format.js";
import { principal } from "../data/projection.js";
import { COMPLETE } from "../data/study.js";
import { quantityOf } from "./axes.js";
import { base, hasAccuracies, legend, legendHeight, OPEN_ENDS, openLines, valueAxis } from "./parts.js";

/** @typedef {import("../data/study.js").Study} Study */

const TRAIL = 4;

/**
 * The trials of each particle, in their order: its k-th trial is its position in sweep k. Stage one is no sweep.
 * @param {Study} study
 * @returns {number[][]} [particle][sweep]
 */
export function sweepsOf(study) {
  /** @type {Map<number, number[]>} */
  const particles = new Map();
  if (!study.particle) return [];
  for (let i = 0; i < study.size; ++i) {
    if (study.stage[i] === 1 || study.particle[i] < 0) continue;
    const found = particles.get(study.particle[i]);
    if (found) found.push(i);
    else particles.set(study.particle[i], [i]);
  }
  return [...particles.entries()].sort((a, b) => a[0] - b[0]).map((entry) => entry[1]);
}

/** @param {Study} study */
export const numSweeps = (study) => sweepsOf(study).reduce((most, trials) => Math.max(most, trials.length), 0);

/** @type {WeakMap<Study, {x: Float64Array, y: Float64Array, shares: [number, number]}>} */
const projections = new WeakMap();

/** All positions on the two directions along which they differ most. @param {Study} study */
function projectionOf(study) {
  const known = projections.get(study);
  if (known) return known;
  const quantities = study.dimensions.map((dimension) => quantityOf(study, dimension.key));
  const point = (/** @type {number} */ i) =>
    quantities.map((one) => {
      const position = (one.at(i) - one.low) / (one.high - one.low);
      return Number.isFinite(position) ? position : 0.5;
    });
  const step = Math.max(1, Math.floor(study.size / 5000));
  const sample = [];
  for (let i = 0; i < study.size; i += step) sample.push(point(i));
  const { mean, axes, shares } = principal(sample);
  const x = new Float64Array(study.size);
  const y = new Float64Array(study.size);
  for (let i = 0; i < study.size; ++i) {
    const at = point(i);
    for (let d = 0; d < at.length; ++d) {
      x[i] += (at[d] - mean[d]) * axes[0][d];
      y[i] += (at[d] - mean[d]) * axes[1][d];
    }
  }
  const result = { x, y, shares };
  projections.set(study, result);
  return result;
}

/**
 * Where the particles are in one sweep, and where they came from.
 * @param {import("./parts.js").Scene} scene
 * @returns {import("./parts.js").Chart}
 */
export function build(scene) {
  const { study, theme, choices } = scene;
  if (!study.particle) return { missing: "This study was not searched by a swarm: no particles moved." };
  const particles = sweepsOf(study);
  const num = numSweeps(study);
  if (num < 2) return { missing: "The swarm has not moved yet: it needs two sweeps." };
  if (study.dimensions.length < 2) {
    return { missing: "The swarm moves along one dimension only: the scatter shows it." };
  }
  const sweep = choices.sweep < 0 ? num - 1 : Math.min(choices.sweep, num - 1);
  const isProjected = !choices.swarmX || !choices.swarmY;
  const isAccuracy = hasAccuracies(study);
  const projection = isProjected ? projectionOf(study) : null;
  const qx = quantityOf(study, choices.swarmX);
  const qy = quantityOf(study, choices.swarmY);
  const at = (/** @type {number} */ i) => (projection ? [projection.x[i], projection.y[i]] : [qx.at(i), qy.at(i)]);
  const bounds = (/** @type {0 | 1} */ part) => {
    if (!projection) return part === 0 ? [qx.low, qx.high] : [qy.low, qy.high];
    let low = Infinity;
    let high = -Infinity;
    for (const value of part === 0 ? projection.x : projection.y) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    return [low, high];
  };
  const axis = (/** @type {0 | 1} */ part, /** @type {string} */ name, /** @type {number} */ nameGap) => {
    const [low, high] = bounds(part);
    const margin = 0.05 * (high - low || 1);
    const one = part === 0 ? qx : qy;
    return valueAxis(scene, name, {
      splitLine: projection ? { show: false } : openLines(scene),
      axisLine: { show: Boolean(projection), onZero: false, lineStyle: { color: theme.line } },
      min: low - margin,
      max: high + margin,
      nameGap,
      axisLabel: {
        show: !projection,
        color: theme.muted,
        hideOverlap: true,
        ...OPEN_ENDS,
        formatter: (/** @type {number} */ v) => (one.choices && !Number.isInteger(v) ? "" : one.label(v)),
      },
    });
  };
  const { rank } = study;
  const now = particles.map((trials) => trials[Math.min(sweep, trials.length - 1)]);
  const isActive = particles.map((trials) => sweep < trials.length);
  const trails = particles.flatMap((trials, p) => {
    if (!isActive[p]) return [];
    const lines = [];
    for (let s = Math.max(1, sweep - TRAIL + 1); s <= sweep; ++s) {
      const age = sweep - s;
      lines.push({
        coords: [at(trials[s - 1]), at(trials[s])],
        lineStyle: { opacity: 0.65 * (1 - age / TRAIL), width: 1.25 },
      });
    }
    return lines;
  });
  // The best that any particle had found until this sweep.
  let best = -1;
  for (const trials of particles) {
    for (const i of trials.slice(0, sweep + 1)) {
      if (rank[i] >= 0 && (best < 0 || rank[i] < rank[best])) best = i;
    }
  }
  const isComplete = (/** @type {number} */ i) => study.state[i] === COMPLETE;
  const shown = now.filter((_, p) => isActive[p]);
  const resting = now.filter((_, p) => !isActive[p]);
  const names = ["complete", "failed or running", "best so far"];
  const top = legendHeight(scene, names);
  const quarter = (/** @type {number} */ i) => 3 - Math.min(3, Math.floor((4 * rank[i]) / study.order.length));
  const dots = (/** @type {string} */ name, /** @type {number[]} */ trials, /** @type {any} */ more) => ({
    type: "scatter",
    name,
    data: trials.map((i) => ({ value: at(i), itemStyle: more.color ? { color: more.color(i) } : undefined })),
    symbolSize: 11,
    z: 3,
    tooltip: {
      formatter: (/** @type {any} */ p) => {
        const i = trials[p.dataIndex];
        return scene.tip([
          `particle ${study.particle?.[i]}, trial ${study.number[i]}`,
          fitness(study.value[i], isAccuracy),
        ]);
      },
    },
    ...more,
    color: undefined,
  });
  const [sx, sy] = projection?.shares ?? [0, 0];
  return {
    height: 420,
    option: {
      ...base(scene),
      legend: legend(scene, {
        data: [
          { name: names[0], icon: "circle", itemStyle: { color: theme.ramp[3] } },
          {
            name: names[1],
            icon: "circle",
            itemStyle: { color: theme.ground, borderColor: theme.orange, borderWidth: 2 },
          },
          { name: names[2], icon: "diamond", itemStyle: { color: theme.ink } },
        ],
        itemWidth: 12,
        itemHeight: 12,
      }),
      grid: {
        left: projection ? 40 : 76,
        right: 16,
        top: top + 4,
        bottom: projection ? 36 : 50,
        outerBoundsMode: "none",
      },
      xAxis: axis(
        0,
        projection ? `first principal component, ${percent(sx, 0)} of the variance` : qx.name,
        projection ? 14 : 30,
      ),
      yAxis: axis(1, projection ? `second, ${percent(sy, 0)}` : qy.name, projection ? 14 : 58),
      series: [
        {
          type: "lines",
          name: "movement",
          coordinateSystem: "cartesian2d",
          silent: true,
          lineStyle: { color: theme.muted },
          data: trails,
        },
        dots("resting", resting, { symbolSize: 6, itemStyle: { color: theme.faint } }),
        dots("complete", shown.filter(isComplete), { color: (/** @type {number} */ i) => theme.ramp[quarter(i)] }),
        dots(
          "failed or running",
          shown.filter((i) => !isComplete(i)),
          {
            itemStyle: { color: theme.ground, borderColor: theme.orange, borderWidth: 2 },
          },
        ),
        dots("best so far", best < 0 ? [] : [best], {
          symbol: "diamond",
          symbolSize: 15,
          z: 4,
          itemStyle: { color: theme.ink, borderColor: theme.ground, borderWidth: 1.5 },
        }),
      ],
    },
    marks: { particles: particles.length, moving: shown.length, trails: trails.length, sweeps: num },
    summary: `Sweep ${sweep + 1} of ${num}: ${plural(shown.length, "particle")} moving${
      best < 0 ? "" : `; the best so far is trial ${study.number[best]} with ${fitness(study.value[best], isAccuracy)}`
    }.`,
    table: {
      columns: ["sweep", "particle", "trial", "value"],
      rows: () =>
        particles.flatMap((trials) =>
          trials.map((i, s) => [
            s + 1,
            study.particle?.[i] ?? "",
            study.number[i],
            fitness(study.value[i], isAccuracy),
          ]),
        ),
    },
  };
}
