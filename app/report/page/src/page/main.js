import { duration, plural } from "../data/format.js";
import { decode } from "../data/decode.js";
import { App } from "./app.js";
import { answer, settings, sideBySide } from "./answer.js";
import { best } from "./best.js";
import { curves, failures, history, importance, swarm } from "./charts.js";
import { choice, command, h, say } from "./dom.js";
import { effects } from "./effects.js";
import { explore } from "./explore.js";
import { watch } from "./live.js";

const app = new App();

/** @param {string} id @param {string} title @param {any[]} children */
const section = (id, title, children) =>
  h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), ...children);

/** What is drawn from the filter and the chosen axes is built anew alone. */
function rebuildExplore() {
  const old = document.getElementById("explore");
  keepingPlace(() => {
    app.onFilter = [];
    old?.replaceWith(section("explore", "Explore the trials", explore(app, rebuildExplore)));
    document.getElementById("best")?.replaceWith(section("best", "Best settings", best(app)));
    updateFigures();
  });
}

function updateFigures() {
  for (const figure of app.figures.values()) if (figure.element.isConnected) figure.update();
}

/** Runs what replaces elements; afterwards the same details are open and the same control has the focus. @param {() => void} change */
function keepingPlace(change) {
  const opened = [...document.querySelectorAll("details[open]")].map((element) => element.id);
  const active = /** @type {HTMLInputElement | null} */ (document.activeElement);
  const focused = active?.id ?? "";
  const selection = active && active.type === "text" ? [active.selectionStart, active.selectionEnd] : null;
  const scrolled = [scrollX, scrollY];
  const regions = () => /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".scroll"));
  const within = new Map(
    [...regions()].map((one) => [one.getAttribute("aria-label"), [one.scrollLeft, one.scrollTop]]),
  );
  change();
  for (const id of opened) if (id) document.getElementById(id)?.setAttribute("open", "");
  const now = focused ? /** @type {HTMLInputElement | null} */ (document.getElementById(focused)) : null;
  if (now && now !== document.activeElement) {
    now.focus({ preventScroll: true });
    if (selection && now.type === "text") now.setSelectionRange(selection[0], selection[1]);
  }
  for (const region of regions()) {
    const [left, top] = within.get(region.getAttribute("aria-label")) ?? [0, 0];
    region.scrollTo(left, top);
  }
  scrollTo(scrolled[0], scrolled[1]);
}

function header() {
  const themes = /** @type {[string, string][]} */ ([
    ["auto", "as the system"],
    ["light", "light"],
    ["dark", "dark"],
  ]);
  const studies = app.studies.map((study, index) => /** @type {[string, string]} */ ([String(index), study.name]));
  return h(
    "header",
    { class: "top" },
    h("p", { class: "brand" }, h("b", {}, "Murmuration"), " report"),
    app.studies.length > 1 && choice("study", "Study", studies, String(app.current), (value) => open(Number(value))),
    choice("theme", "Colours", themes, app.wanted, (value) => {
      app.wanted = /** @type {any} */ (value);
      document.documentElement.dataset.theme = value;
      app.redraw();
    }),
    h("p", { id: "live", class: "live", hidden: true }),
  );
}

/** @param {number} index */
function open(index) {
  app.current = index;
  app.filter.top = 100;
  app.filter.ranges.clear();
  Object.assign(app.choices, { trials: [], dimensions: [], x: "", y: "", swarmX: "", swarmY: "", sweep: -1 });
  app.applyFilter();
  render();
  say(`Shown: ${app.study.name}`);
}

function provenance() {
  const { study, report } = app;
  const rows = [...study.provenance];
  const has = (/** @type {string} */ label) => rows.some((row) => row[0] === label);
  if (study.file && !has("study")) rows.push(["study", study.file]);
  const seconds = lastEnd(study);
  if (Number.isFinite(seconds) && !has("trials")) rows.push(["trials", duration(seconds)]);
  const { version, commit } = report.generator ?? {};
  if (version) rows.push(["report made by", `murmur ${version}${commit ? `, commit ${commit}` : ""}`]);
  if (report.written) rows.push(["report written", String(report.written).replace("T", " ").replace("Z", " UTC")]);
  const lines = [
    ["Search", study.commands.search],
    ["Analysis", study.commands.analyse],
    ["This report", report.command],
  ].filter(([, text]) => text);
  return [
    rows.length === 0
      ? h("p", { class: "missing" }, "The study does not say where it comes from.")
      : h("dl", { class: "provenance" }, ...rows.flatMap(([label, text]) => [h("dt", {}, label), h("dd", {}, text)])),
    ...lines.flatMap(([label, text]) => [h("h3", {}, label), command(String(text), `the command of: ${label}`)]),
  ];
}

/** @param {import("../data/study.js").Study} study */
function lastEnd(study) {
  let [first, last] = [Infinity, -Infinity];
  for (let i = 0; i < study.size; ++i) {
    if (study.begin[i] < first) first = study.begin[i];
    if (study.end[i] > last) last = study.end[i];
  }
  return last - first;
}

function sections() {
  const all = [
    h(
      "section",
      { id: "answer", "aria-label": "Answer", tabindex: -1 },
      ...answer(app)
        .filter(Boolean)
        .map((one) => /** @type {any} */ (one)),
    ),
  ];
  if (app.studies.length > 1) all.push(section("studies", "Side by side", sideBySide(app, open)));
  all.push(section("settings", "What wins", settings(app)));
  all.push(section("effects", "Effects", effects(app)));
  all.push(section("history", "History", history(app)));
  all.push(section("curves", "Learning curves", curves(app)));
  all.push(section("importance", "Importance", importance(app)));
  all.push(section("explore", "Explore the trials", explore(app, rebuildExplore)));
  all.push(section("best", "Best settings", best(app)));
  all.push(section("swarm", "The swarm", swarm(app)));
  all.push(section("failures", "Failures", failures(app)));
  all.push(section("provenance", "Provenance", provenance()));
  return all;
}

function render() {
  const root = document.getElementById("app");
  if (!root) return;
  keepingPlace(() => {
    app.onFilter = [];
    if (!app.study) {
      root.replaceChildren(
        header(),
        h(
          "main",
          {},
          h(
            "section",
            { id: "answer" },
            h("h1", {}, "The report has no study"),
            h("p", { class: "lead" }, "There is nothing to show."),
          ),
        ),
      );
      return;
    }
    const shown = h("main");
    const contents = h("ol");
    root.replaceChildren(
      header(),
      h("div", { class: "body" }, h("nav", { "aria-label": "Contents" }, contents), shown),
    );
    // What is drawn depends on how wide it can be.
    app.width = shown.clientWidth || app.width;
    const parts = sections();
    const links = parts.map((part) => {
      const name = part.querySelector("h2")?.textContent ?? "Answer";
      return h("li", {}, h("a", { href: `#${part.id}` }, name));
    });
    shown.append(...parts);
    contents.append(...links);
    updateFigures();
  });
  document.title = app.study ? `${app.study.name}: report of murmur` : "Report of murmur";
  const written = document.getElementById("written");
  if (written) {
    written.textContent = app.report.written
      ? `Written by murmur, ${String(app.report.written).slice(0, 10)}. ${plural(app.studies.length, "study", "studies")}.`
      : "";
  }
}

function listen() {
  let width = innerWidth;
  /** @type {number | undefined} */
  let timer;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      app.width = document.querySelector("main")?.clientWidth ?? app.width;
      app.redraw();
    }, 100);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => app.redraw());
  // Paper is white, and everything is on it, also what was not scrolled to.
  const paper = (/** @type {boolean} */ isPrinting) => {
    app.isPrinting = isPrinting;
    document.documentElement.classList.toggle("printing", isPrinting);
    app.drawAll();
  };
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
}

async function main() {
  const text = document.getElementById("report-data")?.textContent ?? "";
  try {
    app.load(await decode(text));
    render();
    listen();
    watch(app, text, render);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    document
      .getElementById("app")
      ?.replaceChildren(h("main", {}, h("h1", {}, "This report cannot be read"), h("p", { class: "lead" }, why)));
  }
  // For tests: what is drawn, and from what.
  Object.assign(window, { murmurReport: { app, render, isReady: true } });
}

void main();
