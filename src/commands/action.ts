import { formatReply, type Reply } from "../wire/reply.js";

/** A reply, and what the connection is to do once it is written. 421 always closes. */
export interface Action extends Reply {
  /** Close after this reply. */
  readonly close?: true | undefined;
  /** The client may send commands from now on (the greeting). */
  readonly ready?: true | undefined;
  /** STARTTLS: start the handshake when the reply has left. */
  readonly upgrade?: true | undefined;
  /** The next line is not a command: it goes here (SASL, RFC 4954 4). */
  readonly continuation?: ((line: ContinuationLine) => Answer | Promise<Answer>) | undefined;
  /** Octets of a message follow (DATA). */
  readonly body?: Body | undefined;
}

/** A line inside of an exchange; `undefined`: it was longer than an exchange may have. */
export type ContinuationLine = string | undefined;

/** Octets that are no command lines: a message in DATA, a chunk of BDAT. */
export interface Body {
  /** Takes octets; gives what follows the end, `undefined` while it goes on. */
  read(chunk: Buffer): Buffer | undefined;
  /** No more may be read until `Client.onDrain` is called. */
  readonly full: boolean;
  /** What is to be answered once the end was read. */
  finish(): Answer | Promise<Answer>;
}

/** What a handler returns: a reply, several, or octets to read before there is one. */
export type Answer = Action | readonly Action[] | Body;

/**
 * An action with all its fields. What every session hears has one shape then, and what handles it is compiled
 * once: else a few connections that begin among thousands of messages are reason enough to compile it anew.
 */
export function withAllFields(action: Action): Action {
  const { code, text, enhanced, octets, close, ready, upgrade, continuation, body } = action;
  return { code, text, enhanced, octets, close, ready, upgrade, continuation, body };
}

/** An action that is always the same, its octets made once. */
export function withOctets(action: Action): Action {
  const octets = { plain: formatReply(action, false), enhanced: formatReply(action, true) };
  return withAllFields({ ...action, octets });
}
