import type { PeerCertificate } from "node:tls";
import type { SMTPServerAuthentication, SMTPServerAuthenticationResponse } from "./smtp-server.js";

/** Names of the SASL mechanisms, and `XCLIENT` for the LOGIN attribute of an XCLIENT command. */
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

/** The fields of all mechanisms. Which of them {@link AuthObject} has depends on its `method`. */
export interface AuthFields extends Omit<SMTPServerAuthentication, "method"> {
  /** Who wants to log in. PLAIN: the authcid, or the authzid where that is empty. */
  username?: string | undefined;
  /** PLAIN and LOGIN: the password. (`null` at run time for XCLIENT; not in the type, for programs made before there was one.) */
  password?: string | undefined;
  /** PLAIN: the authentication identity of the message (RFC 4616). */
  authcid?: string | undefined;
  /** The authorization identity, "" if the client gave none. */
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
  /** CRAM-MD5 only: whether the client's response was made with this password, in constant time. */
  validatePassword(password: string): boolean;
}

/** Credentials of one mechanism: what it always has is there, and the fields of the others can be read. */
type Credentials<Method extends AuthMethod, Always extends keyof AuthFields> = AuthFields & {
  /** The SASL mechanism. */
  method: Method;
} & { [Field in Always]-?: NonNullable<AuthFields[Field]> };

/**
 * Credentials of an AUTH command, the first argument of onAuth. Told apart by `method`: after
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

/** What a SCRAM server stores for a user (RFC 5802 section 3), as `scramCredentials()` makes it. All in base64. */
export interface ScramRecord {
  /** Random octets, in base64. */
  salt: string;
  /** Rounds of PBKDF2. */
  iterations: number;
  /** StoredKey of RFC 5802, 32 octets in base64: verifies the client's proof. */
  storedKey: string;
  /** ServerKey of RFC 5802, 32 octets in base64: proves the server to the client. */
  serverKey: string;
}

/** Second argument of onAuth's callback. */
export interface AuthResponse extends SMTPServerAuthenticationResponse {
  /** Any truthy value; it becomes `session.user`. Missing: the login failed. */
  user?: any;
  /** Text of the reply. */
  message?: string | undefined;
  /** Reply code: 2xx with `user` (default 235), 4xx or 5xx without (default 535). */
  responseCode?: number | undefined;
  /** XOAUTH2 and OAUTHBEARER without `user`: sent as base64 JSON in the 334 that goes before the 535. */
  data?: object | undefined;
  /** SCRAM: the password or the stored record that the client's proof is verified against. */
  credentials?: { password: string } | ScramRecord | undefined;
}
