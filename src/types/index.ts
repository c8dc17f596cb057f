/**
 * The documented contract of bun-smtp: types only. Names come from the bun-smtp documentation; those
 * that programs made for `smtp-server` use are in smtp-server.ts. Sizes are bytes, times are
 * milliseconds.
 */
import type { ServerOpts } from "node:net";
import type { PassThrough, Readable } from "node:stream";
import type { CipherNameAndProtocol, PeerCertificate, SecureContext, TlsOptions, TLSSocket } from "node:tls";
import type {
  SMTPServerAddress,
  SMTPServerAddressArgs,
  SMTPServerAuthentication,
  SMTPServerAuthenticationResponse,
  SMTPServerConnectionInfo,
  SMTPServerEnvelope,
  SMTPServerEnvelopeDSN,
  SMTPServerRecipientDSN,
  SMTPServerResolver,
  SMTPServerSession,
} from "./smtp-server.js";

/**
 * What a type of Node has and ours has not. `never` lets our object be handed to a function that is
 * typed with Node's, and makes a use of the member an error.
 */
type Absent<T, Present extends PropertyKey> = { readonly [K in Exclude<keyof T, Present>]: never };

/** ESMTP parameters of MAIL or RCPT: keyword in upper case → value (xtext decoded), `true` for a keyword alone. */
export type SMTPAddressArgs = KnownArgs & SMTPServerAddressArgs;

interface KnownArgs {
  /** Declared message size in bytes, as sent (RFC 1870). */
  SIZE?: string;
  /** Body type: `7BIT`, `8BITMIME` or `BINARYMIME` (RFC 6152, RFC 3030). */
  BODY?: string;
  /** UTF-8 support flag (RFC 6531). */
  SMTPUTF8?: true;
  /** TLS-required flag (RFC 8689). */
  REQUIRETLS?: true;
  /** DSN return type, `FULL` or `HDRS` (RFC 3461). */
  RET?: string;
  /** DSN envelope identifier (RFC 3461). */
  ENVID?: string;
  /** DSN notification conditions, comma separated (RFC 3461). */
  NOTIFY?: string;
  /** DSN original recipient, `addr-type;address` (RFC 3461). */
  ORCPT?: string;
  /** The identity that the sender claims to be authenticated as, `<>` for none (RFC 4954). */
  AUTH?: string;
}

/** Per-recipient DSN parameters (RFC 3461). */
export interface DSNRcpt extends SMTPServerRecipientDSN {
  /** NOTIFY conditions in upper case, for example `["SUCCESS", "FAILURE"]`. */
  notify?: string[] | undefined;
  /** ORCPT, the original recipient. */
  orcpt?: string | undefined;
}

/** An address from MAIL FROM or RCPT TO. */
export interface SMTPAddress extends SMTPServerAddress {
  /** `local@domain`; the empty string is the null reverse-path `<>`. A-labels of the domain are given as U-labels. */
  address: string;
  /** The ESMTP parameters of the command, or `false` if there were none. */
  args: SMTPAddressArgs | false;
  /** DSN parameters of a recipient, present with `hideDSN: false` and NOTIFY or ORCPT. */
  dsn?: DSNRcpt | undefined;
}

/** DSN parameters of the envelope (RFC 3461). */
export interface DSNEnvelope extends SMTPServerEnvelopeDSN {
  /** What a DSN should return: `FULL` message, `HDRS` only, `null` for no preference. */
  ret: "FULL" | "HDRS" | null;
  /** Envelope identifier for tracking DSN reports. */
  envid: string | null;
}

/** The mail transaction's envelope: filled as MAIL and RCPT are accepted; a new object for every transaction. */
export interface SMTPEnvelope extends SMTPServerEnvelope {
  /** The reverse-path, `false` before MAIL FROM was accepted. */
  mailFrom: SMTPAddress | false;
  /** The accepted forward-paths in order; a repeated address (any case) replaces its earlier entry. */
  rcptTo: SMTPAddress[];
  /** Body encoding declared by the client. */
  bodyType: "7bit" | "8bitmime" | "binarymime";
  /** `true` if the client sent SMTPUTF8 (RFC 6531). */
  smtpUtf8: boolean;
  /** `true` if the client sent REQUIRETLS (RFC 8689). */
  requireTLS: boolean;
  /** DSN parameters; absent while `hideDSN` is true, the default. */
  dsn?: DSNEnvelope | undefined;
}

/** Cipher and protocol of a TLS session. */
export interface TLSCipherInfo extends CipherNameAndProtocol {
  /** OpenSSL cipher name, for example `ECDHE-RSA-AES128-GCM-SHA256`. */
  name: string;
  /** IANA cipher name. */
  standardName: string;
  /** TLS protocol version, for example `TLSv1.3`. */
  version: string;
}

/** One client's connection as the hooks see it: one plain object from connect to close; own fields may be added to it. */
export interface SMTPSession extends SMTPServerSession {
  /** Unique connection identifier: 16 characters of 0-9 and a-v. */
  id: string;
  /** `true` while the connection is using TLS. */
  secure: boolean;
  /** SNI host name from the TLS handshake, if TLS is active and the client sent one. */
  servername?: string | false | undefined;
  /** Server IP address; "" on a unix socket. */
  localAddress: string;
  /** Server port; 0 on a unix socket. */
  localPort: number;
  /** Client IP address (IPv4-mapped ones as IPv4); "" on a unix socket. */
  remoteAddress: string;
  /** Client port; 0 on a unix socket. */
  remotePort: number;
  /** Reverse-DNS name of the client, `[remoteAddress]` if the lookup fails or is disabled. */
  clientHostname: string;
  /** The name the client gave in HELO, EHLO or LHLO, in lower case; `false` before that. */
  hostNameAppearsAs: string;
  /** `HELO`, `EHLO` or `LHLO`; `false` before the first. */
  openingCommand: string;
  /** For a Received header (RFC 3848): `SMTP`, `ESMTP` or `LMTP`, with `S` for TLS and `A` for an authenticated user. */
  transmissionType: string;
  /** Cipher of the TLS session, `false` without TLS. */
  tlsOptions: TLSCipherInfo | false;
  /** `user` of the successful onAuth answer; survives RSET, cleared by STARTTLS and XCLIENT ADDR. */
  user?: any;
  /** Ordinal of the current mail transaction: 1 on connect, one more after each message that was answered. */
  transaction: number;
  /** The current envelope. */
  envelope: SMTPEnvelope;
  /** XCLIENT values by name; `false` for one that is unavailable; the originals as `ADDR:DEFAULT` and so on. */
  xClient: Map<string, string | number | false>;
  /** XFORWARD values by name, likewise. */
  xForward: Map<string, string | number | false>;
  /** The last reply of 400 or above that was sent. */
  error?: string | undefined;
  /** Set by the application: replaces the server's `disabledCommands` for this session. */
  disabledCommands?: string[] | undefined;
  /** `true` after the WIZ command of old sendmail. */
  isWizard?: boolean | undefined;
}

/** Details of a client, the argument of the server's `connect` event. */
export interface ConnectionInfo extends SMTPServerConnectionInfo {}

/**
 * The message: a Web `ReadableStream` whose chunks are `Buffer`s, and also a Node `Readable` by its
 * methods, made on first use. Exactly the bytes sent, less the transparency dots, with the CRLF
 * before the final dot. It ends only for a whole message; else it errors with `code` ECONNECTION,
 * EBARENEWLINE, EREFUSED or EABANDONED.
 */
export interface DataStream
  extends ReadableStream<Uint8Array<ArrayBuffer>>, Readable, Absent<PassThrough, keyof Readable> {
  /** Bytes of the message received so far; the total once the stream has ended. */
  byteLength: number;
  /** `true` as soon as the message went over the `size` limit. The stream goes on to its end all the same. */
  sizeExceeded: boolean;
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer<ArrayBuffer>>;
}
/** The name of smtp-server. */
export interface SMTPServerDataStream extends DataStream {}

/** An error that is also a reply. Any `Error` may carry `responseCode`. */
export interface SMTPErrorLike extends Error {
  /** Reply code, an integer from 400 to 599; anything else counts as the hook's default. 421 closes. */
  responseCode?: number | string | undefined;
  /** Enhanced status code (RFC 3463) for this reply, used where its class is that of the reply code. */
  enhancedCode?: string | undefined;
  /** What happened, for programs: `ECONNECTION`, `EBARENEWLINE`, … */
  code?: string | undefined;
}

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

/**
 * Credentials of an AUTH command, the first argument of onAuth: the fields of every mechanism together.
 * Which are set depends on `method`; see the authentication guide.
 */
export interface AuthObject extends Omit<SMTPServerAuthentication, "method"> {
  /** The SASL mechanism. */
  method: AuthMethod;
  /** Who wants to log in. PLAIN: the authcid, or the authzid where that is empty. */
  username?: string | undefined;
  /** PLAIN and LOGIN: the password. (`null` at run time for XCLIENT; not in the type, for programs made before there was one.) */
  password?: string | undefined;
  /** PLAIN: the authentication identity of the message (RFC 4616). */
  authcid?: string | undefined;
  /** The authorization identity, "" where the client gave none. */
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
  /** Any value that is true: the client is logged in as this, `session.user` from now on. Missing: the login failed. */
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

type HookResult = any;

/** Answers a hook: an error refuses, none accepts. The first answer wins. */
export type HookCallback = (error?: SMTPErrorLike | null) => void;
/** A hook as a method is: a parameter may be annotated with a narrower type than it has here. */
type Method<Parameters extends unknown[]> = { hook(...parameters: Parameters): HookResult }["hook"];
/**
 * A hook in two forms. In the first are our names: a parameter without an annotation has its type from there.
 * In the second are those of smtp-server, for parameters that are annotated with a type made of one of them:
 * `SMTPServerSession & { tenant: string }` is no kind of SMTPSession. Two signatures that differ in their type
 * parameters are what keeps the second from having a say about a parameter without an annotation.
 */
type Hook<Ours extends unknown[], Theirs extends unknown[]> = Method<Ours> | Annotated<Ours, Theirs>;
type Annotated<Ours extends unknown[], Theirs extends unknown[]> = {
  hook(...parameters: Theirs): HookResult;
  hook<P extends Ours>(...parameters: P): HookResult;
}["hook"];

/** {@link SMTPServerOptions.onConnect} */
export type OnConnectCallback = Hook<
  [session: SMTPSession, callback: HookCallback],
  [session: SMTPServerSession, callback: HookCallback]
>;
/** {@link SMTPServerOptions.onSecure} */
export type OnSecureCallback = Hook<
  [socket: SecuredSocket, session: SMTPSession, callback: HookCallback],
  [socket: SecuredSocket, session: SMTPServerSession, callback: HookCallback]
>;
/** Answers onAuth: an error refuses, a response with a `user` lets the client in. */
export type AuthCallback = (error: SMTPErrorLike | null | undefined, response?: AuthResponse) => void;
/** {@link SMTPServerOptions.onAuth} */
export type OnAuthCallback = Hook<
  [auth: AuthObject, session: SMTPSession, callback: AuthCallback],
  [auth: AuthObject, session: SMTPServerSession, callback: AuthCallback]
>;
/** {@link SMTPServerOptions.onMailFrom} */
export type OnMailFromCallback = Hook<
  [address: SMTPAddress, session: SMTPSession, callback: HookCallback],
  [address: SMTPServerAddress, session: SMTPServerSession, callback: HookCallback]
>;
/** {@link SMTPServerOptions.onRcptTo} */
export type OnRcptToCallback = OnMailFromCallback;
/** One recipient's result of an LMTP message: a text accepts, an Error refuses. */
export type DataResult = string | Error;
/** Answers onData: an error refuses, none accepts, with the text of the reply or, for LMTP, one for each recipient. */
export type DataCallback = (
  error?: SMTPErrorLike | null,
  message?: string | readonly (DataResult | undefined)[],
) => void;
/** {@link SMTPServerOptions.onData} */
export type OnDataCallback = Hook<
  [stream: DataStream, session: SMTPSession, callback: DataCallback],
  [stream: DataStream, session: SMTPServerSession, callback: DataCallback]
>;
/** {@link SMTPServerOptions.onClose} */
export type OnCloseCallback = Hook<
  [session: SMTPSession, callback: HookCallback],
  [session: SMTPServerSession, callback: HookCallback]
>;

/** What the socket given to onSecure answers: Bun's TLS socket with the names that node's TLSSocket has. */
export interface SecureSocket {
  /** `false` on a socket without TLS (`secured: true`). */
  readonly encrypted: boolean;
  /** Whether the client's certificate was asked for and verified. */
  readonly authorized: boolean;
  /** Why it was not, where one was asked for: an OpenSSL code such as `DEPTH_ZERO_SELF_SIGNED_CERT`. */
  readonly authorizationError?: any;
  /** SNI host name, `false` if the client sent none. */
  readonly servername: string | false;
  /** IP address of the TCP peer. */
  readonly remoteAddress: string;
  /** Its port. */
  readonly remotePort: number;
  /** Address that it connected to. */
  readonly localAddress: string;
  /** Port that it connected to. */
  readonly localPort: number;
  /** The client's certificate, an empty object if there is none. */
  getPeerCertificate(detailed?: boolean): PeerCertificate;
  /** Cipher and version of the TLS session, as `session.tlsOptions`. */
  getCipher(): TLSCipherInfo;
  /** `TLSv1.2` or `TLSv1.3`; `null` on a socket without TLS (`secured: true`). */
  getProtocol(): string | null;
  /** Closes the connection now. What the hook answers then means nothing. */
  destroy(): void;
}

/** The same for a hook that is typed with node's TLSSocket: what that has besides is not there. */
export type SecuredSocket = SecureSocket &
  Pick<TLSSocket, "authorizationError" | "destroy" | "encrypted" | "getPeerCertificate"> &
  Absent<TLSSocket, keyof SecureSocket>;

/** A bunyan or pino style logger; any method may be missing. The library calls them with `(entry, format, ...args)`. */
export interface Logger {
  /** The finest level; not used by the library. */
  trace?(...args: any[]): any;
  /** Each line of the conversation, credentials left out. */
  debug?(...args: any[]): any;
  /** Connections, logins, what was refused or closed and why. */
  info?(...args: any[]): any;
  /** What is not right and goes on: a hook that does not answer. */
  warn?(...args: any[]): any;
  /** What failed: a hook, a handshake, the reverse lookup. */
  error?(...args: any[]): any;
  /** The gravest level; not used by the library. */
  fatal?(...args: any[]): any;
}

/** A reverse DNS resolver with the signature of `dns.reverse`. */
export interface Resolver extends SMTPServerResolver {}

/** TLS options with the meanings of node:tls, for the server and for each entry of `sniOptions`. */
export interface TLSOptions extends TlsOptions {
  /**
   * Ask clients for a certificate. Alone it lets in also who has none, with `authorized` false in onSecure.
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

/** What a peer must be for PROXY, XCLIENT or XFORWARD: anyone, or a list of addresses, CIDR ranges and `*`. */
export type TrustOption = boolean | readonly string[];

/** Options of {@link SMTPServer}. The object is read live: a changed value holds from the next use on. */
export interface SMTPServerOptions extends TLSOptions, ServerOpts {
  /**
   * Implicit TLS (RFC 8314), the port 465 style: the handshake comes first. Else STARTTLS is offered.
   * @default false
   */
  secure?: boolean | undefined;
  /**
   * With `secure: true`: TLS ends in front of the server. The session counts as secure, no TLS is done
   * here, `onSecure` gets the plain socket and `session.tlsOptions` is `false`.
   * @default false
   */
  secured?: boolean | undefined;
  /**
   * Without `secure`: AUTH and MAIL get `530 Must issue a STARTTLS command first` until STARTTLS, also with
   * `allowInsecureAuth`. A TypeError where STARTTLS is disabled. With `secure: true` it changes nothing.
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
   * MAIL, a larger BDAT 552. A message of DATA that grows over it is read to its end all the same: see
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
   * more gets 421 and is closed; with implicit TLS it is closed without a word.
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
   * Octets a second that a client owes in DATA and BDAT, with `socketTimeout` on top, else 421. 0: off. The
   * time in which a hook or back-pressure holds it up does not count.
   * @default 0
   */
  minDataRate?: number | string | undefined;
  /**
   * Milliseconds that `close()` waits for connections.
   * @default 30000
   */
  closeTimeout?: number | string | undefined;
  /**
   * Milliseconds to wait before the greeting for clients that talk first. Whoever does gets `421 You talk
   * too soon`, with any value.
   * @default 0
   */
  earlyTalkerDelay?: number | string | undefined;
  /**
   * SASL mechanisms in the order advertised, in any case: PLAIN, LOGIN, CRAM-MD5, XOAUTH2, OAUTHBEARER,
   * SCRAM-SHA-256, SCRAM-SHA-256-PLUS, EXTERNAL. What does not exist, or cannot be had on a connection, is
   * not offered.
   * @default ["PLAIN", "LOGIN"]
   */
  authMethods?: string[] | undefined;
  /**
   * Let clients send mail without a login. Else MAIL, RCPT, DATA and BDAT get 530 before it, unless AUTH is
   * disabled.
   * @default false
   */
  authOptional?: boolean | undefined;
  /**
   * Allow AUTH without TLS. Else it gets 538 there, unless STARTTLS is disabled or hidden by option.
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
   * Leave STARTTLS (RFC 3207) out of the EHLO reply. It still works, and AUTH is open without TLS then.
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
   * Leave DSN (RFC 3461) out of the EHLO reply: no `dsn` in envelope and recipients; RET, NOTIFY and ORCPT
   * are not checked, but are in `args`.
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
   * Only a minimal check of addresses in MAIL and RCPT: one `@` with something on both sides, no control or
   * invisible characters.
   * @default false
   */
  lenientAddressParsing?: boolean | undefined;
  /**
   * What a CR or LF alone gets, in messages and as the end of a command. `"reject"`: 550 and 500 (5.5.2),
   * and the stream errors with `EBARENEWLINE`. `"normalize"`: becomes CRLF. `"accept"`: handed over. The
   * end of data is CRLF . CRLF in all three.
   * @default "reject"
   */
  bareNewlines?: "reject" | "normalize" | "accept" | undefined;
  /**
   * TCP peers from whom a PROXY header (version 1 or 2) is expected. Who sends none is dropped.
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
   * Used instead of `dns.reverse`. Waited for 1.5 seconds; a name that is no host name is dropped.
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
   * Chooses the secure context by host name; wins over `sniOptions`. An error or nothing: the default
   * certificate. Read at each handshake, which waits for it, `socketTimeout` at the longest.
   */
  SNICallback?:
    | ((servername: string, callback: (error: Error | null, context?: SecureContext) => void) => void)
    | undefined;
  /**
   * A client connected, before the greeting. An error without a code: 554, and the connection closes.
   * Answers by callback, or by the promise of a function that does not declare it.
   */
  onConnect?: OnConnectCallback | undefined;
  /**
   * A TLS handshake is done: after onConnect with implicit TLS, else after STARTTLS. An error without a
   * code: 554, and the connection closes.
   */
  onSecure?: OnSecureCallback | undefined;
  /**
   * AUTH brought credentials, or XCLIENT a LOGIN. Answers with the user. An error without a code: 535.
   * Without this hook every login gets 535.
   */
  onAuth?: OnAuthCallback | undefined;
  /** MAIL FROM. `envelope.mailFrom` is set once it accepts. An error without a code: 550. */
  onMailFrom?: OnMailFromCallback | undefined;
  /**
   * RCPT TO, once for each. An accepted recipient is added to `envelope.rcptTo`. An error without a code:
   * 550.
   */
  onRcptTo?: OnRcptToCallback | undefined;
  /**
   * A message begins: DATA, or the first BDAT. The reply goes out when the message has ended. An error
   * without a code: 450. Without this hook the message is read, dropped and accepted.
   */
  onData?: OnDataCallback | undefined;
  /** The connection is closed: always, once. Nobody is left to answer. */
  onClose?: OnCloseCallback | undefined;
}

/**
 * A connection as far as programs made for smtp-server reach for its socket: one object for each. Its one event
 * is `close`, when the connection is in `server.connections` no more, before onClose; a listener that is added
 * after it is not called, as in Node.
 */
export interface ConnectionSocket {
  /** `session.remoteAddress`. */
  readonly remoteAddress: string;
  /** `session.remotePort`. */
  readonly remotePort: number;
  /** `session.localAddress`. */
  readonly localAddress: string;
  /** `session.localPort`. */
  readonly localPort: number;
  /** The connection is closed. */
  readonly destroyed: boolean;
  /** Writes to the client, past the order of replies. Not during a TLS handshake. */
  write(data: string | Uint8Array): boolean;
  /** Writes `data`, if there is any, and closes once what is written has left. */
  end(data?: string | Uint8Array): void;
  /** Closes now. */
  destroy(): void;
  /** Calls the listener once the connection is closed. */
  on(event: "close", listener: () => void): this;
  /** Likewise. */
  once(event: "close", listener: () => void): this;
  /** Takes the listener away. */
  off(event: "close", listener: () => void): this;
  /** Likewise. */
  removeListener(event: "close", listener: () => void): this;
}

/** One entry of `server.connections`. */
export interface SMTPConnection {
  /** `session.id`. */
  readonly id: string;
  /** The session, the object that hooks get. */
  readonly session: SMTPSession;
  /** `session.remoteAddress`. */
  readonly remoteAddress: string;
  /** `session.remotePort`. */
  readonly remotePort: number;
  /** For programs made for smtp-server that reach for the socket. */
  readonly _socket: ConnectionSocket;
  /** Closes the connection once what is written has left. */
  close(): void;
  /** Writes a reply that the client did not ask for; 421 closes. */
  send(code: number, text?: string | readonly string[]): void;
}
