/**
 * The type names of smtp-server, for programs that were typed against it or against
 * `@types/smtp-server`. Interfaces, so that a `declare module` of the program can add to them; what our
 * hooks are given ({@link SMTPSession} and the rest of types.ts) extends these. A field that only newer
 * versions of smtp-server have is optional here where a program may make such an object itself.
 */
import type { CipherNameAndProtocol } from "node:tls";

/** Milliseconds. */
export type ms = number;

/** An error with the reply code that the client is to get. */
export interface SMTPServerError extends Error {
  responseCode?: number | undefined;
}

/** ESMTP parameters of MAIL or RCPT by keyword in upper case; `true` for a keyword without a value. */
export type SMTPServerAddressArgs = Record<string, string | true>;

/** DSN parameters of a recipient (RFC 3461). */
export interface SMTPServerRecipientDSN {
  notify?: string[] | undefined;
  orcpt?: string | undefined;
}

/** An address of MAIL or RCPT. */
export interface SMTPServerAddress {
  address: string;
  args: SMTPServerAddressArgs | false;
  dsn?: SMTPServerRecipientDSN | undefined;
}

/** DSN parameters of MAIL (RFC 3461). */
export interface SMTPServerEnvelopeDSN {
  ret: string | null;
  envid: string | null;
}

/** The envelope of a transaction. */
export interface SMTPServerEnvelope {
  mailFrom: SMTPServerAddress | false;
  rcptTo: SMTPServerAddress[];
  bodyType?: string | undefined;
  smtpUtf8?: boolean | undefined;
  requireTLS?: boolean | undefined;
  dsn?: SMTPServerEnvelopeDSN | undefined;
}

/** The mechanisms that smtp-server has, and `XCLIENT` for the LOGIN attribute of an XCLIENT command. */
export type SMTPServerAuthenticationMethod = "PLAIN" | "LOGIN" | "XOAUTH2" | "CRAM-MD5" | "XCLIENT";

/** Credentials of an AUTH command. */
export interface SMTPServerAuthentication {
  method: SMTPServerAuthenticationMethod;
  username?: string | undefined;
  /** `null` at run time for XCLIENT, and not in the type: `@types/smtp-server` has none. */
  password?: string | undefined;
  authcid?: string | undefined;
  authzid?: string | undefined;
  accessToken?: string | undefined;
  challenge?: string | undefined;
  challengeResponse?: string | undefined;
  validatePassword(password: string): boolean;
}

/** What onAuth answers. */
export interface SMTPServerAuthenticationResponse {
  user?: any;
  data?: object | undefined;
  message?: string | undefined;
  responseCode?: number | undefined;
}

/** A client's connection as the hooks see it. */
export interface SMTPServerSession {
  id: string;
  secure: boolean;
  servername?: string | false | null | undefined;
  localAddress: string;
  localPort: number;
  remoteAddress: string;
  remotePort: number;
  clientHostname: string;
  hostNameAppearsAs: string;
  openingCommand: string;
  transmissionType: string;
  tlsOptions: CipherNameAndProtocol | false;
  user?: any;
  transaction: number;
  envelope: SMTPServerEnvelope;
  xClient: Map<string, string | number | false>;
  xForward: Map<string, string | number | false>;
  error?: string | undefined;
  disabledCommands?: string[] | undefined;
  isWizard?: boolean | undefined;
}

/** Argument of the `connect` event. */
export interface SMTPServerConnectionInfo {
  id: string;
  localAddress: string;
  localPort: number;
  remoteAddress: string;
  remotePort: number;
  hostNameAppearsAs: string | false;
  clientHostname: string | false;
}

/** A reverse DNS resolver. */
export interface SMTPServerResolver {
  reverse(ip: string, callback: (error: Error | null, hostnames?: string[]) => void): void;
}

/** One recipient's result of an LMTP message: a text accepts, an Error refuses. */
export type SMTPServerDataResult = string | Error;
