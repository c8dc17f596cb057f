import type { ServerOpts } from "node:net";
import type { SecureContext, TlsOptions } from "node:tls";
import type {
  OnAuthOption,
  OnCloseOption,
  OnConnectOption,
  OnDataOption,
  OnHeloOption,
  OnMailFromOption,
  OnRcptToOption,
  OnSecureOption,
} from "./hooks.js";
import type { SMTPServerResolver } from "./smtp-server.js";

/**
 * A bunyan or pino style logger; any method may be missing. The library calls them with `(entry, format, ...args)`. An
 * entry about a client has its `host` and `port`, and `cid`, the session's id. In arguments and text fields, control
 * characters and marks that change the direction of text are escaped.
 */
export interface Logger {
  /** The finest level; not used by the library. */
  trace?(...args: any[]): any;
  /** Each line of the conversation, credentials left out; a reverse lookup that failed. */
  debug?(...args: any[]): any;
  /** Connections, logins, what was refused or closed and why. */
  info?(...args: any[]): any;
  /** Problems that stop nothing: a hook that does not answer. */
  warn?(...args: any[]): any;
  /** What failed: a hook, a handshake. */
  error?(...args: any[]): any;
  /** The most severe level; not used by the library. */
  fatal?(...args: any[]): any;
}

/** A reverse DNS resolver with the signature of `dns.reverse`. */
export interface Resolver extends SMTPServerResolver {}

/** TLS options with the meanings of node:tls, for the server and for each entry of `sniOptions`. */
export interface TLSOptions extends TlsOptions {
  /**
   * Ask clients for a certificate. Alone it also accepts clients without one, with `authorized` false in onSecure.
   * @default false
   */
  requestCert?: boolean | undefined;
  /**
   * With `requestCert`: close clients whose certificate is missing or does not verify. Unlike in node:tls
   * the default is false, as in smtp-server.
   * @default false
   */
  rejectUnauthorized?: boolean | undefined;
}

/**
 * The peers that are trusted for PROXY, XCLIENT or XFORWARD: all of them, or a list of addresses, CIDR
 * ranges and `*`.
 */
export type TrustOption = boolean | readonly string[];

/** Options of {@link SMTPServer}. The object is read live: a changed value takes effect at the next use. */
export interface SMTPServerOptions extends TLSOptions, ServerOpts {
  /**
   * Implicit TLS (RFC 8314), as on port 465: the handshake comes first. Otherwise STARTTLS is offered.
   * @default false
   */
  secure?: boolean | undefined;
  /**
   * With `secure: true`: TLS ends in front of the server. The session counts as secure, no TLS is done
   * here, `onSecure` gets the plain socket, and `session.tlsOptions` and `servername` are what the PROXY header says.
   * @default false
   */
  secured?: boolean | undefined;
  /**
   * Without `secure`: every command except NOOP, EHLO (in LMTP: LHLO), STARTTLS and QUIT gets `530 Must
   * issue a STARTTLS
   * command first` until STARTTLS (RFC 3207 section 4), also with `allowInsecureAuth`. Throws a TypeError if
   * STARTTLS is disabled. With `secure: true` it changes nothing.
   * @default false
   */
  needsUpgrade?: boolean | undefined;
  /**
   * Host name in the greeting, in replies and in the CRAM-MD5 challenge.
   * @default `os.hostname()`
   */
  name?: string | undefined;
  /**
   * Text after the host name in the 220 greeting.
   * @default ""
   */
  banner?: string | undefined;
  /**
   * LMTP (RFC 2033): LHLO opens, HELO and EHLO get 500, and a message gets one reply for each accepted RCPT
   * command.
   * @default false
   */
  lmtp?: boolean | undefined;
  /**
   * First line of the reply to HELO, EHLO and LHLO. The first `%s` is the server's name, the second the
   * client's host name.
   * @default "%s Nice to meet you, %s"
   */
  heloResponse?: string | undefined;
  /**
   * Limit of a message in octets (RFC 1870), 0 for none. Advertised as SIZE; a larger `SIZE=` gets 552 at
   * MAIL, a larger BDAT 552. A larger message of DATA is still read to its end: see
   * {@link DataStream.sizeExceeded} and `rejectOversized`.
   * @default 0
   */
  size?: number | string | undefined;
  /**
   * Advertise SIZE without the number, and refuse nothing at MAIL and BDAT.
   * @default false
   */
  hideSize?: boolean | undefined;
  /**
   * Answer 552 to a message over `size`, whatever onData says, once it has been read.
   * @default false
   */
  rejectOversized?: boolean | undefined;
  /**
   * Recipients of one message, 0 for no limit: further RCPT get `452 Error: too many recipients` (4.5.3).
   * Advertised as `LIMITS RCPTMAX=n` (RFC 9422).
   * @default 0
   */
  maxRecipients?: number | string | undefined;
  /**
   * Connections at the same time, those in a PROXY header or TLS handshake included, 0 for no limit. One
   * more gets 421 and is closed; with implicit TLS it is closed without a reply.
   * @default 0
   */
  maxClients?: number | string | undefined;
  /**
   * Connections at the same time from one address, that of the real client behind PROXY, 0 for no limit.
   * One more gets 421. Does not count for unix sockets.
   * @default 0
   */
  maxClientsPerAddress?: number | string | undefined;
  /**
   * The n-th command of a client that must log in and has not gets 421. `false` or 0: no limit. AUTH and
   * its lines do not count.
   * @default 10
   */
  maxAllowedUnauthenticatedCommands?: number | string | false | undefined;
  /**
   * The n-th 5xx reply of a connection is `421 Error: too many errors` (4.7.0) instead. 0: no limit.
   * @default 0
   */
  maxErrors?: number | string | undefined;
  /**
   * The n-th failed AUTH gets its own reply and then `421 Error: too many failed logins`. 0: no limit.
   * @default 5
   */
  maxAuthAttempts?: number | string | undefined;
  /**
   * Octets of a command line; a longer one gets `421 Error: Command line too long`. 1 MiB at most.
   * @default 16384
   */
  maxCommandLength?: number | string | undefined;
  /**
   * Milliseconds of client silence before 421. A whole command line, a PROXY header and a TLS handshake
   * must be complete within it too. The time in which the client waits for a hook, or back-pressure stops
   * it, does not count.
   * @default 60000
   */
  socketTimeout?: number | string | undefined;
  /**
   * Octets a second that a client must send in DATA and BDAT. It may be late by `socketTimeout`, then it
   * gets 421. 0: off. Time in which a hook or back-pressure stops the client does not count.
   * @default 0
   */
  minDataRate?: number | string | undefined;
  /**
   * Milliseconds that `close()` waits for connections.
   * @default 30000
   */
  closeTimeout?: number | string | undefined;
  /**
   * Milliseconds to wait before the greeting for clients that talk first. Such a client gets `421 You talk
   * too soon`, with any value.
   * @default 0
   */
  earlyTalkerDelay?: number | string | undefined;
  /**
   * SASL mechanisms in the order advertised, in any case: PLAIN, LOGIN, CRAM-MD5, XOAUTH2, OAUTHBEARER,
   * SCRAM-SHA-256, SCRAM-SHA-256-PLUS, EXTERNAL. Mechanisms that do not exist, or that a connection cannot
   * use, are not offered.
   * @default ["PLAIN", "LOGIN"]
   */
  authMethods?: string[] | undefined;
  /**
   * Let clients send mail without a login. Otherwise MAIL, RCPT, DATA and BDAT get 530 before it, unless
   * AUTH is
   * disabled.
   * @default false
   */
  authOptional?: boolean | undefined;
  /**
   * Allow AUTH without TLS. Otherwise it gets 538, unless STARTTLS is disabled or hidden by option.
   * @default false
   */
  allowInsecureAuth?: boolean | undefined;
  /**
   * Text of the 530 for a missing login.
   * @default "Error: authentication Required"
   */
  authRequiredMessage?: string | undefined;
  /**
   * Key of the salts that SCRAM shows for names that do not exist. The same for all processes that serve
   * one port.
   * @default random for each process
   */
  scramSecret?: string | Uint8Array | undefined;
  /**
   * Leave STARTTLS (RFC 3207) out of the EHLO reply. It still works, and AUTH is then allowed without TLS.
   * @default false
   */
  hideSTARTTLS?: boolean | undefined;
  /**
   * Leave PIPELINING (RFC 2920) out of the EHLO reply. It still works.
   * @default false
   */
  hidePIPELINING?: boolean | undefined;
  /**
   * Leave 8BITMIME (RFC 6152) out of the EHLO reply. It still works.
   * @default false
   */
  hide8BITMIME?: boolean | undefined;
  /**
   * Leave SMTPUTF8 (RFC 6531) out of the EHLO reply. It still works.
   * @default false
   */
  hideSMTPUTF8?: boolean | undefined;
  /**
   * Leave CHUNKING (RFC 3030) out of the EHLO reply. BDAT still works; `disabledCommands: ["BDAT"]`
   * switches it off.
   * @default false
   */
  hideCHUNKING?: boolean | undefined;
  /**
   * Leave ENHANCEDSTATUSCODES (RFC 2034) out of the EHLO reply, and send no enhanced status codes (RFC
   * 3463).
   * @default true
   */
  hideENHANCEDSTATUSCODES?: boolean | undefined;
  /**
   * Leave DSN (RFC 3461) out of the EHLO reply: no `dsn` in envelope and recipients; the values of RET
   * and NOTIFY and the type of ORCPT are not checked, but are in `args`.
   * @default true
   */
  hideDSN?: boolean | undefined;
  /**
   * Leave REQUIRETLS (RFC 8689) out of the EHLO reply. It still works on TLS connections; without TLS it
   * gets 530.
   * @default true
   */
  hideREQUIRETLS?: boolean | undefined;
  /**
   * Leave BINARYMIME (RFC 3030) out of the EHLO reply, and refuse `BODY=BINARYMIME` with 501.
   * @default true
   */
  hideBINARYMIME?: boolean | undefined;
  /**
   * Commands that get 500 and are not advertised, in any case. {@link SMTPSession.disabledCommands}
   * replaces it for its session.
   * @default []
   */
  disabledCommands?: string[] | undefined;
  /**
   * MAIL and RCPT with a parameter that no extension of the EHLO reply explains, those of onHelo included, get 555
   * (RFC 5321 section 4.1.1.11). Else such parameters are handed over in `args`.
   * @default false
   */
  rejectUnknownParameters?: boolean | undefined;
  /**
   * Only a minimal check of addresses in MAIL and RCPT: one `@` with something on both sides, with or without `<` and
   * `>`; no control or invisible characters, and none in the domain that makes it look like another.
   * @default false
   */
  lenientAddressParsing?: boolean | undefined;
  /**
   * What happens to a CR or LF on its own, in messages and as the end of a command. `"reject"`: 550 and 500
   * (5.5.2),
   * and the stream errors with `EBARENEWLINE`. `"normalize"`: becomes CRLF. `"accept"`: passed on. The
   * end of data is CRLF . CRLF in all three.
   * @default "reject"
   */
  bareNewlines?: "reject" | "normalize" | "accept" | undefined;
  /**
   * TCP peers that must send a PROXY header (version 1 or 2). A peer that sends none is dropped.
   * @default false
   */
  useProxy?: TrustOption | undefined;
  /**
   * Clients that may use Postfix's XCLIENT, judged by the address behind a PROXY header. Others get 550.
   * @default false
   */
  useXClient?: TrustOption | undefined;
  /**
   * Clients that may use Postfix's XFORWARD, judged like those of `useXClient`.
   * @default false
   */
  useXForward?: TrustOption | undefined;
  /**
   * Client addresses that are left out of the log: health checks.
   * @default []
   */
  ignoredHosts?: readonly string[] | undefined;
  /**
   * No reverse DNS lookup of clients: `session.clientHostname` is `[address]`.
   * @default false
   */
  disableReverseLookup?: boolean | undefined;
  /**
   * Used instead of `dns.reverse`. The server waits for 1.5 seconds; a name that is not a host name is
   * dropped.
   * @default `node:dns`
   */
  resolver?: Resolver | undefined;
  /**
   * `true`: the console; or a logger such as pino's or bunyan's. Never gets a credential.
   * @default false
   */
  logger?: Logger | boolean | undefined;
  /**
   * Value of `component` in each log entry.
   * @default "smtp-server"
   */
  component?: string | undefined;
  /**
   * TLS options by host name, in any case, as U-label or A-label. Other names get the server's own
   * certificate.
   */
  sniOptions?: Record<string, TLSOptions> | Map<string, TLSOptions> | undefined;
  /**
   * Chooses the secure context by host name; takes precedence over `sniOptions`. An error, or no context,
   * means the default certificate. Read at each handshake, which waits for it, up to `socketTimeout`.
   */
  SNICallback?:
    | ((servername: string, callback: (error: Error | null, context?: SecureContext) => void) => void)
    | undefined;
  /**
   * A client connected, before the greeting. An error without a code: 554, and the connection closes.
   * Answers by callback, or by the promise of a function that cannot reach it.
   */
  onConnect?: OnConnectOption | undefined;
  /**
   * A TLS handshake is done: after onConnect with implicit TLS, else after STARTTLS. An error without a
   * code: 554, and the connection closes.
   */
  onSecure?: OnSecureOption | undefined;
  /**
   * HELO, EHLO or LHLO, before its reply; the session has its fields. May answer `{ keywords }`, lines of extensions that
   * are added to the reply to EHLO and LHLO. An error without a code: 550, and the session is as it was before.
   */
  onHelo?: OnHeloOption | undefined;
  /**
   * AUTH brought credentials, or XCLIENT a LOGIN. Answers with the user. An error without a code: 535.
   * Without this hook every login gets 535.
   */
  onAuth?: OnAuthOption | undefined;
  /** MAIL FROM. `envelope.mailFrom` is set once it accepts. An error without a code: 550. */
  onMailFrom?: OnMailFromOption | undefined;
  /**
   * RCPT TO, once for each. An accepted recipient is added to `envelope.rcptTo`. An error without a code:
   * 550.
   */
  onRcptTo?: OnRcptToOption | undefined;
  /**
   * A message begins: DATA, or the first BDAT. The reply goes out when the message has ended. An error
   * without a code: 450. Without this hook the message is read, dropped and accepted.
   */
  onData?: OnDataOption | undefined;
  /** The connection is closed: always, once. No answer is expected. */
  onClose?: OnCloseOption | undefined;
}
