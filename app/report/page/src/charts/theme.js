/**
 * Colours that stay apart for the colour-blind (after Okabe and Ito), darkened or lightened until text in them has a contrast of 4.5
 * on the page's ground. Nothing is told by colour alone: every mark also has its shape, fill or place.
 */

/**
 * @typedef {object} Theme
 * @property {string} name
 * @property {string} ground
 * @property {string} ink
 * @property {string} muted
 * @property {string} faint
 * @property {string} line
 * @property {string} blue
 * @property {string} orange
 * @property {string} green
 * @property {string} purple
 * @property {string} gold
 * @property {string[]} series one a study, or a trial
 * @property {string[]} ramp from worse to better
 * @property {string} negative
 * @property {string} positive
 */

/** @type {Record<string, Theme>} */
export const THEMES = {
  light: {
    name: "light",
    ground: "#ffffff",
    ink: "#1b1f24",
    muted: "#57606a",
    faint: "#aab1b9",
    line: "#e3e6e9",
    blue: "#0b62a8",
    orange: "#b84a00",
    green: "#00755a",
    purple: "#8a3f8c",
    gold: "#8a6100",
    series: ["#0b62a8", "#b84a00", "#00755a", "#8a3f8c", "#8a6100", "#4a5058"],
    ramp: ["#959da8", "#7f9ac6", "#3f7cba", "#083f74"],
    negative: "#b84a00",
    positive: "#0b62a8",
  },
  dark: {
    name: "dark",
    ground: "#15181c",
    ink: "#e9ebee",
    muted: "#a5adb7",
    faint: "#5d6670",
    line: "#2d333a",
    blue: "#6cb2f5",
    orange: "#f39a5f",
    green: "#52c7a3",
    purple: "#d8a0da",
    gold: "#d9b350",
    series: ["#6cb2f5", "#f39a5f", "#52c7a3", "#d8a0da", "#d9b350", "#b4bcc6"],
    ramp: ["#69727d", "#5c80ab", "#6ba6de", "#b8dcff"],
    negative: "#f39a5f",
    positive: "#6cb2f5",
  },
};

/* Single quotes within: the text stands in an attribute of an SVG, and ECharts does not escape it. */
export const FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";

/**
 * A colour between two, both "#rrggbb".
 * @param {string} from
 * @param {string} to
 * @param {number} share 0: from, 1: to
 */
export function mix(from, to, share) {
  const part = (/** @type {string} */ color, /** @type {number} */ at) => parseInt(color.slice(at, at + 2), 16);
  const channel = (/** @type {number} */ at) =>
    Math.round(part(from, at) + (part(to, at) - part(from, at)) * share)
      .toString(16)
      .padStart(2, "0");
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}
