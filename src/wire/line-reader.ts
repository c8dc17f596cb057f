import { ByteBuffer } from "./byte-buffer.js";

/** What to do with a bare CR or LF (option `bareNewlines`). */
export type NewlinePolicy = "reject" | "normalize" | "accept";

/** One line without its ending. */
export interface Line {
  /** The octets before the line ending, read as UTF-8. */
  readonly text: string;
  /** A bare CR or LF is in the line or ends it. RFC 5321 2.3.8 allows CRLF only. */
  readonly bare?: "CR" | "LF";
}

/** `next` returns this instead of a line that has more octets than the limit, even before its ending arrives. */
export const OVERLONG: unique symbol = Symbol("overlong line");

const CR = 0x0d;
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/**
 * Splits the client's bytes into lines. It never decodes past the line that it returns, because the octets after
 * DATA, BDAT or STARTTLS are not lines. It holds only what was pushed and is not read yet.
 */
export class LineReader {
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** No LF is before this index. A line that arrives byte by byte is not searched again from its start. */
  #searched = 0;
  /** Owns the memory of `#bytes` once it holds more than one chunk. */
  #gathered: ByteBuffer | undefined;
  #skipping = false;

  /** Adds what the client sent. Keeps the chunk without a copy if everything before it is read. */
  push(chunk: Buffer): void {
    if (this.#at === this.#bytes.length) {
      this.#restart(chunk);
      return;
    }
    // Drop the read bytes only when they are more than half, so that copying costs no more than reading did.
    if (this.#gathered === undefined || 2 * this.#at > this.#bytes.length) {
      this.#gathered = new ByteBuffer(this.#bytes.subarray(this.#at));
      this.#searched -= this.#at;
      this.#at = 0;
    }
    this.#gathered.append(chunk);
    this.#bytes = this.#gathered.bytes;
  }

  /** Whether any bytes are unread. After `next()` returned nothing, they are an incomplete line. */
  get pending(): boolean {
    return this.#at < this.#bytes.length || this.#skipping;
  }

  /** How many bytes are unread. */
  get size(): number {
    return this.#bytes.length - this.#at;
  }

  /** Removes and returns the unread bytes: all of them, or the first `limit`. */
  take(limit: number = Infinity): Buffer {
    this.#skipping = false;
    const at = this.#at;
    if (this.size > limit) {
      this.#at += limit;
      this.#searched = this.#at;
      return this.#bytes.subarray(at, this.#at);
    }
    const rest = at === 0 ? this.#bytes : this.#bytes.subarray(at);
    this.#restart(NOTHING);
    return rest;
  }

  /** Makes the last bytes of the latest `take` unread again. */
  putBack(rest: Buffer): void {
    if (this.#at === this.#bytes.length) {
      this.#restart(rest);
      return;
    }
    this.#at -= rest.length;
    this.#searched = this.#at;
  }

  /** Drops the rest of an overlong line up to its LF, which may not have arrived yet. */
  skipLine(): void {
    this.#skipping = true;
  }

  /**
   * The next whole line.
   * @param limit octets that a line may have without its ending
   * @returns `undefined` while the line is not complete, {@link OVERLONG} as soon as it is too long
   */
  next(limit: number, policy: NewlinePolicy): Line | typeof OVERLONG | undefined {
    if (this.#skipping && !this.#skip()) return undefined;
    if (this.#at === this.#bytes.length) return undefined;
    const lf = policy === "normalize" ? this.#newline() : this.#bytes.indexOf(LF, this.#searched);
    if (lf < 0) {
      // Search a final CR again: the next octet may make it a CRLF, or a bare CR that ends a line ("normalize").
      const { length } = this.#bytes;
      this.#searched = this.#bytes[length - 1] === CR ? length - 1 : length;
      if (this.#searched - this.#at > limit) return OVERLONG;
      if (this.#at > limit) this.#forget();
      return undefined;
    }
    if (this.#bytes[lf] === CR) return this.#cut(lf, lf + 1, limit, "CR");
    const crlf = lf > this.#at && this.#bytes[lf - 1] === CR;
    return this.#cut(crlf ? lf - 1 : lf, lf + 1, limit, crlf ? undefined : "LF", policy);
  }

  #cut(
    end: number,
    next: number,
    limit: number,
    bare?: "CR" | "LF",
    policy?: NewlinePolicy,
  ): Line | typeof OVERLONG {
    if (end - this.#at > limit) return OVERLONG;
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = next;
    this.#searched = next;
    if (next === this.#bytes.length) this.#forget();
    if (bare) return { text, bare };
    return policy === "reject" && text.includes("\r") ? { text, bare: "CR" } : { text };
  }

  /**
   * Index of the first LF, or of the first CR before another octet. It searches for both at once: two separate
   * searches would scan the whole read for each line if it has only one of them.
   */
  #newline(): number {
    const bytes = this.#bytes;
    for (let at = this.#searched; at < bytes.length; at++) {
      if (bytes[at] === LF) return at;
      if (bytes[at] === CR && at + 1 < bytes.length && bytes[at + 1] !== LF) return at;
    }
    return -1;
  }

  /** Copies the unread bytes, so that an idle client does not keep a whole read of half a megabyte in memory. */
  #forget(): void {
    const searched = this.#searched - this.#at;
    this.#restart(this.#at === this.#bytes.length ? NOTHING : Buffer.from(this.#bytes.subarray(this.#at)));
    this.#searched = searched;
  }

  #restart(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#gathered = undefined;
    this.#at = 0;
    this.#searched = 0;
  }

  #skip(): boolean {
    const lf = this.#bytes.indexOf(LF, this.#at);
    this.#at = lf < 0 ? this.#bytes.length : lf + 1;
    this.#searched = this.#at;
    this.#skipping = lf < 0;
    return !this.#skipping;
  }
}
