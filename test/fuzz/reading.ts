/** The ways in which an application reads a message, or does not. */
import { Writable } from "node:stream";
import type { DataStream } from "../../src/index.js";

/** The message of errors that the hooks here make on purpose. */
export const OWN_MISTAKE = "the hook's own mistake";

/** Does nothing for a while. */
type Rest = () => Promise<void>;

/** To the end; each octet one character. */
const WHOLE = {
  async iterate(stream: DataStream): Promise<string> {
    let text = "";
    for await (const chunk of stream) text += chunk.toString("latin1");
    return text;
  },
  async slowly(stream: DataStream, rest: Rest): Promise<string> {
    let text = "";
    for await (const chunk of stream) {
      text += chunk.toString("latin1");
      await rest();
    }
    return text;
  },
  async reader(stream: DataStream): Promise<string> {
    const reader = stream.getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += Buffer.from(value).toString("latin1");
    }
  },
  async response(stream: DataStream): Promise<string> {
    return Buffer.from(await new Response(stream).arrayBuffer()).toString("latin1");
  },
  node: (stream: DataStream): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = "";
      stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      stream.on("end", () => resolve(text));
      stream.on("error", reject);
      // The last of all: who has heard neither end nor error by now never will.
      stream.on("close", () => reject(new Error("closed without an end")));
    }),
  pipe: (stream: DataStream): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = "";
      const target = new Writable({
        write(chunk: Buffer, _encoding, done) {
          text += chunk.toString("latin1");
          done();
        },
      });
      target.on("finish", () => resolve(text));
      stream.on("error", reject);
      stream.pipe(target);
    }),
};

/** Not to the end: how much such a one sees depends on how the bytes come. */
const PARTIAL = {
  cancel: (stream: DataStream): Promise<unknown> => stream.cancel(),
  async break(stream: DataStream): Promise<void> {
    for await (const _ of stream) break;
  },
  async destroy(stream: DataStream): Promise<void> {
    stream.destroy();
  },
  async destroyWithError(stream: DataStream): Promise<void> {
    stream.destroy(new Error(OWN_MISTAKE));
  },
  destroyAtData: (stream: DataStream): Promise<void> =>
    new Promise((resolve) => {
      stream.once("data", () => stream.destroy());
      stream.on("error", () => {});
      stream.on("close", resolve);
    }),
  /** The answer comes while nothing is read. */
  async nothing(): Promise<void> {},
};

export type Reading = keyof typeof WHOLE | keyof typeof PARTIAL;
export const READINGS: readonly Reading[] = [
  ...(Object.keys(WHOLE) as (keyof typeof WHOLE)[]),
  ...(Object.keys(PARTIAL) as (keyof typeof PARTIAL)[]),
];

/** @returns the whole message; `undefined` for one that was not to be read to its end. Rejects with the stream's error */
export async function read(stream: DataStream, how: Reading, rest: Rest): Promise<string | undefined> {
  if (how in WHOLE) return WHOLE[how as keyof typeof WHOLE](stream, rest);
  await PARTIAL[how as keyof typeof PARTIAL](stream).catch(() => {});
  return undefined;
}
