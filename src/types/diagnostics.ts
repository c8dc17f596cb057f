import type { SMTPEnvelope, SMTPSession } from "./session.js";

/** What a message on one of the tracing channels has: the same object from its start to its end. */
export interface Trace {
  /** The client's session. */
  readonly session: SMTPSession;
  /** When it began, in milliseconds of `performance.now()`. */
  readonly startTime: number;
  /** How long it took, in milliseconds; there once it is over. */
  duration?: number | undefined;
}

/** An option that limits something. `maxRecipients`: also the server's own limit of recipients. */
export type LimitName =
  | "maxAllowedUnauthenticatedCommands"
  | "maxAuthAttempts"
  | "maxClients"
  | "maxClientsPerAddress"
  | "maxCommandLength"
  | "maxErrors"
  | "maxRecipients"
  | "minDataRate"
  | "size"
  | "socketTimeout";

/** `bun-smtp:connection`: from before the greeting until after onClose was called. */
export interface ConnectionTrace extends Trace {
  /** Codes of the replies that answer no command: the greeting, or what closed in its place, and timeouts. */
  readonly codes: number[];
  /** The limit that one of these replies refused for. */
  limit?: LimitName | undefined;
}

/** `bun-smtp:command`: from the command line to the last reply, the lines of AUTH and the message of DATA included. */
export interface CommandTrace extends Trace {
  /** The verb in upper case; "" for a line that is no command, or one that is disabled. */
  readonly verb: string;
  /** Code of the last reply; missing where the client left before it. */
  code?: number | undefined;
  /** Codes of all replies: 334 and 354 too, and in LMTP one for each recipient. */
  readonly codes: number[];
  /** The limit that a reply refused for. */
  limit?: LimitName | undefined;
}

/** `bun-smtp:hook`: from the call of a hook to its answer; of onClose, until it returns. */
export interface HookTrace extends Trace {
  /** Its name, `onMailFrom`. */
  readonly hook: string;
  /** What came of it. `crashed`: it threw, or cannot answer. */
  outcome?: "accepted" | "refused" | "crashed" | undefined;
  /** What it refused with. */
  error?: Error | undefined;
}

/** `bun-smtp:message`: from DATA or the first BDAT to the reply, or to where the client broke off. */
export interface MessageTrace extends Trace {
  /** The envelope of this message. */
  readonly envelope: SMTPEnvelope;
  /** Octets that were received, without the dots of transparency; there once it is over. */
  octets?: number | undefined;
  /** What came of it; in LMTP `accepted` where at least one recipient was. `aborted`: it was not received in full. */
  outcome?: "accepted" | "refused" | "aborted" | undefined;
  /** Why it was aborted. */
  error?: Error | undefined;
}

/** `bun-smtp:auth`: a login by AUTH or XCLIENT is over. */
export interface AuthEvent {
  /** The client's session. */
  readonly session: SMTPSession;
  /** The mechanism, or `XCLIENT`. */
  readonly method: string;
  /** What came of it. `crashed`: onAuth threw, or cannot answer. */
  readonly outcome: "accepted" | "refused" | "crashed";
  /** Code of the reply. */
  readonly code: number;
}

/** `bun-smtp:tls`: a handshake of the server is over. */
export interface TLSEvent {
  /** The client's session; missing where the handshake of implicit TLS failed, for there is none yet. */
  readonly session?: SMTPSession | undefined;
  /** The client's address. */
  readonly remoteAddress: string;
  /** `TLSv1.3`; this and the next fields are missing where it failed. */
  readonly protocol?: string | undefined;
  /** OpenSSL's name of the cipher. */
  readonly cipher?: string | undefined;
  /** The SNI host name, `false` if the client sent none. */
  readonly servername?: string | false | undefined;
  /** The client's certificate was asked for and verified. */
  readonly authorized?: boolean | undefined;
  /** Why it failed. */
  readonly error?: Error | undefined;
}
