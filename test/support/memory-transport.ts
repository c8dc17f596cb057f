import type { PendingTransport } from "../../src/connection/pending-connection.js";
import type { TLSSession, TransportEvents } from "../../src/connection/transport.js";
import { endAfterTest } from "./ending.js";

const unheard: TransportEvents = { received() {}, drained() {}, ended() {}, closed() {}, secured() {} };

/** A client's socket without a network: what the server writes is kept, what the client sends is handed over at once. */
export class MemoryTransport implements PendingTransport {
  readonly localAddress: string = "192.0.2.1";
  readonly localPort: number = 25;
  readonly remoteAddress: string;
  readonly remotePort: number = 50_000;
  readonly canUpgrade: boolean = true;
  readonly usesReservedDescriptor: boolean = false;
  events: TransportEvents = unheard;
  /** What the server wrote and was not taken yet. */
  output = "";
  /** The server closed its side. */
  ended = false;
  /** Both sides are closed. */
  closed = false;
  /** The server waits for a handshake. */
  upgrading = false;
  /** Writes are refused until `drain()`. */
  full = false;
  paused = false;
  /** What came while paused; as with a kernel, the FIN is behind the last byte. */
  #waiting: (Buffer | "fin")[] = [];
  #heard: (() => void) | undefined;
  readonly #hasEnded = endAfterTest(() => this.reset());

  constructor(remoteAddress = "192.0.2.99") {
    this.remoteAddress = remoteAddress;
  }

  write(data: string | Uint8Array): boolean {
    this.output += typeof data === "string" ? data : Buffer.from(data).toString("latin1");
    this.#tell();
    return !this.full;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const next of waiting) queueMicrotask(() => (next === "fin" ? this.fin() : this.send(next)));
  }
  end(): void {
    this.ended = true;
    this.#tell();
  }
  destroy(reason?: Error): void {
    this.#close(reason);
  }
  refuse(text: string): void {
    this.output += text;
    this.#close();
  }
  upgrade(initialData?: Buffer): void {
    this.upgrading = true;
    this.initialData = initialData;
    this.#tell();
  }
  /** Bytes behind a PROXY header that belong to the handshake. */
  initialData: Buffer | undefined;

  /** The client sends. */
  send(chunk: Buffer): void {
    if (this.closed || this.upgrading) return;
    if (this.paused) this.#waiting.push(chunk);
    else this.events.received(chunk);
  }
  /** The client's side of the handshake. */
  handshake(tls: TLSSession = fakeTLS()): void {
    this.upgrading = false;
    this.events.secured(tls);
  }
  /** The client closes its side. */
  fin(): void {
    if (this.paused) return void this.#waiting.push("fin");
    if (!this.closed) this.events.ended();
    if (this.ended) this.#close();
  }
  /** The client is gone. */
  reset(): void {
    this.#close(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  }
  drain(): void {
    this.full = false;
    this.events.drained();
  }

  /** Resolves when something was written or closed since. */
  activity(): Promise<void> {
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  #close(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#hasEnded();
    this.#tell();
    this.events.closed(error);
  }
  #tell(): void {
    this.#heard?.();
    this.#heard = undefined;
  }
}

/** A TLS session that needs no TLS: with `certificate`, as if a client certificate had been verified. */
export function fakeTLS(certificate?: object): TLSSession {
  const cipher = {
    name: "TLS_AES_128_GCM_SHA256",
    standardName: "TLS_AES_128_GCM_SHA256",
    version: "TLSv1.3",
  };
  const getPeerCertificate = (): never => (certificate ?? {}) as never;
  return {
    cipher,
    servername: "mx.test",
    authorized: certificate !== undefined,
    peerCertificate: getPeerCertificate,
    exportKeyingMaterial: (length) => Buffer.alloc(length, 7),
    socket: {
      encrypted: true,
      authorized: certificate !== undefined,
      servername: "mx.test",
      remoteAddress: "192.0.2.99",
      remotePort: 50_000,
      localAddress: "192.0.2.1",
      localPort: 25,
      getPeerCertificate,
      getCipher: () => cipher,
      getProtocol: () => "TLSv1.3",
      destroy() {},
    },
  };
}
