/**
 * The public types of bun-smtp. Sizes are in bytes, times in milliseconds. The type names of smtp-server are in
 * smtp-server.ts.
 */
export type * from "./auth.js";
export type * from "./diagnostics.js";
export type * from "./error.js";
export type * from "./hooks.js";
export type * from "./options.js";
export type * from "./session.js";
export type * from "./socket.js";
export type * from "./stream.js";
