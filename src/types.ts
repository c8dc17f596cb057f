/**
 * The documented contract of bun-smtp: types only. Names come from the bun-smtp documentation; those
 * that programs made for `smtp-server` use are in smtp-server-types.ts. Sizes are bytes, times are
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
} from "./smtp-server-types.js";

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
 * before the final dot. Errors: `EBARENEWLINE`, `ECONNECTION` (see {@link SMTPError.code}).
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
  salt: string;
  iterations: number;
  storedKey: string;
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
/**
 * A hook as a method is: its parameters may be annotated with narrower types, the ones of smtp-server
 * and of `@types/smtp-server` among them.
 */
type Hook<Parameters extends unknown[]> = { hook(...parameters: Parameters): HookResult }["hook"];

/** {@link SMTPServerOptions.onConnect} */
export type OnConnectCallback = Hook<[session: SMTPSession, callback: HookCallback]>;
/** {@link SMTPServerOptions.onSecure} */
export type OnSecureCallback = Hook<[socket: SecuredSocket, session: SMTPSession, callback: HookCallback]>;
/** Answers onAuth: an error refuses, a response with a `user` lets the client in. */
export type AuthCallback = (error: SMTPErrorLike | null | undefined, response?: AuthResponse) => void;
/** {@link SMTPServerOptions.onAuth} */
export type OnAuthCallback = Hook<[auth: AuthObject, session: SMTPSession, callback: AuthCallback]>;
/** {@link SMTPServerOptions.onMailFrom} */
export type OnMailFromCallback = Hook<[address: SMTPAddress, session: SMTPSession, callback: HookCallback]>;
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
export type OnDataCallback = Hook<[stream: DataStream, session: SMTPSession, callback: DataCallback]>;
/** {@link SMTPServerOptions.onClose} */
export type OnCloseCallback = Hook<[session: SMTPSession, callback: HookCallback]>;

/** What the socket given to onSecure answers: Bun's TLS socket with the names that node's TLSSocket has. */
export interface SecureSocket {
  /** Whether the client's certificate was asked for and verified. */
  readonly authorized: boolean;
  /** Why it was not, where one was asked for: an OpenSSL code such as `DEPTH_ZERO_SELF_SIGNED_CERT`. */
  readonly authorizationError?: any;
  /** SNI host name, `false` if the client sent none. */
  readonly servername: string | false;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The client's certificate, an empty object if there is none. */
  getPeerCertificate(detailed?: boolean): PeerCertificate;
  getCipher(): TLSCipherInfo;
  /** `TLSv1.2` or `TLSv1.3`; `null` on a socket without TLS (`secured: true`). */
  getProtocol(): string | null;
}

/** The same for a hook that is typed with node's TLSSocket: what that has besides is not there. */
export type SecuredSocket = SecureSocket &
  Pick<TLSSocket, "authorizationError" | "getPeerCertificate"> &
  Absent<TLSSocket, keyof SecureSocket>;

/** A bunyan or pino style logger; any method may be missing. The library calls them with `(entry, format, ...args)`. */
export interface Logger {
  trace?(...args: any[]): any;
  debug?(...args: any[]): any;
  info?(...args: any[]): any;
  warn?(...args: any[]): any;
  error?(...args: any[]): any;
  fatal?(...args: any[]): any;
}

/** A reverse DNS resolver with the signature of `dns.reverse`. */
export interface Resolver extends SMTPServerResolver {}

/** TLS options with the meanings of node:tls, for the server and for each entry of `sniOptions`. */
export interface TLSOptions extends TlsOptions {
  /** Ask clients for a certificate. Default false. */
  requestCert?: boolean | undefined;
  /** With `requestCert`: close clients whose certificate is missing or does not verify. Default **false**, as in smtp-server. */
  rejectUnauthorized?: boolean | undefined;
}

/** What a peer must be for PROXY, XCLIENT or XFORWARD: anyone, or a list of addresses, CIDR ranges and `*`. */
export type TrustOption = boolean | readonly string[];

/** Options of {@link SMTPServer}. The object is read live: a changed value holds from the next use on. */
export interface SMTPServerOptions extends TLSOptions, ServerOpts {
  /** Implicit TLS, the port 465 style. Default false: STARTTLS is offered instead. */
  secure?: boolean | undefined;
  /** With `secure: true`: TLS ends in front of us. The session counts as secure, we do no TLS ourselves. Default false. */
  secured?: boolean | undefined;
  /** With `secure: true`: TLS at once after accept. Without: AUTH and MAIL get 530 until STARTTLS. Default false. */
  needsUpgrade?: boolean | undefined;
  /** Host name in greeting and replies. Default `os.hostname()`. */
  name?: string | undefined;
  /** Text after the host name in the 220 greeting. */
  banner?: string | undefined;
  /** LMTP (RFC 2033): LHLO opens, and a message gets one reply for each recipient. Default false. */
  lmtp?: boolean | undefined;
  /** First line of the HELO and EHLO replies: `%s` are server name and client host name. Default `%s Nice to meet you, %s`. */
  heloResponse?: string | undefined;
  /** SIZE limit in bytes (RFC 1870); 0 is none. `SIZE=` over it gets 552; `stream.sizeExceeded` tells of the rest. */
  size?: number | string | undefined;
  /** Advertise SIZE without the number, and do not refuse at MAIL. Default false. */
  hideSize?: boolean | undefined;
  /** Answer 552 to a message over `size`, whatever onData says. Default false. */
  rejectOversized?: boolean | undefined;
  /** Recipients of one message; further RCPT get 452. Default 0, no limit. */
  maxRecipients?: number | string | undefined;
  /** Connections at the same time; one more gets 421. Default 0, no limit. */
  maxClients?: number | string | undefined;
  /** Connections at the same time from one address; one more gets 421. Default 0, no limit. */
  maxClientsPerAddress?: number | string | undefined;
  /** The n-th command of a client that should log in and has not gets 421. Default 10; `false`: no limit. */
  maxAllowedUnauthenticatedCommands?: number | string | false | undefined;
  /** The n-th 5xx reply of a connection is a 421 instead. Default 0, no limit. */
  maxErrors?: number | string | undefined;
  /** The n-th failed AUTH is followed by a 421. Default 5; 0: no limit. */
  maxAuthAttempts?: number | string | undefined;
  /** Octets of a command line; a longer one gets 421. Default 16384. */
  maxCommandLength?: number | string | undefined;
  /** Milliseconds of client silence, and for a whole command line, PROXY header or TLS handshake. Default 60000. */
  socketTimeout?: number | string | undefined;
  /** Bytes a second that a client owes in DATA and BDAT beyond `socketTimeout`, else 421. Default 0, off. */
  minDataRate?: number | string | undefined;
  /** Milliseconds that `close()` waits for connections. Default 30000. */
  closeTimeout?: number | string | undefined;
  /** Milliseconds to wait before the greeting for clients that talk first. Default 0. */
  earlyTalkerDelay?: number | string | undefined;
  /** SASL mechanisms in the order advertised. Default `["PLAIN", "LOGIN"]`. */
  authMethods?: string[] | undefined;
  /** Let clients send mail without AUTH. Default false. */
  authOptional?: boolean | undefined;
  /** Allow AUTH without TLS. Default false. */
  allowInsecureAuth?: boolean | undefined;
  /** Text of the 530 for a missing AUTH. Default `Error: authentication Required`. */
  authRequiredMessage?: string | undefined;
  /** Key of the made-up SCRAM salts. Default: random for each process. */
  scramSecret?: string | Uint8Array | undefined;
  hideSTARTTLS?: boolean | undefined;
  hidePIPELINING?: boolean | undefined;
  hide8BITMIME?: boolean | undefined;
  hideSMTPUTF8?: boolean | undefined;
  hideCHUNKING?: boolean | undefined;
  /** Default **true**: no enhanced status codes at all. */
  hideENHANCEDSTATUSCODES?: boolean | undefined;
  /** Default **true**: no `dsn` in envelope and recipients, RET and NOTIFY not checked. */
  hideDSN?: boolean | undefined;
  /** Default **true**: not advertised, still works. */
  hideREQUIRETLS?: boolean | undefined;
  /** Default **true**: not advertised and refused. */
  hideBINARYMIME?: boolean | undefined;
  /** Commands that are not available, in any case. */
  disabledCommands?: string[] | undefined;
  /** Only a minimal check of addresses. Default false. */
  lenientAddressParsing?: boolean | undefined;
  /** What a CR or LF alone gets, in messages and as the end of a command. Default `"reject"`. */
  bareNewlines?: "reject" | "normalize" | "accept" | undefined;
  /** Peers from whom a PROXY header is expected (version 1 or 2). Default false. */
  useProxy?: TrustOption | undefined;
  /** Clients that may use XCLIENT. Default false. */
  useXClient?: TrustOption | undefined;
  /** Clients that may use XFORWARD. Default false. */
  useXForward?: TrustOption | undefined;
  /** Client addresses that are left out of the log. */
  ignoredHosts?: readonly string[] | undefined;
  /** No reverse DNS lookup of clients. Default false. */
  disableReverseLookup?: boolean | undefined;
  /** Used instead of `dns.reverse`. */
  resolver?: Resolver | undefined;
  /** `true`: the console; or a logger. Default false. */
  logger?: Logger | boolean | undefined;
  /** Component name in log entries. Default `smtp-server`. */
  component?: string | undefined;
  /** Host name (any case, U-label or A-label) → TLS options. */
  sniOptions?: Record<string, TLSOptions> | Map<string, TLSOptions> | undefined;
  /** Chooses the secure context for an SNI name; wins over `sniOptions`. An error or nothing: the default certificate. */
  SNICallback?:
    | ((servername: string, callback: (error: Error | null, context?: SecureContext) => void) => void)
    | undefined;
  /** A client connected. Error default: 554, close. */
  onConnect?: OnConnectCallback | false | null | undefined;
  /** A TLS handshake is done. Error default: 554, close. */
  onSecure?: OnSecureCallback | false | null | undefined;
  /** AUTH, and LOGIN of XCLIENT. Error default: 535. */
  onAuth?: OnAuthCallback | false | null | undefined;
  /** MAIL FROM. Error default: 550. */
  onMailFrom?: OnMailFromCallback | false | null | undefined;
  /** RCPT TO. Error default: 550. */
  onRcptTo?: OnRcptToCallback | false | null | undefined;
  /** A message begins. Error default: 450. */
  onData?: OnDataCallback | false | null | undefined;
  /** The connection is closed; always, once. */
  onClose?: OnCloseCallback | false | null | undefined;
}

/** A connection as far as programs made for smtp-server reach for its socket. */
export interface SocketFace {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly destroyed: boolean;
  write(data: string | Uint8Array): boolean;
  end(): void;
  destroy(): void;
}

/** One entry of `server.connections`. */
export interface SMTPConnection {
  readonly id: string;
  readonly session: SMTPSession;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly _socket: SocketFace;
  /** Closes the connection once what is written has left. */
  close(): void;
  /** Writes a reply that the client did not ask for; 421 closes. */
  send(code: number, text?: string | readonly string[]): void;
}
