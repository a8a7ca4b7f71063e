/** Writes dist/report.html and dist/chart.js. The same sources give the same bytes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(root, "dist");

/** @type {import("esbuild").BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  minify: true,
  legalComments: "none",
  charset: "ascii",
  define: { "process.env.NODE_ENV": '"production"', __DEV__: "false" },
  logLevel: "warning",
};

/** @param {import("esbuild").BuildOptions} options */
async function bundled(options) {
  const result = await build({ ...common, ...options });
  return result.outputFiles?.[0].text ?? "";
}

/** The licences of what is bundled, in full: the page and the script carry them. */
function licences() {
  return ["echarts", "zrender", "fflate", "tslib"]
    .map((name) => {
      const folder = join(root, "node_modules", name);
      const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const texts = ["LICENSE", "LICENSE.txt", "NOTICE", "licenses/LICENSE-d3"].flatMap((file) => {
        try {
          return [readFileSync(join(folder, file), "utf8").trim()];
        } catch {
          return [];
        }
      });
      if (texts.length === 0) throw new Error(`${name}: expected a licence`);
      return `${name} ${version}\n\n${texts.join("\n\n")}`;
    })
    .join(`\n\n${"-".repeat(78)}\n\n`);
}

/** @param {string} text */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** A script inside of a page must not contain what would end it. @param {string} script */
const inPage = (script) => script.trim().replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");

mkdirSync(out, { recursive: true });
const texts = licences();
const script = await bundled({ entryPoints: ["src/page/main.js"], format: "iife", target: "es2020" });
const style = await bundled({ entryPoints: ["src/page/style.css"], target: "es2020" });
const template = readFileSync(join(root, "src/page/template.html"), "utf8");
const page = template
  .replace("/* style */", () => style.trim())
  .replace("<!-- licences -->", () => escaped(texts))
  .replace("/* script */", () => inPage(script));
const placeholder = "@MURMUR_REPORT_DATA@";
if (page.split(placeholder).length !== 2) throw new Error(`expected ${placeholder} once in the page`);
writeFileSync(join(out, "report.html"), page);

const chart = await bundled({ entryPoints: ["src/chart.js"], format: "iife", target: "es2020" });
const comment = `/*\nThis file contains:\n\n${texts.replaceAll("*/", "* /")}\n*/\n`;
writeFileSync(join(out, "chart.js"), comment + chart);
writeFileSync(join(out, "package.json"), '{ "type": "commonjs" }\n');
