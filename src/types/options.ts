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
 * A logger like bunyan's or pino's. Any method may be missing. The library calls them with `(entry, format, ...args)`.
 * An entry about a client has its `host`, its `port` and, once it has a session, the session's id as `cid`. In arguments
 * and text fields, control characters and marks that change the direction of text are escaped.
 */
export interface Logger {
  /** The lowest level; not used by the library. */
  trace?(...args: any[]): any;
  /** Each line of the conversation, without credentials, and reverse lookups that failed. */
  debug?(...args: any[]): any;
  /** Connections, logins, and why a client was refused or closed. */
  info?(...args: any[]): any;
  /** Problems that interrupt nothing, such as a hook that does not answer. */
  warn?(...args: any[]): any;
  /** Failures of a hook or a handshake. */
  error?(...args: any[]): any;
  /** The most severe level; not used by the library. */
  fatal?(...args: any[]): any;
}

/** A reverse DNS resolver with the signature of `dns.reverse`. */
export interface Resolver extends SMTPServerResolver {}

/** TLS options of the server and of each entry of `sniOptions`. They mean the same as in node:tls. */
export interface TLSOptions extends TlsOptions {
  /**
   * Request a certificate from clients. Without `rejectUnauthorized`, clients that send none are accepted too, and
   * `authorized` is false in onSecure.
   * @default false
   */
  requestCert?: boolean | undefined;
  /**
   * With `requestCert`: close the connection of a client whose certificate is missing or does not verify. The default
   * is that of smtp-server, not of node:tls.
   * @default false
   */
  rejectUnauthorized?: boolean | undefined;
}

/**
 * Which peers are trusted for PROXY, XCLIENT or XFORWARD: all (`true`), none (`false`), or a list of IP addresses, CIDR
 * ranges and `*`. Anything else throws a TypeError.
 */
export type TrustOption = boolean | readonly string[];

/**
 * Options of {@link SMTPServer}. The server reads the object each time it needs a value, so a change takes effect at the
 * next use. Exceptions: the constructor reads `logger` and `component` (assign `server.logger` instead) and the TLS
 * options except `SNICallback` (call {@link SMTPServer.updateSecureContext}).
 */
export interface SMTPServerOptions extends TLSOptions, ServerOpts {
  /**
   * Implicit TLS (RFC 8314), as on port 465: the handshake comes first. Otherwise STARTTLS is offered.
   * @default false
   */
  secure?: boolean | undefined;
  /**
   * With `secure: true`: a proxy in front of the server ends TLS. The session counts as secure, `onSecure` gets the
   * plain socket, and `session.tlsOptions` and `servername` have the values of the PROXY header.
   * @default false
   */
  secured?: boolean | undefined;
  /**
   * Without `secure`: until STARTTLS, every command except NOOP, EHLO (in LMTP: LHLO), STARTTLS and QUIT gets `530 Must
   * issue a STARTTLS command first` (RFC 3207 section 4), even with `allowInsecureAuth`. Throws a TypeError if STARTTLS
   * is disabled. With `secure: true` it has no effect.
   * @default false
   */
  needsUpgrade?: boolean | undefined;
  /**
   * Host name in the greeting, in replies and in the CRAM-MD5 challenge.
   * @default `os.hostname()`
   */
  name?: string | undefined;
  /**
   * Text after the host name and `ESMTP` in the 220 greeting.
   * @default ""
   */
  banner?: string | undefined;
  /**
   * Speak LMTP (RFC 2033): clients say LHLO, HELO and EHLO get 500, and a message gets one reply for each accepted RCPT
   * command.
   * @default false
   */
  lmtp?: boolean | undefined;
  /**
   * First line of the reply to HELO, EHLO and LHLO. The first `%s` becomes the server's name, the second the client's
   * host name (`session.clientHostname`).
   * @default "%s Nice to meet you, %s"
   */
  heloResponse?: string | undefined;
  /**
   * Largest message in octets (RFC 1870), 0 for no limit. Advertised as SIZE. A larger `SIZE=` at MAIL and a BDAT chunk
   * over the limit get 552. A larger message of DATA is still read to its end: see {@link DataStream.sizeExceeded} and
   * `rejectOversized`.
   * @default 0
   */
  size?: number | string | undefined;
  /**
   * Advertise SIZE without the number, and refuse nothing at MAIL and BDAT.
   * @default false
   */
  hideSize?: boolean | undefined;
  /**
   * Refuse a message over `size` with 552 once it has been read, whatever onData answers.
   * @default false
   */
  rejectOversized?: boolean | undefined;
  /**
   * Most recipients of one message, 0 for no limit but the server's own of 100 000. Further RCPT commands get `452 Error:
   * too many recipients` (4.5.3). Advertised as `LIMITS RCPTMAX=n` (RFC 9422).
   * @default 0
   */
  maxRecipients?: number | string | undefined;
  /**
   * Most connections at the same time, 0 for no limit. Those that wait for a PROXY header or a TLS handshake count too.
   * Further ones get 421 and are closed; with implicit TLS they are closed without a reply.
   * @default 0
   */
  maxClients?: number | string | undefined;
  /**
   * Most connections at the same time from one address (behind PROXY, that of the real client), 0 for no limit. Further
   * ones get 421; with implicit TLS they are closed without a reply. Unix sockets have no such limit.
   * @default 0
   */
  maxClientsPerAddress?: number | string | undefined;
  /**
   * If a client must log in and has not, its n-th command gets 421. AUTH commands and their lines do not count. `false` or
   * 0: no limit.
   * @default 10
   */
  maxAllowedUnauthenticatedCommands?: number | string | false | undefined;
  /**
   * Instead of its n-th 5xx reply, a connection gets `421 Error: too many errors` (4.7.0). 0: no limit.
   * @default 0
   */
  maxErrors?: number | string | undefined;
  /**
   * The n-th failed AUTH gets its own reply and then `421 Error: too many failed logins`. 0: no limit.
   * @default 5
   */
  maxAuthAttempts?: number | string | undefined;
  /**
   * Most octets of a command line, up to 1 MiB (0 means 1 MiB). A longer one gets `421 Error: Command line too long`.
   * @default 16384
   */
  maxCommandLength?: number | string | undefined;
  /**
   * Milliseconds that a client may be silent before it gets 421; 0 means the default. A command line, a PROXY header and a
   * TLS handshake must be complete within this time too. Time in which the client waits for a hook, or is stopped by
   * back-pressure, does not count.
   * @default 60000
   */
  socketTimeout?: number | string | undefined;
  /**
   * Least octets a second that a client must send in DATA and BDAT; 0 for no minimum. A client that is behind by more than
   * `socketTimeout` gets 421. Time in which a hook or back-pressure stops the client does not count.
   * @default 0
   */
  minDataRate?: number | string | undefined;
  /**
   * Milliseconds that `close()` waits for connections before it closes them with 421; 0 means the default.
   * @default 30000
   */
  closeTimeout?: number | string | undefined;
  /**
   * Milliseconds to wait before the greeting, to detect clients that send something first. Such a client gets `421 … You
   * talk too soon`, even without a delay.
   * @default 0
   */
  earlyTalkerDelay?: number | string | undefined;
  /**
   * SASL mechanisms in the order to advertise them, in upper or lower case: PLAIN, LOGIN, CRAM-MD5, XOAUTH2, OAUTHBEARER,
   * SCRAM-SHA-256, SCRAM-SHA-256-PLUS, EXTERNAL. Unknown mechanisms, and those that a connection cannot use, are not
   * offered.
   * @default ["PLAIN", "LOGIN"]
   */
  authMethods?: string[] | undefined;
  /**
   * Let clients send mail without a login. Otherwise MAIL, RCPT, DATA and BDAT get 530 before the login, unless AUTH is
   * disabled.
   * @default false
   */
  authOptional?: boolean | undefined;
  /**
   * Allow AUTH without TLS. Otherwise it gets 538, unless STARTTLS is disabled or hidden by an option.
   * @default false
   */
  allowInsecureAuth?: boolean | undefined;
  /**
   * Text of the 530 for a missing login.
   * @default "Error: authentication Required"
   */
  authRequiredMessage?: string | undefined;
  /**
   * Key for the salts that SCRAM shows for unknown names, so that they look like those of real users. Use the same key in
   * all processes that serve one port.
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
   * Leave DSN (RFC 3461) out of the EHLO reply. Envelope and recipients then have no `dsn`. The values of RET and NOTIFY
   * and the address type of ORCPT are in `args`, but not checked.
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
   * Commands to disable, in upper or lower case: they get 500 and are not advertised.
   * {@link SMTPSession.disabledCommands} replaces this option for its session.
   * @default []
   */
  disabledCommands?: string[] | undefined;
  /**
   * Refuse MAIL and RCPT with 555 if they have a parameter that belongs to no extension in the EHLO reply, those of
   * onHelo included (RFC 5321 section 4.1.1.11). Otherwise unknown parameters are accepted, and are in `args`.
   * @default false
   */
  rejectUnknownParameters?: boolean | undefined;
  /**
   * Check addresses in MAIL and RCPT only a little: one `@` with something on both sides, `<` and `>` optional, no control
   * or invisible characters, and no characters that make the domain look like another.
   * @default false
   */
  lenientAddressParsing?: boolean | undefined;
  /**
   * What to do with a CR or LF on its own. `"reject"`: a message gets 550 and its stream fails with `EBARENEWLINE`, a
   * command gets 500 (both 5.5.2). `"normalize"`: it becomes CRLF. `"accept"`: it is passed on unchanged. With all three,
   * only CRLF . CRLF ends a message.
   * @default "reject"
   */
  bareNewlines?: "reject" | "normalize" | "accept" | undefined;
  /**
   * TCP peers that must send a PROXY header, version 1 or 2 (HAProxy's proxy-protocol.txt). The server closes the
   * connection of such a peer if it sends anything else.
   * @default false
   */
  useProxy?: TrustOption | undefined;
  /**
   * Clients that may use Postfix's XCLIENT, by their address after a PROXY header. Others get 550.
   * @default false
   */
  useXClient?: TrustOption | undefined;
  /**
   * Clients that may use Postfix's XFORWARD, by their address after a PROXY header. Others get 550.
   * @default false
   */
  useXForward?: TrustOption | undefined;
  /**
   * IP addresses of clients that are not logged, such as those of health checks.
   * @default []
   */
  ignoredHosts?: readonly string[] | undefined;
  /**
   * Do not look up the host names of clients: `session.clientHostname` is then `[address]`.
   * @default false
   */
  disableReverseLookup?: boolean | undefined;
  /**
   * Looks up the host names of clients. The server waits for up to 1.5 seconds, and ignores a result that is not a valid
   * host name.
   * @default `node:dns`
   */
  resolver?: Resolver | undefined;
  /**
   * `true` logs to the console; a logger such as pino's or bunyan's gets the entries. Credentials are never logged.
   * @default false
   */
  logger?: Logger | boolean | undefined;
  /**
   * Value of `component` in each log entry.
   * @default "smtp-server"
   */
  component?: string | undefined;
  /**
   * TLS options by host name (SNI, RFC 6066), in upper or lower case, as U-labels or A-labels. Clients that ask for another
   * name get the server's own certificate. Throws a TypeError for invalid options.
   * @default none
   */
  sniOptions?: Record<string, TLSOptions> | Map<string, TLSOptions> | undefined;
  /**
   * Chooses the secure context by host name; takes precedence over `sniOptions`. An error, or no context, means the
   * default certificate. A handshake waits for the callback for up to `socketTimeout`.
   * @default none
   */
  SNICallback?:
    | ((servername: string, callback: (error: Error | null, context?: SecureContext) => void) => void)
    | undefined;
  /**
   * A client has connected; called before the greeting. An error refuses with its `responseCode` (default 554) and closes
   * the connection. As every hook, it answers by its callback or, if it cannot reach the callback, by its promise.
   */
  onConnect?: OnConnectOption | undefined;
  /**
   * A TLS handshake is done; called after onConnect with implicit TLS, otherwise after STARTTLS. An error refuses with its
   * `responseCode` (default 554) and closes the connection.
   */
  onSecure?: OnSecureOption | undefined;
  /**
   * HELO, EHLO or LHLO; called before the reply. The session has the new values. The answer may be `{ keywords }`: lines to
   * add to the reply to EHLO and LHLO. An error refuses with its `responseCode` (default 550) and restores the session.
   */
  onHelo?: OnHeloOption | undefined;
  /**
   * A client logs in by AUTH, or XCLIENT has a LOGIN. Answer with `{ user }`. An error refuses with its `responseCode`
   * (default 535). Without this hook every login gets 535.
   */
  onAuth?: OnAuthOption | undefined;
  /**
   * MAIL FROM. `envelope.mailFrom` is set once the hook has accepted. An error refuses with its `responseCode` (default
   * 550).
   */
  onMailFrom?: OnMailFromOption | undefined;
  /**
   * RCPT TO, called for each. An accepted recipient is added to `envelope.rcptTo`. An error refuses with its
   * `responseCode` (default 550).
   */
  onRcptTo?: OnRcptToOption | undefined;
  /**
   * A message begins: DATA, or the first BDAT. The reply is sent after the end of the message. An error refuses with its
   * `responseCode` (default 450). Without this hook the message is read, dropped and accepted.
   */
  onData?: OnDataOption | undefined;
  /** The connection is closed. Called once; needs no answer. */
  onClose?: OnCloseOption | undefined;
}
