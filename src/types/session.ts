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

/** ESMTP parameters of MAIL or RCPT: keyword in upper case → value decoded from xtext, or `true` without a value. */
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
  /** The identity that the client says submitted the message, `<>` for none (RFC 4954 section 5). */
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
  /** `local@domain`, with A-labels of the domain decoded to U-labels; "" for the null reverse-path `<>`. */
  address: string;
  /** The ESMTP parameters of the command, or `false` if there were none. */
  args: SMTPAddressArgs | false;
  /** DSN parameters of a recipient, present with `hideDSN: false` and NOTIFY or ORCPT. */
  dsn?: DSNRcpt | undefined;
}

/** DSN parameters of the envelope (RFC 3461). */
export interface DSNEnvelope extends SMTPServerEnvelopeDSN {
  /** RET, what a DSN should contain: `FULL` message, `HDRS` only, `null` for no preference. */
  ret: "FULL" | "HDRS" | null;
  /** ENVID, the sender's identifier for this message in DSNs; `null` if the client gave none. */
  envid: string | null;
}

/** The envelope of a mail transaction (RFC 5321 section 2.3.1). Accepted MAIL and RCPT fill it; each transaction has a new object. */
export interface SMTPEnvelope extends SMTPServerEnvelope {
  /** The reverse-path, `false` before MAIL FROM was accepted. */
  mailFrom: SMTPAddress | false;
  /** The accepted forward-paths in order. A repeated address, in upper or lower case, replaces its earlier entry. */
  rcptTo: SMTPAddress[];
  /** Body encoding that the client declared with BODY (RFC 6152, RFC 3030). Default: `7bit`. */
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

/** The contents of a PROXY header except the addresses; field `proxy` of a session. Only trusted peers (`useProxy`) send one. */
export interface ProxyInfo {
  /** Version of the header. Version 1, and LOCAL or UNSPEC of version 2, have none of the other fields. */
  version: 1 | 2;
  /** The proxy's identifier of the connection (UNIQUE_ID); `undefined` also if its octets are not text. */
  uniqueId?: string | undefined;
  /** The host name that the client asked the proxy for (AUTHORITY): with TLS the SNI name. */
  authority?: string | undefined;
  /** The protocol that the client and the proxy negotiated (ALPN). */
  alpn?: string | undefined;
  /** The TLS session between client and proxy (SSL); `undefined` without TLS, or if the proxy does not send it. */
  ssl?: ProxyTLSInfo | undefined;
  /** The values of all TLVs by type, in the order of the header. Clouds have their own types: 0xEA for AWS, 0xEE for Azure. */
  tlvs?: Map<number, Buffer[]> | undefined;
}

/** The TLS session between a client and its proxy, as the proxy describes it. */
export interface ProxyTLSInfo {
  /** Whether the client sent a certificate that the proxy verified. */
  verified: boolean;
  /** TLS protocol version, for example `TLSv1.3`. */
  version?: string | undefined;
  /** OpenSSL cipher name, for example `ECDHE-RSA-AES128-GCM-SHA256`. */
  cipher?: string | undefined;
  /** Common name in the client's certificate. */
  commonName?: string | undefined;
  /** `false`: the client sent none; `true`: it sent one; a Buffer: the certificate (DER), if the proxy passes it on. */
  clientCertificate: boolean | Buffer;
}

/** A client's connection for the hooks: one plain object from connect to close. You may add fields to it. */
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
  /**
   * The name the client gave in HELO, EHLO or LHLO, in lower case; `false` before that, `""` if XFORWARD says that it is
   * unknown.
   */
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
  /** Number of the current mail transaction: 1 on connect, one more after each message that got its reply. */
  transaction: number;
  /** The current envelope. */
  envelope: SMTPEnvelope;
  /** XCLIENT values by name, `false` for an unavailable one. The replaced values have names such as `ADDR:DEFAULT`. */
  xClient: Map<string, string | number | false>;
  /** XFORWARD values by name, in the same form. */
  xForward: Map<string, string | number | false>;
  /** The last reply with a code of 400 or above. */
  error?: string | undefined;
  /** Set it to replace the option `disabledCommands` for this session. */
  disabledCommands?: string[] | undefined;
  /** `true` after the WIZ command of old sendmail. */
  isWizard?: boolean | undefined;
  /**
   * Aborts when the client disconnects or times out, or the server closes the connection. Pass it to the `fetch` or query
   * of a hook, so that no work continues for nothing. Its reason is an `SMTPError` with the code `ECONNECTION`. While
   * onData works on a message that was received in full, it does not abort before the answer. Not enumerable.
   */
  readonly signal: AbortSignal;
}

/** A client's addresses and names, the argument of the server's `connect` event. */
export interface ConnectionInfo extends SMTPServerConnectionInfo {}
