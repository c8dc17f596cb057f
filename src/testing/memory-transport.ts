/** A client's socket in memory: no network and no port. What the client sends, the server receives at once. */
import type { PendingTransport } from "../connection/pending-connection.js";
import type { TLSSession, TransportEvents } from "../connection/transport.js";
import type { Endpoints } from "../session.js";

const unheard: TransportEvents = { received() {}, drained() {}, ended() {}, closed() {}, secured() {} };

export class MemoryTransport implements PendingTransport {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly canUpgrade: boolean = true;
  readonly usesReservedDescriptor: boolean = false;
  events: TransportEvents = unheard;
  /** What the server wrote and the client has not taken, each character one octet. */
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
  /** What the server has not received yet; as with a kernel, the FIN is behind the last octet. */
  readonly #incoming: (Buffer | "fin")[] = [];
  #isDelivering = false;
  #activity: PromiseWithResolvers<void> | undefined;

  constructor({ localAddress, localPort, remoteAddress, remotePort }: Endpoints) {
    this.localAddress = localAddress;
    this.localPort = localPort;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  write(data: string | Uint8Array): boolean {
    this.output += Buffer.from(data as string).toString("latin1");
    this.#tell();
    return !this.full;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
    queueMicrotask(() => this.#deliver());
  }
  end(): void {
    this.ended = true;
    this.#tell();
  }
  destroy(reason?: Error): void {
    this.close(reason);
  }
  refuse(text: string): void {
    this.output += text;
    this.close();
  }
  upgrade(): void {
    this.upgrading = true;
    // Plaintext behind STARTTLS never reaches the TLS session.
    this.#incoming.length = 0;
    this.#tell();
  }

  /** The client sends. */
  send(chunk: Buffer): void {
    if (this.closed || this.upgrading) return;
    this.#incoming.push(chunk);
    this.#deliver();
  }
  /** The client's side of the handshake. */
  handshake(tls: TLSSession): void {
    this.upgrading = false;
    this.events.secured(tls);
  }
  /** The client closes its side. */
  fin(): void {
    this.#incoming.push("fin");
    this.#deliver();
  }
  /** The connection breaks. */
  reset(): void {
    this.close(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  }
  /** Closes both sides, as the client or the server may. */
  close(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#tell();
    this.events.closed(error);
  }
  drain(): void {
    this.full = false;
    this.events.drained();
  }

  /** Resolves at the next write or close of the server. */
  activity(): Promise<void> {
    this.#activity ??= Promise.withResolvers<void>();
    return this.#activity.promise;
  }

  /** One at a time, as with a socket: what a hook sends while it runs comes after what the server has now. */
  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      while (!this.paused && !this.closed) {
        const next = this.#incoming.shift();
        if (next === undefined) break;
        if (next === "fin") this.#end();
        else this.events.received(next);
      }
    } finally {
      this.#isDelivering = false;
    }
  }

  #end(): void {
    this.events.ended();
    if (this.ended) this.close();
  }

  #tell(): void {
    this.#activity?.resolve();
    this.#activity = undefined;
  }
}
