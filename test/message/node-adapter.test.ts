import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Duplex, finished, PassThrough, pipeline, Readable, Writable } from "node:stream";
import { arrayBuffer, blob, buffer, text } from "node:stream/consumers";
import { finished as finishedPromise, pipeline as pipelinePromise } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { MessageSource } from "../../src/message/data-stream.js";
import type { DataStream } from "../../src/types/index.js";
import { createSource, DELIVERIES, deliver, gone, nothingUnhandled } from "../support/deliveries.js";
import { turn } from "../support/turn.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "data-stream-node-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A Writable that keeps what it gets, a turn for each write. */
class Store extends Writable {
  readonly chunks: Buffer[] = [];
  override _write(chunk: Buffer, _: BufferEncoding, callback: () => void): void {
    this.chunks.push(chunk);
    setImmediate(callback);
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** Resolves with `result()` at `end`, rejects at `error`. */
function atEnd<T>(stream: NodeJS.EventEmitter, result: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    stream.on("end", () => resolve(result()));
    stream.on("error", reject);
  });
}

/** Resolves at `finish` of a destination, rejects at `error` of the source. */
function piped<T>(stream: NodeJS.EventEmitter, to: Writable, result: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    to.on("finish", () => resolve(result()));
    stream.on("error", reject);
  });
}

let files = 0;
const file = (): string => join(folder, `message-${++files}`);

async function gather(chunks: AsyncIterable<Uint8Array | string>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

/** Ways to read a whole message by the Node methods; each gives its octets. */
const IDIOMS: Record<string, (stream: DataStream) => Promise<Uint8Array | string | ArrayBuffer>> = {
  "on data, on end": (stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return atEnd(stream, () => Buffer.concat(chunks));
  },
  "text += chunk": (stream) => {
    let all = "";
    stream.on("data", (chunk: Buffer) => (all += chunk));
    return atEnd(stream, () => all);
  },
  "chained, on data last": (stream) => {
    const chunks: Buffer[] = [];
    return new Promise((resolve, reject) => {
      stream
        .once("error", reject)
        .once("end", () => resolve(Buffer.concat(chunks)))
        .addListener("data", (chunk: Buffer) => chunks.push(chunk));
    });
  },
  "on data after an await": async (stream) => {
    await null;
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return atEnd(stream, () => Buffer.concat(chunks));
  },
  "on readable, read()": (stream) => {
    const chunks: Buffer[] = [];
    stream.on("readable", () => {
      for (let chunk: Buffer | null; (chunk = stream.read() as Buffer | null) !== null;) chunks.push(chunk);
    });
    return atEnd(stream, () => Buffer.concat(chunks));
  },
  "on readable, read(n)": (stream) => {
    const chunks: Buffer[] = [];
    stream.on("readable", () => {
      for (let chunk: Buffer | null; (chunk = (stream.read(7) ?? stream.read()) as Buffer | null) !== null;)
        chunks.push(chunk);
    });
    return atEnd(stream, () => Buffer.concat(chunks));
  },
  "setEncoding, on data": (stream) => {
    let all = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      expect(chunk).toBeString();
      all += chunk;
    });
    return atEnd(stream, () => all);
  },
  "setEncoding, for await": async (stream) => {
    let all = "";
    stream.setEncoding("utf8");
    for await (const chunk of stream as AsyncIterable<unknown>) {
      expect(chunk).toBeString();
      all += String(chunk);
    }
    return all;
  },
  "pause and resume": (stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      stream.pause();
      setImmediate(() => stream.resume());
    });
    return atEnd(stream, () => Buffer.concat(chunks));
  },
  "pause first, on data, resume": async (stream) => {
    const chunks: Buffer[] = [];
    const end = atEnd(
      stream.pause().on("data", (chunk: Buffer) => chunks.push(chunk)),
      () => Buffer.concat(chunks),
    );
    end.catch(() => {});
    await turn();
    expect(chunks).toEqual([]);
    stream.resume();
    return end;
  },
  pipe: (stream) => {
    const store = new Store();
    expect(stream.pipe(store)).toBe(store);
    return piped(stream, store, () => store.bytes);
  },
  "pipe, and pipe on": (stream) => {
    const store = new Store();
    stream.pipe(new PassThrough()).pipe(store);
    return piped(stream, store, () => store.bytes);
  },
  "two pipes": async (stream) => {
    const [a, b] = [new Store(), new Store()];
    stream.pipe(a);
    stream.pipe(b);
    await Promise.all([piped(stream, a, () => {}), piped(stream, b, () => {})]);
    expect(a.bytes.equals(b.bytes)).toBe(true);
    return b.bytes;
  },
  "pipe and on data": async (stream) => {
    const store = new Store();
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.pipe(store);
    await piped(stream, store, () => {});
    expect(Buffer.concat(chunks).equals(store.bytes)).toBe(true);
    return store.bytes;
  },
  "pipe to a file": async (stream) => {
    const path = file();
    const to = createWriteStream(path);
    stream.pipe(to);
    await piped(stream, to, () => {});
    return Bun.file(path).bytes();
  },
  "unpipe, and pipe elsewhere": (stream) => {
    const [a, b] = [new Store(), new Store()];
    stream.pipe(a);
    stream.once("data", () => {
      stream.unpipe(a);
      stream.pipe(b);
    });
    stream.once("end", () => b.end());
    return piped(stream, b, () => Buffer.concat([...a.chunks, ...b.chunks]));
  },
  "pipeline with a callback": async (stream) => {
    const store = new Store();
    await new Promise<void>((resolve, reject) =>
      pipeline(stream, store, (error) => (error ? reject(error) : resolve())),
    );
    return store.bytes;
  },
  "pipeline as a promise": async (stream) => {
    const store = new Store();
    await pipelinePromise(stream, store);
    return store.bytes;
  },
  "pipeline through gzip and back": async (stream) => {
    const store = new Store();
    await pipelinePromise(stream, createGzip(), createGunzip(), store);
    return store.bytes;
  },
  "pipeline to a file": async (stream) => {
    const path = file();
    await pipelinePromise(stream, createWriteStream(path));
    return buffer(createReadStream(path));
  },
  "pipeline with a generator": async (stream) => {
    const store = new Store();
    const same = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      yield* source;
    };
    await pipelinePromise(stream, same, store);
    return store.bytes;
  },
  "pipeline to a function": async (stream) =>
    pipelinePromise(stream, (source: AsyncIterable<Buffer>) => gather(source)),
  "pipeline to a WritableStream": async (stream) => {
    const chunks: Uint8Array[] = [];
    await pipelinePromise(
      stream,
      new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) }),
    );
    return Buffer.concat(chunks);
  },
  "stream.finished with a callback": async (stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await new Promise<void>((resolve, reject) =>
      finished(stream, (error) => (error ? reject(error) : resolve())),
    );
    return Buffer.concat(chunks);
  },
  "stream.finished as a promise": async (stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await finishedPromise(stream);
    return Buffer.concat(chunks);
  },
  "stream.finished, read on the Web side": async (stream) => {
    const end = finishedPromise(stream);
    end.catch(() => {});
    const all = await gather(stream);
    await end;
    return all;
  },
  "events.once(stream, 'end')": async (stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(stream, "end");
    return Buffer.concat(chunks);
  },
  "consumers.text": (stream) => text(stream as Readable),
  "consumers.buffer": (stream) => buffer(stream as Readable),
  "consumers.arrayBuffer": (stream) => arrayBuffer(stream as Readable),
  "consumers.blob": async (stream) => (await blob(stream as Readable)).arrayBuffer(),
  "toArray()": async (stream) => Buffer.concat(await stream.toArray()),
  "map().toArray()": async (stream) => Buffer.concat(await stream.map((chunk: Buffer) => chunk).toArray()),
  "forEach()": async (stream) => {
    const chunks: Buffer[] = [];
    await stream.forEach((chunk: Buffer) => void chunks.push(chunk));
    return Buffer.concat(chunks);
  },
  "reduce()": (stream) =>
    stream.reduce((all: Buffer, chunk: Buffer) => Buffer.concat([all, chunk]), Buffer.alloc(0)),
  "iterator()": (stream) => gather(stream.iterator()),
  "compose()": (stream) => gather(stream.compose(new PassThrough())),
  "Readable.toWeb": (stream) => new Response(Readable.toWeb(stream) as unknown as ReadableStream).bytes(),
  "Readable.fromWeb": (stream) => buffer(Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0])),
  "Readable.from": (stream) => gather(Readable.from(stream)),
  "Duplex.from": (stream) => gather(Duplex.from(stream as Readable)),
  readline: async (stream) => {
    const failed = once(stream, "error").then(([error]) => Promise.reject(error));
    failed.catch(() => {});
    const lines: string[] = [];
    const read = async (): Promise<string> => {
      for await (const line of createInterface({ input: stream, crlfDelay: Infinity }))
        lines.push(`${line}\r\n`);
      return lines.join("");
    };
    return Promise.race([read(), failed]);
  },
  "listeners added before a read on the Web side": async (stream) => {
    const end = atEnd(stream, () => {});
    end.catch(() => {});
    const close = once(stream, "close").catch(() => {});
    const all = await gather(stream);
    await Promise.all([end, close]);
    return all;
  },
};

/** These throw or never settle for any Readable that has failed before the call. */
const NOT_AFTER_A_FAILURE = new Set(["compose()", "Duplex.from"]);

describe.each(Object.entries(IDIOMS))("%s", (name, read) => {
  test.each(DELIVERIES.map((delivery) => [delivery.name, delivery] as const))("%s", async (_, delivery) => {
    const bytes = await deliver(delivery, read);
    expect(Buffer.from(bytes as Uint8Array).equals(delivery.message)).toBe(true);
    await nothingUnhandled();
  });

  const failing = DELIVERIES.filter(({ step }) => step !== "before" || !NOT_AFTER_A_FAILURE.has(name));
  test.each(failing.map((delivery) => [delivery.name, delivery] as const))(
    "the client leaves: %s",
    async (_, delivery) => {
      const reading = deliver(delivery, read, (source) => source.fail(gone()));
      expect(await reading.catch((error: unknown) => error)).toMatchObject({ code: "ECONNECTION" });
      await nothingUnhandled();
    },
  );
});

const message = (text: string): Buffer => Buffer.from(text);

function sourceOf(...texts: string[]): MessageSource {
  const { source } = createSource();
  for (const text of texts) source.push(message(text));
  return source;
}

/** The events of the stream, in order. */
function record(stream: DataStream, ...events: string[]): string[] {
  const heard: string[] = [];
  for (const event of events) {
    stream.on(event, (value: unknown) => {
      const detail = value instanceof Error ? `${(value as NodeJS.ErrnoException).code}` : value;
      heard.push(detail === undefined ? event : `${event} ${detail}`);
    });
  }
  return heard;
}
const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await turn();
};

describe("taking the message over", () => {
  const harmless: Record<string, (stream: DataStream) => unknown> = {
    "on error, on close, on end": (stream) => record(stream, "error", "close", "end"),
    "once error": (stream) => stream.once("error", () => {}),
    "its properties": (stream) => [
      stream.readable,
      stream.destroyed,
      stream.readableEnded,
      stream.readableFlowing,
      stream.readableLength,
      stream.readableObjectMode,
      stream.readableEncoding,
      stream.readableHighWaterMark,
      stream.errored,
      stream.closed,
      stream.isPaused(),
      stream.listenerCount("data"),
    ],
    "stream.finished": (stream) => void finished(stream, () => {}),
    "off and removeAllListeners": (stream) => stream.off("data", () => {}).removeAllListeners(),
    setMaxListeners: (stream) => stream.setMaxListeners(50),
  };
  test.each(Object.entries(harmless))("%s leaves the Web side free", async (_, use) => {
    const source = sourceOf("one ", "two");
    use(source.stream);
    await turns();
    expect(source.stream.locked).toBe(false);
    source.end();
    expect(await new Response(source.stream).text()).toBe("one two");
    await nothingUnhandled();
  });

  test("a Node reader has the lock", async () => {
    const { stream } = sourceOf("one");
    stream.on("data", () => {});
    await turns();
    expect(stream.locked).toBe(true);
    expect(() => stream.getReader()).toThrow(TypeError);
  });

  test("while a Web reader has the lock, a Node reader gets an error and the message goes on", async () => {
    const source = sourceOf("one");
    const reader = source.stream.getReader();
    const heard = record(source.stream, "data", "end", "error", "close");
    await turns();
    expect(heard).toEqual([expect.stringMatching(/^error /), "close"]);
    source.stream.destroy();
    expect(source.discarding).toBe(false);
    expect(String((await reader.read()).value)).toBe("one");
  });

  test("after a Web reader took the first chunk, pipe gets the rest", async () => {
    const source = sourceOf("one ".repeat(500), "two");
    const reader = source.stream.getReader();
    await reader.read();
    reader.releaseLock();
    source.end();
    expect(String(await buffer(source.stream.pipe(new PassThrough())))).toBe("two");
  });

  test.each(["ended", "going on"])(
    "a chunk that came for a Web read given up is not lost, %s",
    async (how) => {
      const source = sourceOf();
      const reader = source.stream.getReader();
      const read = reader.read().catch(() => {});
      await turn();
      reader.releaseLock();
      await read;
      source.push(message("one "));
      source.push(message("two "));
      if (how === "ended") source.end();
      const all = buffer(source.stream.pipe(new PassThrough()));
      await turns();
      if (how === "going on") source.push(message("three"));
      source.end();
      expect(String(await all)).toBe(how === "ended" ? "one two " : "one two three");
      await nothingUnhandled();
    },
  );

  test("for await after a first read() goes on with the Node adapter", async () => {
    const source = sourceOf("0123456789");
    source.end();
    expect(String(source.stream.read(4))).toBe("0123");
    expect(String(await gather(source.stream))).toBe("456789");
  });
});

describe("properties of the stream", () => {
  test("may be replaced as those of other streams, by a program that traces what is read", () => {
    const { stream } = sourceOf();
    const prototype: object = Object.getPrototypeOf(stream);
    const isMethod = (name: PropertyKey): boolean =>
      typeof Object.getOwnPropertyDescriptor(prototype, name)?.value === "function";
    const names = Reflect.ownKeys(prototype).filter((name) => name !== "constructor");
    expect(names).toEqual(expect.arrayContaining(["getReader", "pipeTo", "on", "pipe", "_readableState"]));
    const flags = (name: PropertyKey): unknown[] => {
      const { configurable, enumerable, writable } = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
      return [name, configurable, enumerable, writable];
    };
    expect(names.map(flags)).toEqual(
      names.map((name) => [name, true, false, isMethod(name) ? true : undefined]),
    );
  });

  test("those of Readable for producers are not there", () => {
    const { stream } = sourceOf();
    const names = ["push", "wrap", "_read", "_destroy", "_construct", "_undestroy", "_events"];
    expect(names.filter((name) => name in stream)).toEqual([]);
    expect(stream.constructor).not.toBe(Readable);
  });

  test("the one that Readable lets a program set can be set", () => {
    const { stream } = sourceOf();
    Object.assign(stream, { readableFlowing: false });
    expect(stream.readableFlowing).toBe(false);
  });

  test("fluent methods give the stream itself", () => {
    const { stream } = sourceOf();
    const nothing = (): void => {};
    for (const result of [
      stream.on("close", nothing),
      stream.once("close", nothing),
      stream.prependListener("close", nothing),
      stream.off("close", nothing),
      stream.removeAllListeners("close"),
      stream.setEncoding("utf8"),
      stream.pause(),
      stream.resume(),
      stream.unpipe(),
      stream.destroy(),
    ]) {
      expect(result).toBe(stream);
    }
  });

  test("properties from the beginning to the end", async () => {
    const source = sourceOf();
    const { stream } = source;
    const state = (): unknown[] => [
      stream.readable,
      stream.readableEnded,
      stream.destroyed,
      stream.closed,
      stream.errored,
    ];
    expect(state()).toEqual([true, false, false, false, null]);
    expect([stream.readableFlowing, stream.readableObjectMode, stream.readableEncoding]).toEqual([
      null,
      false,
      null,
    ]);
    stream.on("data", () => {});
    expect(stream.readableFlowing).toBe(true);
    stream.pause();
    source.push(message("one"));
    source.push(message("two"));
    await turns();
    expect([stream.readableFlowing, stream.isPaused()]).toEqual([false, true]);
    expect(stream.readableLength).toBeGreaterThan(0);
    source.end();
    stream.resume();
    const atTheEnd = new Promise<unknown[]>((resolve) => stream.on("end", () => resolve(state())));
    expect(await atTheEnd).toEqual([false, true, false, false, null]);
    await turns();
    expect(state()).toEqual([false, true, true, true, null]);
  });

  test("the same, read on the Web side", async () => {
    const source = sourceOf("one");
    const { stream } = source;
    source.end();
    expect([stream.readable, stream.readableEnded]).toEqual([true, false]);
    for await (const _ of stream);
    expect([stream.readable, stream.readableEnded, stream.destroyed, stream.closed]).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  test("an empty message is readable until its end was read", async () => {
    const source = sourceOf();
    source.end();
    expect([source.stream.readable, source.stream.readableEnded]).toEqual([true, false]);
    const heard = record(source.stream, "data", "end", "close");
    await turns();
    expect(heard).toEqual(["end", "close"]);
    expect(source.stream.readableEnded).toBe(true);
  });

  test("a failure", () => {
    const source = sourceOf("half");
    const error = gone();
    source.fail(error);
    const { stream } = source;
    expect([stream.readable, stream.readableEnded, stream.destroyed, stream.errored]).toEqual([
      false,
      false,
      true,
      error,
    ]);
  });

  test("in a listener `this` has the sizes, live", async () => {
    const { source } = createSource(4);
    const seen: unknown[] = [];
    source.stream.on("data", function (this: DataStream) {
      seen.push([this.byteLength, this.sizeExceeded, source.stream.byteLength]);
    });
    for (const text of ["abc", "def"]) {
      source.push(message(text));
      await turns();
    }
    expect(seen).toEqual([
      [3, false, 3],
      [6, true, 6],
    ]);
  });

  test("setEncoding joins a character that was cut", async () => {
    const source = sourceOf();
    const heard = record(source.stream.setEncoding("utf8"), "data", "end");
    for (const octet of message("é€")) {
      source.push(Buffer.of(octet));
      await turns();
    }
    source.end();
    await turns();
    expect(heard).toEqual(["data é", "data €", "end"]);
  });

  test("unshift puts back what was read", async () => {
    const source = sourceOf("header\r\n\r\nbody");
    source.end();
    source.stream.read(8);
    source.stream.unshift(message("X"));
    expect(String(await buffer(source.stream.pipe(new PassThrough())))).toBe("X\r\nbody");
  });
});

describe("events", () => {
  const listeners: Record<string, string[]> = {
    "with a listener for error": ["data", "end", "error", "close"],
    "without one": ["data", "end", "close"],
    "without a reader": ["end", "error", "close"],
  };
  test.each(Object.entries(listeners))(
    "the client leaves: error if it has a listener, close, never end: %s",
    async (_, events) => {
      const source = sourceOf();
      const heard = record(source.stream, ...events);
      source.push(message("half"));
      await turns();
      source.fail(gone());
      await turns();
      const expected = ["data half", "error ECONNECTION", "close"];
      expect(heard).toEqual(expected.filter((event) => events.includes(event.split(" ")[0] as string)));
      await nothingUnhandled();
    },
  );

  test("in a listener `this` emits no error without a listener for it, and says so", () => {
    const { stream } = sourceOf();
    const heard: unknown[] = [];
    stream.once("mine", function (this: DataStream) {
      heard.push(this.emit("error", gone()));
    });
    stream.emit("mine");
    expect(heard).toEqual([false]);
  });

  test("an error whose listeners are removed at the last moment is not emitted", async () => {
    const source = sourceOf("half");
    source.stream.on("error", () => {});
    source.fail(gone());
    process.nextTick(() => source.stream.removeAllListeners());
    source.stream.removeAllListeners();
    await nothingUnhandled();
  });

  test("a pipe whose source fails leaves the destination unfinished", async () => {
    const source = sourceOf("half");
    const store = new Store();
    const heard: string[] = [];
    store.on("finish", () => heard.push("finish"));
    source.stream.pipe(store);
    await turns();
    source.fail(gone());
    await turns();
    expect(heard).toEqual([]);
    await nothingUnhandled();
  });

  test("a pipeline whose source fails destroys the destination", async () => {
    const source = sourceOf("half");
    const store = new Store();
    const done = pipelinePromise(source.stream, store);
    source.fail(gone());
    expect(await done.catch((error: unknown) => error)).toMatchObject({ code: "ECONNECTION" });
    expect(store.destroyed).toBe(true);
  });

  test("a pipeline whose destination fails destroys the source", async () => {
    const source = sourceOf("half");
    const full = new Writable({ write: (_chunk, _encoding, callback) => callback(new Error("disk full")) });
    expect(await pipelinePromise(source.stream, full).catch(String)).toBe("Error: disk full");
    expect(source.discarding).toBe(true);
    await nothingUnhandled();
  });

  const webReaders: Record<string, [(source: MessageSource) => unknown, string[]]> = {
    "reads to the end": [
      async ({ stream }) => {
        for await (const _ of stream);
      },
      ["end", "close"],
    ],
    cancels: [({ stream }) => stream.cancel(), ["close"]],
    "leaves a loop": [
      async ({ stream }) => {
        for await (const _ of stream) break;
      },
      ["close"],
    ],
    "sees it fail": [(source) => source.fail(gone()), ["error ECONNECTION", "close"]],
  };
  test.each(Object.entries(webReaders))(
    "Node listeners get the events of the Web side: %s",
    async (_, [read, expected]) => {
      for (const attached of ["before", "after"]) {
        const source = sourceOf("message");
        let heard = attached === "before" ? record(source.stream, "end", "error", "close") : [];
        if (expected.includes("end")) source.end();
        await read(source);
        if (attached === "after") heard = record(source.stream, "end", "error", "close");
        await turns();
        expect(heard).toEqual(expected);
        await nothingUnhandled();
      }
    },
  );

  test("an error thrown by a data listener is uncaught, and the connection goes on", async () => {
    const program = `
      import { MessageSource } from ${JSON.stringify(join(import.meta.dir, "../../src/message/data-stream.js"))};
      const heard = [];
      process.on("uncaughtException", (error) => heard.push("uncaught " + error.message));
      const source = new MessageSource({ size: Infinity, wanted: () => {} });
      source.stream.on("data", (chunk) => {
        heard.push(String(chunk));
        if (heard.length === 1) throw new Error("mine");
      });
      source.stream.on("end", () => console.log(heard.join()));
      setImmediate(() => {
        heard.push(source.push(Buffer.from("one")));
        setImmediate(() => {
          source.push(Buffer.from("two"));
          source.end();
        });
      });`;
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
    expect(await new Response(child.stdout).text()).toBe("one,true,uncaught mine,two\n");
  });
});

describe("destroy()", () => {
  test.each(["before the first read", "in the middle", "while paused"])("%s", async (when) => {
    const source = sourceOf("one");
    const { stream } = source;
    const heard = record(stream, "end", "error", "close");
    if (when !== "before the first read") stream.on("data", () => {});
    if (when === "while paused") stream.pause();
    await turns();
    stream.destroy();
    expect([source.discarding, stream.destroyed, stream.readable]).toEqual([true, true, false]);
    expect(source.push(Buffer.alloc(1e6))).toBe(true);
    source.end();
    await turns();
    expect(heard).toEqual(["close"]);
    await nothingUnhandled();
  });

  test("with an error: emitted if it has a listener", async () => {
    const error = Object.assign(new Error("mine"), { code: "EMINE" });
    const source = sourceOf("one");
    const heard = record(source.stream, "error", "close");
    source.stream.destroy(error);
    await turns();
    expect(heard).toEqual(["error EMINE", "close"]);
    expect(source.stream.errored).toBe(error);
    sourceOf("one").stream.destroy(error);
    await nothingUnhandled();
  });

  test.each([
    [undefined, { code: "ERR_STREAM_PREMATURE_CLOSE", message: "Premature close" }],
    [Object.assign(new Error("mine"), { code: "EMINE" }), { code: "EMINE", message: "mine" }],
  ])("a Web read and stream.finished do not wait forever (%s)", async (error, thrown) => {
    const { stream } = sourceOf();
    const outcomes = [stream.getReader().read(), finishedPromise(stream)];
    await turn();
    stream.destroy(error);
    for (const outcome of outcomes)
      expect(await outcome.catch((reason: unknown) => reason)).toMatchObject(thrown);
    expect(await finishedPromise(stream).catch((reason: unknown) => reason)).toMatchObject(thrown);
    await nothingUnhandled();
  });

  test("await using", async () => {
    const source = sourceOf("one");
    {
      await using stream = source.stream;
      stream.read();
    }
    expect(source.discarding).toBe(true);
    await nothingUnhandled();
  });
});

describe("back-pressure", () => {
  const idle: Record<string, (stream: DataStream) => unknown> = {
    paused: (stream) => stream.on("data", () => {}).pause(),
    "readable that is not read": (stream) => stream.on("readable", () => {}),
    "a pipe to what does not drain": (stream) => stream.pipe(new Writable({ write: () => {} })),
  };
  test.each(Object.entries(idle))("%s: bounded, and what comes all the same is kept", async (_, attach) => {
    const source = sourceOf();
    attach(source.stream);
    let taken = 0;
    for (; source.push(Buffer.alloc(10_000)); taken++) await turn();
    expect(taken * 10_000).toBeLessThan(300_000);
    for (let i = 0; i < 5; i++) expect(source.push(Buffer.alloc(10_000))).toBe(false);
  });

  test("resume after a pause gives everything", async () => {
    const { source, room } = createSource();
    let got = 0;
    source.stream.on("data", (chunk: Buffer) => (got += chunk.length)).pause();
    while (source.push(Buffer.alloc(10_000))) await turn();
    const wanted = room();
    source.stream.resume();
    await wanted;
    source.end();
    await once(source.stream, "end");
    expect(got).toBe(source.byteLength);
  });
});
