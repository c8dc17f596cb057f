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

/** Counters for the limits of one client. */
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

/** The message in transfer, for the connection and the commands. */
export interface MessageInTransfer {
  /** Octets of the message so far. */
  readonly byteLength: number;
  /** The queue of onData is full. `Client.onDrain` is called when it has space again. */
  readonly full: boolean;
  /** A chunk of BDAT was refused, so the ones after it are refused too (RFC 3030 2). */
  readonly chunksRefused: boolean;
  /** The end of the message was received. */
  readonly ended: boolean;
  push(bytes: Buffer): void;
  /** The client has sent the whole message. */
  end(): void;
  /** The message will not be complete. The stream fails, so that a partial message never looks complete. */
  abort(error: Error): void;
  /** The replies to the message, after its end and the answer of the hook. */
  replies(): readonly Action[] | Promise<readonly Action[]>;
  /** Ends the transaction with one reply, in LMTP with one for each accepted RCPT command (RFC 2033 4.2). */
  endTransaction(reply: Action): readonly Action[];
  /** The reply to a chunk of BDAT that is not the last. */
  chunkReply(octets: number): Action;
  /** Refuses the remaining chunks. The stream fails and does not get them. */
  refuseChunks(refusal: Action): void;
}

/** The client of a command handler: its session, transaction, counters, hooks and log. */
export interface Client extends TracedClient {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly session: SMTPSession;
  /** The TLS session; `undefined` without one, and when a proxy ends TLS. */
  readonly tls: TLSFacts | undefined;
  /** The client's address after a PROXY header and before any XCLIENT. Only this address decides on trust. */
  readonly peerAddress: string;
  /** The socket argument of onSecure. */
  readonly socket: SecureSocket;
  /** Neither side has closed the connection. */
  readonly isOpen: boolean;
  /** Whether this transport can start TLS. */
  readonly canUpgrade: boolean;
  /** The lines that onHelo added to the last EHLO reply. */
  keywords: readonly string[];
  /** The accepted RCPT commands of this transaction. */
  readonly recipients: Recipients;
  /** The message in transfer, from DATA or the first BDAT to its reply. */
  message: MessageInTransfer | undefined;
  readonly counts: Counts;

  /** Whether this server has a command. Disabled commands do not exist, and LHLO exists in LMTP only. */
  supports(verb: string): boolean;
  /** Whether the application has this hook. A missing hook accepts. */
  hasHook(name: HookName): boolean;
  /** Calls a hook. @returns the result of `then`, or a promise of it if the hook has not answered yet */
  hook<T>(name: HookName, args: readonly unknown[], then: (result: HookResult) => T): T | Promise<T>;
  /**
   * Calls a hook without a result: `then` is called when the hook answers, and no command waits for it.
   * @param isAwaited whether the answer still matters; if not, a forgotten callback gets no warning
   */
  ask(
    name: HookName,
    args: readonly unknown[],
    then: (result: HookResult) => void,
    isAwaited?: () => boolean,
  ): void;
  /** Discards the envelope and a message in transfer, as RSET does. */
  resetTransaction(): void;
  /** The message has its reply. Starts the next transaction. */
  completeTransaction(): void;
  /** Logs an exception and emits it as `error`. */
  report(error: unknown): void;
  /** Emits `connect`, once. @param again emits it even if it was emitted before */
  announce(again?: boolean): void;
  /** A full body has space again. */
  onDrain(): void;
  /** Whether this client is logged at all. */
  readonly isLogged: boolean;
  log(level: LogLevel, entry: LogEntry, text: string, ...args: unknown[]): void;
}

/** A command: its handler, and the conditions for running it. */
export interface Command {
  /** @param args the text after the verb and one space @param line the whole line */
  run(client: Client, args: string, line: string): Answer | Promise<Answer>;
  /** 503 before HELO, EHLO or LHLO. */
  readonly afterHello?: true;
  /** Runs before STARTTLS even with `needsUpgrade`. All others then get 530 (RFC 3207 4). */
  readonly beforeUpgrade?: true;
  /** 530 before AUTH, if a login is required. */
  readonly afterAuth?: true;
  /** Replaces a refusal. BDAT needs it, because its octets follow even if the command is refused. */
  refuse?(client: Client, args: string, refusal: Action): Answer;
}
