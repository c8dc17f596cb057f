import type { PassThrough, Readable } from "node:stream";
import type { Absent } from "./absent.js";

/**
 * The message: a Web `ReadableStream` of `Buffer`s that also has the methods of a Node `Readable`. It has exactly the
 * bytes that the client sent, without the transparency dots (RFC 5321 section 4.5.2) and with the CRLF before the final
 * dot. It ends only if the whole message was received. Otherwise it fails with an error whose `code` is ECONNECTION,
 * EBARENEWLINE, EREFUSED or EABANDONED.
 */
export interface DataStream
  extends ReadableStream<Uint8Array<ArrayBuffer>>, Readable, Absent<PassThrough, keyof Readable> {
  /** Bytes of the message received so far; the total once the stream has ended. */
  byteLength: number;
  /** `true` as soon as the message exceeds the option `size`. The stream continues to its end even so. */
  sizeExceeded: boolean;
  /**
   * Why the message is incomplete; `null` as long as it has not failed. Check it after a consumer that reports no errors,
   * such as `Bun.spawn({ stdin: stream })`.
   */
  readonly errored: Error | null;
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer<ArrayBuffer>>;
}
/** The name of smtp-server. */
export interface SMTPServerDataStream extends DataStream {}
