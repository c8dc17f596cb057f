import type { PeerCertificate } from "node:tls";
import type { HookName, HookResult } from "../hooks/hook-call.js";
import type { LogEntry, LogLevel } from "../logger.js";
import type { Settings } from "../options.js";
import type { SecureSocket, SMTPSession } from "../types/index.js";
import type { Action, Answer } from "./action.js";
import type { Recipients } from "./recipients.js";

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

/** The message in transfer as its connection and the commands see it. */
export interface MessageInTransfer {
  /** Octets of the message so far. */
  readonly byteLength: number;
  /** Enough is queued for onData; `Client.onDrain` tells when there is room again. */
  readonly full: boolean;
  /** A chunk of BDAT was refused: the ones behind it are refused too (RFC 3030 2). */
  readonly chunksRefused: boolean;
  /** The end was received. */
  readonly ended: boolean;
  push(bytes: Buffer): void;
  /** The client sent all of it. */
  end(): void;
  /** The message will not be complete: the stream errors, so that a half never looks whole. */
  fail(error: Error): void;
  /** The replies that the message gets, once it has ended and the hook has answered. */
  replies(): readonly Action[] | Promise<readonly Action[]>;
  /** Ends the transaction with one reply, in LMTP with one for each accepted RCPT command (RFC 2033 4.2). */
  close(reply: Action): readonly Action[];
  /** The reply to a chunk of BDAT that is not the last. */
  chunkReply(octets: number): Action;
  /** The rest of the chunks is not wanted, and the stream does not get them. */
  refuseChunks(refusal: Action): void;
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
  message: MessageInTransfer | undefined;
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
  onDrain(): void;
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
