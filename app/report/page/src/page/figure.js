import { init } from "../charts/echarts.js";
import { CHARTS } from "../charts/index.js";
import { csv } from "../data/format.js";
import { command, download, h, table } from "./dom.js";

const MOST_ROWS = 300;
/** Of an A4 page between its margins, in pixels of CSS. */
const PAPER_WIDTH = 676;
/** What may have many marks is drawn on a canvas, the rest as vectors, which print well. */
const ON_CANVAS = new Set(["history", "parallel", "scatter", "swarm"]);

/**
 * A tooltip. @param {string[]} lines
 */
function tip(lines) {
  return h("div", {}, ...lines.map((line, k) => h(k === 0 ? "strong" : "div", {}, line)));
}

/** Why there is no chart, and what would make it. @param {import("../charts/parts.js").Chart} chart @param {string} title */
export function whyMissing({ missing, how, command: line }, title) {
  const text = h("p", {}, line && how ? `${missing} ${how}` : missing);
  return line ? [text, command(line, `the command for ${title}`)] : [text];
}

/** A chart in the page, with the table behind it. It is drawn when it comes near the window. */
export class Figure {
  /**
   * @param {import("./app.js").App} app
   * @param {string} name of the chart
   * @param {string} title
   * @param {(scene: import("../charts/parts.js").Scene) => void} [prepare] changes the scene, for a second chart of a name
   */
  constructor(app, name, title, prepare = undefined, id = name) {
    this.app = app;
    this.name = name;
    this.id = id;
    this.title = title;
    this.prepare = prepare;
    /** @type {any} */
    this.instance = null;
    /** @type {import("../charts/parts.js").Chart} */
    this.chart = {};
    this.isVisible = false;
    this.isStale = true;
    /** What shows it was made anew: its place is kept, also before it is drawn, so that nothing jumps. */
    this.isNew = true;
    this.builtFor = 0;
    this.renderer = "";
    /** @type {((instance: any) => void) | null} */
    this.connect = null;
    this.canvas = h("div", { class: "canvas", id: `chart-${id}`, role: "img" });
    this.note = h("p", { class: "note" });
    this.missing = h("div", { class: "missing" });
    this.caption = h("figcaption", { class: "caption", hidden: true });
    this.behind = h("div", {});
    this.details = h(
      "details",
      { class: "behind", id: `table-${id}`, ontoggle: () => this.fillTable() },
      h("summary", {}, "Data table"),
      this.behind,
    );
    this.element = h(
      "figure",
      { id: `figure-${id}` },
      this.canvas,
      this.caption,
      this.note,
      this.missing,
      this.details,
    );
  }

  /** What it shows has changed. */
  update() {
    this.isStale = true;
    if (this.isVisible) this.draw();
    else if (this.isNew) this.build();
  }

  build() {
    this.isNew = false;
    const width = this.app.isPrinting ? PAPER_WIDTH : Math.round(this.element.clientWidth || this.app.width);
    const scene = { ...this.app.scene(), width, tip };
    scene.choices = { ...scene.choices };
    if (this.id !== "effects") scene.choices.compare = "";
    this.prepare?.(scene);
    this.chart = CHARTS[this.name](scene);
    const { chart } = this;
    const isMissing = chart.missing !== undefined;
    this.missing.replaceChildren();
    if (isMissing) this.missing.append(...whyMissing(chart, this.title));
    this.missing.hidden = !isMissing;
    this.canvas.hidden = isMissing;
    this.details.hidden = isMissing;
    this.note.textContent = chart.note ?? "";
    this.note.hidden = !chart.note;
    this.caption.hidden = isMissing || this.caption.textContent === "";
    this.canvas.style.height = isMissing ? "0" : `${chart.height}px`;
    this.canvas.setAttribute("aria-label", `${this.title}. ${chart.summary ?? ""}`);
    this.builtFor = width;
    return !isMissing;
  }

  draw() {
    this.isStale = false;
    if (!this.build()) {
      this.instance?.dispose();
      this.instance = null;
      return;
    }
    const isVector = !ON_CANVAS.has(this.id) || (this.app.isPrinting && !this.app.isLarge);
    const renderer = isVector ? "svg" : "canvas";
    if (this.instance && renderer !== this.renderer) this.dispose();
    if (!this.instance) {
      this.renderer = renderer;
      this.instance = init(this.canvas, null, { renderer });
      this.connect?.(this.instance);
    }
    const height = this.chart.height ?? 400;
    if (this.instance.getWidth() !== this.builtFor || this.instance.getHeight() !== height) {
      this.instance.resize({ width: this.builtFor, height, silent: true });
    }
    this.instance.setOption(this.chart.option, { notMerge: true });
    if (/** @type {HTMLDetailsElement} */ (this.details).open) this.fillTable();
    this.drawn?.();
  }

  /** @type {(() => void) | null} */
  drawn = null;

  fillTable() {
    if (!(/** @type {HTMLDetailsElement} */ (this.details).open) || !this.chart.table) return;
    const { columns, rows } = this.chart.table;
    const all = rows();
    const file = `${this.id}.csv`;
    this.behind.replaceChildren(
      h(
        "p",
        { class: "controls" },
        h(
          "button",
          { type: "button", class: "quiet", onclick: () => download(file, csv([columns, ...all]), "text/csv") },
          "Download as CSV",
        ),
        all.length > MOST_ROWS &&
          h("span", { class: "note" }, ` The first ${MOST_ROWS} of ${all.length} rows; the file has all.`),
      ),
      table(`Data: ${this.title}`, columns, all.slice(0, MOST_ROWS)),
    );
  }

  dispose() {
    this.instance?.dispose();
    this.instance = null;
  }
}
