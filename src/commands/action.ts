import type { LimitName } from "../types/index.js";
import { formatReply, type Reply } from "../wire/reply.js";

/** A reply, and what the connection does after it. A 421 always closes. */
export interface Action extends Reply {
  /** The state that the connection enters: commands are read, the TLS handshake starts, or our side closes. */
  readonly next?: "ready" | "upgrading" | "closing" | undefined;
  /** The option whose limit is the reason of this refusal. */
  readonly limit?: LimitName | undefined;
  /** Reads the octets that the client sends after this reply. Default: they are commands. */
  readonly reader?: SaslReader | Body | undefined;
}

/** Reads the lines of a SASL exchange (RFC 4954 4). */
export interface SaslReader {
  readonly type: "sasl";
  /** @param line without its CRLF; `undefined` if it was longer than a line of an exchange may be */
  read(line: string | undefined): Answer | Promise<Answer>;
}

/** Reads the octets of a message in DATA, or of a chunk in BDAT. */
export interface Body {
  readonly type: "body";
  /** Reads octets. @returns those after the end of the body; `undefined` if the body continues */
  read(chunk: Buffer): Buffer | undefined;
  /** Read no more until `Client.onDrain` is called. */
  readonly full: boolean;
  /** The answer after the end was read. */
  finish(): Answer | Promise<Answer>;
}

/** The result of a handler: one reply, several, or a body to read before the reply. */
export type Answer = Action | readonly Action[] | Body;

/**
 * An action with all fields, even undefined ones. If the frequent replies have one shape, JavaScriptCore compiles the code
 * that handles them once. Otherwise a few connections among thousands of messages make it compile that code again.
 */
export function withAllFields(action: Action): Action {
  const { code, text, enhanced, octets, next, limit, reader } = action;
  return { code, text, enhanced, octets, next, limit, reader };
}

/** An action that never changes, formatted once in advance. */
export function withOctets(action: Action): Action {
  const octets = { plain: formatReply(action, false), enhanced: formatReply(action, true) };
  return withAllFields({ ...action, octets });
}
