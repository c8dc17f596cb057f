/** How hooks store messages. */
import { createWriteStream, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { DataStream } from "../../../src/index.js";

/** Each stores a message at a path, and rejects if it could not. */
export const writers: Record<string, (stream: DataStream, path: string) => Promise<unknown>> = {
  "pipeline to a file stream": (stream, path) => pipeline(stream, createWriteStream(path)),
  "pipeTo a file stream": (stream, path) =>
    stream.pipeTo(Writable.toWeb(createWriteStream(path)) as WritableStream),
  async "pipeTo a WritableStream of one's own"(stream, path) {
    await using file = await open(path, "w");
    await stream.pipeTo(new WritableStream({ write: (chunk) => file.writeFile(chunk) }));
  },
  async "for await and a file handle"(stream, path) {
    await using file = await open(path, "w");
    for await (const chunk of stream) await file.writeFile(chunk);
  },
  async "Bun.file().writer()"(stream, path) {
    const file = Bun.file(path).writer();
    for await (const chunk of stream) {
      // It is the promise of `write` that tells of the error; `flush` and `end` do not.
      await file.write(chunk);
      await file.flush();
    }
    await file.end();
  },
  "Bun.write of a Response": (stream, path) => Bun.write(path, new Response(stream)),
  async "all at once"(stream, path) {
    writeFileSync(path, Buffer.concat(await Array.fromAsync(stream)));
  },
};
