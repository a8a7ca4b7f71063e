import "./bare.js";
import { unzlibSync } from "fflate";
import { init } from "./charts/echarts.js";
import { CHARTS } from "./charts/index.js";
import { noChoices } from "./charts/parts.js";
import { THEMES } from "./charts/theme.js";
import { decodeSync } from "./data/decode.js";
import { studyOf } from "./data/study.js";

const MARGIN = 12;

/** Charts that can be of any height; the others have rows, and are as high as these. */
const FLEXIBLE = new Set(["history", "curves", "parallel", "scatter", "swarm"]);

/**
 * One chart as the text of an SVG file: DATA.md says how.
 * @param {string} data
 * @param {string} name
 * @param {string} [options]
 */
export function murmurChart(data, name, options = "{}") {
  const build = CHARTS[name];
  if (!build || !Object.hasOwn(CHARTS, name)) {
    throw new Error(`expected a chart, one of ${Object.keys(CHARTS).join(", ")}, got ${name}`);
  }
  const wanted = JSON.parse(options || "{}") ?? {};
  const report = decodeSync(data, (stream) => unzlibSync(stream));
  const studies = (report.studies ?? []).map(studyOf);
  const study = studies[wanted.study ?? 0];
  if (!study) throw new Error(`${name}: the report has no study ${wanted.study ?? 0}`);
  const choices = { ...noChoices(), dimensions: wanted.dimensions ?? [], trials: wanted.trials ?? [] };
  [choices.x, choices.y] = [wanted.dimensions?.[0] ?? "", wanted.dimensions?.[1] ?? ""];
  [choices.swarmX, choices.swarmY] = [wanted.dimensions?.[0] ?? "", wanted.dimensions?.[1] ?? ""];
  choices.compare = wanted.compare ?? "";
  if (typeof wanted.sweep === "number") choices.sweep = wanted.sweep;
  const theme = THEMES[wanted.theme ?? "light"];
  if (!theme) throw new Error(`expected a theme, one of ${Object.keys(THEMES).join(", ")}, got ${wanted.theme}`);
  const size = { width: wanted.width || 800, height: wanted.height || 0 };
  const width = Math.max(200, size.width - 2 * MARGIN);
  const mask = new Uint8Array(study.size).fill(1);
  const chart = build({ study, studies, theme, width, mask, choices, tip: () => "" });
  if (chart.missing) {
    const how = chart.command ? ` ${chart.how ?? "By:"} ${chart.command}` : "";
    throw new Error(`${name}: ${chart.missing}${how}`);
  }
  const own = chart.height ?? 400;
  const height = size.height && FLEXIBLE.has(name) ? Math.max(150, size.height - 2 * MARGIN) : own;
  const instance = init(null, null, { renderer: "svg", ssr: true, width, height });
  instance.setOption(chart.option);
  const svg = instance.renderToSVGString();
  instance.dispose();
  return framed(
    svg,
    { width, height },
    { width: size.width, height: size.height || height + 2 * MARGIN },
    theme.ground,
  );
}

/**
 * A drawing with a margin around it. Where the picture has another shape than the drawing, the drawing is fitted into it.
 * @param {string} svg
 * @param {{width: number, height: number}} inner
 * @param {{width: number, height: number}} outer
 * @param {string} ground
 */
function framed(svg, inner, outer, ground) {
  const [w, h] = [inner.width + 2 * MARGIN, inner.height + 2 * MARGIN];
  const end = svg.indexOf(">");
  const head =
    `<svg width="${outer.width}" height="${outer.height}" viewBox="${-MARGIN} ${-MARGIN} ${w} ${h}" ` +
    `xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1">`;
  const rect = `<rect x="${-MARGIN}" y="${-MARGIN}" width="${w}" height="${h}" fill="${ground}"/>`;
  // Not every program that draws SVG knows baselines: text is moved down to its middle instead.
  const body = svg.slice(end + 1).replaceAll('<text dominant-baseline="central"', '<text dy="0.35em"');
  return `${head}\n${rect}${body}`;
}

const scope = /** @type {any} */ (globalThis);
scope.murmurChart = murmurChart;
scope.murmurCharts = Object.keys(CHARTS);

// As a program: node chart.js DATA.json NAME [OPTIONS]
if (typeof module !== "undefined" && typeof require === "function" && require.main === module) {
  const [path, name, options] = process.argv.slice(2);
  try {
    console.log(murmurChart(require("node:fs").readFileSync(path, "utf8"), name, options));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
