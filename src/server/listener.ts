import { EventEmitter } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { isIPv6 } from "node:net";
import type { Bound } from "../transport/bind.js";

/** The server of a listener. */
export interface ListenerOwner {
  listen(...args: unknown[]): unknown;
  close(callback?: (error?: Error) => void): unknown;
  readonly connections: ReadonlySet<unknown>;
}

/**
 * `server.server`: the listening socket as programs made for smtp-server know it from `net.Server`.
 * Events: `listening`, `close`, `error(error)`.
 */
export class Listener extends EventEmitter implements Server {
  /** Missing: use the option `maxClients` and `server.connections`. */
  declare maxConnections: never;
  declare connections: never;
  readonly #owner: ListenerOwner;
  #bound: Bound | undefined;
  #keepsAlive = true;

  constructor(owner: ListenerOwner) {
    super();
    this.#owner = owner;
  }

  get listening(): boolean {
    return this.#bound !== undefined;
  }

  /** The bound address, the path of a unix socket, `null` while nothing is bound. */
  address(): AddressInfo | string | null {
    if (!this.#bound) return null;
    const { where } = this.#bound;
    if ("path" in where) return where.path;
    return { address: where.host, family: isIPv6(where.host) ? "IPv6" : "IPv4", port: where.port };
  }

  /** The same as the server's `listen`. */
  listen(...args: unknown[]): this {
    this.#owner.listen(...args);
    return this;
  }

  /** The same as the server's `close`. */
  close(callback?: (error?: Error) => void): this {
    this.#owner.close(callback);
    return this;
  }

  /** @param callback gets the number of open connections */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#owner.connections.size);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owner.close();
  }

  ref(): this {
    this.#keepsAlive = true;
    this.#bound?.ref();
    return this;
  }

  /** Lets the process end even while the server listens. */
  unref(): this {
    this.#keepsAlive = false;
    this.#bound?.unref();
    return this;
  }

  /** @internal For the server: the socket is bound. */
  opened(bound: Bound): void {
    this.#bound = bound;
    if (!this.#keepsAlive) bound.unref();
  }

  /** @internal For the server: stops accepting. Open connections stay open. */
  stop(): void {
    this.#bound?.stop();
    this.#bound = undefined;
  }
}

/** The result of `listen`: a promise of the server that also has the methods of the listener. */
export type Listening<S> = Promise<S> & Listener;

/** The members of the listener that the result of `listen` has. */
const LISTENER_MEMBERS = [
  "address",
  "close",
  "getConnections",
  "listening",
  "ref",
  "unref",
  "on",
  "once",
  "off",
  "addListener",
  "removeListener",
  "removeAllListeners",
  "prependListener",
  "prependOnceListener",
  "emit",
  "listeners",
  "listenerCount",
] as const;

/** Gives a promise the methods of the listener, so that `server.listen(0).on("error", …)` works. */
export function withListenerMembers<S>(promise: Promise<S>, listener: Listener): Listening<S> {
  for (const name of LISTENER_MEMBERS) {
    Object.defineProperty(promise, name, {
      get: () => {
        const value: unknown = listener[name];
        return typeof value === "function" ? (value.bind(listener) as unknown) : value;
      },
    });
  }
  return promise as Listening<S>;
}
