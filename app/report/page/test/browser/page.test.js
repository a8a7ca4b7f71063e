import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Browser, drawn, pageOf } from "./browser.js";

/** @type {Browser} */
let browser;
before(async () => (browser = await Browser.launch()));
after(() => browser.close());

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** @param {import("puppeteer-core").Page} page */
const text = (page) => page.$eval("#app", (app) => app.textContent ?? "");

/** @param {import("puppeteer-core").Page} page @param {string} selector @param {string} value @param {string} event */
const enter = (page, selector, value, event) =>
  page.$eval(
    selector,
    (input, [given, name]) => {
      /** @type {HTMLInputElement} */ (input).value = given;
      input.dispatchEvent(new Event(name));
    },
    [value, event],
  );

test("each chart has the right number of marks, without an error or a request", async () => {
  const { page, faults } = await browser.open("whole");
  const charts = await drawn(page);
  const series = (/** @type {string} */ id) => charts[id].series;
  assert.deepEqual(series("verdict"), { "one seed": 5, difference: 1 });
  assert.equal(series("effects")["alone, over the baseline"], 18);
  assert.equal(series("effects")["within the winner"], 18);
  for (const optimizer of ["sgd", "momentum", "adam"]) {
    assert.equal(series("effects")[`designed sample, ${optimizer}`], 19);
  }
  const { complete, aborted, diverged } = series("history");
  assert.equal(complete + series("history")["outside of the range"], 90);
  assert.deepEqual([aborted, diverged], [12, 8]);
  assert.equal(series("history")["all off"], 2);
  assert.equal(Object.keys(series("curves")).filter((name) => name.startsWith("trial ")).length, 3);
  assert.equal(series("curves")["all off"], 6);
  assert.deepEqual(series("importance"), { "share of all variance": 22, "contribution to the best quarter": 22 });
  assert.equal(series("optimizers").correlation, 57);
  assert.equal(series("interactions").interaction, 12);
  assert.equal(series("parallel").trials, 90);
  const scatter = series("scatter");
  assert.equal(scatter["best quarter"] + scatter.second + scatter.third + scatter["last quarter"], 90);
  // The last sweep of 110 trials of 8 particles has 6 of them.
  assert.equal(charts.swarm.marks.moving, 6);
  assert.equal(series("swarm").complete + series("swarm")["failed or running"], 6);
  assert.equal(series("aborts").on + series("aborts").off, charts.aborts.marks.on + charts.aborts.marks.off);
  assert.deepEqual(faults, []);
  await page.close();
});

test("the canvases have something on them, and vectors have elements", async () => {
  const { page } = await browser.open("whole");
  await drawn(page);
  const inked = await page.$$eval("figure", (all) =>
    all.map((figure) => {
      let count = 0;
      for (const canvas of figure.querySelectorAll("canvas")) {
        const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        for (let i = 3; i < pixels.length; i += 4) count += pixels[i] > 0 ? 1 : 0;
      }
      return count;
    }),
  );
  assert.equal(inked.filter((count) => count > 1000).length, 4);
  const vectors = await page.$$eval("figure svg", (all) =>
    all.map((svg) => svg.querySelectorAll("path, circle").length),
  );
  assert.ok(vectors.length >= 7);
  for (const count of vectors) assert.ok(count > 3);
  await page.close();
});

test("the filter narrows history, scatter, lines and table together", async () => {
  const { page, faults } = await browser.open("whole");
  await drawn(page);
  await enter(page, "#filter-top", "10", "input");
  await new Promise((resolve) => setTimeout(resolve, 400));
  const charts = await drawn(page);
  assert.equal(charts.parallel.series.trials, 9);
  assert.equal(charts.history.series.complete, 9);
  assert.equal(charts.scatter.series["best quarter"], 9);
  assert.match(await page.$eval("#filter-count", (out) => out.textContent ?? ""), /^9 of 110/);
  assert.equal((await page.$$("#best-table tbody tr")).length, 9);
  await page.click("#filter-reset");
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal((await drawn(page)).parallel.series.trials, 90);
  assert.deepEqual(faults, []);
  await page.close();
});

test("a brush along an axis is a range, which numbers show and the other charts follow", async () => {
  const { page, faults } = await browser.open("whole");
  await drawn(page);
  const chart = await page.$("#chart-parallel");
  await chart?.scrollIntoView();
  const box = await chart?.boundingBox();
  assert.ok(box);
  // The last axis, the accuracy: its upper part.
  const x = box.x + box.width - 64;
  await page.mouse.move(x, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(x, box.y + 100, { steps: 5 });
  await page.mouse.move(x, box.y + 140, { steps: 5 });
  await page.mouse.up();
  await new Promise((resolve) => setTimeout(resolve, 600));
  const { count, range, lowest } = await page.evaluate(() => {
    const { app } = /** @type {any} */ (window).murmurReport;
    const found = app.filter.ranges.get("");
    const values = [...app.study.value].filter((_, i) => app.mask[i]);
    return { count: app.numShown, range: found, lowest: Math.min(...values) };
  });
  assert.ok(range, "a range of the value");
  assert.ok(count > 0 && count < 90, `${count}`);
  assert.ok(lowest >= range[0]);
  const charts = await drawn(page);
  assert.equal(charts.parallel.series.trials, count);
  assert.equal(charts.history.series.complete, count);
  const field = await page.$eval(
    "#ranges input[data-key=''][data-end='0']",
    (input) => /** @type {any} */ (input).value,
  );
  assert.ok(Math.abs(Number(field) - range[0]) < 1e-3);
  assert.deepEqual(faults, []);
  await page.close();
});

test("ranges are given as numbers, and categories by name", async () => {
  const { page } = await browser.open("whole");
  await page.evaluate(() => {
    const { app, render } = /** @type {any} */ (window).murmurReport;
    app.choices.dimensions = ["dropout", "optimizer", "weight_noise"];
    render();
    document.getElementById("ranges")?.setAttribute("open", "");
  });
  await page.type("#range-0-1", "0.5");
  await page.keyboard.press("Tab");
  await page.select("#range-1", "2");
  const wrong = await page.evaluate(() => {
    const { app } = /** @type {any} */ (window).murmurReport;
    const [dropout, optimizer] = ["dropout", "optimizer"].map((key) =>
      app.study.dimensions.find((/** @type {any} */ d) => d.key === key),
    );
    let count = 0;
    app.mask.forEach((/** @type {number} */ shown, /** @type {number} */ i) => {
      const inside = dropout.values[i] <= 0.5 && optimizer.values[i] === 2;
      if (Boolean(shown) !== inside) count += 1;
    });
    return count + (app.numShown === 0 ? 1000 : 0);
  });
  assert.equal(wrong, 0);
  await page.close();
});

test("the keyboard reaches every control, and works them", async () => {
  const { page, faults } = await browser.open("several");
  const expected = await page.$$eval("#app button, #app select, #app input, #app summary, #app a", (all) => {
    const visible = all.filter((one) => /** @type {any} */ (one).checkVisibility());
    visible.forEach((one, k) => one.setAttribute("data-walk", String(k)));
    return visible.length;
  });
  const reached = new Set();
  for (let k = 0; k < expected + 80; ++k) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement?.getAttribute("data-walk"));
    if (at) reached.add(at);
  }
  assert.equal(reached.size, expected);
  await page.focus("#filter-top");
  for (let k = 0; k < 5; ++k) await page.keyboard.press("ArrowLeft");
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).murmurReport.app.filter.top), 95);
  await page.focus("#swarm-sweep");
  await page.keyboard.press("Home");
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).murmurReport.app.choices.sweep), 0);
  await page.click("#filter-reset");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await page.focus("#sort-trial");
  await page.keyboard.press("Enter");
  assert.equal(await page.$eval("#best-table tbody th", (th) => th.textContent), "0");
  await page.focus("#table-history summary");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#table-history table");
  assert.deepEqual(faults, []);
  await page.close();
});

for (const theme of /** @type {const} */ (["light", "dark"])) {
  for (const width of [375, 1600]) {
    test(`axe finds nothing: ${theme}, ${width} pixels wide, and nothing is wider than the page`, async () => {
      for (const kind of width === 375 && theme === "dark" ? ["several", "running", "empty"] : ["several"]) {
        const { page, faults } = await browser.open(kind, { width, theme });
        await drawn(page);
        await page.$$eval("#app details", (all) => all.forEach((one) => one.setAttribute("open", "")));
        await new Promise((resolve) => setTimeout(resolve, 100));
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
        const noise = faults.length;
        await page.addScriptTag({ path: axe });
        faults.length = noise;
        const violations = await page.evaluate(async () => {
          const { violations: found } = await /** @type {any} */ (window).axe.run(document);
          return found.map(
            (/** @type {any} */ one) =>
              `${one.id}: ${one.nodes.slice(0, 3).map((/** @type {any} */ n) => n.html.slice(0, 160))}`,
          );
        });
        assert.deepEqual(violations, []);
        await page.close();
      }
    });
  }
}

test("the colours can be chosen", async () => {
  const { page } = await browser.open("plain", { theme: "light" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await ground(), "rgb(255, 255, 255)");
  await page.select("#theme", "dark");
  assert.equal(await ground(), "rgb(21, 24, 28)");
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).murmurReport.app.theme.name), "dark");
  await page.close();
});

test("names with markup are text, and nothing in them runs", async () => {
  const { page, faults } = await browser.open("markup");
  await drawn(page);
  await page.$$eval("#app details", (all) => all.forEach((one) => one.setAttribute("open", "")));
  // A tooltip of a chart is the one place where the library could make elements of a name.
  await page.evaluate(() => {
    const { app } = /** @type {any} */ (window).murmurReport;
    for (const figure of app.figures.values()) {
      for (const one of figure.instance?.getModel().getSeries() ?? []) {
        if (["parallel", "lines"].includes(one.subType) || one.getData().count() === 0) continue;
        figure.instance.dispatchAction({ type: "showTip", seriesIndex: one.seriesIndex, dataIndex: 0 });
      }
    }
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
  assert.equal((await page.$$("#app script, #app img")).length, 0);
  assert.match(await text(page), /<script>window\.hacked = 1<\/script>/);
  assert.deepEqual(faults, []);
  await page.close();
});

for (const [kind, expected] of /** @type {[string, RegExp][]} */ ([
  ["foreign", /The best of 60 trials is trial 49, with 2/],
  ["empty", /The study has no trials/],
  ["nothing", /The report has no study/],
  ["one", /There is no verdict/],
  ["aborted", /All of 40 trials failed/],
  ["nan", /no trial is complete/i],
  ["running", /The search is running: 106 trials of 220/],
])) {
  test(`a report of the kind "${kind}" says what it is`, async () => {
    const { page, faults } = await browser.open(kind, { width: 375 });
    if (kind !== "nothing") await drawn(page);
    const shown = await text(page);
    assert.match(shown, expected);
    assert.doesNotMatch(shown, /NaN|undefined|\[object|Infinity/);
    assert.deepEqual(faults, []);
    await page.close();
  });
}

test("data of another form is refused in words", async () => {
  const { page } = await browser.open("plain");
  await page.setContent(pageOf({ format: "murmur-report-9" }), { waitUntil: "load" });
  await page.waitForFunction(() => /cannot be read/.test(document.querySelector("h1")?.textContent ?? ""));
  assert.match(await text(page), /murmur-report-9/);
  await page.close();
});

test("the swarm plays, slowly for who wants little motion", async () => {
  const { page } = await browser.open("whole", { motion: "reduce" });
  const sweep = () => page.evaluate(() => /** @type {any} */ (window).murmurReport.app.choices.sweep);
  await page.click("#swarm-play");
  assert.equal(await sweep(), 0);
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(await sweep(), 0);
  await new Promise((resolve) => setTimeout(resolve, 900));
  assert.equal(await sweep(), 1);
  await page.click("#swarm-play");
  await page.close();
});

test("several studies: chosen by name, and compared", async () => {
  const { page, faults } = await browser.open("several");
  const charts = await drawn(page);
  assert.deepEqual(charts.verdicts.series, { "one seed": 10, difference: 2 });
  assert.equal(charts.histories.marks.studies, 3);
  await page.select("#effects-of", "alone");
  assert.deepEqual((await drawn(page)).effects.series, { fashion: 18, random: 18 });
  await page.select("#study", "1");
  assert.match(await page.$eval("h1", (h1) => h1.textContent ?? ""), /Trial \d+ is better/);
  assert.match(await page.$eval("#swarm", (part) => part.textContent ?? ""), /not searched by a swarm/);
  assert.deepEqual(faults, []);
  await page.close();
});

test("it prints to a few pages", async () => {
  const { page, faults } = await browser.open("whole");
  const pdf = Buffer.from(await page.pdf({ preferCSSPageSize: true })).toString("latin1");
  const pages = pdf.match(/\/Type\s*\/Page\b/g)?.length ?? 0;
  assert.ok(pages >= 3 && pages <= 10, `${pages} pages`);
  assert.deepEqual(faults, []);
  await page.close();
});

test("a click on a trial draws its curve, and the field of the curves says so", async () => {
  const { page, faults } = await browser.open("whole");
  await drawn(page);
  await page.$eval("#chart-history", (chart) => chart.scrollIntoView({ block: "center" }));
  const box = await (await page.$("#chart-history"))?.boundingBox();
  assert.ok(box);
  const at = await page.evaluate(() => {
    const { app } = /** @type {any} */ (window).murmurReport;
    const { instance } = app.figures.get("history");
    const series = instance
      .getModel()
      .getSeries()
      .find((/** @type {any} */ one) => one.name === "complete");
    const [number, value] = [series.getData().get("x", 40), series.getData().get("y", 40)];
    return { number, pixel: instance.convertToPixel({ seriesIndex: series.seriesIndex }, [number, value]) };
  });
  await page.mouse.click(box.x + at.pixel[0], box.y + at.pixel[1]);
  await page.waitForFunction(() => /** @type {HTMLInputElement} */ (document.getElementById("curves-of")).value !== "");
  assert.equal(await page.$eval("#curves-of", (input) => /** @type {any} */ (input).value), String(at.number));
  await enter(page, "#curves-of", "5, 3, 999, 7", "change");
  const { series } = (await drawn(page)).curves;
  assert.deepEqual(
    Object.keys(series).filter((name) => name.startsWith("trial")),
    ["trial 5", "trial 3", "trial 7"],
  );
  assert.deepEqual(faults, []);
  await page.close();
});

test("the table of best settings is found in, copied from, and downloaded", async () => {
  const { page, faults } = await browser.open("whole");
  await page.evaluate(() => {
    const taken = /** @type {any} */ (window);
    taken.copied = "";
    Object.defineProperty(navigator, "clipboard", {
      value: { writeText: async (/** @type {string} */ t) => (taken.copied = t) },
    });
    URL.createObjectURL = (/** @type {any} */ blob) => {
      taken.blob = blob;
      return "data:,";
    };
  });
  const rows = () => page.$$eval("#best-table tbody tr", (all) => all.map((row) => row.cells[0].textContent));
  await page.type("#best-search", "17");
  assert.deepEqual(await rows(), ["17"]);
  await page.click("#best-table tbody button");
  assert.equal(
    await page.evaluate(() => /** @type {any} */ (window).copied),
    "murmur train --from fashion.db --trial 17",
  );
  await page.click("#best-csv");
  const csv = await page.evaluate(() => /** @type {any} */ (window).blob.text());
  const lines = csv.trim().split("\r\n");
  assert.equal(lines.length, 2);
  assert.equal(lines[0].split(",").length, 3 + 22 + 1);
  assert.match(lines[1], /^17,aborted,|^17,complete,/);
  await enter(page, "#best-search", "optimizer=adam", "input");
  const found = await rows();
  assert.ok(found.length > 3 && found.length < 110);
  assert.deepEqual(faults, []);
  await page.close();
});

test("every chart has a table behind it", async () => {
  const { page } = await browser.open("several");
  await drawn(page);
  await page.$$eval("details.behind", (all) => all.forEach((one) => one.setAttribute("open", "")));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const rows = await page.$$eval("figure", (all) =>
    all.map((figure) => [figure.id, figure.querySelectorAll("details.behind tbody tr").length]),
  );
  assert.equal(rows.length, 13);
  for (const [id, count] of rows) assert.ok(Number(count) > 0, String(id));
  await page.close();
});
