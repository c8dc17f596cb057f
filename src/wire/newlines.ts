import type { Sink } from "./dot-reader.js";
import type { NewlinePolicy } from "./line-reader.js";
import { forgetChunk, nextBare } from "./newline-search.js";

const CR = 0x0d;
const LF = 0x0a;
const CARRIAGE_RETURN = Buffer.from("\r");
const LINE_FEED = Buffer.from("\n");

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
    forgetChunk();
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
