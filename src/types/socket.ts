import type { PeerCertificate, TLSSocket } from "node:tls";
import type { SMTPSession, TLSCipherInfo } from "./session.js";
import type { Absent } from "./absent.js";

/** The socket argument of onSecure: Bun's TLS socket with the names of node's TLSSocket. */
export interface SecureSocket {
  /** `false` on a socket without TLS (`secured: true`). */
  readonly encrypted: boolean;
  /** Whether the client's certificate was requested (`requestCert`) and verified. */
  readonly authorized: boolean;
  /** Why it was not verified: an OpenSSL code such as `DEPTH_ZERO_SELF_SIGNED_CERT`. */
  readonly authorizationError?: any;
  /** SNI host name, `false` if the client sent none. */
  readonly servername: string | false;
  /** IP address of the TCP peer. */
  readonly remoteAddress: string;
  /** Port of the TCP peer. */
  readonly remotePort: number;
  /** IP address that the peer connected to. */
  readonly localAddress: string;
  /** Port that the peer connected to. */
  readonly localPort: number;
  /** The client's certificate; `{}` without one. @param detailed with the issuers. Default `false` */
  getPeerCertificate(detailed?: boolean): PeerCertificate;
  /** Cipher and version of the TLS session, as `session.tlsOptions`. */
  getCipher(): TLSCipherInfo;
  /** `TLSv1.2` or `TLSv1.3`; `null` on a socket without TLS (`secured: true`). */
  getProtocol(): string | null;
  /** Closes the connection at once. The hook's answer then has no effect. */
  destroy(): void;
}

/** A {@link SecureSocket} that a hook may type as node's TLSSocket. The other members of TLSSocket do not exist. */
export type SecuredSocket = SecureSocket &
  Pick<TLSSocket, "authorizationError" | "destroy" | "encrypted" | "getPeerCertificate"> &
  Absent<TLSSocket, keyof SecureSocket>;

/**
 * The members of `connection._socket` that programs made for smtp-server use. Its only event is `close`, emitted after
 * the connection has left `server.connections` and before onClose. A listener that is added later is not called, as in
 * Node.
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
  /**
   * Writes to the client at once, whatever reply is due. Writes nothing during a TLS handshake or on a closed connection.
   * @returns `false` if nothing was written, or if the client does not read fast enough
   */
  write(data: string | Uint8Array): boolean;
  /** Writes `data`, if given, and closes our side after everything was sent. */
  end(data?: string | Uint8Array): void;
  /** Closes both sides at once; unsent data is lost. */
  destroy(): void;
  /** Calls the listener once the connection is closed. */
  on(event: "close", listener: () => void): this;
  /** Calls the listener once the connection is closed. */
  once(event: "close", listener: () => void): this;
  /** Removes the listener. */
  off(event: "close", listener: () => void): this;
  /** Removes the listener. */
  removeListener(event: "close", listener: () => void): this;
}

/** One entry of `server.connections`. */
export interface SMTPConnection {
  /** `session.id`. */
  readonly id: string;
  /** The session object of the hooks. */
  readonly session: SMTPSession;
  /** `session.remoteAddress`. */
  readonly remoteAddress: string;
  /** `session.remotePort`. */
  readonly remotePort: number;
  /** For programs made for smtp-server that use the socket. */
  readonly _socket: ConnectionSocket;
  /** Closes the connection after everything was sent; during a TLS handshake at once. */
  close(): void;
  /**
   * Writes a reply that answers no command; during a TLS handshake it writes nothing.
   * @param code three digits; 421 closes the connection
   * @param text one line, or the lines of a multiline reply. Default ""
   */
  send(code: number, text?: string | readonly string[]): void;
}
