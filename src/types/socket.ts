import type { PeerCertificate, TLSSocket } from "node:tls";
import type { SMTPSession, TLSCipherInfo } from "./session.js";
import type { Absent } from "./absent.js";

/** What the socket given to onSecure answers: Bun's TLS socket with the names that node's TLSSocket has. */
export interface SecureSocket {
  /** `false` on a socket without TLS (`secured: true`). */
  readonly encrypted: boolean;
  /** Whether the client's certificate was asked for and verified. */
  readonly authorized: boolean;
  /** If it was not verified, why: an OpenSSL code such as `DEPTH_ZERO_SELF_SIGNED_CERT`. */
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
  /** Closes the connection now. The hook's answer then has no effect. */
  destroy(): void;
}

/** The same for a hook that is typed with node's TLSSocket: what that has besides is not there. */
export type SecuredSocket = SecureSocket &
  Pick<TLSSocket, "authorizationError" | "destroy" | "encrypted" | "getPeerCertificate"> &
  Absent<TLSSocket, keyof SecureSocket>;

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
