import { decode } from "../data/decode.js";

const EVERY_MS = 3000;

/**
 * Asks for the data again and again while a search runs. Nothing is asked for where the page is a file.
 * @param {import("./app.js").App} app
 * @param {string} text the data that is shown
 * @param {() => void} render
 */
export function watch(app, text, render) {
  if (app.report.watch !== true) return;
  let shown = text;
  const isRunning = () => app.studies.length === 0 || app.studies.some((study) => study.isRunning);
  const show = (/** @type {string} */ state) => {
    const live = document.getElementById("live");
    if (!live) return;
    live.hidden = false;
    live.textContent = state;
  };
  const ask = async () => {
    // What the reader is holding is not taken out of their hand.
    if (document.querySelector("input:active, .canvas:active")) return void setTimeout(ask, EVERY_MS / 10);
    try {
      const answer = await fetch("data.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const now = await answer.text();
      if (now !== shown) {
        app.load(await decode(now));
        shown = now;
        render();
      }
      show(isRunning() ? "Live: follows the search" : "The search has ended");
    } catch {
      show("The search cannot be reached; what is shown is the last that was known");
    }
    if (isRunning()) setTimeout(ask, EVERY_MS);
  };
  if (!isRunning()) return show("The search has ended");
  show("Live: follows the search");
  setTimeout(ask, EVERY_MS);
}
