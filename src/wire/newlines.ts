import type { Sink } from "./dot-reader.js";
import type { NewlinePolicy } from "./line-reader.js";
import { forgetChunk, nextBare } from "./newline-search.js";

const CR = 0x0d;
const LF = 0x0a;
const LINE_FEED = Buffer.from("\n");

/**
 * Applies the option `bareNewlines` to a message: a CR or an LF alone can hide a second message in it (SMTP smuggling).
 * `reject` passes what is before the first one and nothing after it, `normalize` makes each one a CRLF, `accept`
 * changes nothing.
 */
export class NewlineGuard {
  readonly #policy: NewlinePolicy;
  /** The last octet was a CR: the next one decides whether it is bare. */
  #afterCR = false;
  /** The first bare newline under `reject`. */
  bare: "CR" | "LF" | undefined;

  constructor(policy: NewlinePolicy) {
    this.#policy = policy;
  }

  /** @param message takes what passes of the chunk, in one piece */
  pass(chunk: Buffer, message: Sink): void {
    if (chunk.length === 0 || this.bare) return;
    if (this.#policy === "accept") return void message.push(chunk);
    const at = this.#firstBare(chunk);
    if (at === undefined) {
      message.push(chunk);
    } else if (this.#policy === "normalize") {
      message.push(normalized(chunk, at, this.#afterCR));
    } else {
      this.bare = (at === 0 && this.#afterCR) || chunk[at] === CR ? "CR" : "LF";
      if (at > 0) message.push(chunk.subarray(0, at));
    }
    this.#afterCR = chunk[chunk.length - 1] === CR;
  }

  /** The message is complete: a CR as its last octet is bare. Only BDAT can end so. */
  finish(message: Sink): void {
    if (!this.#afterCR || this.bare) return;
    this.#afterCR = false;
    if (this.#policy === "reject") this.bare = "CR";
    else message.push(LINE_FEED);
  }

  /** Index of the first bare newline; 0 also for the CR that ended the chunk before. A CR that ends this one is not counted. */
  #firstBare(chunk: Buffer): number | undefined {
    if (this.#afterCR && chunk[0] !== LF) return 0;
    const at = nextBare(chunk, this.#afterCR ? 1 : 0);
    forgetChunk();
    return at === chunk.length || (at === chunk.length - 1 && chunk[at] === CR) ? undefined : at;
  }
}

/**
 * A copy of the chunk with a CRLF for each bare newline. One is found wherever an octet is an LF and the one before
 * it is not a CR, or the other way round. Two plain loops do it: in a hostile body each octet is a bare newline, and a
 * buffer for each takes 80 ns an octet, the loops 3.
 * @param from index of the first bare newline
 * @param afterCR a CR ended the chunk before
 */
function normalized(chunk: Buffer, from: number, afterCR: boolean): Buffer {
  const { length } = chunk;
  let missing = 0;
  let expectsLF = from === 0 && afterCR;
  for (let at = from; at < length; at++) {
    const byte = chunk[at];
    if ((byte === LF) !== expectsLF) missing++;
    expectsLF = byte === CR;
  }
  const copy = Buffer.allocUnsafeSlow(length + missing);
  chunk.copy(copy, 0, 0, from);
  let to = from;
  expectsLF = from === 0 && afterCR;
  for (let at = from; at < length; at++) {
    const byte = chunk[at] as number;
    if ((byte === LF) !== expectsLF) copy[to++] = expectsLF ? LF : CR;
    copy[to++] = byte;
    expectsLF = byte === CR;
  }
  return copy;
}
