/**
 * The search for bare newlines. It reads every octet of every message and is most of the cost of a large message.
 * WebAssembly needs half the time of JavaScript.
 */

const CR = 0x0d;
const LF = 0x0a;

/** Octets to search at a time: a block stays in the processor's L1 cache while it is copied into the module's memory. */
const BLOCK = 16 * 1024;

/** newline-search.wat, compiled. A test compiles it again and compares. */
export const MODULE: string =
  "AGFzbQEAAAABDAJgAX4BfmACf38BfwMDAgABBQMBAAEHEQIGbWVtb3J5AgAEZmluZAABCr8BAiEAIABCjpy48ODBg4cOfSAAQn+F" +
  "g0KAgYKEiJCgwIB/gwuaAQIBfgF/A0AgACABTwRAIAEPCyAAKQMAEAAhAiACUARAIABBCGohAEIAIAApAwAQACAAKQMIEACEUg0B" +
  "IABBEGohAAwBCyAAIAJ6QgOIp2ohACAAIAFPBEAgAQ8LIAAvAQAhAyADQY0URgRAIABBAmohAAwBCyADQf8BcSEDIANBCkYgA0EN" +
  "RnIEQCAADwsgAEEBaiEADAALAAs=";

interface Exports {
  readonly memory: WebAssembly.Memory;
  /** Index of the first CR or LF in [at, end) that is not part of a CRLF; `end` if none is found. */
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
      // The LF of a CR at the end of a block is in the next block.
      if (chunk[at] !== CR || chunk[at + 1] !== LF) return at;
      at += 2;
    }
    return chunk.length;
  }

  #load(chunk: Buffer, start: number, length: number): void {
    if (this.#chunk === chunk && this.#start === start) return;
    this.#bytes.set(length === chunk.length ? chunk : chunk.subarray(start, start + length));
    // Overwrite what an earlier block left: an LF there would turn a final CR into a CRLF.
    this.#bytes[length] = 0;
    this.#chunk = chunk;
    this.#start = start;
  }

  forget(): void {
    this.#chunk = undefined;
  }
}

/** Made for the first message: a server without messages needs no memory for it. */
let search: Search | undefined;

/**
 * Index of the first CR or LF at or after `from` that is not part of a CRLF; the chunk's length if none is found. A CR
 * as the last octet counts, although the next chunk may start with its LF. Call {@link forgetChunk} after the last
 * search in a chunk.
 */
export function nextBare(chunk: Buffer, from: number): number {
  search ??= new Search();
  return search.next(chunk, from);
}

/** Forgets the chunk, so that its memory can be freed and a reused Buffer is searched again. */
export function forgetChunk(): void {
  search?.forget();
}
