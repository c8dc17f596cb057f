import type { PeerCertificate } from "node:tls";
import type { SMTPServerAuthentication, SMTPServerAuthenticationResponse } from "./smtp-server.js";

/** A SASL mechanism (RFC 4422), or `XCLIENT` for the LOGIN attribute of an XCLIENT command. */
export type AuthMethod =
  | "PLAIN"
  | "LOGIN"
  | "CRAM-MD5"
  | "XOAUTH2"
  | "OAUTHBEARER"
  | "SCRAM-SHA-256"
  | "SCRAM-SHA-256-PLUS"
  | "EXTERNAL"
  | "XCLIENT";

/** The fields of all mechanisms. `method` of {@link AuthObject} decides which of them are set. */
export interface AuthFields extends Omit<SMTPServerAuthentication, "method"> {
  /** The name that the client logs in with. PLAIN: the authcid, or the authzid if the authcid is empty. */
  username?: string | undefined;
  /** PLAIN and LOGIN: the password. At run time `null` for XCLIENT; the type omits this, as in `@types/smtp-server`. */
  password?: string | undefined;
  /** PLAIN: the authentication identity of the message (RFC 4616). */
  authcid?: string | undefined;
  /** The identity to act as (authorization identity, RFC 4422), "" if the client gave none. */
  authzid?: string | undefined;
  /** XOAUTH2 and OAUTHBEARER: the bearer token. */
  accessToken?: string | undefined;
  /** OAUTHBEARER: the host the client says it connects to. */
  host?: string | undefined;
  /** OAUTHBEARER: the port the client says it connects to. */
  port?: number | undefined;
  /** CRAM-MD5: the challenge that was sent. */
  challenge?: string | undefined;
  /** CRAM-MD5: the client's digest, in lower case hex. */
  challengeResponse?: string | undefined;
  /** EXTERNAL: the verified client certificate. */
  certificate?: PeerCertificate | undefined;
  /** CRAM-MD5 only: whether the client used this password (RFC 2195). Compares in constant time. */
  validatePassword(password: string): boolean;
}

/** Credentials of one mechanism. The fields that it always has are not optional; those of the others can be read too. */
type Credentials<Method extends AuthMethod, Always extends keyof AuthFields> = AuthFields & {
  /** The SASL mechanism. */
  method: Method;
} & { [Field in Always]-?: NonNullable<AuthFields[Field]> };

/**
 * Credentials of an AUTH command (RFC 4954), the first argument of onAuth. Its fields depend on `method`: after
 * `auth.method === "PLAIN"` the password is a string. See the authentication guide.
 */
export type AuthObject =
  | Credentials<"PLAIN", "username" | "password" | "authcid" | "authzid">
  | Credentials<"LOGIN", "username" | "password">
  | Credentials<"CRAM-MD5", "username" | "challenge" | "challengeResponse">
  | Credentials<"XOAUTH2" | "OAUTHBEARER", "username" | "accessToken">
  | Credentials<"SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS", "username" | "authzid">
  | Credentials<"EXTERNAL", "username" | "authzid" | "certificate">
  | Credentials<"XCLIENT", "username">;

/** What a SCRAM server stores for a user (RFC 5802 section 3). Made by `scramCredentials()`. */
export interface ScramRecord {
  /** Random octets, in base64. */
  salt: string;
  /** Rounds of PBKDF2, an integer. */
  iterations: number;
  /** StoredKey of RFC 5802, 32 octets in base64: verifies the client's proof. */
  storedKey: string;
  /** ServerKey of RFC 5802, 32 octets in base64: proves the server to the client. */
  serverKey: string;
}

/** Second argument of onAuth's callback. */
export interface AuthResponse extends SMTPServerAuthenticationResponse {
  /** Any truthy value, which becomes `session.user`. If it is missing, the login has failed. */
  user?: any;
  /** Text of the reply. Default: that of the outcome. */
  message?: string | undefined;
  /** Reply code: 200 to 299 with a `user` (default 235), 400 to 599 without (default 535). */
  responseCode?: number | undefined;
  /** XOAUTH2 and OAUTHBEARER without `user`: sent as base64 JSON in the 334 that goes before the 535. */
  data?: object | undefined;
  /** SCRAM: the password or the stored record that the client's proof is verified against. */
  credentials?: { password: string } | ScramRecord | undefined;
}
