import { heapStats } from "bun:jsc";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReadableStream as NodeReadableStream } from "node:stream/web";
import { ABANDONED_AFTER, MessageSource } from "../../src/message/data-stream.js";
import { ChunkQueue, QUEUED_CHUNKS, QUEUED_OCTETS } from "../../src/message/chunk-queue.js";
import type { DataStream } from "../../src/types/index.js";
import { TestClock } from "../support/clock.js";
import { createSource, DELIVERIES, deliver, gone, nothingUnhandled } from "../support/deliveries.js";
import { turn } from "../support/turn.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "data-stream-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function readAll(reader: {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    if (value) chunks.push(value);
  }
}

async function gather(chunks: AsyncIterable<Uint8Array | string>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

function sink(chunks: Uint8Array[]): WritableStream<Uint8Array> {
  return new WritableStream({ write: (chunk) => void chunks.push(chunk) });
}

let files = 0;

/** Ways to read a whole message on the Web side; each gives its octets. */
const IDIOMS: Record<string, (stream: DataStream) => Promise<Uint8Array | string | ArrayBuffer>> = {
  "for await": gather,
  "for await, awaiting for each chunk": async (stream) => {
    const all: Buffer[] = [];
    for await (const chunk of stream) {
      await turn();
      all.push(chunk);
    }
    return Buffer.concat(all);
  },
  "String(chunk)": async (stream) => {
    let text = "";
    for await (const chunk of stream) text += chunk;
    return text;
  },
  "values()": (stream) => gather(stream.values()),
  "values({ preventCancel })": (stream) => gather(stream.values({ preventCancel: true })),
  "an iterator by hand": async (stream) => {
    const iterator = stream[Symbol.asyncIterator]();
    const all: Buffer[] = [];
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) all.push(next.value);
    return Buffer.concat(all);
  },
  "Array.fromAsync": async (stream) => Buffer.concat(await Array.fromAsync(stream)),
  "getReader()": (stream) => readAll(stream.getReader()),
  "several reads at a time": async (stream) => {
    const reader = stream.getReader();
    const all: Uint8Array[] = [];
    for (;;) {
      const results = await Promise.all([reader.read(), reader.read(), reader.read()]);
      for (const { value } of results) if (value) all.push(value);
      if (results.some(({ done }) => done)) return Buffer.concat(all);
    }
  },
  "a reader for each chunk": async (stream) => {
    const all: Uint8Array[] = [];
    for (;;) {
      const reader = stream.getReader();
      const { done, value } = await reader.read();
      reader.releaseLock();
      if (done) return Buffer.concat(all);
      all.push(value);
    }
  },
  "readMany()": async (stream) => {
    const reader = stream.getReader() as unknown as ReadableStreamDefaultReader<Uint8Array>;
    const all: Uint8Array[] = [];
    for (;;) {
      const { done, value } = await reader.readMany();
      if (value) all.push(...value);
      if (done) return Buffer.concat(all);
    }
  },
  "pipeTo()": async (stream) => {
    const chunks: Uint8Array[] = [];
    await stream.pipeTo(sink(chunks));
    return Buffer.concat(chunks);
  },
  "pipeThrough(new TextDecoderStream())": async (stream) =>
    gather(stream.pipeThrough(new TextDecoderStream())),
  "pipeThrough(new TransformStream())": async (stream) =>
    gather(stream.pipeThrough(new TransformStream<Uint8Array, Uint8Array>())),
  "pipeThrough compression and back": async (stream) =>
    gather(stream.pipeThrough(new CompressionStream("gzip")).pipeThrough(new DecompressionStream("gzip"))),
  "tee(), both": async (stream) => {
    const [left, right] = await Promise.all(stream.tee().map((branch) => readAll(branch.getReader())));
    expect(left?.equals(right ?? Buffer.alloc(0))).toBe(true);
    return left ?? "";
  },
  "new Response(stream).text()": (stream) => new Response(stream).text(),
  "new Response(stream).arrayBuffer()": (stream) => new Response(stream).arrayBuffer(),
  "new Response(stream).blob()": async (stream) => (await new Response(stream).blob()).arrayBuffer(),
  "new Response(stream).body": async (stream) =>
    gather(new Response(stream).body as AsyncIterable<Uint8Array>),
  "new Request(…, { body })": (stream) =>
    new Request("http://localhost/", { method: "POST", body: stream }).text(),
  "stream.text()": (stream) => stream.text(),
  "stream.bytes()": (stream) => stream.bytes(),
  "stream.blob()": async (stream) => (await stream.blob()).arrayBuffer(),
  "Bun.readableStreamToText": (stream) => Bun.readableStreamToText(stream),
  "Bun.readableStreamToBytes": async (stream) => Bun.readableStreamToBytes(stream),
  "Bun.readableStreamToArrayBuffer": async (stream) => Bun.readableStreamToArrayBuffer(stream),
  "Bun.readableStreamToArray": async (stream) => Buffer.concat(await Bun.readableStreamToArray(stream)),
  "Bun.readableStreamToBlob": async (stream) => (await Bun.readableStreamToBlob(stream)).arrayBuffer(),
  "Bun.write(file, new Response(stream))": async (stream) => {
    const path = join(folder, `web-${++files}`);
    await Bun.write(path, new Response(stream));
    return Bun.file(path).bytes();
  },
  "Bun.file().writer()": async (stream) => {
    const path = join(folder, `web-${++files}`);
    const writer = Bun.file(path).writer();
    for await (const chunk of stream) writer.write(chunk);
    await writer.end();
    return Bun.file(path).bytes();
  },
  "ReadableStream.from(stream)": (stream) => gather(NodeReadableStream.from(stream)),
  "Bun.CryptoHasher over it": async (stream) => {
    const all: Buffer[] = [];
    const hasher = new Bun.CryptoHasher("sha256");
    for await (const chunk of stream) {
      hasher.update(chunk);
      all.push(chunk);
    }
    expect(hasher.digest("hex")).toBe(Bun.SHA256.hash(Buffer.concat(all), "hex"));
    return Buffer.concat(all);
  },
};

/** On Bun 1.4.0 this never resolves for any stream made in JavaScript. */
const BROKEN_ON_1_4_0 = ["Bun.write(file, new Response(stream))"];
const idioms = Object.entries(IDIOMS).filter(
  ([name]) => Bun.version !== "1.4.0" || !BROKEN_ON_1_4_0.includes(name),
);

describe.each(idioms)("%s", (_, read) => {
  test.each(DELIVERIES.map((delivery) => [delivery.name, delivery] as const))("%s", async (_, delivery) => {
    const bytes = await deliver(delivery, read);
    expect(Buffer.from(bytes as Uint8Array).equals(delivery.message)).toBe(true);
    await nothingUnhandled();
  });

  test.each(DELIVERIES.map((delivery) => [delivery.name, delivery] as const))(
    "the client leaves: %s",
    async (_, delivery) => {
      const read_ = deliver(delivery, read, (source) => source.fail(gone()));
      expect(await read_.catch((error: unknown) => error)).toMatchObject({ code: "ECONNECTION" });
      await nothingUnhandled();
    },
  );
});

const KB = Buffer.alloc(1024, "x");
const message = (text: string): Buffer => Buffer.from(text);

/** A source with a message of `chunks`, and how often it called `onDrain`. */
function sourceOf(
  chunks: readonly Buffer[],
  size = Infinity,
): { source: MessageSource; onDrain: () => number; clock: TestClock } {
  let times = 0;
  const clock = new TestClock();
  const source = new MessageSource({ size, clock, onDrain: () => times++ });
  for (const chunk of chunks) source.push(chunk);
  return { source, onDrain: () => times, clock };
}

/** Pushes 1 kB chunks until the source is full. @returns how many it took. */
function fill(source: MessageSource): number {
  for (let pushed = 1; pushed < 10_000; pushed++) if (!source.push(KB)) return pushed;
  throw new Error("it is never full");
}

describe("what the consumer gets", () => {
  test("a chunk is the Buffer that was pushed, not a copy", async () => {
    const chunk = Buffer.alloc(5000, "a").subarray(100);
    const { source } = sourceOf([chunk]);
    source.end();
    const [got] = await Array.fromAsync(source.stream);
    expect(got).toBe(chunk as Buffer<ArrayBuffer>);
    expect(String(got)).toBe("a".repeat(4900));
  });

  test("it is a ReadableStream, and its Node methods are the Readable's", () => {
    const { stream } = sourceOf([]).source;
    expect(stream).toBeInstanceOf(ReadableStream);
    for (const method of [
      "on",
      "once",
      "off",
      "pipe",
      "unpipe",
      "read",
      "resume",
      "pause",
      "destroy",
    ] as const) {
      expect(stream[method]).toBeFunction();
    }
  });

  test("byteLength and sizeExceeded are live, the stream goes on over the limit", async () => {
    const { source } = sourceOf([message("12345")], 10);
    const { stream } = source;
    const reader = stream.getReader();
    expect([stream.byteLength, stream.sizeExceeded]).toEqual([5, false]);
    await reader.read();
    source.push(message("67890"));
    expect([stream.byteLength, stream.sizeExceeded]).toEqual([10, false]);
    source.push(message("!"));
    expect([stream.byteLength, stream.sizeExceeded]).toEqual([11, true]);
    expect([source.byteLength, source.sizeExceeded]).toEqual([11, true]);
    source.push(message("?"));
    source.end();
    expect(String(await readAll(reader))).toBe("67890!?");
    expect([stream.byteLength, stream.sizeExceeded]).toEqual([12, true]);
  });

  test("without a limit nothing exceeds it", () => {
    expect(sourceOf([Buffer.alloc(1e6)]).source.sizeExceeded).toBe(false);
  });

  test("octets that are dropped are counted", async () => {
    const { source } = sourceOf([message("123")], 5);
    await source.stream.cancel();
    source.push(message("456"));
    expect([source.stream.byteLength, source.stream.sizeExceeded]).toEqual([6, true]);
  });

  test("the last chunk of a whole message comes with the end", async () => {
    const { source } = sourceOf([message("one")]);
    source.end();
    const reader = source.stream.getReader();
    await reader.read();
    expect(await reader.closed).toBeUndefined();
  });

  test("an empty chunk is not given to a reader", async () => {
    const { source } = sourceOf([Buffer.alloc(0)]);
    const read = source.stream.getReader().read();
    await null;
    source.push(Buffer.alloc(0));
    source.push(message("a"));
    expect(String((await read).value)).toBe("a");
  });
});

describe("a reader that is released", () => {
  test("a read that was waiting does not lose the chunk", async () => {
    const { source } = sourceOf([]);
    const first = source.stream.getReader();
    const given = first.read().catch((error: unknown) => error);
    await turn();
    first.releaseLock();
    expect(await given).toBeInstanceOf(TypeError);
    source.push(message("one "));
    source.push(message("two"));
    source.end();
    expect(String(await readAll(source.stream.getReader()))).toBe("one two");
    await nothingUnhandled();
  });

  test("the next reader goes on where the one before stopped", async () => {
    const { source } = sourceOf([KB, message("rest")]);
    source.end();
    const first = source.stream.getReader();
    expect((await first.read()).value?.length).toBe(KB.length);
    first.releaseLock();
    expect(String(await gather(source.stream))).toBe("rest");
  });
});

describe("leaving a for await", () => {
  test("break cancels: the rest is dropped, as is what is pushed later", async () => {
    const { source } = sourceOf([message("one")]);
    for await (const chunk of source.stream) {
      expect(String(chunk)).toBe("one");
      break;
    }
    expect(source.discarding).toBe(true);
    expect(source.stream.locked).toBe(false);
    expect(source.push(Buffer.alloc(1e6))).toBe(true);
    source.end();
    expect(await source.stream.getReader().read()).toEqual({ done: true, value: undefined });
    await nothingUnhandled();
  });

  test("a throw in the loop cancels", async () => {
    const { source } = sourceOf([message("one")]);
    const loop = async (): Promise<void> => {
      for await (const _ of source.stream) throw new Error("mine");
    };
    expect(loop()).rejects.toThrow("mine");
    await turn();
    expect(source.discarding).toBe(true);
    await nothingUnhandled();
  });

  test("throw() of the iterator cancels and throws", async () => {
    const { source } = sourceOf([message("one")]);
    const iterator = source.stream[Symbol.asyncIterator]();
    const error = new Error("mine");
    expect(await iterator.throw?.(error).catch((thrown: unknown) => thrown)).toBe(error);
    expect(source.discarding).toBe(true);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("return() ends the reads that wait", async () => {
    const { source } = sourceOf([]);
    const iterator = source.stream[Symbol.asyncIterator]();
    const next = iterator.next();
    await iterator.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(source.discarding).toBe(true);
  });

  test("return() a second time, or after the lock was looked at, changes nothing", async () => {
    const { source } = sourceOf([message("one")]);
    const iterator = source.stream.values();
    await iterator.next();
    const done = { done: true as const, value: undefined };
    expect(await iterator.return?.()).toEqual(done);
    expect(await iterator.return?.()).toEqual(done);
    expect(source.stream.locked).toBe(false);
    expect(await iterator.next()).toEqual(done);
    expect(await iterator.return?.()).toEqual(done);
    await nothingUnhandled();
  });

  test.each([true, false])("of a stream that decodes, with preventCancel %p", async (preventCancel) => {
    const { source } = sourceOf([message("one"), message("two")]);
    source.stream.setEncoding("utf8");
    for await (const text of source.stream.values({ preventCancel })) {
      expect(String(text)).toStartWith("one");
      break;
    }
    expect(source.stream.destroyed).toBe(!preventCancel);
    source.stream.destroy();
    await nothingUnhandled();
  });

  test("with preventCancel the rest stays readable", async () => {
    const { source } = sourceOf([KB, message("rest")]);
    for await (const _ of source.stream.values({ preventCancel: true })) break;
    expect(source.discarding).toBe(false);
    source.end();
    expect(String(await gather(source.stream))).toBe("rest");
  });

  test("await using cancels at the end of its block", async () => {
    const { source } = sourceOf([message("one")]);
    {
      await using iterator = source.stream.values();
      await iterator.next();
    }
    expect(source.discarding).toBe(true);
  });

  test("cancel() after the end is allowed", async () => {
    const { source } = sourceOf([message("one")]);
    source.end();
    for await (const _ of source.stream);
    expect(await source.stream.cancel()).toBeUndefined();
    expect(source.discarding).toBe(false);
  });
});

describe("cancelling", () => {
  const ways: Record<string, (stream: DataStream) => Promise<unknown>> = {
    "stream.cancel()": (stream) => stream.cancel("enough"),
    "reader.cancel()": (stream) => stream.getReader().cancel("enough"),
    "both branches of tee()": (stream) => Promise.all(stream.tee().map((branch) => branch.cancel())),
    "a destination that fails": (stream) =>
      stream
        .pipeTo(new WritableStream({ write: () => Promise.reject(new Error("disk full")) }))
        .catch(() => {}),
    "an aborted pipe": async (stream) => {
      const abort = new AbortController();
      const piped = stream.pipeTo(new WritableStream(), { signal: abort.signal }).catch(() => {});
      await turn();
      abort.abort();
      await piped;
    },
    "stream.destroy()": async (stream) => stream.destroy(),
  };
  test.each(Object.entries(ways))(
    "%s: onDrain is called at once, what is pushed later is dropped",
    async (_, cancel) => {
      const { source, onDrain } = sourceOf([]);
      fill(source);
      expect(onDrain()).toBe(0);
      await cancel(source.stream);
      await turn();
      expect(onDrain()).toBe(1);
      expect(source.discarding).toBe(true);
      for (let i = 0; i < 1000; i++) expect(source.push(KB)).toBe(true);
      source.end();
      source.fail(gone());
      expect(source.stream.destroyed).toBe(true);
      expect(onDrain()).toBe(1);
      await nothingUnhandled();
    },
  );
});

describe("back-pressure", () => {
  test("without a reader it is full at its bound, and keeps what is pushed all the same", async () => {
    const { source, onDrain } = sourceOf([]);
    const taken = fill(source) + 1;
    expect(taken * KB.length).toBeLessThanOrEqual(QUEUED_OCTETS + 2 * KB.length);
    expect(source.push(KB)).toBe(false);
    expect(onDrain()).toBe(0);
    source.end();
    expect((await gather(source.stream)).length).toBe(taken * KB.length);
    expect(onDrain()).toBe(1);
  });

  test("one chunk over the bound makes it full", () => {
    const { source } = sourceOf([]);
    expect(source.push(Buffer.alloc(QUEUED_OCTETS))).toBe(true);
    expect(source.push(Buffer.alloc(1))).toBe(false);
    expect(sourceOf([]).source.push(Buffer.alloc(512 * 1024))).toBe(false);
  });

  test("a waiting read takes a chunk of any size", async () => {
    const { source } = sourceOf([]);
    const read = source.stream.getReader().read();
    await turn();
    expect(source.push(Buffer.alloc(512 * 1024))).toBe(true);
    expect((await read).value?.length).toBe(512 * 1024);
  });

  test("onDrain is called once each time that the queue falls to the bound", async () => {
    const { source, onDrain } = sourceOf([]);
    const reader = source.stream.getReader();
    for (let round = 1; round <= 3; round++) {
      fill(source);
      source.push(KB);
      source.push(KB);
      expect(onDrain()).toBe(round - 1);
      while (onDrain() < round) await reader.read();
      await reader.read();
      expect(source.push(message("+"))).toBe(true);
      await reader.read();
      expect(onDrain()).toBe(round);
    }
  });

  test("what is pushed from within `onDrain` comes in order", async () => {
    let next = 0;
    const source = new MessageSource({
      size: Infinity,
      clock: new TestClock(),
      onDrain: () => {
        if (next === 200) return source.end();
        while (next < 200 && source.push(Buffer.alloc(20_000, next++)));
        if (next === 200) source.end();
      },
    });
    while (source.push(Buffer.alloc(20_000, next++)));
    const got = await Array.fromAsync(source.stream);
    expect(got.map((chunk) => chunk[0])).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  test("no chunk is asked for before a read", async () => {
    const { source, onDrain } = sourceOf([]);
    source.stream.getReader();
    fill(source);
    await turn();
    expect(onDrain()).toBe(0);
  });

  test("a slow consumer makes the client wait, and gets everything", async () => {
    let most = 0;
    let [sent, got] = [0, 0];
    const { source, room } = createSource();
    const consumed = (async () => {
      for await (const chunk of source.stream) {
        got += chunk.length;
        await turn();
      }
    })();
    for (let i = 0; i < 300; i++) {
      const ok = source.push(Buffer.alloc(10_000));
      sent += 10_000;
      most = Math.max(most, sent - got);
      if (!ok) await room();
    }
    source.end();
    await consumed;
    expect(got).toBe(3_000_000);
    expect(most).toBeLessThan(QUEUED_OCTETS + 4 * 10_000);
  });
});

test("what is pushed after cancel() is not kept in memory", async () => {
  const { source } = sourceOf([]);
  await source.stream.cancel();
  const octets = (): number => {
    Bun.gc(true);
    return heapStats().extraMemorySize;
  };
  const before = octets();
  for (let i = 0; i < 200; i++) source.push(Buffer.alloc(100_000, i));
  expect(octets() - before).toBeLessThan(4_000_000);
  expect(source.byteLength).toBe(20_000_000);
});

describe("errors", () => {
  test("a half message never looks whole: what is queued is dropped", async () => {
    const { source } = sourceOf([message("half")]);
    source.fail(gone());
    source.end();
    expect(source.discarding).toBe(true);
    expect(source.push(message("more"))).toBe(true);
    expect(gather(source.stream)).rejects.toMatchObject({ code: "ECONNECTION" });
  });

  test("onDrain is called, so that the rest of the message can be drained", () => {
    const { source, onDrain } = sourceOf([]);
    fill(source);
    source.fail(gone());
    expect(onDrain()).toBe(1);
  });

  test("a message received whole stays whole when the client leaves", async () => {
    const { source } = sourceOf([message("whole")]);
    source.end();
    source.fail(gone());
    expect(String(await gather(source.stream))).toBe("whole");
  });

  const holders: Record<string, (stream: DataStream) => unknown> = {
    nothing: () => {},
    "a reader that is held": (stream) => stream.getReader(),
    "a reader that was released": (stream) => stream.getReader().releaseLock(),
    "tee()": (stream) => stream.tee(),
    "readers of both branches": (stream) => stream.tee().map((branch) => branch.getReader()),
    "a Response": (stream) => new Response(stream),
    "an iterator": (stream) => stream.values(),
  };
  test.each(Object.entries(holders))("no unhandled rejection: %s", async (_, hold) => {
    for (const when of ["before", "after"]) {
      const { source } = sourceOf([message("half")]);
      if (when === "before") source.fail(gone());
      hold(source.stream);
      await turn();
      source.fail(gone());
      await nothingUnhandled();
    }
  });
});

describe("abandon(), when the hook has answered", () => {
  const abandonedError = { name: "SMTPError", code: "EABANDONED" };

  test("without a reader all is dropped, and a late reader gets the error", async () => {
    const { source, onDrain } = sourceOf([]);
    fill(source);
    source.abandon();
    await turn();
    expect(source.discarding).toBe(true);
    expect(onDrain()).toBe(1);
    expect(source.push(KB)).toBe(true);
    source.end();
    expect(gather(source.stream)).rejects.toMatchObject(abandonedError);
    await nothingUnhandled();
  });

  test("a late Node consumer gets the error too", async () => {
    const { source } = sourceOf([message("half")]);
    source.abandon();
    await turn();
    const heard: string[] = [];
    source.stream.on("data", () => heard.push("data")).on("end", () => heard.push("end"));
    source.stream.on("error", (error: Error & { code?: string }) => heard.push(`${error.code}`));
    await new Promise((resolve) => source.stream.on("close", resolve));
    expect(heard).toEqual(["EABANDONED"]);
  });

  test("a message that is complete already stays readable", async () => {
    const { source } = sourceOf([message("whole")]);
    source.end();
    source.abandon();
    await turn();
    expect(source.discarding).toBe(false);
    expect(String(await gather(source.stream))).toBe("whole");
  });

  test("the rest that arrives in the same turn counts", async () => {
    const { source } = sourceOf([message("who")]);
    source.abandon();
    source.push(message("le"));
    source.end();
    await turn();
    expect(String(await gather(source.stream))).toBe("whole");
  });

  test("after cancel() nothing changes", async () => {
    const { source } = sourceOf([message("half")]);
    await source.stream.cancel();
    source.abandon();
    await turn();
    expect(await source.stream.getReader().read()).toEqual({ done: true, value: undefined });
  });

  test("a reader that was released does not count as a reader", async () => {
    const { source } = sourceOf([message("a"), message("b")]);
    const reader = source.stream.getReader();
    await reader.read();
    reader.releaseLock();
    source.abandon();
    await turn();
    expect(source.discarding).toBe(true);
  });

  const consumers: Record<string, (stream: DataStream) => Promise<Uint8Array>> = {
    "for await": gather,
    "a pipe": async (stream) => {
      const chunks: Uint8Array[] = [];
      await stream.pipeTo(sink(chunks));
      return Buffer.concat(chunks);
    },
    "on data": (stream) =>
      new Promise((resolve) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => resolve(Buffer.concat(chunks)));
      }),
    "on readable": (stream) =>
      new Promise((resolve) => {
        const chunks: Buffer[] = [];
        stream.on("readable", () => {
          for (let chunk: Buffer; (chunk = stream.read());) chunks.push(chunk);
        });
        stream.on("end", () => resolve(Buffer.concat(chunks)));
      }),
  };
  describe.each(Object.entries(consumers))("a consumer goes on: %s", (_, consume) => {
    test.each(["before", "right after"])("attached %s the answer", async (when) => {
      const { source, room } = createSource();
      if (when === "right after") source.abandon();
      const consumed = consume(source.stream);
      if (when === "before") source.abandon();
      for (let i = 0; i < 50; i++) if (!source.push(Buffer.alloc(10_000, i))) await room();
      source.end();
      expect((await consumed).length).toBe(500_000);
    });
  });

  describe("a consumer that stops reading", () => {
    const microtasks = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await null;
    };

    test.each(["before", "after"])("full %s the answer: dropped after ABANDONED_AFTER", async (full) => {
      const { source, onDrain, clock } = sourceOf([]);
      const reader = source.stream.getReader();
      if (full === "before") fill(source);
      source.abandon();
      await microtasks();
      if (full === "after") fill(source);
      clock.pass(ABANDONED_AFTER - 1);
      expect([source.discarding, onDrain()]).toEqual([false, 0]);
      clock.pass(1);
      expect([source.discarding, onDrain()]).toEqual([true, 1]);
      expect(source.push(KB)).toBe(true);
      expect(await reader.read().catch((error: unknown) => error)).toMatchObject(abandonedError);
    });

    test("has the same time whenever it stops again", async () => {
      const { source, clock } = sourceOf([]);
      const reader = source.stream.getReader();
      source.abandon();
      await microtasks();
      for (let stop = 0; stop < 3; stop++) {
        while (source.push(Buffer.alloc(50_000)));
        clock.pass(ABANDONED_AFTER - 1);
        while (source.full) await reader.read();
        expect([source.discarding, clock.timers]).toEqual([false, 0]);
      }
      while (source.push(Buffer.alloc(50_000)));
      clock.pass(ABANDONED_AFTER);
      expect(source.discarding).toBe(true);
    });

    test("a listener for errors alone is none", async () => {
      const { source } = sourceOf([]);
      source.stream.on("error", () => {});
      source.abandon();
      await microtasks();
      expect(source.discarding).toBe(true);
    });

    test("one that has let go: dropped as soon as the queue is full, and the client need not wait", async () => {
      const { source } = sourceOf([]);
      const reader = source.stream.getReader();
      source.abandon();
      await microtasks();
      reader.releaseLock();
      const pushed = Array.from({ length: 20 }, () => source.push(Buffer.alloc(10_000)));
      expect(new Set(pushed)).toEqual(new Set([true]));
      expect([source.discarding, source.full]).toEqual([true, false]);
    });

    test("a paused Node consumer", async () => {
      const { source, onDrain, clock } = sourceOf([]);
      source.stream.pause();
      source.abandon();
      await microtasks();
      fill(source);
      clock.pass(ABANDONED_AFTER);
      expect([source.discarding, onDrain()]).toEqual([true, 1]);
    });

    test("each read restarts the time", async () => {
      const { source, clock } = sourceOf([]);
      const reader = source.stream.getReader();
      source.abandon();
      await microtasks();
      for (let i = 0; i < 10; i++) source.push(Buffer.alloc(50_000));
      for (let i = 0; i < 5; i++) {
        clock.pass(ABANDONED_AFTER - 1);
        await reader.read();
      }
      expect(source.discarding).toBe(false);
      clock.pass(ABANDONED_AFTER);
      expect(source.discarding).toBe(true);
    });

    test("there is no time limit while the queue has space", async () => {
      const { source, clock } = sourceOf([]);
      const reader = source.stream.getReader();
      source.abandon();
      await microtasks();
      source.push(Buffer.alloc(50_000));
      source.push(Buffer.alloc(50_000));
      await reader.read();
      clock.pass(10 * ABANDONED_AFTER);
      expect(source.discarding).toBe(false);
      expect(clock.timers).toBe(0);
    });

    test("there is no time limit once the message is complete", async () => {
      const { source, clock } = sourceOf([]);
      const reader = source.stream.getReader();
      source.abandon();
      await microtasks();
      fill(source);
      source.end();
      clock.pass(10 * ABANDONED_AFTER);
      expect(clock.timers).toBe(0);
      expect((await readAll(reader)).length).toBe(source.byteLength);
    });

    test("there is no time limit before the answer", async () => {
      const { source, clock } = sourceOf([]);
      source.stream.getReader();
      fill(source);
      clock.pass(10 * ABANDONED_AFTER);
      expect(source.discarding).toBe(false);
    });

    test.each(["fail", "cancel"])("no timer is left by %s", async (how) => {
      const { source, clock } = sourceOf([]);
      const reader = source.stream.getReader();
      source.abandon();
      await microtasks();
      fill(source);
      expect(clock.timers).toBe(1);
      if (how === "fail") source.fail(gone());
      else await reader.cancel();
      expect(clock.timers).toBe(0);
    });
  });
});

describe("ChunkQueue", () => {
  const contents = (queue: ChunkQueue): Buffer[] => {
    const all: Buffer[] = [];
    for (let chunk = queue.take(); chunk; chunk = queue.take()) all.push(chunk);
    return all;
  };

  test("keeps order and bytes for any mix of sizes", () => {
    const sizes = [
      1, 1, 1, 1023, 1024, 1, 5000, 1, 1, 8192, 1023, 1023, 1023, 1023, 1023, 1023, 1023, 1023, 1023, 2,
    ];
    const chunks = sizes.map((size, i) => Buffer.alloc(size, i + 1));
    for (let taken = 0; taken <= sizes.length; taken++) {
      const queue = new ChunkQueue();
      const got: Buffer[] = [];
      chunks.forEach((chunk, i) => {
        queue.add(chunk);
        const next = i % (taken + 1) === taken ? queue.take() : undefined;
        if (next) got.push(next);
      });
      expect(Buffer.concat([...got, ...contents(queue)]).equals(Buffer.concat(chunks))).toBe(true);
      expect([queue.isEmpty, queue.isFull]).toEqual([true, false]);
    }
  });

  test("a taken chunk is not written to by what comes after it", () => {
    const queue = new ChunkQueue();
    for (const octet of ["a", "b", "c"]) queue.add(message(octet));
    const taken = queue.take();
    for (const octet of ["d", "e", "f"]) queue.add(message(octet));
    expect([String(taken), String(queue.take())]).toEqual(["abc", "def"]);
  });

  test("a chunk that was pushed is not written to", () => {
    const read = message("abcdef");
    const queue = new ChunkQueue();
    queue.add(read.subarray(0, 1));
    queue.add(read.subarray(3, 4));
    expect([String(queue.take()), String(read)]).toEqual(["ad", "abcdef"]);
  });

  test("a hundred thousand single octets become few chunks", () => {
    const queue = new ChunkQueue();
    for (let i = 0; i < 100_000; i++) queue.add(message("x"));
    const chunks = contents(queue);
    expect(chunks.length).toBeLessThan(20);
    expect(Buffer.concat(chunks).length).toBe(100_000);
  });

  test("a gathered chunk holds at most twice its octets, however few they are", () => {
    for (const size of [1, 2, 10, 100, 1000]) {
      for (const count of [2, 3, 8, 9, 50]) {
        const queue = new ChunkQueue();
        for (let i = 0; i < count; i++) queue.add(Buffer.from("x".repeat(size)));
        for (const chunk of contents(queue)) {
          expect(chunk.buffer.byteLength).toBeLessThanOrEqual(2 * chunk.length);
        }
      }
    }
  });

  test("is full by octets or by chunks, and not when they were taken", () => {
    const queue = new ChunkQueue();
    queue.add(Buffer.alloc(QUEUED_OCTETS));
    expect(queue.isFull).toBe(false);
    queue.add(message("x"));
    expect(queue.isFull).toBe(true);
    queue.take();
    expect(queue.isFull).toBe(false);
    for (let i = 0; i < QUEUED_CHUNKS; i++) queue.add(Buffer.alloc(2000));
    expect(queue.isFull).toBe(true);
    queue.clear();
    expect([queue.isEmpty, queue.isFull, queue.take()]).toEqual([true, false, undefined]);
  });

  describe("before it is full, after a clear() too, it has at most", () => {
    test.each([
      ["64 KiB", 1, 65_536],
      ["16 chunks", 16, 1024],
    ])("%s", (_, count, size) => {
      const queue = new ChunkQueue();
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < count; i++) queue.add(Buffer.alloc(size));
        expect(queue.isFull).toBe(false);
        queue.add(Buffer.alloc(count === 1 ? 1 : size));
        expect(queue.isFull).toBe(true);
        queue.clear();
      }
    });
  });
});
