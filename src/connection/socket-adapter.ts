/** `connection._socket`: the part of `net.Socket` that programs made for smtp-server use. */
import { EventEmitter } from "node:events";
import type { ConnectionSocket, SMTPSession } from "../types/index.js";
import type { State } from "./state.js";

/** The connection of a socket adapter. */
export interface SocketAdapterOwner {
  readonly session: SMTPSession;
  readonly state: State;
  writeRaw(data: string | Uint8Array): boolean;
  close(): void;
  destroy(): void;
}

/** Made when a program first reads `_socket`. Emits `close`. */
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
    return this.#owner.state === "closed";
  }

  write(data: string | Uint8Array): boolean {
    // Copied, because a part may be written later, and the program may change its bytes until then.
    return this.#owner.writeRaw(typeof data === "string" ? data : Buffer.from(data));
  }

  end(data?: string | Uint8Array): void {
    if (data !== undefined) this.write(data);
    this.#owner.close();
  }

  destroy(): void {
    this.#owner.destroy();
  }

  /** The connection is closed. Emits `close` in a microtask, so that a listener that throws does not interrupt the closing. */
  closed(): void {
    queueMicrotask(() => this.emit("close"));
  }
}
