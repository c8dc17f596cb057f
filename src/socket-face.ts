/** `connection._socket`: as much of a `net.Socket` as programs made for smtp-server reach for. */
import type { SMTPSession, SocketFace } from "./types.js";

/** The connection as its face sees it. */
export interface FaceOwner {
  readonly session: SMTPSession;
  isClosed(): boolean;
  write(text: string): boolean;
  close(): void;
  destroy(): void;
}

/** One for a connection, made when it is first asked for. */
export class ConnectionSocket implements SocketFace {
  readonly #owner: FaceOwner;

  constructor(owner: FaceOwner) {
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
}
