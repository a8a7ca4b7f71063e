import * as aborts from "./aborts.js";
import * as curves from "./curves.js";
import * as effects from "./effects.js";
import * as history from "./history.js";
import * as importance from "./importance.js";
import * as interactions from "./interactions.js";
import * as optimizers from "./optimizers.js";
import * as parallel from "./parallel.js";
import * as scatter from "./scatter.js";
import * as swarm from "./swarm.js";
import * as verdict from "./verdict.js";

/** All charts by their names, in the order of the page. @type {Record<string, (scene: import("./parts.js").Scene) => import("./parts.js").Chart>} */
export const CHARTS = {
  verdict: verdict.build,
  effects: effects.build,
  history: history.build,
  curves: curves.build,
  importance: importance.build,
  optimizers: optimizers.build,
  interactions: interactions.build,
  parallel: parallel.build,
  scatter: scatter.build,
  swarm: swarm.build,
  aborts: aborts.build,
};
