/**
 * The documented contract of bun-smtp: types only. Sizes are bytes, times are milliseconds. The names that
 * programs made for `smtp-server` use are in smtp-server.ts.
 */
export type * from "./auth.js";
export type * from "./diagnostics.js";
export type * from "./error.js";
export type * from "./hooks.js";
export type * from "./options.js";
export type * from "./session.js";
export type * from "./socket.js";
export type * from "./stream.js";
