/**
 * The type names of smtp-server, for programs that use its types or `@types/smtp-server`. They are interfaces, so that a
 * program can add to them by `declare module`. The types of our hooks ({@link SMTPSession} and the rest of index.ts)
 * extend them. A field that only newer versions of smtp-server have is optional if programs make such objects themselves.
 */
import type { CipherNameAndProtocol } from "node:tls";

/** Milliseconds. */
export type ms = number;

/** An error with the code of the reply. */
export interface SMTPServerError extends Error {
  /** 400 to 599; any other value means the hook's default. 421 closes the connection. */
  responseCode?: number | undefined;
}

/** ESMTP parameters of MAIL or RCPT by keyword in upper case; `true` for a keyword without a value. */
export type SMTPServerAddressArgs = Record<string, string | true>;

/** DSN parameters of a recipient (RFC 3461). */
export interface SMTPServerRecipientDSN {
  /** NOTIFY conditions in upper case. */
  notify?: string[] | undefined;
  /** ORCPT, the original recipient, `addr-type;address`. */
  orcpt?: string | undefined;
}

/** An address of MAIL or RCPT. */
export interface SMTPServerAddress {
  /** `local@domain`; the empty string is the null reverse-path `<>`. */
  address: string;
  /** The ESMTP parameters of the command, `false` if there were none. */
  args: SMTPServerAddressArgs | false;
  /** DSN parameters of a recipient, with `hideDSN: false`. */
  dsn?: SMTPServerRecipientDSN | undefined;
}

/** DSN parameters of MAIL (RFC 3461). */
export interface SMTPServerEnvelopeDSN {
  /** `FULL`, `HDRS`, or `null` for no preference. */
  ret: string | null;
  /** Envelope identifier, or `null`. */
  envid: string | null;
}

/** The envelope of a transaction. */
export interface SMTPServerEnvelope {
  /** The reverse-path, `false` before MAIL was accepted. */
  mailFrom: SMTPServerAddress | false;
  /** The accepted forward-paths in order. */
  rcptTo: SMTPServerAddress[];
  /** `7bit`, `8bitmime` or `binarymime`. */
  bodyType?: string | undefined;
  /** The client sent SMTPUTF8 (RFC 6531). */
  smtpUtf8?: boolean | undefined;
  /** The client sent REQUIRETLS (RFC 8689). */
  requireTLS?: boolean | undefined;
  /** DSN parameters, with `hideDSN: false`. */
  dsn?: SMTPServerEnvelopeDSN | undefined;
}

/** The mechanisms that smtp-server has, and `XCLIENT` for the LOGIN attribute of an XCLIENT command. */
export type SMTPServerAuthenticationMethod = "PLAIN" | "LOGIN" | "XOAUTH2" | "CRAM-MD5" | "XCLIENT";

/** Credentials of an AUTH command. */
export interface SMTPServerAuthentication {
  /** The SASL mechanism. */
  method: SMTPServerAuthenticationMethod;
  /** The name of the user. */
  username?: string | undefined;
  /** `null` at run time for XCLIENT, and not in the type: `@types/smtp-server` has none. */
  password?: string | undefined;
  /** PLAIN: the authentication identity (RFC 4616). */
  authcid?: string | undefined;
  /** PLAIN: the authorization identity, "" if the client gave none. */
  authzid?: string | undefined;
  /** XOAUTH2: the bearer token. */
  accessToken?: string | undefined;
  /** CRAM-MD5: the challenge that was sent. */
  challenge?: string | undefined;
  /** CRAM-MD5: the client's digest, in lower case hex. */
  challengeResponse?: string | undefined;
  /** CRAM-MD5: whether the response was made with this password, in constant time. */
  validatePassword(password: string): boolean;
}

/** What onAuth answers. */
export interface SMTPServerAuthenticationResponse {
  /** Any truthy value; it becomes `session.user`. Missing: the login failed. */
  user?: any;
  /** XOAUTH2 without `user`: sent as base64 JSON before the 535. */
  data?: object | undefined;
  /** Text of the reply. */
  message?: string | undefined;
  /** 2xx with `user`, 4xx or 5xx without. */
  responseCode?: number | undefined;
}

/** A client's connection as the hooks see it. */
export interface SMTPServerSession {
  /** Unique: 16 characters of 0-9 and a-v. */
  id: string;
  /** TLS is in use, here or in a proxy in front. */
  secure: boolean;
  /** SNI host name of the handshake, `false` if the client sent none. */
  servername?: string | false | null | undefined;
  /** Server IP address. */
  localAddress: string;
  /** Server port. */
  localPort: number;
  /** Client IP address. */
  remoteAddress: string;
  /** Client port. */
  remotePort: number;
  /** Reverse DNS name of the client, or `[remoteAddress]`. */
  clientHostname: string;
  /** The name of HELO, EHLO or LHLO in lower case; `false` before. */
  hostNameAppearsAs: string;
  /** `HELO`, `EHLO` or `LHLO`; `false` before. */
  openingCommand: string;
  /** For a Received header (RFC 3848), for example `ESMTPSA`. */
  transmissionType: string;
  /** Cipher of the TLS session, `false` without TLS. */
  tlsOptions: CipherNameAndProtocol | false;
  /** What onAuth answered as `user`. */
  user?: any;
  /** Ordinal of the current mail transaction, 1 on connect. */
  transaction: number;
  /** The current envelope. */
  envelope: SMTPServerEnvelope;
  /** XCLIENT values by name; `false` for one that is unavailable. */
  xClient: Map<string, string | number | false>;
  /** XFORWARD values by name, in the same form. */
  xForward: Map<string, string | number | false>;
  /** The last reply of 400 or above. */
  error?: string | undefined;
  /** Set by the application: replaces the server's option for this session. */
  disabledCommands?: string[] | undefined;
  /** `true` after the WIZ command of old sendmail. */
  isWizard?: boolean | undefined;
  /** Aborts when the connection is over. There on every session that a hook gets; smtp-server has none. */
  readonly signal?: AbortSignal | undefined;
}

/** Argument of the `connect` event. */
export interface SMTPServerConnectionInfo {
  /** `session.id`. */
  id: string;
  /** Server IP address. */
  localAddress: string;
  /** Server port. */
  localPort: number;
  /** Client IP address. */
  remoteAddress: string;
  /** Client port. */
  remotePort: number;
  /** Its HELO name, `false` before the client has sent one. */
  hostNameAppearsAs: string | false;
  /** Its reverse DNS name, or `[remoteAddress]`. */
  clientHostname: string | false;
}

/** A reverse DNS resolver. */
export interface SMTPServerResolver {
  /** As `dns.reverse`: the names of an IP address; the first one counts. */
  reverse(ip: string, callback: (error: Error | null, hostnames?: string[]) => void): void;
}

/** One recipient's result of an LMTP message: a text accepts, an Error refuses. */
export type SMTPServerDataResult = string | Error;
