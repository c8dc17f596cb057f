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

/** The states that may follow each state. `ready` follows itself when XCLIENT starts the session over. */
export const TRANSITIONS: Readonly<Record<State, readonly State[]>> = {
  greeting: ["ready", "closing", "closed"],
  ready: ["ready", "upgrading", "closing", "closed"],
  upgrading: ["ready", "closed"],
  closing: ["closed"],
  closed: [],
};

/** What reads the octets that the client sends. */
export type Reader = CommandReader | SaslReader | Body | HookReader | NoReader;

/** The next line is a command. */
export interface CommandReader {
  readonly type: "command";
}

/** Nothing is read: the client waits for the answer of a hook. */
export interface HookReader {
  readonly type: "hook";
}

/** Nothing is read: the connection is not `ready`. */
export interface NoReader {
  readonly type: "none";
}

export const COMMAND: CommandReader = { type: "command" };
export const HOOK: HookReader = { type: "hook" };
export const NONE: NoReader = { type: "none" };

/** The readers that each state may have. */
export const READERS: Readonly<Record<State, readonly Reader["type"][]>> = {
  greeting: ["none", "hook"],
  ready: ["command", "sasl", "body", "hook"],
  upgrading: ["none"],
  closing: ["none"],
  closed: ["none"],
};
