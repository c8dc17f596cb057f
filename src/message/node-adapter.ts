import { Readable } from "node:stream";

/** What the Node face needs of the message behind it. */
export interface NodeAdapterSource {
  readonly byteLength: number;
  readonly sizeExceeded: boolean;
  /** The face wants a chunk: take the message over from the Web adapter, and `push()` to the face now or later. */
  readToNode(): void;
  /** The face is done: after `end`, or before it, with the error given to `destroy()` if there was one. */
  nodeClosed(ended: boolean, error: Error | null): void;
}

/**
 * The Node face of a DataStream: the Readable that its Node methods stand for. It is made on first
 * use and takes no byte before somebody reads, so that listening for `error` or `close` leaves the
 * Web face free.
 */
export class NodeAdapter extends Readable {
  readonly #source: NodeAdapterSource;

  constructor(source: NodeAdapterSource) {
    super();
    this.#source = source;
  }

  // A listener's `this` is the adapter, so what programs ask of the stream is here as well.
  get byteLength(): number {
    return this.#source.byteLength;
  }

  get sizeExceeded(): boolean {
    return this.#source.sizeExceeded;
  }

  /** The message was read to its end by the Web adapter: whoever listens hears `end` and `close`. */
  finish(): void {
    this.push(null);
    this.read(0);
  }

  override _read(): void {
    this.#source.readToNode();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.nodeClosed(this.readableEnded, error);
    callback(error);
  }

  // Asked at the moment of emitting: a client that goes away must not be able to end the process.
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return event === "error" && this.listenerCount("error") === 0 ? false : super.emit(event, ...args);
  }
}

/** Of the face itself, not of its consumers: the producer's side of a Readable, and its innards. */
const KEPT_INSIDE = new Set(["constructor", "push", "wrap"]);

/**
 * Gives `prototype` every public method and property of Readable that it does not have yet, each
 * carried out by `adapterOf(this)`. A method that would return the face returns `this`.
 */
export function delegateToNodeAdapter<T extends object>(
  prototype: T,
  adapterOf: (stream: T) => NodeAdapter,
): void {
  // Programs and node:stream itself look for this one to know a Node stream.
  const state: PropertyDescriptor = { value: undefined, writable: true };
  const names = new Map<string | symbol, PropertyDescriptor>([["_readableState", state]]);
  for (let from: object = Readable.prototype; from !== Object.prototype; from = Object.getPrototypeOf(from)) {
    for (const name of [...Object.getOwnPropertyNames(from), Symbol.asyncDispose]) {
      const descriptor = Object.getOwnPropertyDescriptor(from, name);
      const hidden = typeof name === "string" && (name.startsWith("_") || KEPT_INSIDE.has(name));
      if (descriptor && !hidden && !names.has(name) && !(name in prototype)) names.set(name, descriptor);
    }
  }
  for (const [name, { value }] of names) {
    const inherited =
      typeof value === "function"
        ? {
            value(this: T, ...args: unknown[]): unknown {
              const adapter = adapterOf(this);
              const result: unknown = Reflect.apply(value, adapter, args);
              return result === adapter ? this : result;
            },
            writable: true,
          }
        : {
            get(this: T): unknown {
              return Reflect.get(adapterOf(this), name);
            },
            set(this: T, to: unknown): void {
              Reflect.set(adapterOf(this), name, to);
            },
          };
    Object.defineProperty(prototype, name, { ...inherited, configurable: true });
  }
}
