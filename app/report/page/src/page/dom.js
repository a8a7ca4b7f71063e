/**
 * An element. Texts become text nodes, never markup.
 * @param {string} tag
 * @param {Record<string, any>} [properties] `class`, `on...` functions, booleans, and other attributes
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") /** @type {any} */ (element).value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : tag === "code" ? String(child) : unbroken(String(child)));
  }
  return element;
}

/** A number stays with its unit. @param {string} text */
const unbroken = (text) => text.replace(/(\d) (%|s|min|points?)(?=\W|$)/g, "$1\u00a0$2");

/** @param {string} text tells a screen reader */
export function say(text) {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page from a file has no clipboard in some browsers: the old way works there.
    const area = h("textarea", { class: "unseen", value: text });
    document.body.append(area);
    /** @type {HTMLTextAreaElement} */ (area).select();
    document.execCommand("copy");
    area.remove();
  }
}

/** @param {string} text @param {string} name what is copied, for who cannot see it */
export function copyButton(text, name) {
  const button = h("button", { type: "button", class: "quiet", "aria-label": `Copy ${name}` }, "Copy");
  button.addEventListener("click", async () => {
    await copy(text);
    button.textContent = "Copied";
    say(`Copied ${name}`);
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

/** A line for a shell, with a button that copies it. @param {string} text @param {string} name */
export function command(text, name) {
  return h(
    "div",
    { class: "command" },
    h("pre", { tabindex: 0, "aria-label": name }, h("code", {}, text)),
    copyButton(text, name),
  );
}

/**
 * A table. Cells that begin with a number or a sign stand to the right.
 * @param {string} caption for who cannot see it
 * @param {(string | Node)[]} columns
 * @param {(string | number | Node)[][]} rows
 */
export function table(caption, columns, rows, more = {}) {
  const isNumber = columns.map((_, k) => rows.length > 0 && rows.every((row) => isNumeric(row[k])));
  const cell = (/** @type {string | number | Node} */ value, /** @type {number} */ k) =>
    h("td", { class: isNumber[k] ? "number" : null }, value);
  const head = columns.map((name, k) => h("th", { scope: "col", class: isNumber[k] ? "number" : null }, name));
  const body = rows.map((row) => h("tr", {}, ...row.map(cell)));
  const element = h(
    "table",
    more,
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, ...head)),
    h("tbody", {}, ...body),
  );
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, element);
}

/** @param {unknown} value */
const isNumeric = (value) =>
  typeof value === "number" || (typeof value === "string" && (value === "–" || /^[+\u2212<]?\s?[.\d]/.test(value)));

/**
 * @param {string} id
 * @param {string} label
 * @param {[string, string][]} options value and text
 * @param {string} value
 * @param {(value: string) => void} change
 */
export function choice(id, label, options, value, change) {
  const select = h("select", { id, onchange: (/** @type {any} */ event) => change(event.target.value) });
  for (const [key, text] of options) select.append(h("option", { value: key, selected: key === value }, text));
  /** @type {HTMLSelectElement} */ (select).value = value;
  return h("label", { class: "field", for: id }, h("span", {}, label), select);
}

/** @param {string} name of the file @param {string} text @param {string} type */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
