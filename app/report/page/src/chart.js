import "./bare.js";
import { unzlibSync } from "fflate";
import { init } from "./charts/echarts.js";
import { CHARTS } from "./charts/index.js";
import { noChoices } from "./charts/parts.js";
import { THEMES } from "./charts/theme.js";
import { decodeSync } from "./data/decode.js";
import { studyOf } from "./data/study.js";

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
  const width = wanted.width ?? 800;
  const theme = THEMES[wanted.theme ?? "light"];
  if (!theme) throw new Error(`expected a theme, one of ${Object.keys(THEMES).join(", ")}, got ${wanted.theme}`);
  const mask = new Uint8Array(study.size).fill(1);
  const chart = build({ study, studies, theme, width, mask, choices, tip: () => "" });
  if (chart.missing) throw new Error(`${name}: ${chart.missing}${chart.command ? ` ${chart.command}` : ""}`);
  const height = wanted.height ?? chart.height ?? 400;
  const instance = init(null, null, { renderer: "svg", ssr: true, width, height });
  instance.setOption({ ...chart.option, backgroundColor: theme.ground });
  const svg = instance.renderToSVGString();
  instance.dispose();
  return svg;
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
