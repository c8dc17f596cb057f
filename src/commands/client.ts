import type { PeerCertificate } from "node:tls";
import type { TracedClient } from "../diagnostics/client-trace.js";
import type { HookResult } from "../hooks/hook-call.js";
import type { HookName } from "../hooks/names.js";
import type { LogEntry, LogLevel } from "../logger.js";
import type { Settings } from "../options.js";
import type { Clock } from "../time/clock.js";
import type { SecureSocket, SMTPSession } from "../types/index.js";
import type { Action, Answer } from "./action.js";
import type { Recipients } from "./recipients.js";

/** The parts of the TLS session that SASL uses. */
export interface TLSFacts {
  readonly authorized: boolean;
  peerCertificate(): PeerCertificate;
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer | undefined;
}

/** How often the client did what it may do only so often. */
export interface Counts {
  /** Unrecognised commands since the last message. */
  unrecognized: number;
  /** Commands of a client that must log in and has not. */
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
  /** Enough is queued for onData. `Client.onDrain` is called when there is space again. */
  readonly full: boolean;
  /** A chunk of BDAT was refused: the ones behind it are refused too (RFC 3030 2). */
  readonly chunksRefused: boolean;
  /** The end was received. */
  readonly ended: boolean;
  push(bytes: Buffer): void;
  /** The client sent all of it. */
  end(): void;
  /** The message will not be complete: the stream fails, so that a partial message never looks whole. */
  abort(error: Error): void;
  /** The replies to the message, once it has ended and the hook has answered. */
  replies(): readonly Action[] | Promise<readonly Action[]>;
  /** Ends the transaction with one reply, in LMTP with one for each accepted RCPT command (RFC 2033 4.2). */
  endTransaction(reply: Action): readonly Action[];
  /** The reply to a chunk of BDAT that is not the last. */
  chunkReply(octets: number): Action;
  /** Refuses the rest of the chunks; the stream does not get them. */
  refuseChunks(refusal: Action): void;
}

/** The connection as a command handler sees it. */
export interface Client extends TracedClient {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly session: SMTPSession;
  /** The TLS session; `undefined` without one, and when a proxy ends TLS. */
  readonly tls: TLSFacts | undefined;
  /** The client's address after a PROXY header and before any XCLIENT: trust is decided by it. */
  readonly peerAddress: string;
  /** The socket argument of onSecure. */
  readonly socket: SecureSocket;
  /** Neither side has closed. */
  readonly isOpen: boolean;
  /** Whether STARTTLS can upgrade this transport. */
  readonly canUpgrade: boolean;
  /** The lines that onHelo added to the last EHLO reply. */
  keywords: readonly string[];
  /** RCPT commands that were accepted in this transaction. */
  readonly recipients: Recipients;
  /** The message in transfer, between the first octet and its reply. */
  message: MessageInTransfer | undefined;
  /** The counts that the limits are compared with. */
  readonly counts: Counts;

  /** Whether this server has a command: it is not disabled, and LHLO exists in LMTP only. */
  supports(verb: string): boolean;
  /** Whether the application has this hook. Without one everything is accepted. */
  hasHook(name: HookName): boolean;
  /** Calls a hook of the application; see {@link HookResult}. */
  hook<T>(name: HookName, args: readonly unknown[], then: (result: HookResult) => T): T | Promise<T>;
  /**
   * Calls a hook without waiting for its answer.
   * @param isAwaited whether the answer still matters, so that a forgotten one is worth a warning
   */
  ask(
    name: HookName,
    args: readonly unknown[],
    then: (result: HookResult) => void,
    isAwaited?: () => boolean,
  ): void;
  /** RSET, and everything that counts as one: discards the envelope and a message in transfer. */
  resetTransaction(): void;
  /** The message was answered: the next transaction begins. */
  completeTransaction(): void;
  /** Logs an exception and emits it as `error`. */
  report(error: unknown): void;
  /** Emits `connect`, once. @param again emits it even if it was emitted before */
  announce(again?: boolean): void;
  /** A body that was full can take more. */
  onDrain(): void;
  /** Whether log entries about this client go anywhere. */
  readonly isLogged: boolean;
  log(level: LogLevel, entry: LogEntry, text: string, ...args: unknown[]): void;
}

/** A command: its handler, and the conditions before it runs. */
export interface Command {
  /** @param args what follows the verb and one space @param line the whole line */
  run(client: Client, args: string, line: string): Answer | Promise<Answer>;
  /** 503 before HELO, EHLO or LHLO. */
  readonly afterHello?: true;
  /** Runs before STARTTLS also with `needsUpgrade`, where all others get 530 (RFC 3207 4). */
  readonly beforeUpgrade?: true;
  /** 530 before AUTH where that is required. */
  readonly afterAuth?: true;
  /** Replaces a refusal: the octets of BDAT follow even a refused command. */
  refuse?(client: Client, args: string, refusal: Action): Answer;
}
