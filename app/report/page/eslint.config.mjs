import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["dist/", "out/", "node_modules/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      curly: ["error", "multi-line", "consistent"],
      eqeqeq: "error",
      "no-console": "error",
      "no-implicit-globals": "error",
      "no-param-reassign": "error",
      "no-shadow": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      // Text goes into the page as text: what could make elements of it is not used.
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe"].map((property) => ({ property })),
      ],
    },
  },
  { files: ["src/**"], languageOptions: { globals: globals.browser } },
  {
    files: ["src/chart.js"],
    languageOptions: { globals: { ...globals.commonjs, process: "readonly" } },
    rules: { "no-console": "off" },
  },
  {
    files: ["test/**", "*.mjs"],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { "no-console": "off" },
  },
];
