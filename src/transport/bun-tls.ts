/**
 * Members of Bun's accepted sockets that bun-types 1.4.4 does not declare. Checked with Bun 1.4.0 and 1.4.5.
 */
import type { PeerCertificate } from "node:tls";

/** A native secure context: `createSecureContext(…).context` of node:tls. */
export type SecureContextHandle = object;

/** The handlers of `upgradeTLS` and `Bun.listen`. */
export interface BunSocketHandlers<Data> {
  open?(socket: BunSocket<Data>): void;
  data?(socket: BunSocket<Data>, chunk: Buffer): void;
  drain?(socket: BunSocket<Data>): void;
  end?(socket: BunSocket<Data>): void;
  close?(socket: BunSocket<Data>, error?: Error): void;
  error?(socket: BunSocket<Data>, error: Error): void;
  handshake?(socket: BunSocket<Data>, ok: boolean, error: (Error & { code?: string }) | null): void;
  /** The first argument is not a socket. `handle` is that of the TLS session. */
  serverName?(
    _: unknown,
    name: string,
    handle: SNIHandle & Pick<BunSocket<Data>, "data">,
  ): SecureContextHandle | Error | true | undefined;
}

/** The TLS session in a `serverName` handler. */
export interface SNIHandle {
  /**
   * Continues the handshake after the handler has returned `true`. A call before that makes the handshake hang. A second
   * call, or one on a closed session, has no effect.
   */
  resumeSNI(context: SecureContextHandle | undefined, refuse: boolean): void;
  /** Sets whether to request a certificate, and to close without a valid one. Has an effect only before the request. */
  setVerifyMode(requestCert: boolean, rejectUnauthorized: boolean): void;
}

/** TLS options of `upgradeTLS`. It reads them when it is called, and ignores those of the context. */
export interface UpgradeOptions {
  readonly secureContext: SecureContextHandle;
  readonly requestCert: boolean;
  /** Required here, because Bun takes a missing value for true. */
  readonly rejectUnauthorized: boolean;
  /** In the wire format of RFC 7301, because `upgradeTLS` throws for an array of names. */
  readonly ALPNProtocols?: Uint8Array;
}

/** A socket that `Bun.listen` accepted, or the TLS session on one. */
export interface BunSocket<Data> {
  data: Data;
  /** The file descriptor. */
  readonly fd: number;
  readonly authorized: boolean;
  readonly localAddress: string | undefined;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Writes what fits and drops the rest. @returns the number of bytes written, -1 on a closed socket */
  write(data: string | Uint8Array): number;
  pause(): void;
  resume(): void;
  /** Closes our side. The client can still send until it closes its own. */
  shutdown(): void;
  /** Closes both sides at once, but still sends what was written. */
  close(): void;
  /** Resets the connection, so that data which was written may be lost. */
  terminate(): void;
  upgradeTLS(options: {
    isServer: true;
    allowHalfOpen: true;
    data: Data;
    tls: UpgradeOptions;
    socket: BunSocketHandlers<Data>;
    initialData?: Buffer;
  }): [raw: BunSocket<Data>, tls: BunSocket<Data>];
  getServername(): string | false | undefined;
  getTLSVersion(): string;
  getCipher(): { name: string; standardName: string; version: string };
  /** The opposite of node:tls: `true` leaves the issuers out. */
  getPeerCertificate(abbreviated?: boolean): PeerCertificate | undefined;
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer | undefined;
}
