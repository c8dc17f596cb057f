/** What a connection has on the client's side: the socket as a small interface, and the TLS session on it. */
import type { TLSFacts } from "../commands/client.js";
import type { Endpoints } from "../session.js";
import type { SecureSocket, SMTPSession, TLSCipherInfo } from "../types/index.js";

/** A TLS session that was established. */
export interface TLSSession extends TLSFacts {
  /** What onSecure gets. */
  readonly socket: SecureSocket;
  readonly cipher: TLSCipherInfo;
  readonly servername: string | false;
}

/** The socket as the connection sees it. */
export interface Transport extends Endpoints {
  /** Whether `upgrade` would work. */
  readonly canUpgrade: boolean;
  /** Writes or queues. False: so much is queued that nothing more should come before `drained`. */
  write(data: string | Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Closes our side once all is written. */
  end(): void;
  /** Closes both sides now. @param reason what `closed` is told */
  destroy(reason?: Error): void;
  /** Starts a TLS handshake once all is written; what is received in plaintext from now on is dropped. `secured` or `closed` follows. */
  upgrade(): void;
}

/** What a transport tells its connection. */
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
 * What onSecure gets with `secured: true`, where the TLS session is somebody else's.
 * @param destroy closes the connection
 */
export function unencrypted(session: SMTPSession, destroy: () => void): SecureSocket {
  const { remoteAddress, remotePort, localAddress, localPort } = session;
  return {
    remoteAddress,
    remotePort,
    localAddress,
    localPort,
    encrypted: false,
    authorized: false,
    servername: false,
    getPeerCertificate: () => ({}) as ReturnType<SecureSocket["getPeerCertificate"]>,
    getCipher: () => ({ name: "", standardName: "", version: "" }),
    getProtocol: () => null,
    destroy,
  };
}

/** What smtp-server says with an error of a handshake. */
export function handshakeDetails(remoteAddress: string): object {
  return { remoteAddress, meta: { protocol: "smtp", stage: "connect", remoteAddress } };
}

/** The error of a handshake that did not come about, shaped as smtp-server's. */
export function handshakeError(
  message: string,
  remoteAddress: string,
  code = "ERR_TLS_HANDSHAKE_TIMEOUT",
): Error {
  return Object.assign(new Error(message), { code, ...handshakeDetails(remoteAddress) });
}
