/** Pictures of a report for the documentation: node pictures.mjs REPORT.html FOLDER. Needs a Chromium, as the tests do. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const [report, folder] = process.argv.slice(2);
if (!report || !folder) throw new Error("expected REPORT.html FOLDER");
mkdirSync(folder, { recursive: true });
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage();
await page.setViewport({ width: 1200, height: 900 });
await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
await page.goto(pathToFileURL(resolve(report)).href);
await page.waitForFunction(() => /** @type {any} */ (window).murmurReport?.isReady);
await page.evaluate(() => /** @type {any} */ (window).murmurReport.app.drawAll());
await page.screenshot({ path: join(folder, "report-answer.png") });
for (const id of ["effects", "history", "explore"]) {
  const section = await page.$(`#${id}`);
  await section?.screenshot({ path: join(folder, `report-${id}.png`) });
}
await browser.close();
