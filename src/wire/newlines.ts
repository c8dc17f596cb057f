import type { Sink } from "./dot-reader.js";
import type { NewlinePolicy } from "./line-reader.js";

const CR = 0x0d;
const LF = 0x0a;
const CARRIAGE_RETURN = Buffer.from("\r");
const LINE_FEED = Buffer.from("\n");

/** Octets that are looked at in one go: as much as stays in a processor's first cache. */
const BLOCK = 16 * 1024;

/**
 * Watches a message for a CR or an LF alone, the raw material of SMTP smuggling. `reject` lets pass what
 * is before the first one and nothing after it; `normalize` makes each one a CRLF; `accept` changes nothing.
 */
export class NewlineGuard {
  readonly #policy: NewlinePolicy;
  #afterCR = false;
  /** The first bare newline met under `reject`. */
  bare: "CR" | "LF" | undefined;

  constructor(policy: NewlinePolicy) {
    this.#policy = policy;
  }

  /** @param message takes what may pass of the chunk */
  pass(chunk: Buffer, message: Sink): void {
    if (chunk.length === 0 || this.bare) return;
    if (this.#policy === "accept") return void message.push(chunk);
    let from = 0;
    let at = 0;
    if (this.#afterCR) {
      this.#afterCR = false;
      if (chunk[0] === LF) at = 1;
      else if (this.#stop("CR")) return;
      else message.push(LINE_FEED);
    }
    for (;;) {
      at = nextBare(chunk, at);
      if (at === chunk.length) break;
      if (chunk[at] === CR) {
        if (at + 1 === chunk.length) {
          this.#afterCR = true;
          break;
        }
        if (this.#stop("CR")) break;
        message.push(chunk.subarray(from, at + 1));
        message.push(LINE_FEED);
      } else {
        if (this.#stop("LF")) break;
        if (at > from) message.push(chunk.subarray(from, at));
        message.push(CARRIAGE_RETURN);
        message.push(chunk.subarray(at, at + 1));
      }
      at += 1;
      from = at;
    }
    block.chunk = undefined;
    const end = this.bare ? at : chunk.length;
    if (end > from) message.push(from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end));
  }

  /** The message is complete: a CR as its very last byte is a bare one. Only BDAT can end so. */
  finish(message: Sink): void {
    if (!this.#afterCR) return;
    this.#afterCR = false;
    if (!this.#stop("CR")) message.push(LINE_FEED);
  }

  #stop(found: "CR" | "LF"): boolean {
    if (this.#policy !== "reject") return false;
    this.bare = found;
    return true;
  }
}

/**
 * A copy of one block of a chunk that can be read four octets at a time. Copying is cheaper than a view in
 * words of the chunk itself, and it is always aligned.
 */
const block = {
  bytes: new Uint8Array(BLOCK),
  words: new Int32Array(0),
  chunk: undefined as Buffer | undefined,
  start: 0,

  load(chunk: Buffer, start: number): void {
    if (this.chunk === chunk && this.start === start) return;
    this.bytes.set(chunk.length <= BLOCK ? chunk : chunk.subarray(start, start + BLOCK));
    this.chunk = chunk;
    this.start = start;
  },
};
block.words = new Int32Array(block.bytes.buffer);

/** Not zero where one of the four octets of a word is below 14: CR is 13, LF 10. */
function low(words: Int32Array, index: number): number {
  const four = words[index] as number;
  return (four - 0x0e0e0e0e) & ~four & 0x80808080;
}

/**
 * Index of the first CR or LF from `at` on that is not half of a CRLF, or the length. A CR as the last
 * octet is given too: what it is, the next chunk decides.
 */
function nextBare(chunk: Buffer, at: number): number {
  const { bytes, words } = block;
  while (at < chunk.length) {
    const start = at - (at % BLOCK);
    const end = Math.min(BLOCK, chunk.length - start);
    block.load(chunk, start);
    let i = at - start;
    while (i < end) {
      if ((i & 15) === 0) i = skipText(words, i, end);
      const stop = Math.min((i | 15) + 1, end);
      while (i < stop) {
        const byte = bytes[i];
        if ((i & 3) === 0 && low(words, i >> 2) === 0) i += 4;
        else if (byte === CR && chunk[start + i + 1] === LF) i += 2;
        else if (byte === CR || byte === LF) return start + i;
        else i += 1;
      }
    }
    at = start + i;
  }
  return chunk.length;
}

/** Passes over what has no CR or LF, sixteen octets at a time. */
function skipText(words: Int32Array, from: number, end: number): number {
  const last = (end >> 2) - 3;
  let i = from >> 2;
  while (i < last && (low(words, i) | low(words, i + 1) | low(words, i + 2) | low(words, i + 3)) === 0)
    i += 4;
  return i << 2;
}
