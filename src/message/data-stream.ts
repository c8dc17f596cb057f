/**
 * The message as a stream. The connection pushes octets into a {@link MessageSource}, and onData reads its `stream`: a
 * ReadableStream (the Web side), whose Node methods are those of a Readable that is made on first use (the Node adapter).
 * Both read from one queue, so one limit bounds the memory.
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

/** The end of the stream for its consumer: read to the end, cancelled, or failed with an error. */
type Outcome = "read" | "cancelled" | Error;

/** One message as the connection writes it. */
export class MessageSource implements NodeAdapterSource {
  /** The first argument of onData. */
  readonly stream: DataStream;
  readonly #size: number;
  readonly #owner: { readonly clock: Clock; onDrain(): void };
  readonly #queue = new ChunkQueue();
  #byteLength = 0;
  #controller!: ReadableStreamDefaultController<Bytes>;
  #node: NodeAdapter | undefined;
  /** The Node adapter has started to read, and has the lock of the Web side. */
  #nodeReads = false;
  /** The Node adapter could not read, because a Web reader has the lock. */
  #nodeLockedOut = false;
  /** A read waits for the next chunk. */
  #pullPending = false;
  /** `push` has returned false, and `onDrain` has not been called since. */
  #blocked = false;
  /** The whole message was received. */
  #complete = false;
  #abandoned = false;
  #abandonTimer: Timer | undefined;
  #outcome: Outcome | undefined;
  /** The error with which the Web side fails once the program uses it, see `observe`. */
  #unraised: Error | undefined;
  /** The program has used the Web side, see `observe`. */
  #observed = false;
  /** Has the lock of the Web side, and can release it once the stream is over. */
  #lock: { releaseLock(): void } | undefined;

  /**
   * @param options.size limit in octets for `sizeExceeded`, `Infinity` for none
   * @param options.clock measures how long a full queue is not read
   * @param options.onDrain called when the queue has space again after `push` returned false
   */
  constructor(options: { readonly size: number; readonly clock: Clock; onDrain(): void }) {
    this.#size = options.size;
    this.#owner = options;
    // The cast is needed because `delegateToNodeAdapter` adds the methods of Readable at run time.
    this.stream = new MessageStream(this) as unknown as DataStream;
  }

  /** Octets received so far, read or not. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** The message is larger than `size`. */
  get sizeExceeded(): boolean {
    return this.#byteLength > this.#size;
  }

  /** The queue is full: `onDrain` has not been called since `push` returned false. */
  get full(): boolean {
    return this.#blocked;
  }

  /** Octets are dropped, because the stream was cancelled, destroyed or abandoned, or has failed. */
  get discarding(): boolean {
    return this.#outcome !== undefined && this.#outcome !== "read";
  }

  /**
   * Adds octets of the message.
   * @param chunk given to the consumer without a copy, so the caller must not change it
   * @returns false if the queue is full: stop reading the socket until `onDrain` is called. This chunk, and any pushed before
   *   that, is still kept
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

  /** The whole message was received. Its queued octets stay readable even if the connection closes. */
  end(): void {
    if (this.#complete || this.#outcome !== undefined) return;
    this.#complete = true;
    this.#stopTimer();
    // As a chunk does, the end waits for a read, so that even an empty message is `readable` until then.
    if (this.#pullPending) this.#finish();
  }

  /** The message will not be complete: the stream fails, and queued octets are dropped. Has no effect after `end`. */
  fail(error: Error): void {
    if (!this.#complete) this.#settle(error);
  }

  /**
   * The hook has answered. If the message has no reader and was not received in full, it is dropped, and a later reader
   * gets the error `EABANDONED`. A reader may continue. If it leaves the queue full for {@link ABANDONED_AFTER} ms, it gets
   * the same error, because the client waits for it.
   */
  abandon(): void {
    if (this.#abandoned || this.#complete) return;
    this.#abandoned = true;
    // In a microtask, because a hook may call `callback(); stream.pipe(file)`.
    queueMicrotask(() => this.#dropUnread());
  }

  // For the stream: the underlying source of its Web side.

  start(controller: ReadableStreamDefaultController<Bytes>): void {
    this.#controller = controller;
  }

  /** A reader wants a chunk. If the queue is empty, the next `push` delivers it, so no promise is needed. */
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

  /** For the stream: how it ended; `undefined` before its end. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** For the stream: it was read to its end. With the Node adapter this is true as soon as it emits `end`. */
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

  /** For the stream: its Node adapter, if it reads or decodes already. `for await` then iterates the adapter. */
  get nodeInUse(): NodeAdapter | undefined {
    const node = this.#node;
    return node !== undefined && (this.#nodeReads || node.readableEncoding !== null) ? node : undefined;
  }

  readToNode(): void {
    if (!this.#nodeReads) {
      this.#nodeLockedOut = this.stream.locked;
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
    if (!this.#nodeLockedOut) this.#settle(ended ? "read" : (error ?? "cancelled"));
  }

  /**
   * Whether the ReadableStream's own queue has a chunk: it was delivered for a read whose reader was released before it
   * came. The next read must get it first.
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
      // The throw has kept `push` from asking for the next chunk.
      this.#node?.read(0);
    }
  }

  /** The reader has received the whole message. */
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
   * For the stream: the program is about to use the Web side. If the message has failed before that, the Web side fails
   * only now or at the first read, because `Bun.spawn({ stdin })` ends the process if the stream has failed already (Bun
   * 1.4.5).
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
    // Without the error, reads after `destroy()` would wait forever. A cancelled Web side ignores it.
    this.#controller.error(error);
  }

  /**
   * For the stream: once it is over, releases the lock of an iterator or of the Node adapter. It is called only when the
   * program looks at the lock, which few do, because Bun makes an Error at each release.
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

/** The ReadableStream asks for a chunk only when a reader wants one. */
const ON_DEMAND = { highWaterMark: 0 };

/** The stream of the consumer: a ReadableStream that also has the methods of a Readable. */
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

  // Answered here, so that reading them makes no Node adapter.
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
    // node:stream (`finished`, `pipeline`, `isErrored` …) reads the state of a Web stream from these symbols.
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
