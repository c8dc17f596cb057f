import { ByteBuffer } from "../wire/byte-buffer.js";

/** Octets in the queue above which the client must wait. */
export const QUEUED_OCTETS: number = 64 * 1024;
/** Chunks in the queue above which the client must wait: each may keep the whole socket read that it is part of in memory. */
export const QUEUED_CHUNKS = 16;
/** Chunks below this size in octets are joined, because a Buffer takes far more memory than a few octets. */
const SMALL = 1024;
/** Most octets of joined chunks. */
const GATHERED = 8 * 1024;

interface Entry {
  /** One chunk as it was added, or several small ones joined. */
  chunk: Buffer | ByteBuffer;
  next: Entry | undefined;
}

/** A first-in, first-out queue of the unread chunks. Adding and taking need constant time. Small chunks in a row are joined. */
export class ChunkQueue {
  #first: Entry | undefined;
  #last: Entry | undefined;
  #octets = 0;
  #chunks = 0;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Whether a limit is exceeded. Chunks can still be added. */
  get isFull(): boolean {
    return this.#octets > QUEUED_OCTETS || this.#chunks > QUEUED_CHUNKS;
  }

  add(chunk: Buffer): void {
    this.#octets += chunk.length;
    const last = this.#last;
    if (last !== undefined && chunk.length < SMALL && gather(last, chunk)) return;
    const entry: Entry = { chunk, next: undefined };
    if (last === undefined) this.#first = entry;
    else last.next = entry;
    this.#last = entry;
    this.#chunks++;
  }

  take(): Buffer | undefined {
    const entry = this.#first;
    if (entry === undefined) return undefined;
    this.#first = entry.next;
    if (entry.next === undefined) this.#last = undefined;
    const chunk = entry.chunk instanceof ByteBuffer ? entry.chunk.bytes : entry.chunk;
    this.#octets -= chunk.length;
    this.#chunks--;
    return chunk;
  }

  clear(): void {
    this.#first = this.#last = undefined;
    this.#octets = this.#chunks = 0;
  }
}

/** Appends a small chunk to the last entry. @returns `false` if that is neither small nor has space */
function gather(entry: Entry, chunk: Buffer): boolean {
  if (entry.chunk instanceof ByteBuffer) {
    if (entry.chunk.length + chunk.length > GATHERED) return false;
  } else {
    if (entry.chunk.length >= SMALL) return false;
    entry.chunk = new ByteBuffer(entry.chunk);
  }
  entry.chunk.append(chunk);
  return true;
}
