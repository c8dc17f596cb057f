/**
 * The search for bare newlines. Every octet of every message goes through it, and it is most of what a large message
 * costs. WebAssembly does it in half the time of JavaScript.
 */

const CR = 0x0d;
const LF = 0x0a;

/** Octets that are searched at a time. So few stay in the processor's first cache when they are copied into the module's memory. */
const BLOCK = 16 * 1024;

/** newline-search.wat, compiled. A test compiles it again and compares. */
export const MODULE: string =
  "AGFzbQEAAAABDAJgAX4BfmACf38BfwMDAgABBQMBAAEHEQIGbWVtb3J5AgAEZmluZAABCr8BAiEAIABCjpy48ODBg4cOfSAAQn+F" +
  "g0KAgYKEiJCgwIB/gwuaAQIBfgF/A0AgACABTwRAIAEPCyAAKQMAEAAhAiACUARAIABBCGohAEIAIAApAwAQACAAKQMIEACEUg0B" +
  "IABBEGohAAwBCyAAIAJ6QgOIp2ohACAAIAFPBEAgAQ8LIAAvAQAhAyADQY0URgRAIABBAmohAAwBCyADQf8BcSEDIANBCkYgA0EN" +
  "RnIEQCAADwsgAEEBaiEADAALAAs=";

interface Exports {
  readonly memory: WebAssembly.Memory;
  /** Index of the first CR or LF of [at, end) that is not half of a CRLF, `end` where there is none. */
  find(at: number, end: number): number;
}

/** Finds bare newlines in chunks, one block after the other. */
class Search {
  readonly #bytes: Uint8Array;
  readonly #find: Exports["find"];
  #chunk: Buffer | undefined;
  #start = 0;

  constructor() {
    const module = new WebAssembly.Module(Buffer.from(MODULE, "base64"));
    const { memory, find } = new WebAssembly.Instance(module).exports as unknown as Exports;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#find = find;
  }

  next(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const start = at - (at % BLOCK);
      const end = Math.min(BLOCK, chunk.length - start);
      this.#load(chunk, start, end);
      at = start + this.#find(at - start, end);
      if (at === start + end) continue;
      // A CR as the last octet of the block may still be half of a CRLF.
      if (chunk[at] !== CR || chunk[at + 1] !== LF) return at;
      at += 2;
    }
    return chunk.length;
  }

  #load(chunk: Buffer, start: number, length: number): void {
    if (this.#chunk === chunk && this.#start === start) return;
    this.#bytes.set(length === chunk.length ? chunk : chunk.subarray(start, start + length));
    // An LF left there by an earlier block would make a CRLF of the last octet.
    this.#bytes[length] = 0;
    this.#chunk = chunk;
    this.#start = start;
  }

  forget(): void {
    this.#chunk = undefined;
  }
}

/** Made for the first message, so that a server without messages needs no memory for it. */
let search: Search | undefined;

/**
 * Index of the first CR or LF of a chunk from `from` on that is not half of a CRLF, or the length. A CR as the last
 * octet counts, although the next chunk decides what it is. Call {@link forgetChunk} after the last search in a chunk.
 */
export function nextBare(chunk: Buffer, from: number): number {
  search ??= new Search();
  return search.next(chunk, from);
}

/** Forgets the chunk: its memory is not kept, and its octets are not taken for those of the next. */
export function forgetChunk(): void {
  search?.forget();
}
