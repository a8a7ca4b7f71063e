import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { report, REPORTS, study } from "../fixtures.js";
import { Browser, pageOf } from "./browser.js";

/** @type {Browser} */
let browser;
before(async () => (browser = await Browser.launch()));
after(() => browser.close());

/** A server of a report whose data changes. @param {() => any} data */
async function served(data) {
  let asked = 0;
  const server = createServer((request, response) => {
    if (request.url === "/data.json") {
      asked += 1;
      response.end(JSON.stringify(data()));
    } else {
      response.setHeader("content-type", "text/html");
      response.end(pageOf(data()));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${address.port}/`, asked: () => asked, close: () => server.close() };
}

test("a search that runs is followed, what the reader chose stays, and at its end nothing is asked any more", async () => {
  let data = REPORTS.running();
  const server = await served(() => data);
  const { page, faults } = await browser.open("running", { url: server.url });
  await page.$eval("#filter-top", (input) => {
    /** @type {HTMLInputElement} */ (input).value = "40";
    input.dispatchEvent(new Event("input"));
  });
  await page.$eval("#table-history", (details) => details.setAttribute("open", ""));
  await page.focus("#scatter-x");
  data = report([study({ trials: 150, running: true, verdict: false })], { watch: true });
  await page.waitForFunction(() => /146 trials/.test(document.querySelector("h1")?.textContent ?? ""), {
    timeout: 15000,
  });
  const kept = await page.evaluate(() => ({
    top: /** @type {HTMLInputElement} */ (document.getElementById("filter-top")).value,
    isOpen: document.getElementById("table-history")?.hasAttribute("open"),
    focus: document.activeElement?.id,
  }));
  assert.deepEqual(kept, { top: "40", isOpen: true, focus: "scatter-x" });
  data = report([study()], { watch: true });
  await page.waitForFunction(() => /better than/.test(document.querySelector("h1")?.textContent ?? ""), {
    timeout: 15000,
  });
  const before4 = server.asked();
  await new Promise((resolve) => setTimeout(resolve, 4500));
  assert.equal(server.asked(), before4);
  assert.deepEqual(
    faults.filter((fault) => !fault.endsWith("/data.json")),
    [],
  );
  await page.close();
  server.close();
});

test("a finished search is not asked for at all", async () => {
  const server = await served(REPORTS.finished);
  const { page, faults } = await browser.open("finished", { url: server.url });
  await new Promise((resolve) => setTimeout(resolve, 4000));
  assert.equal(server.asked(), 0);
  assert.deepEqual(faults, []);
  await page.close();
  server.close();
});
