import { noChoices } from "../charts/parts.js";
import { THEMES } from "../charts/theme.js";
import { apply, noFilter } from "../data/filter.js";
import { studyOf } from "../data/study.js";
import { Figure } from "./figure.js";

/** From so many trials on some of them stand for all while a filter is dragged; when it has rested, all are drawn. */
const MANY = 3000;
const REST_MS = 180;

/** What the page knows: the report, what the reader has chosen, and the charts that show it. */
export class App {
  constructor() {
    /** @type {any} */
    this.report = {};
    /** @type {import("../data/study.js").Study[]} */
    this.studies = [];
    this.current = 0;
    this.filter = noFilter();
    this.choices = noChoices();
    this.sort = { column: "value", isDown: true };
    this.search = "";
    this.numRows = 25;
    this.isPlaying = false;
    /** @type {"auto" | "light" | "dark"} */
    this.wanted = "auto";
    this.isPrinting = false;
    this.width = 900;
    /** @type {Map<string, Figure>} */
    this.figures = new Map();
    /** @type {(() => void)[]} what else shows the trials of the filter */
    this.onFilter = [];
    this.mask = new Uint8Array(0);
    this.topMask = new Uint8Array(0);
    this.numShown = 0;
    this.observer = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "300px" });
    /** @type {number | undefined} */
    this.frame = undefined;
    this.isQuick = false;
    /** @type {Set<Figure>} charts that a frame will draw */
    this.waiting = new Set();
    /** @type {number | undefined} */
    this.atRest = undefined;
  }

  /** @param {any} report decoded */
  load(report) {
    this.report = report;
    this.studies = (report.studies ?? []).map(studyOf);
    if (this.current >= this.studies.length) this.current = 0;
    this.applyFilter();
  }

  get study() {
    return this.studies[this.current];
  }

  get theme() {
    const isDark =
      this.wanted === "dark" || (this.wanted === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    return THEMES[isDark && !this.isPrinting ? "dark" : "light"];
  }

  /** Too many trials to draw all of them in every frame of a filter that is dragged. */
  get isLarge() {
    return this.study !== undefined && this.study.size > MANY;
  }

  scene() {
    return {
      isQuick: this.isQuick,
      isPaper: this.isPrinting,
      study: this.study,
      studies: this.studies,
      theme: this.theme,
      width: this.width,
      mask: this.mask,
      choices: this.choices,
      tip: () => "",
    };
  }

  applyFilter() {
    if (!this.study) return;
    const { mask, count } = apply(this.study, this.filter);
    this.mask = mask;
    this.numShown = count;
    this.topMask =
      this.filter.ranges.size === 0 ? mask : apply(this.study, { top: this.filter.top, ranges: new Map() }).mask;
  }

  /** The filter has changed: from the next frame on everything that shows it follows. @param {Figure} [but] that shows it already */
  filterChanged(but = undefined) {
    this.applyFilter();
    for (const id of ["history", "scatter", "parallel"]) {
      const figure = this.figures.get(id);
      if (!figure || figure === but) continue;
      figure.isStale = true;
      if (figure.isVisible) this.waiting.add(figure);
    }
    this.frame ??= requestAnimationFrame(() => this.follow());
    if (!this.isLarge) return;
    clearTimeout(this.atRest);
    this.atRest = window.setTimeout(() => this.redrawFiltered(), REST_MS);
  }

  /** One frame of a filter that is dragged. Of many trials one chart a frame is drawn, in turn, so that none is late. */
  follow() {
    this.frame = undefined;
    for (const show of this.onFilter) show();
    this.isQuick = this.isLarge;
    for (const figure of this.waiting) {
      this.waiting.delete(figure);
      figure.draw();
      if (this.isQuick) break;
    }
    this.isQuick = false;
    if (this.waiting.size > 0) this.frame = requestAnimationFrame(() => this.follow());
  }

  redrawFiltered() {
    this.waiting.clear();
    for (const id of ["history", "scatter", "parallel"]) this.figures.get(id)?.update();
  }

  /**
   * A figure, the same for every time it is asked for, so that a refresh keeps what it shows.
   * @param {string} name
   * @param {string} title
   * @param {(scene: import("../charts/parts.js").Scene) => void} [prepare]
   */
  figure(name, title, prepare = undefined, id = name, caption = "") {
    let figure = this.figures.get(id);
    if (!figure) {
      figure = new Figure(this, name, title, prepare, id);
      this.figures.set(id, figure);
      this.observer.observe(figure.element);
    }
    figure.isStale = true;
    figure.isNew = true;
    figure.caption.textContent = caption.replace(/(\d) %/g, "$1\u00a0%");
    return figure;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  seen(entries) {
    for (const entry of entries) {
      for (const figure of this.figures.values()) {
        if (figure.element !== entry.target) continue;
        figure.isVisible = entry.isIntersecting;
        if (figure.isVisible && figure.isStale) figure.draw();
      }
    }
  }

  /** Everything, also what nobody sees yet: for paper, and where colours change. */
  drawAll() {
    for (const figure of this.figures.values()) if (figure.element.isConnected) figure.draw();
  }

  /** The width or the colours have changed. */
  redraw() {
    for (const figure of this.figures.values()) {
      figure.isStale = true;
      if (figure.isVisible) figure.draw();
    }
  }
}
