import type { PeerCertificate } from "node:tls";
import type { HookName, HookResult } from "../hooks/hook-call.js";
import type { LogEntry, LogLevel } from "../logger.js";
import type { Settings } from "../options.js";
import type { SecureSocket, SMTPSession } from "../types/index.js";
import type { Reply } from "../wire/reply.js";
import type { Message } from "./message.js";
import type { Recipients } from "./recipients.js";

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
  /** No more may be read until `Client.wanted` is called. */
  readonly full: boolean;
  /** What is to be answered once the end was read. */
  finish(): Answer | Promise<Answer>;
}

/** What a handler returns: a reply, several, or octets to read before there is one. */
export type Answer = Action | readonly Action[] | Body;

/** What the TLS session offers to SASL. */
export interface TLSFacts {
  readonly authorized: boolean;
  peerCertificate(): PeerCertificate;
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer | undefined;
}

/** What a connection did that it may do only so often. */
export interface Counts {
  /** Unrecognised commands since the last message. */
  unrecognized: number;
  /** Commands of a client that should log in and has not. */
  unauthenticated: number;
  /** AUTH attempts that failed. */
  failedLogins: number;
  /** 5xx replies. */
  errors: number;
}

/** What a command handler sees of its connection. */
export interface Client {
  readonly settings: Settings;
  readonly session: SMTPSession;
  /** Facts of the TLS session, `undefined` without one of our own. */
  readonly tls: TLSFacts | undefined;
  /** The client's address after a PROXY header and before any XCLIENT: the one that is trusted or not. */
  readonly peerAddress: string;
  /** What onSecure gets: the socket of the TLS session, or what stands for it. */
  readonly socket: SecureSocket;
  /** Neither side has closed. */
  readonly isOpen: boolean;
  /** Whether this transport could be upgraded by STARTTLS. */
  readonly canUpgrade: boolean;
  /** RCPT commands that were accepted in this transaction. */
  readonly recipients: Recipients;
  /** The message in transfer, between the first octet and its reply. */
  message: Message | undefined;
  /** What the limits on misbehaviour count. */
  readonly counts: Counts;

  /** Whether this server offers a command: it is not disabled, nor LMTP's where this is none. */
  supports(verb: string): boolean;
  /** Whether the application has such a hook; without one all is accepted. */
  hasHook(name: HookName): boolean;
  /** Calls a hook of the application; see {@link HookResult}. */
  hook<T>(name: HookName, args: readonly unknown[], then: (result: HookResult) => T): T | Promise<T>;
  /** Calls a hook, and does not wait for its answer. */
  ask(name: HookName, args: readonly unknown[], then: (result: HookResult) => void): void;
  /** RSET and all that counts as one: the envelope and a message in transfer are gone. */
  resetTransaction(): void;
  /** The message was answered: the next transaction begins. */
  completeTransaction(): void;
  /** Tells the server's `connect` listeners, once. */
  announce(again?: boolean): void;
  /** A body that was full can take more. */
  wanted(): void;
  /** Whether anybody reads what is logged. */
  readonly isLogged: boolean;
  log(level: LogLevel, entry: LogEntry, text: string, ...args: unknown[]): void;
}

/** A command: its handler, and what must hold before it runs. */
export interface Command {
  /** @param args what follows the verb and one space @param line the whole line */
  run(client: Client, args: string, line: string): Answer | Promise<Answer>;
  /** 503 before HELO, EHLO or LHLO. */
  readonly afterHello?: true;
  /** With `needsUpgrade` 530 before STARTTLS. */
  readonly afterUpgrade?: true;
  /** 530 before AUTH where that is required. */
  readonly afterAuth?: true;
  /** Makes something else of a refusal: BDAT's octets follow whatever we think of it. */
  refuse?(client: Client, args: string, refusal: Action): Answer;
}
