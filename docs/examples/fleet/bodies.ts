/** The octets of large messages, as objects that are whole or absent. */

/** S3 takes a large object in parts of at least 5 MiB, and the part that is being sent is in memory. */
const PART = 5 * 1024 * 1024;

/** A store of objects that are whole or absent. */
export interface Bodies {
  /** Stores what comes. Where that fails nothing is left, and the promise rejects. */
  put(name: string, content: ReadableStream<Uint8Array>): Promise<void>;
  /** The octets; throws in the middle or at the end where they are not those that were stored. */
  get(name: string): AsyncIterable<Uint8Array>;
  remove(name: string): Promise<void>;
}

/** A store in S3, which the variables S3_BUCKET and so on name. */
export function s3(client: Bun.S3Client = new Bun.S3Client()): Bodies {
  return {
    async put(name, content) {
      const writer = client.file(name).writer({ partSize: PART, queueSize: 1, retry: 3 });
      try {
        for await (const chunk of content) {
          await writer.write(chunk);
        }
      } catch (error) {
        // Bun 1.4.5 cannot abort an upload: `end` makes an object of what there is, also when it is given an error.
        await Promise.resolve(writer.end()).catch(() => {});
        await client.delete(name).catch(() => {});
        throw error;
      }
      await writer.end();
    },
    async *get(name) {
      yield* client.file(name).stream();
    },
    async remove(name) {
      await client.delete(name);
    },
  };
}
