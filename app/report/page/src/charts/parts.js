import { FONT } from "./theme.js";

/**
 * What a chart is drawn from.
 * @typedef {object} Scene
 * @property {import("../data/study.js").Study} study
 * @property {import("../data/study.js").Study[]} studies all of them
 * @property {import("./theme.js").Theme} theme
 * @property {number} width in pixels
 * @property {Uint8Array} mask which trials the filter shows
 * @property {Choices} choices
 * @property {boolean} [isPaper] true for a print, where there is less room
 * @property {boolean} [isQuick] true while a filter is dragged: of many trials some stand for all
 * @property {(lines: string[]) => any} tip a tooltip of these lines, which are text
 */

/**
 * What the reader has chosen.
 * @typedef {object} Choices
 * @property {number[]} trials whose curves are drawn, by number; empty: the best
 * @property {string[]} dimensions of the parallel coordinates; empty: those that differ most
 * @property {string} x of the scatter
 * @property {string} y of the scatter; "": the value
 * @property {string} swarmX of the swarm; "": a projection
 * @property {string} swarmY
 * @property {number} sweep of the swarm; -1: the last
 * @property {string} compare of the effects: "" for the study's three marks, else the mark that all studies are compared by
 */

/** @returns {Choices} */
export const noChoices = () => ({
  trials: [],
  dimensions: [],
  x: "",
  y: "",
  swarmX: "",
  swarmY: "",
  sweep: -1,
  compare: "",
});

/**
 * A chart, or in words why there is none.
 * @typedef {object} Chart
 * @property {string} [missing] a sentence; then there is nothing else but perhaps a command
 * @property {string} [how] what leads over to the command
 * @property {string} [command] what would make it
 * @property {any} [option] of ECharts
 * @property {number} [height]
 * @property {string} [summary] what the chart shows, for who does not see it
 * @property {Table} [table] the data behind it
 * @property {Record<string, number>} [marks] how many marks of each name it draws
 * @property {string} [note] what a reader should know about how it was drawn
 */

/** @typedef {{columns: string[], rows: () => (string | number)[][]}} Table */

/** @param {Scene} scene */
export const isNarrow = (scene) => scene.width < 560;

/** How high something is, on paper less. @param {Scene} scene @param {number} height */
export const heightOf = (scene, height) => (scene.isPaper ? Math.round(0.7 * height) : height);

/** The width that labels of dimensions have. @param {Scene} scene */
export const labelWidth = (scene) => (isNarrow(scene) ? 116 : 176);

/** @param {Scene} scene */
export function base(scene) {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: FONT, color: scene.theme.ink, fontSize: 12 },
    tooltip: {
      confine: true,
      transitionDuration: 0,
      backgroundColor: scene.theme.ground,
      borderColor: scene.theme.line,
      padding: [8, 12],
      textStyle: { color: scene.theme.ink, fontSize: 12, fontFamily: FONT },
      extraCssText: "box-shadow: 0 2px 12px rgba(0,0,0,.18)",
    },
  };
}

/**
 * @param {Scene} scene
 * @param {string} name
 */
export function valueAxis(scene, name, more = {}) {
  const { theme } = scene;
  return {
    type: "value",
    name,
    nameLocation: "middle",
    nameTextStyle: { color: theme.muted, fontSize: 12 },
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: theme.muted, fontSize: 12, hideOverlap: true },
    splitLine: { lineStyle: { color: theme.line }, showMinLine: true, showMaxLine: true },
    ...more,
  };
}

/** For an axis whose ends are no round numbers: they are not written. */
export const OPEN_ENDS = { showMinLabel: false, showMaxLabel: false };

/** The grid lines of such an axis. @param {Scene} scene */
export const openLines = (scene) => ({
  lineStyle: { color: scene.theme.line },
  showMinLine: false,
  showMaxLine: false,
});

/** What a legend shows for a line and for a dashed one. */
export const LINE_ICON = "path://M0,4L20,4L20,6L0,6Z";
export const DASH_ICON = "path://M0,4L5,4L5,6L0,6ZM7.5,4L12.5,4L12.5,6L7.5,6ZM15,4L20,4L20,6L15,6Z";

/** Words in lines of at most so many letters. @param {string} text @param {number} most */
export function wrapped(text, most) {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(" ")) {
    const last = lines.length - 1;
    if (last >= 0 && lines[last].length + 1 + word.length <= most) lines[last] += ` ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

/**
 * An axis of words, from the top down. Names of groups are bold, and stand alone in their row.
 * @param {Scene} scene
 * @param {{label: string, isGroup?: boolean}[]} rows
 */
export function rowAxis(scene, rows, more = {}) {
  const { theme } = scene;
  return {
    type: "category",
    inverse: true,
    data: rows.map((_, index) => String(index)),
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: {
      interval: 0,
      color: theme.ink,
      fontSize: 12,
      lineHeight: 13,
      width: labelWidth(scene) - 12,
      overflow: "truncate",
      formatter: (/** @type {string} */ index) => {
        const row = rows[Number(index)];
        if (row.isGroup) return `{group|${row.label.replace(/[{}|]/g, " ")}}`;
        const label = row.label.replace(/[{}]/g, " ");
        return isNarrow(scene) && !label.includes("\n") ? wrapped(label, 16) : label;
      },
      rich: { group: { fontWeight: 600, color: theme.muted, fontSize: 12, fontFamily: FONT } },
    },
    ...more,
  };
}

/** Percentages on an axis of accuracies. @param {number} value */
export const percentLabel = (value) => `${Number((100 * value).toFixed(1))} %`.replace("-", "\u2212");

/** @param {number} value */
export const pointsLabel = (value) =>
  `${value > 0 ? "+" : ""}${Number((100 * value).toFixed(2))}`.replace("-", "\u2212");

/** @typedef {"circle" | "diamond" | "triangle" | "square"} Shape */

/** @param {Shape} shape @param {number} x @param {number} y @param {number} size */
function shapeAt(shape, x, y, size, /** @type {any} */ style) {
  if (shape === "circle") return { type: "circle", shape: { cx: x, cy: y, r: size }, style };
  const s = size * 1.25;
  /** @type {Record<string, number[][]>} */
  const corners = {
    diamond: [
      [x, y - s],
      [x + s, y],
      [x, y + s],
      [x - s, y],
    ],
    triangle: [
      [x, y - s],
      [x + s, y + s * 0.8],
      [x - s, y + s * 0.8],
    ],
    square: [
      [x - size, y - size],
      [x + size, y - size],
      [x + size, y + size],
      [x - size, y + size],
    ],
  };
  return { type: "polygon", shape: { points: corners[shape] }, style };
}

/**
 * Points with intervals in the rows of a `rowAxis`: filled where they are significant, hollow where they are not.
 * @param {Scene} scene
 * @param {object} marks
 * @param {string} marks.name
 * @param {string} marks.color
 * @param {Shape} marks.shape
 * @param {number} [marks.shift] in pixels, from the middle of the row
 * @param {number} [marks.axis] index of both axes
 * @param {{row: number, value: number, low: number, high: number, isFilled: boolean, lines: string[]}[]} marks.data
 */
export function intervalSeries(scene, { name, color, shape, shift = 0, axis = 0, data }) {
  return {
    type: "custom",
    name,
    xAxisIndex: axis,
    yAxisIndex: axis,
    color,
    data: data.map((mark) => [mark.value, mark.row, mark.low, mark.high]),
    encode: { x: [0, 2, 3], y: 1 },
    tooltip: { formatter: (/** @type {any} */ params) => scene.tip(data[params.dataIndex].lines) },
    clip: true,
    renderItem: (/** @type {any} */ params, /** @type {any} */ api) => {
      const mark = data[params.dataIndex];
      const [x, middle] = api.coord([mark.value, mark.row]);
      const y = middle + shift;
      const children = [];
      if (Number.isFinite(mark.low) && Number.isFinite(mark.high)) {
        const x1 = api.coord([mark.low, mark.row])[0];
        const x2 = api.coord([mark.high, mark.row])[0];
        children.push({ type: "line", shape: { x1, y1: y, x2, y2: y }, style: { stroke: color, lineWidth: 1.75 } });
      }
      const style = { fill: mark.isFilled ? color : scene.theme.ground, stroke: color, lineWidth: 1.5 };
      children.push(shapeAt(shape, x, y, 4.2, style));
      return { type: "group", children };
    },
  };
}

/**
 * A line at 0 or at a baseline, across a chart.
 * @param {Scene} scene
 * @param {"x" | "y"} axis
 * @param {number} at
 * @param {string} label
 */
export function rule(scene, axis, at, label = "", more = {}) {
  return {
    silent: true,
    symbol: "none",
    animation: false,
    lineStyle: { color: scene.theme.muted, type: "solid", width: 1, ...more },
    label: {
      show: label !== "",
      formatter: () => label,
      color: scene.theme.muted,
      position: "insideEndBottom",
      fontSize: 12,
    },
    data: [{ [`${axis}Axis`]: at }],
  };
}

/** @param {Scene} scene */
export function legend(scene, more = {}) {
  return {
    top: 0,
    left: 0,
    itemWidth: 18,
    itemHeight: 9,
    itemGap: isNarrow(scene) ? 10 : 18,
    textStyle: { color: scene.theme.ink, fontSize: 12, fontFamily: FONT },
    inactiveColor: scene.theme.faint,
    selectedMode: false,
    ...more,
  };
}

/** How high a legend of these names is, by a guess of 7 pixels a letter. @param {Scene} scene @param {string[]} names */
export function legendHeight(scene, names) {
  let rows = 1;
  let at = 0;
  for (const name of names) {
    const width = 44 + 7 * name.length;
    if (at > 0 && at + width > scene.width) {
      rows += 1;
      at = 0;
    }
    at += width;
  }
  return names.length === 0 ? 0 : 12 + 21 * rows;
}

/** As many points as are drawn while a filter is dragged. */
const QUICK_POINTS = 2500;

/** Every so many-th trial is drawn. @param {Scene} scene */
export const strideOf = (scene) => (scene.isQuick ? Math.max(1, Math.ceil(scene.study.size / QUICK_POINTS)) : 1);

/** True where all values look like accuracies. @param {import("../data/study.js").Study} study */
export function hasAccuracies(study) {
  if (study.isOurs) return true;
  for (let i = 0; i < study.size; ++i) if (study.value[i] < 0 || study.value[i] > 1) return false;
  return study.sign > 0;
}
