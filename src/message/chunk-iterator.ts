import type { ReadableStreamDefaultReader } from "node:stream/web";

export type Bytes = Uint8Array<ArrayBuffer>;
export type Chunk = Buffer<ArrayBuffer>;

const DONE: Promise<IteratorResult<Chunk, undefined>> = Promise.resolve({ done: true, value: undefined });

/**
 * Iterates the Web side like the stream's own iterator, in half the time: `next` returns the promise of the read itself,
 * and does not release the lock at the end, because Bun makes an Error at each release.
 */
export class ChunkIterator implements NodeJS.AsyncIterator<Chunk> {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #preventCancel: boolean;
  /** The result of `next` after the lock is released. */
  #end: Promise<IteratorResult<Chunk, undefined>> | undefined;

  constructor(reader: ReadableStreamDefaultReader<Bytes>, preventCancel: boolean) {
    this.#reader = reader;
    this.#preventCancel = preventCancel;
  }

  next(): Promise<IteratorResult<Chunk, undefined>> {
    return this.#end ?? (this.#reader.read() as Promise<IteratorResult<Chunk, undefined>>);
  }

  /** Called when the program leaves the loop: cancels the stream unless `preventCancel` is set, and releases the lock. */
  async return(reason?: unknown): Promise<IteratorResult<Chunk, undefined>> {
    const isLocked = this.#end === undefined;
    this.#end = DONE;
    if (isLocked) {
      const cancelled = this.#preventCancel ? undefined : this.#reader.cancel(reason);
      this.#reader.releaseLock();
      await cancelled;
    }
    return DONE;
  }

  /**
   * Releases the lock of a stream that has ended or failed. `next` still rejects with the error of a failed stream, so
   * that a partial message does not look complete.
   */
  releaseLock(): void {
    if (this.#end !== undefined) return;
    this.#end = this.#reader.read() as Promise<IteratorResult<Chunk, undefined>>;
    this.#end.catch(() => {});
    this.#reader.releaseLock();
  }

  async throw(error: unknown): Promise<IteratorResult<Chunk, undefined>> {
    await this.return(error);
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
