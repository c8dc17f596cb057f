import { ByteBuffer } from "./byte-buffer.js";

/** What a CR or an LF alone counts as (option `bareNewlines`). */
export type NewlinePolicy = "reject" | "normalize" | "accept";

/** One line without its ending. */
export interface Line {
  /** The octets before the line ending, read as UTF-8. */
  readonly text: string;
  /** The line had a CR or LF alone, inside or as its end: RFC 5321 2.3.8 knows CRLF only. */
  readonly bare?: "CR" | "LF";
}

/** Given instead of a line when more octets than the limit came without a line ending, or before it. */
export const OVERLONG: unique symbol = Symbol("overlong line");

const CR = 0x0d;
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/**
 * Bytes in, one line at a time out. It never looks beyond the line that it gives, so that what follows
 * DATA, BDAT or STARTTLS can be taken as bytes. Holds at most what was pushed and not yet read.
 */
export class LineReader {
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** How far the unread bytes are known to hold no LF: a line that comes byte by byte is searched once. */
  #searched = 0;
  /** What `#bytes` is gathered in, where it is more than one chunk. */
  #gathered: ByteBuffer | undefined;
  #skipping = false;

  /** Adds what the client sent. The chunk is kept, not copied, where nothing unread is before it. */
  push(chunk: Buffer): void {
    if (this.#at === this.#bytes.length) {
      this.#restart(chunk);
      return;
    }
    // What was read is dropped once it is half of all: then the copy costs no more than the reading did.
    if (this.#gathered === undefined || 2 * this.#at > this.#bytes.length) {
      this.#gathered = new ByteBuffer(this.#bytes.subarray(this.#at));
      this.#searched -= this.#at;
      this.#at = 0;
    }
    this.#gathered.append(chunk);
    this.#bytes = this.#gathered.bytes;
  }

  /** Whether there are unread bytes; after `next()` gave nothing, they are a line that is not complete. */
  get pending(): boolean {
    return this.#at < this.#bytes.length || this.#skipping;
  }

  /** How many bytes are unread. */
  get size(): number {
    return this.#bytes.length - this.#at;
  }

  /** Takes unread bytes out: all, or the first `limit` of them. */
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

  /** Makes the last bytes of what was just taken unread again. */
  putBack(rest: Buffer): void {
    if (this.#at === this.#bytes.length) {
      this.#restart(rest);
      return;
    }
    this.#at -= rest.length;
    this.#searched = this.#at;
  }

  /** Drops the line that was found to be too long, up to its LF, also while that is still to come. */
  skipLine(): void {
    this.#skipping = true;
  }

  /**
   * The next whole line.
   * @param limit octets a line may have, its ending not counted
   * @returns `undefined` while the line is not complete, {@link OVERLONG} as soon as it is too long
   */
  next(limit: number, policy: NewlinePolicy): Line | typeof OVERLONG | undefined {
    if (this.#skipping && !this.#skip()) return undefined;
    if (this.#at === this.#bytes.length) return undefined;
    const lf = policy === "normalize" ? this.#newline() : this.#bytes.indexOf(LF, this.#searched);
    if (lf < 0) {
      // The last CR may be half a CRLF, or a line's end under "normalize".
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
   * The first LF, or CR with something else behind it. In one pass: to search for each by itself would go
   * through a whole read once a line where only one of them is in it.
   */
  #newline(): number {
    const bytes = this.#bytes;
    for (let at = this.#searched; at < bytes.length; at++) {
      if (bytes[at] === LF) return at;
      if (bytes[at] === CR && at + 1 < bytes.length && bytes[at + 1] !== LF) return at;
    }
    return -1;
  }

  /** Lets go of the read that the unread bytes are the rest of: an idle client is not to hold half a megabyte. */
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
