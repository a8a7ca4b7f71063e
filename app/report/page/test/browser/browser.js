/** Opens reports in a headless Chromium and watches what they do. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";
import { REPORTS } from "../fixtures.js";

const template = readFileSync(fileURLToPath(new URL("../../dist/report.html", import.meta.url)), "utf8");

/** The page with this data in it. @param {any} data */
export const pageOf = (data) =>
  template.replace("@MURMUR_REPORT_DATA@", () => JSON.stringify(data).replaceAll("<", "\\u003c"));

export class Browser {
  /** @param {string} folder @param {import("puppeteer-core").Browser} chromium */
  constructor(folder, chromium) {
    this.folder = folder;
    this.chromium = chromium;
  }

  static async launch() {
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    const chromium = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    return new Browser(mkdtempSync(join(tmpdir(), "murmur-page-")), chromium);
  }

  async close() {
    await this.chromium.close();
    rmSync(this.folder, { recursive: true });
  }

  /**
   * @param {string} kind of `REPORTS`
   * @param {{width?: number, height?: number, theme?: "light" | "dark", motion?: "reduce" | "no-preference", url?: string}} [options]
   */
  async open(kind, options = {}) {
    const { width = 1024, height = 900, theme = "light", motion = "no-preference" } = options;
    const page = await this.chromium.newPage();
    /** @type {string[]} */
    const faults = [];
    page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) faults.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("request", (request) => {
      const url = request.url();
      if (!/^(data|blob):/.test(url) && !(request.isNavigationRequest() && url === address)) {
        faults.push(`request: ${url}`);
      }
    });
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: theme },
      { name: "prefers-reduced-motion", value: motion },
    ]);
    let address = options.url ?? "";
    if (!address) {
      const file = join(this.folder, `${kind}.html`);
      writeFileSync(file, pageOf(REPORTS[kind]()));
      address = pathToFileURL(file).href;
    }
    const begin = Date.now();
    await page.goto(address, { waitUntil: "load" });
    await page.waitForFunction(() => /** @type {any} */ (window).murmurReport?.isReady, { timeout: 60000 });
    return { page, faults, openedIn: Date.now() - begin };
  }
}

/** Draws every chart and returns how many items each has in the library's own model. @param {import("puppeteer-core").Page} page */
export const drawn = (page) =>
  page.evaluate(() => {
    const { app } = /** @type {any} */ (window).murmurReport;
    app.drawAll();
    /** @type {Record<string, {marks: Record<string, number>, series: Record<string, number>}>} */
    const found = {};
    for (const [id, figure] of app.figures) {
      if (!figure.instance || !figure.element.isConnected) continue;
      /** @type {Record<string, number>} */
      const series = {};
      for (const one of figure.instance.getModel().getSeries()) series[one.name] = one.getData().count();
      found[id] = { marks: figure.chart.marks, series };
    }
    return found;
  });
