import type { PeerCertificate } from "node:tls";
import type { AuthFields, AuthMethod, AuthObject, AuthResponse } from "../types/index.js";

/** The parts of the TLS session that a mechanism may use; all missing on a plain connection. */
export interface Channel {
  /** RFC 5705 keying material of the TLS session, `undefined` if the session has none. */
  exportKeyingMaterial?: ((length: number, label: string, context: Buffer) => Buffer | undefined) | undefined;
  /** The client's certificate, only if it was verified (`authorized`). */
  peerCertificate?: (() => PeerCertificate | undefined) | undefined;
}

/** The facts of the connection that a mechanism may use. */
export interface SaslEnvironment extends Channel {
  /** Our host name, for the challenge of CRAM-MD5. */
  readonly hostname: string;
  /** Whether SCRAM-SHA-256-PLUS was offered to this client, so that its `y` flag means a downgrade (RFC 5802 6). */
  readonly offersPlus: boolean;
  /** Key of the made-up SCRAM salts. */
  readonly scramSecret: string | Uint8Array;
  /** Makes an unguessable string of printable ASCII without a comma. Default: 32 random hex digits. */
  readonly nonce?: (() => string) | undefined;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** 334: the exchange goes on with the client's next line. */
export interface Challenge {
  readonly type: "challenge";
  /** Base64, "" for an empty challenge. */
  readonly text: string;
  /** Takes the client's answer; or the failure in which any answer ends, `*` included. */
  readonly next: Step | Failure;
}

/** The client has given its credentials: onAuth decides. */
export interface Credentials {
  readonly type: "credentials";
  /** The first argument of onAuth, with the fields of this mechanism and no others. */
  readonly auth: AuthObject;
  /** Takes the answer of onAuth. */
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
  /** The application's mistake in its answer, for the log; never a credential, never sent. */
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

/** Takes a message of the client, base64 and UTF-8 decoded. */
export type Step = (message: string) => Outcome;

/** Takes the error and the response of onAuth. */
export type Judge = (error: unknown, response: AuthResponse) => Outcome;

/** A SASL mechanism (RFC 4422), server side. */
export interface Mechanism {
  readonly name: AuthMethod;
  /** Text of the 501 for too many arguments of AUTH. */
  readonly syntax: string;
  /** Whether AUTH may carry the first message. If not, an argument gets a 501 with `syntax`. */
  readonly initialResponse: boolean;
  /** Whether this connection allows the mechanism; missing: always. If not, it is neither offered nor known (504). */
  readonly available?: (channel: Channel) => boolean;
  /**
   * The opening challenge, empty if the client sends the first message. An initial response skips it and
   * goes to its `next`.
   */
  readonly begin: (environment: SaslEnvironment) => Challenge & { readonly next: Step };
}

/** The reply to a malformed message, with the text of smtp-server. */
export const INVALID: Failure = { type: "failure", code: 501, text: "Error: invalid userdata" };

/** A 334 with `data`, not yet in base64. */
export function challenge<Next extends Step | Failure>(
  data: string,
  next: Next,
): Challenge & { readonly next: Next } {
  return { type: "challenge", text: Buffer.from(data).toString("base64"), next };
}

type GivenFields = Partial<AuthFields> & { method: AuthMethod };

/**
 * The credentials for onAuth. Only CRAM-MD5 has `validatePassword`: programs test for the method, so the objects
 * of other mechanisms must not have it. The public type requires it all the same, so that code for CRAM-MD5 needs
 * no test, hence the cast.
 */
export function credentials(auth: GivenFields, judge: Judge): Credentials {
  return { type: "credentials", auth: auth as AuthObject, judge };
}
