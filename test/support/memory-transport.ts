import type { TLSSession } from "../../src/connection/transport.js";
import { memoryTLS } from "../../src/testing/memory-tls.js";
import { MemoryTransport as Transport } from "../../src/testing/memory-transport.js";
import { endAfterTest } from "./ending.js";

const ENDPOINTS = {
  localAddress: "192.0.2.1",
  localPort: 25,
  remoteAddress: "192.0.2.99",
  remotePort: 50_000,
};

/** The library's transport in memory, from a documentation address, closed after the test. */
export class MemoryTransport extends Transport {
  readonly #hasEnded = endAfterTest(() => this.reset());

  constructor(remoteAddress: string = ENDPOINTS.remoteAddress) {
    super({ ...ENDPOINTS, remoteAddress });
  }

  override handshake(tls: TLSSession = fakeTLS()): void {
    super.handshake(tls);
  }

  override close(error?: Error): void {
    this.#hasEnded();
    super.close(error);
  }
}

/** A TLS session that needs no TLS: with `certificate`, as if a client certificate had been verified. */
export function fakeTLS(certificate?: object): TLSSession {
  return memoryTLS(ENDPOINTS, { servername: "mx.test", certificate });
}
