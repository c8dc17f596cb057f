import { ByteBuffer } from "../wire/byte-buffer.js";

/** Octets that a message holds for its reader: once there are more, the client waits. */
export const QUEUED_OCTETS: number = 64 * 1024;
/** Chunks that it holds: each may keep the whole socket read that it is a part of in memory. */
export const QUEUED_CHUNKS = 16;
/** A chunk below this is gathered with its neighbours: an object for each octet of a hostile message costs far more than the octets. */
const SMALL = 1024;
/** Octets of a gathered chunk. */
const GATHERED = 8 * 1024;

interface Entry {
  /** A chunk as it was added, or several small ones in one. */
  chunk: Buffer | ByteBuffer;
  next: Entry | undefined;
}

/** The chunks that nobody has read yet, first in first out, each step O(1). Small neighbours become one chunk. */
export class ChunkQueue {
  #first: Entry | undefined;
  #last: Entry | undefined;
  #octets = 0;
  #chunks = 0;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Over a bound. It still takes what is added. */
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

/** Appends a small chunk to the entry, if that is small too or has room. */
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
