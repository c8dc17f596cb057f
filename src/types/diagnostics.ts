import type { SMTPEnvelope, SMTPSession } from "./session.js";

/** A message on a tracing channel. It is one object from `start` to `asyncEnd`. */
export interface Trace {
  /** The client's session. */
  readonly session: SMTPSession;
  /** Start time in milliseconds of `performance.now()`. */
  readonly startTime: number;
  /** Duration in milliseconds; set at the end. */
  duration?: number | undefined;
}

/** The name of an option that limits something. `maxRecipients` also stands for the server's own limit of recipients. */
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

/** Message of `bun-smtp:connection`: from before the greeting until after onClose was called. */
export interface ConnectionTrace extends Trace {
  /** Codes of the replies that answer no command: the greeting or the refusal in its place, timeouts, a closing server. */
  readonly codes: number[];
  /** The limit for which one of these replies refused the client. */
  limit?: LimitName | undefined;
}

/** Message of `bun-smtp:command`: from the command line to the last reply, with the lines of AUTH and the message of DATA. */
export interface CommandTrace extends Trace {
  /** The verb in upper case; "" for a line that is not a command, or for a disabled command. */
  readonly verb: string;
  /** Code of the last reply; missing if the client disconnected before any. */
  code?: number | undefined;
  /** Codes of all replies: 334 and 354 too, and in LMTP one for each recipient. */
  readonly codes: number[];
  /** The limit for which a reply refused the command. */
  limit?: LimitName | undefined;
}

/** Message of `bun-smtp:hook`: from the call of a hook to its answer; onClose ends when it returns. */
export interface HookTrace extends Trace {
  /** Its name, such as `onMailFrom`. */
  readonly hook: string;
  /** The outcome; set at the end. `crashed`: the hook threw, or cannot answer. */
  outcome?: "accepted" | "refused" | "crashed" | undefined;
  /** The error of a refusal. */
  error?: Error | undefined;
}

/** Message of `bun-smtp:message`: from DATA or the first BDAT to the reply, or until the client breaks it off. */
export interface MessageTrace extends Trace {
  /** The envelope of this message. */
  readonly envelope: SMTPEnvelope;
  /** Octets received, without the transparency dots (RFC 5321 section 4.5.2); set at the end. */
  octets?: number | undefined;
  /** The outcome; set at the end. In LMTP `accepted` if at least one recipient was. `aborted`: not received in full. */
  outcome?: "accepted" | "refused" | "aborted" | undefined;
  /** Why the message was aborted. */
  error?: Error | undefined;
}

/** Message of `bun-smtp:auth`: a login by AUTH or XCLIENT has succeeded or failed. */
export interface AuthEvent {
  /** The client's session. */
  readonly session: SMTPSession;
  /** The mechanism, or `XCLIENT`. */
  readonly method: string;
  /** The outcome. `crashed`: onAuth threw, or cannot answer. */
  readonly outcome: "accepted" | "refused" | "crashed";
  /** Code of the reply. */
  readonly code: number;
}

/** Message of `bun-smtp:tls`: a TLS handshake with the server has succeeded or failed. */
export interface TLSEvent {
  /** The client's session; missing if a handshake of implicit TLS failed, because the session starts after it. */
  readonly session?: SMTPSession | undefined;
  /** The client's address. */
  readonly remoteAddress: string;
  /** TLS version, such as `TLSv1.3`. This field and the next three are missing if the handshake failed. */
  readonly protocol?: string | undefined;
  /** OpenSSL's name of the cipher. */
  readonly cipher?: string | undefined;
  /** The SNI host name, `false` if the client sent none. */
  readonly servername?: string | false | undefined;
  /** Whether the client's certificate was requested and verified. */
  readonly authorized?: boolean | undefined;
  /** Why the handshake failed. */
  readonly error?: Error | undefined;
}
