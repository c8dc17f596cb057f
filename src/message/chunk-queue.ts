import { ByteBuffer } from "../wire/byte-buffer.js";

/** Octets that may be queued for the reader of a message. With more, the client waits. */
export const QUEUED_OCTETS: number = 64 * 1024;
/** Chunks that may be queued: each may keep the whole socket read that it is a part of in memory. */
export const QUEUED_CHUNKS = 16;
/** Smaller chunks are joined with their neighbours: a Buffer for each octet costs far more than the octet. */
const SMALL = 1024;
/** Most octets of a joined chunk. */
const GATHERED = 8 * 1024;

interface Entry {
  /** A chunk as it was added, or several small ones in one. */
  chunk: Buffer | ByteBuffer;
  next: Entry | undefined;
}

/** The chunks that are not read yet, first in first out, in constant time. Small neighbours become one chunk. */
export class ChunkQueue {
  #first: Entry | undefined;
  #last: Entry | undefined;
  #octets = 0;
  #chunks = 0;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** A bound is exceeded. Chunks can still be added. */
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

/** Appends a small chunk to the entry, if that is small too or has space. */
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
