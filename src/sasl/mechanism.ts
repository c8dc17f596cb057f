import type { PeerCertificate } from "node:tls";
import type { AuthFields, AuthMethod, AuthObject, AuthResponse } from "../types/index.js";

/** The parts of the TLS session that a mechanism may use. Without TLS both are missing. */
export interface Channel {
  /** RFC 5705 keying material of the TLS session, `undefined` if the session has none. */
  exportKeyingMaterial?: ((length: number, label: string, context: Buffer) => Buffer | undefined) | undefined;
  /** Returns the client's certificate; `undefined` unless it was verified. */
  peerCertificate?: (() => PeerCertificate | undefined) | undefined;
}

/** What a mechanism may know about the connection. */
export interface SaslEnvironment extends Channel {
  /** Our host name, for the challenge of CRAM-MD5. */
  readonly hostname: string;
  /** Whether this client was offered SCRAM-SHA-256-PLUS. If so, its flag `y` shows a downgrade attack (RFC 5802 6). */
  readonly offersPlus: boolean;
  /** Key for the SCRAM salts of unknown names. */
  readonly scramSecret: string | Uint8Array;
  /** Makes an unguessable string of printable ASCII without a comma. Default: 32 random hex digits. */
  readonly nonce?: (() => string) | undefined;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** Send a 334. The exchange continues with the client's next line. */
export interface Challenge {
  readonly type: "challenge";
  /** Base64, "" for an empty challenge. */
  readonly text: string;
  /** Reads the client's answer. A failure here is the outcome of any answer, even of `*`. */
  readonly next: Step | Failure;
}

/** The client has sent its credentials. Call onAuth. */
export interface Credentials {
  readonly type: "credentials";
  /** The first argument of onAuth, with the fields of this mechanism and no others. */
  readonly auth: AuthObject;
  /** Turns the answer of onAuth into the next step. */
  readonly judge: Judge;
}

/** The exchange is over, and the login failed. */
export interface Failure {
  readonly type: "failure";
  /** Reply code, 400 to 599; 421 closes the connection. */
  readonly code: number;
  readonly text: string;
  /** Enhanced status code (RFC 3463) if it is not the usual one of the code. */
  readonly enhanced?: string;
  /** A mistake in onAuth's answer, for the log. It contains no credential and is not sent. */
  readonly problem?: string;
}

/** The exchange is over, and `user` is logged in. */
export interface Success {
  readonly type: "success";
  readonly user: unknown;
  /** Reply code, 200 to 299. */
  readonly code: number;
  readonly text: string;
}

/** The result of a line of the client or of an answer of onAuth. */
export type Outcome = Challenge | Credentials | Failure | Success;

/** Reads a message of the client, decoded from base64 and UTF-8. */
export type Step = (message: string) => Outcome;

/** Reads the error and the response of onAuth. */
export type Judge = (error: unknown, response: AuthResponse) => Outcome;

/** A SASL mechanism (RFC 4422), server side. */
export interface Mechanism {
  readonly name: AuthMethod;
  /** Text of the 501 for too many arguments of AUTH. */
  readonly syntax: string;
  /** Whether the AUTH line may contain the first message. If not, a second argument gets 501 with `syntax`. */
  readonly initialResponse: boolean;
  /** Whether this connection can use the mechanism. If not, it is not offered and gets 504. Default: it can. */
  readonly available?: (channel: Channel) => boolean;
  /**
   * Returns the first challenge, which is empty if the client sends the first message. An initial response replaces the
   * challenge and goes to its `next`.
   */
  readonly begin: (environment: SaslEnvironment) => Challenge & { readonly next: Step };
}

/** The reply to a malformed message. The text is that of smtp-server. */
export const INVALID: Failure = { type: "failure", code: 501, text: "Error: invalid userdata" };

/** Makes a 334. @param data the challenge before base64 */
export function challenge<Next extends Step | Failure>(
  data: string,
  next: Next,
): Challenge & { readonly next: Next } {
  return { type: "challenge", text: Buffer.from(data).toString("base64"), next };
}

type GivenFields = Partial<AuthFields> & { method: AuthMethod };

/**
 * Makes the credentials for onAuth. Programs test whether `validatePassword` exists, so only CRAM-MD5 has it. The public
 * type says that it always does, so that code for CRAM-MD5 needs no test. Hence the cast.
 */
export function credentials(auth: GivenFields, judge: Judge): Credentials {
  return { type: "credentials", auth: auth as AuthObject, judge };
}
