/**
 * An engine that is nothing but the language has no timers and no console. One chart is drawn at once, so that nobody waits for what
 * the library would do later.
 */
const scope = /** @type {any} */ (globalThis);
const nothing = () => 0;
scope.setTimeout ??= nothing;
scope.clearTimeout ??= nothing;
scope.setInterval ??= nothing;
scope.clearInterval ??= nothing;
scope.console ??= { log: nothing, warn: nothing, error: nothing };
