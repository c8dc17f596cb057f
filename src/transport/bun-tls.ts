/**
 * What Bun's accepted sockets have and bun-types 1.4.4 does not declare. Checked on Bun 1.4.0 and 1.4.5.
 */
import type { PeerCertificate } from "node:tls";

/** A native secure context: `createSecureContext(…).context` of node:tls. */
export type SecureContextHandle = object;

/** What `upgradeTLS` and `Bun.listen` call. */
export interface BunSocketHandlers<Data> {
  open?(socket: BunSocket<Data>): void;
  data?(socket: BunSocket<Data>, chunk: Buffer): void;
  drain?(socket: BunSocket<Data>): void;
  end?(socket: BunSocket<Data>): void;
  close?(socket: BunSocket<Data>, error?: Error): void;
  error?(socket: BunSocket<Data>, error: Error): void;
  handshake?(socket: BunSocket<Data>, ok: boolean, error: (Error & { code?: string }) | null): void;
  /** The first argument is no socket; `handle` is the TLS session's. */
  serverName?(
    _: unknown,
    name: string,
    handle: SNIHandle & Pick<BunSocket<Data>, "data">,
  ): SecureContextHandle | Error | true | undefined;
}

/** The TLS session as a `serverName` handler has it. */
export interface SNIHandle {
  /**
   * Goes on with the handshake after the handler has returned `true`; never before, which hangs it. Does
   * nothing on a session that has closed, or when called again.
   */
  resumeSNI(context: SecureContextHandle | undefined, refuse: boolean): void;
  /** Whether this client is asked for a certificate, and closed without a good one. Holds until the handshake asks. */
  setVerifyMode(requestCert: boolean, rejectUnauthorized: boolean): void;
}

/** TLS options of `upgradeTLS`. It reads them at the call, and does not look at those of the context. */
export interface UpgradeOptions {
  readonly secureContext: SecureContextHandle;
  readonly requestCert: boolean;
  /** Must be there: left out it counts as true. */
  readonly rejectUnauthorized: boolean;
  /** In the wire form of RFC 7301: an array of names makes `upgradeTLS` throw. */
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
  /** Takes what fits and drops the rest: gives how many bytes it took, -1 on a closed socket. */
  write(data: string | Uint8Array): number;
  pause(): void;
  resume(): void;
  /** Closes our side; the client's side goes on until it closes it. */
  shutdown(): void;
  /** Closes both sides at once; what is written still leaves. */
  close(): void;
  /** Closes both sides at once with a reset, which may overtake what is written. */
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
  /** The other way round than node:tls: `true` leaves the issuers out. */
  getPeerCertificate(abbreviated?: boolean): PeerCertificate | undefined;
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer | undefined;
}
