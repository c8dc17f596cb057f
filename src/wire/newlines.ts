import type { NewlinePolicy } from "./line-reader.js";

const CR = 0x0d;
const LF = 0x0a;
const CARRIAGE_RETURN = Buffer.from("\r");
const LINE_FEED = Buffer.from("\n");

/** Below this a chunk is read byte by byte: making a view of it in words would cost more than it saves. */
const WORTH_WORDS = 256;

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

  /** @param content takes what may pass of the chunk, in order */
  pass(chunk: Buffer, content: (bytes: Buffer) => void): void {
    if (chunk.length === 0 || this.bare) return;
    if (this.#policy === "accept") return content(chunk);
    const words = chunk.length < WORTH_WORDS ? undefined : wordsOf(chunk);
    let from = 0;
    let at = 0;
    if (this.#afterCR) {
      this.#afterCR = false;
      if (chunk[0] === LF) at = 1;
      else if (this.#stop("CR")) return;
      else content(LINE_FEED);
    }
    for (;;) {
      at = nextBreak(chunk, at, words);
      if (at === chunk.length) break;
      if (chunk[at] === CR) {
        if (at + 1 === chunk.length) {
          this.#afterCR = true;
          break;
        }
        if (chunk[at + 1] === LF) {
          at += 2;
          continue;
        }
        if (this.#stop("CR")) break;
        content(chunk.subarray(from, at + 1));
        content(LINE_FEED);
      } else {
        if (this.#stop("LF")) break;
        if (at > from) content(chunk.subarray(from, at));
        content(CARRIAGE_RETURN);
        content(chunk.subarray(at, at + 1));
      }
      at += 1;
      from = at;
    }
    const end = this.bare ? at : chunk.length;
    if (end > from) content(chunk.subarray(from, end));
  }

  /** The message is complete: a CR as its very last byte is a bare one. Only BDAT can end so. */
  finish(content: (bytes: Buffer) => void): void {
    if (!this.#afterCR) return;
    this.#afterCR = false;
    if (!this.#stop("CR")) content(LINE_FEED);
  }

  #stop(found: "CR" | "LF"): boolean {
    if (this.#policy !== "reject") return false;
    this.bare = found;
    return true;
  }
}

interface Words {
  readonly view: Int32Array;
  /** Index in the chunk of the first byte of the first word. */
  readonly start: number;
}

function wordsOf(chunk: Buffer): Words {
  const start = -chunk.byteOffset & 3;
  const view = new Int32Array(chunk.buffer, chunk.byteOffset + start, (chunk.length - start) >> 2);
  return { view, start };
}

/**
 * Index of the first CR or LF from `at` on, or the length. Where the chunk has words, four bytes are
 * judged at a time: the expression is not zero if one of them is below 14 (CR is 13, LF 10).
 */
function nextBreak(chunk: Buffer, at: number, words: Words | undefined): number {
  const end = chunk.length;
  while (at < end) {
    if (words && ((at - words.start) & 3) === 0 && at >= words.start) {
      const { view, start } = words;
      let word = (at - start) >> 2;
      while (word < view.length) {
        const bytes = view[word] as number;
        if ((bytes - 0x0e0e0e0e) & ~bytes & 0x80808080) break;
        word += 1;
      }
      at = start + (word << 2);
      if (at >= end) return end;
    }
    const byte = chunk[at];
    if (byte === CR || byte === LF) return at;
    at += 1;
  }
  return end;
}
