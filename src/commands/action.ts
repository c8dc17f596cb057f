import type { LimitName } from "../types/index.js";
import { formatReply, type Reply } from "../wire/reply.js";

/** A reply, and what follows once it is written. A 421 always closes. */
export interface Action extends Reply {
  /** The state that the connection enters: commands are read, the TLS handshake starts, or our side closes. */
  readonly next?: "ready" | "upgrading" | "closing" | undefined;
  /** The option that this refuses for. */
  readonly limit?: LimitName | undefined;
  /** What reads the octets behind this reply. Default: the next command. */
  readonly reader?: SaslReader | Body | undefined;
}

/** Reads the lines of a SASL exchange (RFC 4954 4). */
export interface SaslReader {
  readonly type: "sasl";
  /** @param line without its CRLF; `undefined`: it was longer than a line of an exchange may be */
  read(line: string | undefined): Answer | Promise<Answer>;
}

/** Reads the octets of a message in DATA, or of a chunk in BDAT. */
export interface Body {
  readonly type: "body";
  /** Takes octets. Returns what follows the end of the body, `undefined` if the body goes on. */
  read(chunk: Buffer): Buffer | undefined;
  /** No more may be read until `Client.onDrain` is called. */
  readonly full: boolean;
  /** The answer once the end was read. */
  finish(): Answer | Promise<Answer>;
}

/** What a handler returns: a reply, several, or a body to read before there is a reply. */
export type Answer = Action | readonly Action[] | Body;

/**
 * An action with all its fields. With one shape for what every session receives, JavaScriptCore compiles the code
 * that handles it once: a few connections among thousands of messages made it compile that code again.
 */
export function withAllFields(action: Action): Action {
  const { code, text, enhanced, octets, next, limit, reader } = action;
  return { code, text, enhanced, octets, next, limit, reader };
}

/** An action that never changes, its octets made once. */
export function withOctets(action: Action): Action {
  const octets = { plain: formatReply(action, false), enhanced: formatReply(action, true) };
  return withAllFields({ ...action, octets });
}
