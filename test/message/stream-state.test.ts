import { describe, expect, test } from "bun:test";
import { finished, isErrored, PassThrough, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ReadableStream as NodeReadableStream } from "node:stream/web";
import { MessageSource } from "../../src/message/data-stream.js";
import type { DataStream } from "../../src/types/index.js";
import { TestClock } from "../support/clock.js";
import { gone, nothingUnhandled } from "../support/deliveries.js";
import { turn } from "../support/turn.js";

// What a stream does once it is over, beside what Bun's own ReadableStream does.

type Bytes = Uint8Array<ArrayBuffer>;

/** A stream with one chunk, and what ends it. */
interface Subject {
  readonly stream: ReadableStream<Bytes>;
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

const CHUNK = Buffer.from("one chunk");

function ours(): Subject {
  const source = new MessageSource({ size: Infinity, clock: new TestClock(), onDrain() {} });
  source.push(CHUNK);
  return {
    stream: source.stream as unknown as ReadableStream<Bytes>,
    end: () => source.end(),
    fail: (error) => source.fail(error),
  };
}

function plain(): Subject {
  let controller!: ReadableStreamDefaultController<Bytes>;
  const stream = new ReadableStream<Bytes>(
    {
      start(given) {
        controller = given;
      },
    },
    { highWaterMark: 0 },
  );
  controller.enqueue(CHUNK);
  return { stream, end: () => controller.close(), fail: (error) => controller.error(error) };
}

/** A value, or the name and code of the error, as far as programs tell them apart. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    const { name, code } = error as Error & { code?: string };
    return { name, code: code === "ECONNECTION" ? code : undefined };
  }
}

/** How a stream comes to its end. */
const ENDS: Record<string, (subject: Subject) => Promise<unknown>> = {
  "for await to the end": async ({ stream, end }) => {
    end();
    for await (const _ of stream);
  },
  "for await that waits for the end": async ({ stream, end }) => {
    setImmediate(end);
    for await (const _ of stream);
  },
  "values({ preventCancel }) to the end": async ({ stream, end }) => {
    end();
    for await (const _ of stream.values({ preventCancel: true }));
  },
  break: async ({ stream }) => {
    for await (const _ of stream) break;
  },
  "a throw in the loop": async ({ stream }) => {
    const loop = async (): Promise<void> => {
      for await (const _ of stream) throw new Error("mine");
    };
    await loop().catch(() => {});
  },
  "an error in for await": async ({ stream, fail }) => {
    setImmediate(() => fail(gone()));
    const loop = async (): Promise<void> => {
      for await (const _ of stream);
    };
    await loop().catch(() => {});
  },
  "an error before for await": async ({ stream, fail }) => {
    fail(gone());
    await Array.fromAsync(stream).catch(() => {});
  },
  "an error before any use": async ({ fail }) => {
    fail(gone());
    await turn();
  },
  "an error under a reader that is released then": async ({ stream, fail }) => {
    const reader = stream.getReader();
    await reader.read();
    fail(gone());
    await reader.closed.catch(() => {});
    reader.releaseLock();
  },
  "a reader that is released at the end": async ({ stream, end }) => {
    end();
    const reader = stream.getReader();
    while (!(await reader.read()).done);
    reader.releaseLock();
  },
  "a reader that is held": async ({ stream, end }) => {
    end();
    const reader = stream.getReader();
    while (!(await reader.read()).done);
  },
  "cancel()": ({ stream }) => stream.cancel(),
  "pipeTo()": ({ stream, end }) => {
    end();
    return stream.pipeTo(new WritableStream());
  },
  "new Response(stream).text()": ({ stream, end }) => {
    end();
    return new Response(stream).text();
  },
};

/** What a program may ask of it then. */
const QUESTIONS: Record<string, (stream: ReadableStream<Bytes>) => unknown> = {
  locked: (stream) => stream.locked,
  "getReader().read()": (stream) => stream.getReader().read(),
  "getReader().closed": (stream) => stream.getReader().closed,
  "locked under a reader": (stream) => [typeof stream.getReader(), stream.locked],
  "a second getReader()": (stream) => [stream.getReader(), stream.getReader()],
  "for await": (stream) => Array.fromAsync(stream),
  "values().next()": (stream) => stream.values().next(),
  "pipeTo()": (stream) => stream.pipeTo(new WritableStream()),
  "pipeThrough()": (stream) => Array.fromAsync(stream.pipeThrough(new TransformStream<Bytes, Bytes>())),
  "tee()": async (stream) => {
    const [left, right] = stream.tee();
    return [await outcome(() => left.getReader().read()), await outcome(() => right.getReader().read())];
  },
  "cancel()": (stream) => stream.cancel(),
  "new Response(stream).text()": (stream) => new Response(stream).text(),
  "new Response(stream).blob()": (stream) => new Response(stream).blob(),
  "new Request(…, { body })": (stream) =>
    new Request("http://a.test/", { method: "POST", body: stream }).text(),
  "Bun.readableStreamToText": (stream) => Bun.readableStreamToText(stream),
  "Bun.readableStreamToBytes": (stream) => Bun.readableStreamToBytes(stream),
  "Bun.readableStreamToArray": (stream) => Bun.readableStreamToArray(stream),
  "stream.text()": (stream) => stream.text(),
  "ReadableStream.from": (stream) => Array.fromAsync(NodeReadableStream.from(stream)),
  "Readable.fromWeb": (stream) => Array.fromAsync(Readable.fromWeb(stream as unknown as NodeReadableStream)),
  "stream.isErrored": (stream) => isErrored(stream as unknown as Readable),
  "stream.finished": (stream) =>
    new Promise<void>((resolve, reject) => {
      finished(stream as unknown as Readable, (error) => (error ? reject(error) : resolve()));
    }),
};

describe.each(Object.entries(ENDS))("after %s", (_, finish) => {
  test.each(Object.entries(QUESTIONS))("%s", async (_, ask) => {
    const answers: unknown[] = [];
    for (const subject of [plain(), ours()]) {
      await finish(subject);
      answers.push(await outcome(() => ask(subject.stream)));
      await nothingUnhandled();
    }
    expect(answers[1]).toEqual(answers[0]);
  });
});

/** How the Node methods read a stream, which a plain one does not have. */
const NODE_READERS: Record<string, (stream: DataStream) => unknown> = {
  'on("data")': (stream) => new Promise((resolve) => stream.on("data", () => {}).on("end", resolve)),
  "resume()": (stream) => new Promise((resolve) => stream.resume().on("close", resolve)),
  "pipe()": (stream) =>
    new Promise((resolve) =>
      stream.pipe(new Writable({ write: (_chunk, _, done) => done() })).on("finish", resolve),
    ),
  "toArray()": (stream) => stream.toArray(),
  pipeline: (stream) => pipeline(stream as unknown as Readable, new PassThrough().resume()),
};

describe.each(Object.entries(NODE_READERS))("after %s to the end", (_, read) => {
  test.each(Object.entries(QUESTIONS))("%s", async (_, ask) => {
    const [web, node] = [plain(), ours()];
    await ENDS["for await to the end"]?.(web);
    node.end();
    await read(node.stream as unknown as DataStream);
    await turn();
    const answers = [await outcome(() => ask(node.stream)), await outcome(() => ask(web.stream))];
    expect(answers[0]).toEqual(answers[1]);
    await nothingUnhandled();
  });
});

describe("a message that failed does not look whole", () => {
  const looks: Record<string, (stream: ReadableStream<Bytes>) => unknown> = {
    nothing: () => {},
    locked: (stream) => stream.locked,
    "getReader()": (stream) => stream.getReader(),
    "a reader for a while": (stream) => stream.getReader().releaseLock(),
    "tee()": (stream) => stream.tee(),
    "stream.isErrored": (stream) => isErrored(stream as unknown as Readable),
  };
  test.each(Object.entries(looks))("to an iterator, whatever is asked of the stream: %s", async (_, look) => {
    const { stream, fail } = ours();
    const iterator = stream.values();
    await iterator.next();
    fail(gone());
    look(stream);
    expect(await outcome(() => iterator.next())).toMatchObject({ code: "ECONNECTION" });
    await outcome(() => iterator.return?.());
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await nothingUnhandled();
  });
});

// Bun 1.4.5 gives the end of the input to a process whose stdin fails, and ends its own process for one that has failed already.
describe("Bun.spawn({ stdin: stream })", () => {
  const cat = async (stream: ReadableStream<Bytes>): Promise<string> =>
    new Response(Bun.spawn(["cat"], { stdin: stream, stdout: "pipe" }).stdout).text();

  test("a message that is whole", async () => {
    const { stream, end } = ours();
    setImmediate(end);
    expect(await cat(stream)).toBe(String(CHUNK));
    expect((stream as unknown as DataStream).errored).toBeNull();
  });

  const befores: Record<string, (stream: DataStream) => unknown> = {
    nothing: () => {},
    "an error listener": (stream) => stream.on("error", () => {}),
    "locked, errored and destroyed": (stream) => [stream.locked, stream.errored, stream.destroyed],
  };
  test.each(Object.entries(befores))(
    "one that failed before: nothing is unhandled, `errored` says so (%s)",
    async (_, before) => {
      const { stream, fail } = ours();
      before(stream as unknown as DataStream);
      fail(gone());
      before(stream as unknown as DataStream);
      await turn();
      expect(await cat(stream)).toBe("");
      expect((stream as unknown as DataStream).errored).toMatchObject({ code: "ECONNECTION" });
      await nothingUnhandled();
    },
  );

  test("one that fails later: `errored` says so", async () => {
    const { stream, fail } = ours();
    const reading = cat(stream);
    await turn();
    fail(gone());
    await reading;
    expect((stream as unknown as DataStream).errored).toMatchObject({ code: "ECONNECTION" });
    await nothingUnhandled();
  });
});
