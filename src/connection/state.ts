import type { Body, SaslReader } from "../commands/action.js";

/**
 * The state of a connection.
 * - `greeting`: waits for `earlyTalkerDelay`, the reverse lookup and onConnect (with implicit TLS onSecure too)
 * - `ready`: reads commands and messages
 * - `upgrading`: waits for the TLS handshake of STARTTLS
 * - `closing`: our side is closed, and the client's side is still open
 * - `closed`: the socket is closed
 */
export type State = "greeting" | "ready" | "upgrading" | "closing" | "closed";

/** The allowed next states of each state. `ready` follows `ready` when XCLIENT starts the session over. */
export const TRANSITIONS: Readonly<Record<State, readonly State[]>> = {
  greeting: ["ready", "closing", "closed"],
  ready: ["ready", "upgrading", "closing", "closed"],
  upgrading: ["ready", "closed"],
  closing: ["closed"],
  closed: [],
};

/** The one reader of the octets that the client sends. */
export type Reader = CommandReader | SaslReader | Body | HookReader | NoReader;

/** Reads the next line as a command. */
export interface CommandReader {
  readonly type: "command";
}

/** Reads nothing, because the client waits for a hook. */
export interface HookReader {
  readonly type: "hook";
}

/** Reads nothing, because the connection is not `ready`. */
export interface NoReader {
  readonly type: "none";
}

export const COMMAND: CommandReader = { type: "command" };
export const HOOK: HookReader = { type: "hook" };
export const NONE: NoReader = { type: "none" };

/** The allowed readers of each state. */
export const READERS: Readonly<Record<State, readonly Reader["type"][]>> = {
  greeting: ["none", "hook"],
  ready: ["command", "sasl", "body", "hook"],
  upgrading: ["none"],
  closing: ["none"],
  closed: ["none"],
};
