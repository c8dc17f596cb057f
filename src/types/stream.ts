import type { PassThrough, Readable } from "node:stream";
import type { Absent } from "./absent.js";

/**
 * The message: a Web `ReadableStream` whose chunks are `Buffer`s, and also a Node `Readable` by its
 * methods, made on first use. Exactly the bytes sent, less the transparency dots, with the CRLF
 * before the final dot. It ends only for a whole message; else it errors with `code` ECONNECTION,
 * EBARENEWLINE, EREFUSED or EABANDONED.
 */
export interface DataStream
  extends ReadableStream<Uint8Array<ArrayBuffer>>, Readable, Absent<PassThrough, keyof Readable> {
  /** Bytes of the message received so far; the total once the stream has ended. */
  byteLength: number;
  /** `true` as soon as the message went over the `size` limit. The stream goes on to its end all the same. */
  sizeExceeded: boolean;
  /**
   * Why the message will not be complete; `null` while it may be, and for one that is. For a consumer that reports no
   * error, as `Bun.spawn({ stdin: stream })`.
   */
  readonly errored: Error | null;
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer<ArrayBuffer>>;
}
/** The name of smtp-server. */
export interface SMTPServerDataStream extends DataStream {}
