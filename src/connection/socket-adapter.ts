/** `connection._socket`: as much of a `net.Socket` as programs made for smtp-server reach for. */
import { EventEmitter } from "node:events";
import type { SMTPSession, ConnectionSocket } from "../types/index.js";

/** The connection as its face sees it. */
export interface SocketAdapterOwner {
  readonly session: SMTPSession;
  isClosed(): boolean;
  write(text: string): boolean;
  close(): void;
  destroy(): void;
}

/** One for a connection, made when it is first asked for. Emits `close`. */
export class SocketAdapter extends EventEmitter<{ close: [] }> implements ConnectionSocket {
  readonly #owner: SocketAdapterOwner;

  constructor(owner: SocketAdapterOwner) {
    super();
    this.#owner = owner;
  }

  get remoteAddress(): string {
    return this.#owner.session.remoteAddress;
  }
  get remotePort(): number {
    return this.#owner.session.remotePort;
  }
  get localAddress(): string {
    return this.#owner.session.localAddress;
  }
  get localPort(): number {
    return this.#owner.session.localPort;
  }
  get destroyed(): boolean {
    return this.#owner.isClosed();
  }

  write(data: string | Uint8Array): boolean {
    return this.#owner.write(typeof data === "string" ? data : Buffer.from(data).toString());
  }

  end(data?: string | Uint8Array): void {
    if (data !== undefined) this.write(data);
    this.#owner.close();
  }

  destroy(): void {
    this.#owner.destroy();
  }

  /** The connection is closed. A listener that throws must not keep it from being counted as gone. */
  closed(): void {
    queueMicrotask(() => this.emit("close"));
  }
}
