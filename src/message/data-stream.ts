/**
 * One message on its way from the connection to onData: the connection pushes into a {@link MessageSource}, the
 * consumer reads its `stream`. The stream is a ReadableStream (the Web side); its Node methods are those of a Readable
 * (the Node adapter) that is made on first use. Both read from one queue, so there is one bound.
 */
import type { ReadableStreamDefaultReader } from "node:stream/web";
import { delegateToNodeAdapter, NodeAdapter, type NodeAdapterSource } from "./node-adapter.js";
import { type Bytes, type Chunk, ChunkIterator } from "./chunk-iterator.js";
import { ChunkQueue } from "./chunk-queue.js";
import { SMTPError } from "../errors.js";
import type { Clock, Timer } from "../time/clock.js";
import type { DataStream } from "../types/index.js";

/** Milliseconds that a consumer may leave a full queue unread once its hook has answered. */
export const ABANDONED_AFTER: number = 2000;

/** How the stream ended for its consumer: read to the end, cancelled, or failed. */
type Outcome = "read" | "cancelled" | Error;

/** One message as the connection writes it. */
export class MessageSource implements NodeAdapterSource {
  /** What onData gets. */
  readonly stream: DataStream;
  readonly #size: number;
  readonly #owner: { readonly clock: Clock; onDrain(): void };
  readonly #queue = new ChunkQueue();
  #byteLength = 0;
  #controller!: ReadableStreamDefaultController<Bytes>;
  #node: NodeAdapter | undefined;
  /** The Node adapter reads, and holds the lock of the Web side. */
  #nodeReads = false;
  /** The Node adapter could not read, because a Web reader has the lock. */
  #nodeShutOut = false;
  /** A read waits for the next chunk. */
  #pullPending = false;
  /** `push` said false, and `onDrain` has not been called since. */
  #blocked = false;
  /** The whole message was received. */
  #complete = false;
  #abandoned = false;
  #abandonTimer: Timer | undefined;
  #outcome: Outcome | undefined;
  /** The error that the Web side has yet to fail with: see `observe`. */
  #unraised: Error | undefined;
  /** The program has used the Web side. */
  #observed = false;
  /** The holder of the Web side's lock that does not need it once the stream is over. */
  #lock: { releaseLock(): void } | undefined;

  /**
   * @param options.size limit in bytes for `sizeExceeded`, `Infinity` for none
   * @param options.clock times how long a full queue is left unread
   * @param options.onDrain called when more may be pushed after `push` returned false
   */
  constructor(options: { readonly size: number; readonly clock: Clock; onDrain(): void }) {
    this.#size = options.size;
    this.#owner = options;
    // The one cast: the methods of Readable are there at run time, by delegation.
    this.stream = new MessageStream(this) as unknown as DataStream;
  }

  /** Octets received so far, read or not. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** The message went over `size`. */
  get sizeExceeded(): boolean {
    return this.#byteLength > this.#size;
  }

  /** The queue is full: `onDrain` has not been called since `push` returned false. */
  get full(): boolean {
    return this.#blocked;
  }

  /** What is pushed is dropped: the stream was cancelled, destroyed or abandoned, or has failed. */
  get discarding(): boolean {
    return this.#outcome !== undefined && this.#outcome !== "read";
  }

  /**
   * Takes octets of the message. The consumer gets this Buffer, so it must not change any more.
   * @returns false when the queue is full: stop reading the socket until `onDrain` is called. What is pushed before that is kept.
   */
  push(chunk: Buffer): boolean {
    this.#byteLength += chunk.length;
    if (this.#outcome !== undefined || chunk.length === 0) return !this.#blocked;
    if (this.#pullPending) {
      this.#pullPending = false;
      this.#deliver(chunk);
      return true;
    }
    this.#queue.add(chunk);
    if (!this.#queue.isFull) return true;
    if (this.#abandoned) this.#dropUnread();
    this.#blocked = this.#outcome === undefined;
    return !this.#blocked;
  }

  /** The whole message was received: what is queued stays readable, also when the connection closes. */
  end(): void {
    if (this.#complete || this.#outcome !== undefined) return;
    this.#complete = true;
    this.#stopTimer();
    // The end waits for a read, as a chunk does: until then an empty message counts as readable.
    if (this.#pullPending) this.#finish();
  }

  /** The message will not be complete: the stream errors, what is queued is dropped. After `end` it does nothing. */
  fail(error: Error): void {
    if (!this.#complete) this.#settle(error);
  }

  /**
   * The hook has answered. A message that has no reader is dropped, unless all of it is here already: a late reader
   * gets the error `EABANDONED`. A reader may go on, but if it leaves the queue full for {@link ABANDONED_AFTER} ms
   * it gets the same error, so that it does not hold the client forever.
   */
  abandon(): void {
    if (this.#abandoned || this.#complete) return;
    this.#abandoned = true;
    // Not at once: a hook may call `callback(); stream.pipe(file)`.
    queueMicrotask(() => this.#dropUnread());
  }

  // For the stream: the underlying source of its Web side.

  start(controller: ReadableStreamDefaultController<Bytes>): void {
    this.#controller = controller;
  }

  /** A read asks for a chunk. Without one, the next `push` answers it; no promise is made. */
  pull(): void {
    const chunk = this.#queue.take();
    if (chunk === undefined) {
      if (this.#unraised !== undefined) this.#raise();
      else if (this.#complete) this.#finish();
      else this.#pullPending = true;
      return;
    }
    this.#deliver(chunk);
    if (this.#complete && this.#queue.isEmpty) this.#finish();
    if (this.#queue.isFull) this.#abandonTimer?.refresh();
    else this.#unblock();
  }

  cancel(): void {
    this.#settle("cancelled");
  }

  /** For the stream: how it ended; undefined while it has not. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** For the stream: it was read to its end. For the Node adapter that holds already while it emits `end`. */
  get ended(): boolean {
    return this.#outcome === "read" || this.#node?.readableEnded === true;
  }

  /** For the stream: its Node adapter, made on first use. */
  get node(): NodeAdapter {
    if (this.#node === undefined) {
      this.#node = new NodeAdapter(this);
      this.#tellNode();
    }
    return this.#node;
  }

  /** For the stream: its Node adapter, if that reads or decodes already: then it is what `for await` iterates. */
  get nodeInUse(): NodeAdapter | undefined {
    const node = this.#node;
    return node !== undefined && (this.#nodeReads || node.readableEncoding !== null) ? node : undefined;
  }

  readToNode(): void {
    if (!this.#nodeReads) {
      this.#nodeShutOut = this.stream.locked;
      const reader = this.stream.getReader();
      this.#nodeReads = true;
      this.#lock = reader;
      if (this.#hasParked()) {
        void reader.read().then(({ value }) => this.#deliver(value as Chunk));
        return;
      }
    }
    this.pull();
  }

  nodeClosed(ended: boolean, error: Error | null): void {
    // An adapter that could not read does not end the message for the Web reader.
    if (!this.#nodeShutOut) this.#settle(ended ? "read" : (error ?? "cancelled"));
  }

  /**
   * A chunk is in the stream's own queue: it was pushed for a read whose reader was then released. The next read gets
   * it before what is queued here.
   */
  #hasParked(): boolean {
    return (this.#controller.desiredSize ?? 0) < 0;
  }

  #deliver(chunk: Buffer): void {
    if (!this.#nodeReads) return this.#controller.enqueue(chunk as Chunk);
    try {
      this.#node?.push(chunk);
    } catch (error) {
      // A `data` listener threw. The error stays uncaught, as in Node, but does not interrupt the connection.
      process.nextTick(() => {
        throw error;
      });
      // After the listeners `push` would have asked for more.
      this.#node?.read(0);
    }
  }

  /** The reader has all of the message. */
  #finish(): void {
    if (this.#nodeReads) this.#node?.push(null);
    else if (!this.#hasParked()) this.#settle("read");
  }

  /** Ends the stream, on the Web side and in the Node adapter. */
  #settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    const isObserved = this.#observed || this.#pullPending || this.stream.locked;
    this.#outcome = outcome;
    this.#queue.clear();
    if (outcome === "read") this.#controller.close();
    else {
      this.#unraised = outcome === "cancelled" ? prematureClose() : outcome;
      if (isObserved) this.#raise();
    }
    this.#tellNode();
    this.#unblock();
  }

  /**
   * For the stream: the program is about to use the Web side. If the message failed before that, the Web side fails only
   * now, or with the first read: `Bun.spawn({ stdin })` ends the process if the stream has failed already (Bun 1.4.5).
   */
  observe(): void {
    this.#observed = true;
    this.#raise();
    this.releaseLock();
  }

  #raise(): void {
    const error = this.#unraised;
    if (error === undefined) return;
    this.#unraised = undefined;
    // A cancelled Web side ignores it. After `destroy()` its reads must not wait forever.
    this.#controller.error(error);
  }

  /**
   * For the stream: once it is over, releases the lock of an iterator or of the Node adapter. This waits until the
   * program looks at the lock, because Bun makes an Error at each release and hardly any program looks.
   */
  releaseLock(): void {
    if (this.#outcome === undefined || this.#lock === undefined) return;
    this.#lock.releaseLock();
    this.#lock = undefined;
  }

  /** For the stream: an iterator over its Web side, which holds the lock. */
  iterate(reader: ReadableStreamDefaultReader<Bytes>, preventCancel: boolean): ChunkIterator {
    const iterator = new ChunkIterator(reader, preventCancel);
    this.#lock = iterator;
    return iterator;
  }

  /** Ends the Node adapter as the Web side ended, so that its listeners get `end` or `error`, and `close`. */
  #tellNode(): void {
    const node = this.#node;
    if (node === undefined || this.#outcome === undefined) return;
    if (this.#outcome === "read") node.finish();
    else node.destroy(this.#outcome === "cancelled" ? undefined : this.#outcome);
  }

  #unblock(): void {
    this.#stopTimer();
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#owner.onDrain();
  }

  #dropUnread(): void {
    if (this.#complete || this.#outcome !== undefined) return;
    const isRead = this.stream.locked || (this.#node !== undefined && this.#node.readableFlowing !== null);
    if (!isRead) this.#expire();
    else if (this.#queue.isFull && this.#abandonTimer === undefined) {
      this.#abandonTimer = this.#owner.clock.setTimeout(() => this.#expire(), ABANDONED_AFTER);
      this.#abandonTimer.unref();
    }
  }

  #expire(): void {
    this.#settle(new SMTPError("The message was answered and not read", { code: "EABANDONED" }));
  }

  #stopTimer(): void {
    if (this.#abandonTimer === undefined) return;
    this.#owner.clock.clearTimeout(this.#abandonTimer);
    this.#abandonTimer = undefined;
  }
}

/** Node's error for a stream that was destroyed before its end. */
function prematureClose(): SMTPError {
  return new SMTPError("Premature close", { code: "ERR_STREAM_PREMATURE_CLOSE" });
}

/** A chunk leaves the queue only for a read. */
const ON_DEMAND = { highWaterMark: 0 };

/** What the consumer gets: a ReadableStream that has the methods of a Readable too. */
class MessageStream extends ReadableStream<Bytes> {
  readonly #source: MessageSource;

  constructor(source: MessageSource) {
    super(source, ON_DEMAND);
    this.#source = source;
  }

  get byteLength(): number {
    return this.#source.byteLength;
  }

  get sizeExceeded(): boolean {
    return this.#source.sizeExceeded;
  }

  // These need no Node adapter.
  get readable(): boolean {
    return this.#source.outcome === undefined && !this.#source.ended;
  }

  get readableEnded(): boolean {
    return this.#source.ended;
  }

  get destroyed(): boolean {
    return this.#source.outcome !== undefined;
  }

  get closed(): boolean {
    return this.#source.outcome !== undefined;
  }

  get errored(): Error | null {
    const { outcome } = this.#source;
    return outcome instanceof Error ? outcome : null;
  }

  override [Symbol.asyncIterator](options?: { preventCancel?: boolean }): NodeJS.AsyncIterator<Chunk> {
    return this.values(options);
  }

  override values(options?: { preventCancel?: boolean }): NodeJS.AsyncIterator<Chunk> {
    const preventCancel = options?.preventCancel === true;
    const node = this.#source.nodeInUse;
    if (node !== undefined) return node.iterator({ destroyOnReturn: !preventCancel });
    this.#source.observe();
    return this.#source.iterate(super.getReader(), preventCancel);
  }

  override get locked(): boolean {
    this.#source.releaseLock();
    return super.locked;
  }

  static {
    delegateToNodeAdapter(this.prototype, (stream) => stream.#source.node);
    for (const name of ["getReader", "cancel", "pipeTo", "pipeThrough", "tee"] as const) {
      const method = ReadableStream.prototype[name] as (...args: unknown[]) => unknown;
      Object.defineProperty(this.prototype, name, {
        value(this: MessageStream, ...args: unknown[]): unknown {
          this.#source.observe();
          return Reflect.apply(method, this, args);
        },
        writable: true,
        configurable: true,
      });
    }
    // node:stream (`finished`, `pipeline`, `isErrored` …) looks at a Web stream by these, without a reader.
    for (const name of ["readable", "errored", "disturbed"]
      .map((word) => `nodejs.stream.${word}`)
      .concat("nodejs.webstream.isClosedPromise")) {
      const symbol = Symbol.for(name);
      Object.defineProperty(this.prototype, symbol, {
        get(this: MessageStream): unknown {
          this.#source.observe();
          return Reflect.get(ReadableStream.prototype, symbol, this);
        },
        configurable: true,
      });
    }
  }
}
