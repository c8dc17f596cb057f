const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const LINE_END_AND_DOT = Buffer.from("\r\n.");
const CARRIAGE_RETURN = Buffer.from("\r");
const NOTHING = Buffer.alloc(0);

/** Takes the bytes of a message, in order. */
export interface Sink {
  push(bytes: Buffer): unknown;
}

/** Where in a line the next byte stands. Only CRLF starts a line (RFC 5321 2.3.8, 4.1.1.4). */
type Place = "line start" | "text" | "after CR" | "after dot" | "after dot CR";

/**
 * DATA's transparency (RFC 5321 4.5.2): removes the first dot of every line, finds CRLF . CRLF and
 * nothing else as the end. Starts as if a CRLF had just been read, which is what makes `.CRLF` as the
 * first bytes the end and a first dot transparent. One reader reads one message.
 */
export class DotReader {
  #place: Place = "line start";

  /**
   * @param chunk the next bytes of the client
   * @param message takes what of it belongs to the message: a subarray of the chunk, or a copy without its dots
   * @returns what follows the end of data, `undefined` while the message goes on
   */
  read(chunk: Buffer, message: Sink): Buffer | undefined {
    /** Content without its dots, as soon as there was one. The dot of the end of data is not worth a copy. */
    let copy: Buffer | undefined;
    let copied = 0;
    /** Where the content begins that was not copied. */
    let from = 0;
    /** The last dot at the start of a line; -1: it was in the chunk before, if anywhere. */
    let dot = -1;
    let at = 0;
    const removeDot = (): void => {
      if (dot > from) {
        copy ??= Buffer.allocUnsafeSlow(chunk.length);
        copied += chunk.copy(copy, copied, from, dot);
      }
      from = dot + 1;
    };
    const push = (end: number): void => {
      if (copy) {
        copied += chunk.copy(copy, copied, from, end);
        message.push(copy.subarray(0, copied));
      } else if (end > from) {
        message.push(from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end));
      }
    };
    while (at < chunk.length) {
      const byte = chunk[at];
      switch (this.#place) {
        case "text": {
          const hit = chunk.indexOf(LINE_END_AND_DOT, at);
          if (hit < 0) {
            this.#place = placeAfter(chunk, at);
            at = chunk.length;
          } else {
            at = hit + 2;
            this.#place = "line start";
          }
          break;
        }
        case "after CR":
          if (byte === LF) {
            at += 1;
            this.#place = "line start";
          } else {
            this.#place = "text";
          }
          break;
        case "line start":
          if (byte === DOT) {
            dot = at;
            at += 1;
            this.#place = "after dot";
          } else {
            this.#place = "text";
          }
          break;
        case "after dot":
          if (byte === CR) {
            at += 1;
            this.#place = "after dot CR";
          } else {
            removeDot();
            this.#place = "text";
          }
          break;
        case "after dot CR":
          if (byte === LF) {
            push(Math.max(dot, 0));
            return at + 1 === chunk.length ? NOTHING : chunk.subarray(at + 1);
          }
          // The dot was a transparency dot after all, and the CR behind it is content.
          if (at === 0) message.push(CARRIAGE_RETURN);
          else removeDot();
          this.#place = "after CR";
          break;
      }
    }
    // Behind a dot, whether that and a CR are content is not known yet.
    push(this.#place === "after dot" || this.#place === "after dot CR" ? Math.max(dot, 0) : at);
    return undefined;
  }
}

function placeAfter(chunk: Buffer, from: number): Place {
  const last = chunk.length - 1;
  if (chunk[last] === CR) return "after CR";
  return chunk[last] === LF && last > from && chunk[last - 1] === CR ? "line start" : "text";
}
