import { copyWithoutDots, LEFT } from "./dot-removal.js";

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const LINE_END_AND_DOT = Buffer.from("\r\n.");
const CARRIAGE_RETURN = Buffer.from("\r");
const NOTHING = Buffer.alloc(0);
/** Octets between two dots below which one search for all of them costs less than a call for each. */
const DENSE = 256;

/** Takes the octets of a message, in order. */
export interface Sink {
  push(bytes: Buffer): unknown;
}

/** Where the next octet is in its line. A line starts after CRLF only (RFC 5321 2.3.8, 4.1.1.4). */
type State = "line start" | "text" | "after CR" | "after dot" | "after dot CR";

/**
 * Reads one message of DATA (RFC 5321 4.5.2): removes the first dot of every line, and ends at CRLF . CRLF only. It
 * starts in the state after CRLF, so the first line needs no special case: `.CRLF` as the first octets is the end.
 */
export class DotReader {
  #state: State = "line start";
  /** The chunk's content without its dots. Only a chunk with a dot to remove gets one. */
  #copy: Buffer | undefined;
  #copied = 0;
  /** Index of the first octet of content that is not copied yet. */
  #from = 0;
  /** Index of the chunk's last dot at the start of a line; -1 if the chunk has none. */
  #dot = -1;

  /**
   * @param chunk the next octets of the client
   * @param message receives the content: a subarray of the chunk, or a copy without its dots
   * @returns the octets after the end of data; `undefined` if the message continues
   */
  read(chunk: Buffer, message: Sink): Buffer | undefined {
    this.#copied = 0;
    this.#from = 0;
    this.#dot = -1;
    let at = 0;
    while (at < chunk.length) {
      const byte = chunk[at];
      switch (this.#state) {
        case "text": {
          let hit = chunk.indexOf(LINE_END_AND_DOT, at);
          // The second dot after so few octets: many lines may have one.
          if (this.#copy && hit >= 0 && hit - at < DENSE && chunk.length - at > LEFT) {
            at = this.#removeDots(chunk, at, this.#copy);
            hit = chunk.indexOf(LINE_END_AND_DOT, at);
          }
          if (hit < 0) {
            this.#state = stateAfter(chunk);
            at = chunk.length;
          } else {
            at = hit + 2;
            this.#state = "line start";
          }
          break;
        }
        case "after CR":
          if (byte === LF) {
            at += 1;
            this.#state = "line start";
          } else {
            this.#state = "text";
          }
          break;
        case "line start":
          if (byte === DOT) {
            this.#dot = at;
            at += 1;
            this.#state = "after dot";
          } else {
            this.#state = "text";
          }
          break;
        case "after dot":
          if (byte === CR) {
            at += 1;
            this.#state = "after dot CR";
          } else {
            this.#removeDot(chunk);
            this.#state = "text";
          }
          break;
        case "after dot CR":
          if (byte === LF) {
            this.#push(chunk, Math.max(this.#dot, 0), message);
            return at + 1 === chunk.length ? NOTHING : chunk.subarray(at + 1);
          }
          // The dot was a transparency dot, and the CR behind it is content.
          if (at === 0) message.push(CARRIAGE_RETURN);
          else this.#removeDot(chunk);
          this.#state = "after CR";
          break;
      }
    }
    // A dot, or a dot and a CR, at the end of this chunk is content only if the next octet says so.
    const isOpen = this.#state === "after dot" || this.#state === "after dot CR";
    this.#push(chunk, isOpen ? Math.max(this.#dot, 0) : at, message);
    return undefined;
  }

  /** Copies the content before the last dot, and skips the dot. */
  #removeDot(chunk: Buffer): void {
    const from = this.#from;
    const dot = this.#dot;
    this.#from = dot + 1;
    if (dot <= from) return;
    const copy = (this.#copy ??= Buffer.allocUnsafeSlow(chunk.length));
    this.#copied += chunk.copy(copy, this.#copied, from, dot);
  }

  /** Copies the content without the dots of the following lines. @returns the index where that ends */
  #removeDots(chunk: Buffer, from: number, copy: Buffer): number {
    this.#copied += chunk.copy(copy, this.#copied, this.#from, from);
    const { at, copied } = copyWithoutDots(chunk, from, copy, this.#copied);
    this.#copied += copied;
    this.#from = at;
    return at;
  }

  /** Hands over the content up to `end`. */
  #push(chunk: Buffer, end: number, message: Sink): void {
    const from = this.#from;
    if (this.#copy) {
      const length = this.#copied + chunk.copy(this.#copy, this.#copied, from, end);
      message.push(this.#copy.subarray(0, length));
    } else if (end > from) {
      message.push(from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end));
    }
    // Keep nothing of this chunk in memory while waiting for the next one.
    this.#copy = undefined;
  }
}

function stateAfter(chunk: Buffer): State {
  const last = chunk.length - 1;
  if (chunk[last] === CR) return "after CR";
  return chunk[last] === LF && chunk[last - 1] === CR ? "line start" : "text";
}
