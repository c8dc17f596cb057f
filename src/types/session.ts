import type { CipherNameAndProtocol } from "node:tls";
import type {
  SMTPServerAddress,
  SMTPServerAddressArgs,
  SMTPServerConnectionInfo,
  SMTPServerEnvelope,
  SMTPServerEnvelopeDSN,
  SMTPServerRecipientDSN,
  SMTPServerSession,
} from "./smtp-server.js";

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

/** What a PROXY header of a trusted peer says besides the addresses, field `proxy` of a session. */
export interface ProxyInfo {
  /** Version of the header. Version 1 has none of the other fields, nor has LOCAL or UNSPEC of version 2. */
  version: 1 | 2;
  /** The proxy's name for the connection (UNIQUE_ID); `undefined` also where its octets are no text. */
  uniqueId?: string | undefined;
  /** The host name that the client asked the proxy for (AUTHORITY): with TLS the SNI name. */
  authority?: string | undefined;
  /** The protocol that the proxy and the client agreed on (ALPN). */
  alpn?: string | undefined;
  /** The TLS session between the client and the proxy (SSL); `undefined` where there is none or the proxy says nothing. */
  ssl?: ProxyTLSInfo | undefined;
  /** The values of all TLVs by their type, in the order of the header. Those of clouds are here: 0xEA for AWS, 0xEE for Azure. */
  tlvs?: Map<number, Buffer[]> | undefined;
}

/** The TLS session between a client and its proxy, as the proxy describes it. */
export interface ProxyTLSInfo {
  /** The client showed a certificate, and the proxy verified it. */
  verified: boolean;
  /** TLS protocol version, for example `TLSv1.3`. */
  version?: string | undefined;
  /** OpenSSL cipher name, for example `ECDHE-RSA-AES128-GCM-SHA256`. */
  cipher?: string | undefined;
  /** Common name in the client's certificate. */
  commonName?: string | undefined;
  /** `false`: the client showed none; `true`: it showed one; the certificate itself (DER) where the proxy passes it on. */
  clientCertificate: boolean | Buffer;
}

/** One client's connection as the hooks see it: one plain object from connect to close; you may add fields to it. */
export interface SMTPSession extends SMTPServerSession {
  /** Unique connection identifier: 16 characters of 0-9 and a-v. */
  id: string;
  /** `true` while the connection is using TLS. */
  secure: boolean;
  /** SNI host name from the TLS handshake, if TLS is active and the client sent one. With `secured`: {@link ProxyInfo.authority}. */
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
  /** Cipher of the TLS session, `false` without TLS. With `secured`: that of {@link ProxyInfo.ssl}, if the proxy says it. */
  tlsOptions: TLSCipherInfo | false;
  /** What the PROXY header said besides the addresses; `undefined` without a header. */
  proxy?: ProxyInfo | undefined;
  /** `user` of the successful onAuth answer; survives RSET, cleared by STARTTLS and XCLIENT ADDR. */
  user?: any;
  /** Ordinal of the current mail transaction: 1 on connect, one more after each message that was answered. */
  transaction: number;
  /** The current envelope. */
  envelope: SMTPEnvelope;
  /** XCLIENT values by name; `false` for one that is unavailable; the originals as `ADDR:DEFAULT` and so on. */
  xClient: Map<string, string | number | false>;
  /** XFORWARD values by name, in the same form. */
  xForward: Map<string, string | number | false>;
  /** The last reply of 400 or above that was sent. */
  error?: string | undefined;
  /** Set by the application: replaces the server's `disabledCommands` for this session. */
  disabledCommands?: string[] | undefined;
  /** `true` after the WIZ command of old sendmail. */
  isWizard?: boolean | undefined;
  /**
   * Aborts when the client is gone or timed out, or the server closed the connection, so that a hook's `fetch`, query
   * or lookup ends with it. Its reason is an `SMTPError` with the code `ECONNECTION`. While onData works on a message
   * that was received in full it does not abort before the answer. Made when first read; not enumerable.
   */
  readonly signal: AbortSignal;
}

/** Details of a client, the argument of the server's `connect` event. */
export interface ConnectionInfo extends SMTPServerConnectionInfo {}
