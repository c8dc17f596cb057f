/**
 * One message on its way from the connection to onData: {@link MessageSource} is the connection's
 * end, its `stream` the consumer's. The stream is a ReadableStream; its Node methods stand for a
 * Readable that is made on first use. Whoever reads takes the chunks straight from the one queue.
 */
import { delegateToNodeFace, NodeFace, type NodeFaceSource } from "./data-stream-node.js";
import { ChunkQueue } from "./data-stream-queue.js";
import { SMTPError } from "./errors.js";
import type { DataStream } from "./types.js";

/** Milliseconds that a consumer may leave a full queue unread once its hook has answered. */
export const ABANDONED_AFTER = 2000;

type Chunk = Buffer<ArrayBuffer>;

/** The connection's end of one message. */
export class MessageSource implements NodeFaceSource {
  /** What onData gets. */
  readonly stream: DataStream;
  readonly #size: number;
  readonly #wanted: () => void;
  readonly #queue = new ChunkQueue();
  #byteLength = 0;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #node: NodeFace | undefined;
  /** The Node face reads: it holds the Web face's lock. */
  #nodeReads = false;
  /** A read waits for the next chunk. */
  #hungry = false;
  /** `push` said false, and `wanted` was not called since. */
  #blocked = false;
  /** The whole message was received. */
  #complete = false;
  #abandoned = false;
  #abandonTimer: NodeJS.Timeout | undefined;
  /** How the stream ended for its consumer; undefined while it has not. */
  #outcome: "read" | "cancelled" | Error | undefined;

  /**
   * @param options.size limit in bytes for `sizeExceeded`, 0 for none
   * @param options.wanted called when more may be pushed after `push` returned false
   */
  constructor(options: { size: number; wanted: () => void }) {
    this.#size = options.size;
    this.#wanted = options.wanted;
    this.stream = new MessageStream(this) as unknown as DataStream;
  }

  /** Bytes received so far, those that nobody reads included. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** The message went over `size`. */
  get sizeExceeded(): boolean {
    return this.#size > 0 && this.#byteLength > this.#size;
  }

  /** Nobody gets what is pushed: the consumer cancelled or destroyed the stream, or it failed or was abandoned. */
  get discarding(): boolean {
    return this.#outcome !== undefined && this.#outcome !== "read";
  }

  /**
   * Bytes of the message; the stream keeps them, they must not change any more.
   * @returns false once enough is queued: stop reading the socket until `wanted` is called. What is pushed in spite of it is taken.
   */
  push(chunk: Buffer): boolean {
    this.#byteLength += chunk.length;
    if (this.#outcome !== undefined || chunk.length === 0) return !this.#blocked;
    if (this.#hungry) {
      this.#hungry = false;
      this.#deliver(chunk);
      return true;
    }
    this.#queue.add(chunk);
    if (!this.#queue.isFull) return true;
    this.#blocked = true;
    if (this.#abandoned) this.#dropUnread();
    return !this.#blocked;
  }

  /** The whole message was received: what is queued stays readable, whatever becomes of the connection. */
  end(): void {
    if (this.#complete || this.#outcome !== undefined) return;
    this.#complete = true;
    clearTimeout(this.#abandonTimer);
    if (this.#queue.isEmpty) this.#finish();
  }

  /** The message will not be complete: the stream errors and drops what is queued. Nothing after `end`. */
  fail(error: Error): void {
    if (!this.#complete) this.#settle(error);
  }

  /**
   * The hook has answered. A message that nobody reads is dropped, with an `EABANDONED` error for who
   * comes late, unless it is complete. A consumer may read on, but if it leaves a full queue unread
   * for {@link ABANDONED_AFTER} ms, the same happens, so that it does not hold the client for ever.
   */
  abandon(): void {
    if (this.#abandoned || this.#complete) return;
    this.#abandoned = true;
    // Not at once: a hook may well say `callback(); stream.pipe(file)`.
    queueMicrotask(() => this.#dropUnread());
  }

  #dropUnread(): void {
    if (this.#complete || this.#outcome !== undefined) return;
    const isAttached = this.stream.locked || (this.#node !== undefined && this.#node.readableFlowing !== null);
    if (!isAttached) this.#abandonNow();
    else if (this.#blocked) this.#abandonTimer ??= setTimeout(() => this.#abandonNow(), ABANDONED_AFTER).unref();
  }

  #abandonNow(): void {
    this.#settle(new SMTPError("The hook answered before the message was read", { code: "EABANDONED" }));
  }

  /** Web face: the controller of the stream. */
  start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#controller = controller;
  }

  /** A read wants a chunk. No promise: if there is none, `push` hands over the next one. */
  pull(): void {
    const chunk = this.#queue.take();
    if (chunk === undefined) {
      if (this.#complete) this.#finish();
      else this.#hungry = true;
      return;
    }
    this.#deliver(chunk);
    if (this.#complete) {
      if (this.#queue.isEmpty) this.#finish();
    } else if (this.#blocked) {
      if (this.#queue.isFull) this.#abandonTimer?.refresh();
      else this.#unblock();
    }
  }

  /** Web face: the consumer has had enough. */
  cancel(): void {
    this.#settle("cancelled");
  }

  /** The Node face, made when it is first asked for. */
  get node(): NodeFace {
    if (this.#node === undefined) {
      this.#node = new NodeFace(this);
      if (this.#outcome !== undefined) this.#tellNode();
    }
    return this.#node;
  }

  readToNode(): void {
    if (this.#nodeReads) return this.pull();
    // Throws where a Web reader has the lock; the Node face then errors, the Web face does not notice.
    const reader = this.stream.getReader();
    this.#nodeReads = true;
    if (!this.#hasParked()) return this.pull();
    void reader.read().then(({ value }) => {
      if (value) this.#deliver(value as Chunk);
    });
  }

  nodeClosed(ended: boolean, error: Error | null): void {
    if (ended) this.#settle("read");
    else if (this.#nodeReads || !this.stream.locked) this.#settle(error ?? "cancelled");
  }

  /**
   * A chunk lies in the stream's own queue: a read waited for it when it came, but its reader had been
   * released. It is the next that a reader gets, before anything of ours.
   */
  #hasParked(): boolean {
    return (this.#controller.desiredSize ?? 0) < 0;
  }

  #deliver(chunk: Buffer): void {
    if (!this.#nodeReads) return this.#controller.enqueue(chunk as Chunk);
    try {
      this.#node?.push(chunk);
    } catch (error) {
      // Thrown by a `data` listener: the program's mistake, as uncaught as in Node, and none of the connection's.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  /** All of a complete message was handed over. */
  #finish(): void {
    // The Node face says itself when its buffer, too, was read.
    if (this.#nodeReads) this.#node?.push(null);
    else this.#settle("read");
  }

  #unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    clearTimeout(this.#abandonTimer);
    this.#abandonTimer = undefined;
    this.#wanted();
  }

  /** The stream is over for its consumer, on both faces, whichever it was that ended it. */
  #settle(outcome: "read" | "cancelled" | Error): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#hungry = false;
    this.#queue.clear();
    clearTimeout(this.#abandonTimer);
    try {
      if (outcome === "read") this.#controller.close();
      else this.#controller.error(outcome === "cancelled" ? new SMTPError("The stream was destroyed") : outcome);
    } catch {
      // Closed already: it was the Web face that cancelled.
    }
    if (this.#node !== undefined) this.#tellNode();
    this.#unblock();
  }

  /** Whoever listens on the Node face hears how the Web face ended. */
  #tellNode(): void {
    const node = this.#node;
    if (node === undefined || node.destroyed || node.readableEnded) return;
    if (this.#outcome === "read") node.finish();
    else node.destroy(this.#outcome instanceof Error ? this.#outcome : undefined);
  }
}

/** What `for await` reads: a reader's chunks, without the detour that the built-in iterator takes. */
class ChunkIterator implements AsyncIterableIterator<Chunk> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #preventCancel: boolean;
  #over = false;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>, preventCancel: boolean) {
    this.#reader = reader;
    this.#preventCancel = preventCancel;
  }

  async next(): Promise<IteratorResult<Chunk>> {
    if (this.#over) return { done: true, value: undefined };
    try {
      const { done, value } = await this.#reader.read();
      if (!done) return { done: false, value: value as Chunk };
    } catch (error) {
      this.#release();
      throw error;
    }
    this.#release();
    return { done: true, value: undefined };
  }

  async return(value?: unknown): Promise<IteratorResult<Chunk>> {
    if (!this.#over) {
      const cancelled = this.#preventCancel ? undefined : this.#reader.cancel(value);
      this.#release();
      await cancelled;
    }
    return { done: true, value };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #release(): void {
    this.#over = true;
    this.#reader.releaseLock();
  }
}

/** What onData gets. */
class MessageStream extends ReadableStream<Uint8Array<ArrayBuffer>> {
  readonly #source: MessageSource;

  constructor(source: MessageSource) {
    super(source, { highWaterMark: 0 });
    this.#source = source;
  }

  get byteLength(): number {
    return this.#source.byteLength;
  }
  get sizeExceeded(): boolean {
    return this.#source.sizeExceeded;
  }

  // @ts-expect-error -- the declared type is the built-in iterator's, with more methods than for await needs
  override values({ preventCancel = false }: { preventCancel?: boolean } = {}): ChunkIterator {
    return new ChunkIterator(this.getReader(), preventCancel);
  }
  // @ts-expect-error -- likewise
  override [Symbol.asyncIterator](): ChunkIterator {
    return this.values();
  }

  static nodeFace(stream: MessageStream): NodeFace {
    return stream.#source.node;
  }
}

delegateToNodeFace(MessageStream.prototype, (stream) => MessageStream.nodeFace(stream));
