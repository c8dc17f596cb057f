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
   * @param message takes what of it belongs to the message, as subarrays of the chunk
   * @returns what follows the end of data, `undefined` while the message goes on
   */
  read(chunk: Buffer, message: Sink): Buffer | undefined {
    let from = 0;
    let at = 0;
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
            if (at > from) message.push(chunk.subarray(from, at));
            at += 1;
            from = at;
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
            this.#place = "text";
          }
          break;
        case "after dot CR":
          if (byte === LF) return at + 1 === chunk.length ? NOTHING : chunk.subarray(at + 1);
          // The dot was a transparency dot after all, and the CR behind it is content.
          if (at === 0) message.push(CARRIAGE_RETURN);
          from = Math.max(0, at - 1);
          this.#place = "after CR";
          break;
      }
    }
    // "After dot CR" holds nothing but the CR back: whether it is content is not known yet.
    if (at > from && this.#place !== "after dot CR") message.push(chunk.subarray(from, at));
    return undefined;
  }
}

function placeAfter(chunk: Buffer, from: number): Place {
  const last = chunk.length - 1;
  if (chunk[last] === CR) return "after CR";
  return chunk[last] === LF && last > from && chunk[last - 1] === CR ? "line start" : "text";
}
