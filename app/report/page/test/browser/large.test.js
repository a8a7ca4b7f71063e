import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { REPORTS } from "../fixtures.js";
import { Browser, drawn, pageOf } from "./browser.js";

// Times are printed; what is asserted is so generous that a busy machine does not fail.

/** @type {Browser} */
let browser;
before(async () => (browser = await Browser.launch()));
after(() => browser.close());

/** Runs `step` in the page for many frames; returns the milliseconds of each frame. @param {import("puppeteer-core").Page} page */
const frames = (page) =>
  page.evaluate(async () => {
    const slider = /** @type {HTMLInputElement} */ (document.getElementById("filter-top"));
    const times = [];
    const next = () => new Promise((resolve) => requestAnimationFrame(resolve));
    let last = await next();
    for (let k = 0; k < 60; ++k) {
      slider.value = String(100 - k);
      slider.dispatchEvent(new Event("input"));
      const now = await next();
      times.push(/** @type {any} */ (now) - /** @type {any} */ (last));
      last = now;
    }
    return times.slice(5).sort((a, b) => a - b);
  });

test("50,000 trials open, and filter in every chart", async () => {
  const size = pageOf(REPORTS.large()).length;
  const { page, faults, openedIn } = await browser.open("large", { width: 1200 });
  console.log(`# 50,000 trials: ${(size / 1e6).toFixed(1)} MB, opened in ${openedIn} ms`);
  assert.ok(openedIn < 15000);
  for (const id of ["history", "explore", "figure-scatter"]) {
    await page.$eval(`#${id}`, (part) => part.scrollIntoView());
    await new Promise((resolve) => setTimeout(resolve, 500));
    const times = await frames(page);
    const median = times[Math.floor(times.length / 2)];
    const slow = times[Math.floor(times.length * 0.95)];
    console.log(`# filter at ${id}: median ${median.toFixed(0)} ms a frame, 95 %: ${slow.toFixed(0)} ms`);
    assert.ok(median < 500);
  }
  const charts = await drawn(page);
  assert.equal(charts.history.marks.aborted + charts.history.marks.diverged, 8974);
  assert.deepEqual(faults, []);
  await page.close();
});

test("more than a million epochs of curves", async () => {
  const size = pageOf(REPORTS.epochs()).length;
  const { page, faults, openedIn } = await browser.open("epochs", { width: 1200 });
  const { epochs, took } = await page.evaluate(() => {
    const { app } = /** @type {any} */ (window).murmurReport;
    const begin = performance.now();
    app.figures.get("curves").draw();
    return { epochs: app.study.curves.length, took: performance.now() - begin };
  });
  console.log(
    `# ${epochs} epochs: ${(size / 1e6).toFixed(1)} MB, opened in ${openedIn} ms, curves drawn in ${took.toFixed(0)} ms`,
  );
  assert.ok(epochs > 900000);
  assert.ok(openedIn < 15000);
  assert.ok(took < 5000);
  assert.deepEqual(faults, []);
  await page.close();
});
