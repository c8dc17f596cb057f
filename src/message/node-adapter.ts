import { Readable } from "node:stream";

/** The message, for its Node adapter. */
export interface NodeAdapterSource {
  readonly byteLength: number;
  readonly sizeExceeded: boolean;
  /** The adapter wants a chunk: lock the Web side, and call the adapter's `push()` now or later. */
  readToNode(): void;
  /** The adapter is closed. @param ended it has emitted `end` @param error the argument of `destroy()`, if any */
  nodeClosed(ended: boolean, error: Error | null): void;
}

/**
 * The Readable behind the Node methods of a DataStream. It is made on first use. It takes no octets before the program
 * reads it, so that a program can listen for `error` or `close` and still read the Web side.
 */
export class NodeAdapter extends Readable {
  readonly #source: NodeAdapterSource;

  constructor(source: NodeAdapterSource) {
    super();
    this.#source = source;
  }

  // The adapter is `this` in a listener, so it needs the stream's own fields too.
  get byteLength(): number {
    return this.#source.byteLength;
  }

  get sizeExceeded(): boolean {
    return this.#source.sizeExceeded;
  }

  /** The Web side was read to its end: listeners get `end` and `close`. */
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

  // An `error` event without a listener would end the process, and a client could cause that by disconnecting.
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return event === "error" && this.listenerCount("error") === 0 ? false : super.emit(event, ...args);
  }
}

/** Members of Readable for producers. Consumers of the stream do not get them. */
const PRODUCER_MEMBERS = new Set(["constructor", "push", "wrap"]);

/**
 * Gives `prototype` every public method and property of Readable that it does not have yet, each delegated to
 * `adapterOf(this)`. A method that would return the adapter returns `this`.
 */
export function delegateToNodeAdapter<T extends object>(
  prototype: T,
  adapterOf: (stream: T) => NodeAdapter,
): void {
  // Programs, and node:stream itself, recognise a Node stream by this property of the adapter.
  const names = new Map<string | symbol, PropertyDescriptor>([["_readableState", {}]]);
  for (let from: object = Readable.prototype; from !== Object.prototype; from = Object.getPrototypeOf(from)) {
    for (const name of [...Object.getOwnPropertyNames(from), Symbol.asyncDispose]) {
      const descriptor = Object.getOwnPropertyDescriptor(from, name);
      const hidden = typeof name === "string" && (name.startsWith("_") || PRODUCER_MEMBERS.has(name));
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
