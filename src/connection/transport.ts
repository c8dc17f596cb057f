/** The interface of a client's socket and its TLS session. Tests implement it in memory. */
import { TLS } from "../diagnostics/channels.js";
import type { TLSFacts } from "../commands/client.js";
import type { Endpoints } from "../session.js";
import type { SecureSocket, SMTPSession, TLSCipherInfo } from "../types/index.js";

/**
 * Octets to drop after our side is closed. A socket that is closed with octets unread resets the connection, and the client
 * may lose the last reply. But a client must not keep the server reading for the whole time until the socket is closed.
 */
export const MAX_DROPPED: number = 1024 * 1024;

/** An established TLS session. */
export interface TLSSession extends TLSFacts {
  /** The socket argument of onSecure. */
  readonly socket: SecureSocket;
  readonly cipher: TLSCipherInfo;
  readonly servername: string | false;
}

/** The socket of a connection. */
export interface Transport extends Endpoints {
  /** Whether `upgrade` would work. */
  readonly canUpgrade: boolean;
  /** Writes or queues. @returns false if the client does not read fast enough: write no more before `drained` */
  write(data: string | Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Closes our side after everything was sent. */
  end(): void;
  /** Closes both sides now. @param reason passed on to `closed` */
  destroy(reason?: Error): void;
  /** Starts a TLS handshake after everything was sent, and drops plaintext from now on. `secured` or `closed` follows. */
  upgrade(): void;
}

/** The events of a transport. */
export interface TransportEvents {
  received(chunk: Buffer): void;
  /** The write queue is empty again. */
  drained(): void;
  /** The client closed its side. */
  ended(): void;
  /** Both sides are closed; nothing follows. */
  closed(error?: Error): void;
  secured(tls: TLSSession): void;
}

/**
 * The socket argument of onSecure with `secured: true`, where a proxy ends the TLS session.
 * @param destroy closes the connection
 */
export function unencrypted(session: SMTPSession, destroy: () => void): SecureSocket {
  const { remoteAddress, remotePort, localAddress, localPort, servername, tlsOptions } = session;
  return {
    remoteAddress,
    remotePort,
    localAddress,
    localPort,
    encrypted: false,
    authorized: false,
    servername: servername || false,
    getPeerCertificate: () => ({}) as ReturnType<SecureSocket["getPeerCertificate"]>,
    getCipher: () => ({ ...(tlsOptions || { name: "", standardName: "", version: "" }) }),
    getProtocol: () => (tlsOptions && tlsOptions.version) || null,
    destroy,
  };
}

/** The fields that smtp-server adds to the error of a handshake. */
export function handshakeDetails(remoteAddress: string): object {
  return { remoteAddress, meta: { protocol: "smtp", stage: "connect", remoteAddress } };
}

/** Publishes a failed handshake. @param error `undefined` if the client has disconnected */
export function publishFailedTLS(
  remoteAddress: string,
  error: Error | undefined,
  session?: SMTPSession,
): void {
  if (!TLS.isOn) return;
  const reason = error ?? handshakeError("Socket closed while initiating TLS", remoteAddress, "SocketError");
  TLS.publish({ session, remoteAddress, error: reason });
}

/** The error of a failed handshake, in the form of smtp-server's. */
export function handshakeError(
  message: string,
  remoteAddress: string,
  code = "ERR_TLS_HANDSHAKE_TIMEOUT",
): Error {
  return Object.assign(new Error(message), { code, ...handshakeDetails(remoteAddress) });
}
