import { chosenDimensions } from "../charts/parallel.js";
import { hasAccuracies } from "../charts/parts.js";
import { count, csv, fitness, plural, title, valueOf } from "../data/format.js";
import { commandFor, placeOf, STATE_NAMES } from "../data/study.js";
import { copyButton, download, h } from "./dom.js";

/** @typedef {import("./app.js").App} App */

const MORE_ROWS = 75;

/**
 * The trials that the filter shows, in the order of the table.
 * @param {App} app
 * @returns {number[]}
 */
export function listed(app) {
  const { study, mask, sort, search } = app;
  const words = search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const isFound = (/** @type {number} */ i) => {
    if (words.length === 0) return true;
    const text = [
      String(study.number[i]),
      STATE_NAMES[study.state[i]],
      ...study.dimensions.map((d) => `${d.key}=${valueOf(d, d.values[i])}`.toLowerCase()),
    ];
    return words.every((word) => text.some((one) => (/^\d+$/.test(word) ? one === word : one.includes(word))));
  };
  const found = [];
  for (let i = 0; i < study.size; ++i) if (mask[i] && isFound(i)) found.push(i);
  const direction = sort.isDown ? -1 : 1;
  const dimension = study.dimensions.find((d) => d.key === sort.column);
  const values = dimension
    ? dimension.values
    : sort.column === "trial"
      ? study.number
      : sort.column === "state"
        ? study.state
        : study.value;
  const isValue = values === study.value;
  found.sort((a, b) => {
    // What is not complete is no best setting, whatever its value: it comes last.
    if (isValue && study.state[a] !== study.state[b]) return study.state[a] - study.state[b];
    const [x, y] = [values[a], values[b]];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    return direction * (isValue ? study.sign : 1) * (x - y) || a - b;
  });
  return found;
}

/** @param {App} app */
export function best(app) {
  const { study } = app;
  if (study.size === 0) return [h("p", { class: "missing" }, "The study has no trial yet.")];
  const keys = chosenDimensions({ ...app.scene(), width: 900 });
  const confirmed = new Map(
    (study.confirmation?.rows ?? []).map((/** @type {any} */ row) => [placeOf(study, row.trial), row]),
  );
  const columns = [
    { key: "trial", name: "trial" },
    { key: "value", name: hasAccuracies(study) ? "validation" : "value" },
    { key: "state", name: "state" },
    ...keys.map((key) => ({ key, name: title(key) })),
  ];
  const body = h("tbody", {});
  const status = h("p", { class: "note", id: "best-count" });
  const more = h("button", { type: "button", class: "quiet", id: "best-more" }, `${MORE_ROWS} more rows`);
  const heads = columns.map(({ key, name }) => {
    const button = h("button", { type: "button", id: `sort-${key}`, class: "sort" }, name);
    const head = h("th", { scope: "col" }, button);
    button.addEventListener("click", () => {
      app.sort = { column: key, isDown: app.sort.column === key ? !app.sort.isDown : key === "value" };
      show();
    });
    return { key, head };
  });
  const rowOf = (/** @type {number} */ i) =>
    h(
      "tr",
      { class: study.number[i] === study.winner?.trial ? "winner" : null },
      h("th", { scope: "row" }, String(study.number[i])),
      h("td", { class: "number" }, fitness(study.value[i], hasAccuracies(study))),
      h("td", {}, confirmed.has(i) ? "confirmed" : (STATE_NAMES[study.state[i]] ?? "")),
      ...keys.map((key) => {
        const d = study.dimensions.find((one) => one.key === key);
        return h("td", { class: "number" }, d ? valueOf(d, d.values[i]) : "");
      }),
      h(
        "td",
        {},
        study.commands.train &&
          copyButton(commandFor(study, study.number[i]), `the command that trains trial ${study.number[i]}`),
      ),
    );
  const show = () => {
    const found = listed(app);
    body.replaceChildren(...found.slice(0, app.numRows).map(rowOf));
    status.textContent = `${plural(Math.min(found.length, app.numRows), "row")} of ${count(found.length)}`;
    more.hidden = found.length <= app.numRows;
    for (const { key, head } of heads) {
      if (key === app.sort.column) head.setAttribute("aria-sort", app.sort.isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  };
  more.addEventListener("click", () => {
    app.numRows += MORE_ROWS;
    show();
  });
  // While a filter is dragged the table would be the slowest to follow: it waits for a pause.
  /** @type {number | undefined} */
  let timer;
  app.onFilter.push(() => {
    clearTimeout(timer);
    timer = window.setTimeout(show, 120);
  });
  const search = h("input", {
    id: "best-search",
    type: "search",
    value: app.search,
    placeholder: "98, adam, dropout=0.1",
    oninput: (/** @type {any} */ event) => {
      app.search = event.target.value;
      show();
    },
  });
  const save = () => download(`${study.name.replace(/[^\w.-]+/g, "_")}.csv`, csv(allRows(app)), "text/csv");
  show();
  return [
    h(
      "p",
      {},
      "The trials that the filter shows, with the axes of the parallel coordinates as columns; a click on a column's name sorts. The file has all parameters.",
    ),
    h(
      "div",
      { class: "controls" },
      h("label", { class: "field", for: "best-search" }, h("span", {}, "Find"), search),
      h("button", { type: "button", id: "best-csv", class: "quiet", onclick: save }, "Download as CSV"),
      status,
    ),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of best settings" },
      h(
        "table",
        { id: "best-table", class: "wide" },
        h("caption", { class: "unseen" }, "Best settings"),
        h("thead", {}, h("tr", {}, ...heads.map(({ head }) => head), h("th", { scope: "col" }, "command"))),
        body,
      ),
    ),
    more,
  ];
}

/** @param {App} app @returns {unknown[][]} */
export function allRows(app) {
  const { study } = app;
  const rows = listed(app).map((i) => [
    study.number[i],
    STATE_NAMES[study.state[i]],
    study.value[i],
    ...study.dimensions.map((d) => (d.choices ? valueOf(d, d.values[i]) : Number(d.values[i].toPrecision(7)))),
    study.commands.train ? commandFor(study, study.number[i]) : "",
  ]);
  return [["trial", "state", "value", ...study.dimensions.map((d) => d.key), "command"], ...rows];
}
