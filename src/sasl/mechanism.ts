import type { PeerCertificate } from "node:tls";
import type { AuthMethod, AuthObject, AuthResponse } from "../types/index.js";

/** What a mechanism may use of the TLS session below it; all missing on a plain connection. */
export interface Channel {
  /** RFC 5705 keying material of the TLS session, `undefined` if there is none to be had. */
  exportKeyingMaterial?: ((length: number, label: string, context: Buffer) => Buffer | undefined) | undefined;
  /** The client's certificate, only if it was verified (`authorized`). */
  peerCertificate?: (() => PeerCertificate | undefined) | undefined;
}

/** What a mechanism may know of its connection. */
export interface SaslEnvironment extends Channel {
  /** Our host name, for the challenge of CRAM-MD5. */
  readonly hostname: string;
  /** Whether SCRAM-SHA-256-PLUS was offered to this client, so that its `y` flag means a downgrade (RFC 5802 6). */
  readonly offersPlus: boolean;
  /** Key of the made-up SCRAM salts. */
  readonly scramSecret: string | Uint8Array;
  /** A string nobody can guess, of printable ASCII without a comma. Default: 32 random hex digits. */
  readonly nonce?: (() => string) | undefined;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** 334: the exchange goes on with the client's next line. */
export interface Challenge {
  readonly type: "challenge";
  /** Base64, "" for an empty challenge. */
  readonly text: string;
  /** Takes the client's answer, or is what any answer, `*` too, ends in. */
  readonly next: Step | Failure;
}

/** The client has said who it is: onAuth is to be asked. */
export interface Credentials {
  readonly type: "credentials";
  /** The first argument of onAuth, with the fields of this mechanism and no others. */
  readonly auth: AuthObject;
  /** Takes what onAuth answered. */
  readonly judge: Judge;
}

/** The exchange is over, nobody is logged in. */
export interface Failure {
  readonly type: "failure";
  /** Reply code, 400 to 599; 421 closes the connection. */
  readonly code: number;
  readonly text: string;
  /** Enhanced status code (RFC 3463) where it is not the usual one of the code. */
  readonly enhanced?: string;
  /** What the application got wrong in its answer, for the log; never a credential, never sent. */
  readonly problem?: string;
}

/** The exchange is over, `user` is logged in. */
export interface Success {
  readonly type: "success";
  readonly user: unknown;
  /** Reply code, 200 to 299. */
  readonly code: number;
  readonly text: string;
}

/** What comes of a line of the client or an answer of onAuth. */
export type Outcome = Challenge | Credentials | Failure | Success;

/** Takes a message of the client, base64 and UTF-8 decoded. */
export type Step = (message: string) => Outcome;

/** Takes the error and the response of onAuth. */
export type Judge = (error: unknown, response: AuthResponse) => Outcome;

/** A SASL mechanism (RFC 4422), server side. */
export interface Mechanism {
  readonly name: AuthMethod;
  /** Text of the 501 for more arguments than AUTH takes with this mechanism. */
  readonly syntax: string;
  /** Whether AUTH may bring the first message along. Where not, an argument is a 501 with `syntax`. */
  readonly initialResponse: boolean;
  /** Whether it can be had on this connection at all; missing: always. Where not, it is neither offered nor known (504). */
  readonly available?: (channel: Channel) => boolean;
  /**
   * The opening challenge, empty where the client speaks first. An initial response skips it and
   * goes to its `next`.
   */
  readonly begin: (environment: SaslEnvironment) => Challenge & { readonly next: Step };
}

/** A message that is not of the mechanism's form, with smtp-server's words. */
export const INVALID: Failure = { type: "failure", code: 501, text: "Error: invalid userdata" };

/** A 334 with `data`, not yet in base64. */
export function challenge<Next extends Step | Failure>(
  data: string,
  next: Next,
): Challenge & { readonly next: Next } {
  return { type: "challenge", text: Buffer.from(data).toString("base64"), next };
}

type AuthFields = Omit<AuthObject, "validatePassword"> & Partial<Pick<AuthObject, "validatePassword">>;

/**
 * The question to onAuth. Only CRAM-MD5 has `validatePassword`: programs test for it, and the others'
 * objects must have their own fields alone. The public type has it required, so that CRAM-MD5 code
 * reads without a test; this is the one place where that is not the whole truth.
 */
export function credentials(auth: AuthFields, judge: Judge): Credentials {
  return { type: "credentials", auth: auth as AuthObject, judge };
}
