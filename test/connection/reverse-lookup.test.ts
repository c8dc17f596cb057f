import { describe, expect, spyOn, test } from "bun:test";
import dns from "node:dns";
import { LOOKUP_TIMEOUT, reverseLookup, type LookupResult } from "../../src/connection/reverse-lookup.js";
import type { Resolver, SMTPSession } from "../../src/index.js";
import { makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";

type Answer = Parameters<Resolver["reverse"]>[1];

/** All that a lookup gave. */
function lookUp(reverse: (ip: string, callback: Answer) => void, clock = new TestClock()): LookupResult[] {
  const results: LookupResult[] = [];
  reverseLookup("192.0.2.99", { reverse }, clock, (result) => results.push(result));
  return results;
}

const long = (label: number, labels: number): string =>
  Array<string>(labels).fill("a".repeat(label)).join(".");

describe("an answer", () => {
  const none = { name: "" };
  const discarded = (name: string): LookupResult => ({ name: "", discarded: name });
  const table: [string, unknown, LookupResult][] = [
    ["a name", ["mail.example.com"], { name: "mail.example.com" }],
    ["the first of several", ["one.test", "two.test"], { name: "one.test" }],
    ["a single label", ["localhost"], { name: "localhost" }],
    ["no name", [], none],
    ["nothing", undefined, none],
    ["an empty name", [""], none],
    ["no list", "mail.example.com", none],
    ["CR and LF", ["a.test\r\n250 OK"], discarded("a.test\r\n250 OK")],
    ["LF alone", ["a.test\n"], discarded("a.test\n")],
    ["NUL", ["a\0.test"], discarded("a\0.test")],
    ["an escape sequence", ["\x1b[31m.test"], discarded("\x1b[31m.test")],
    ["a space", ["a b.test"], discarded("a b.test")],
    ["markup", ["<script>.test"], discarded("<script>.test")],
    ["a closing bracket", ["]a.test"], discarded("]a.test")],
    ["a name over 255 octets", [long(60, 5)], discarded(long(60, 5))],
    ["a label over 63 octets", [long(64, 1)], discarded(long(64, 1))],
    ["empty labels", ["a..test"], discarded("a..test")],
    ["no string", [7], discarded("7")],
  ];
  for (const [name, names, result] of table) {
    test(name, () => {
      expect(lookUp((_ip, callback) => callback(null, names as string[]))).toEqual([result]);
    });
  }
});

describe("no answer", () => {
  const error = Object.assign(new Error("getHostByAddr ENOTFOUND"), { code: "ENOTFOUND" });
  test("an error", () => {
    expect(lookUp((_ip, callback) => callback(error))).toEqual([{ name: "", error }]);
  });
  test("an error and a name: the error", () => {
    expect(lookUp((_ip, callback) => callback(error, ["a.test"]))).toEqual([{ name: "", error }]);
  });
  test("a throw", () => {
    const [result] = lookUp(() => {
      throw error;
    });
    expect(result).toEqual({ name: "", error });
  });
  test("a throw of something else", () => {
    const [result] = lookUp(() => {
      throw "no";
    });
    expect(result?.error?.message).toBe("no");
  });
  test("a promise that rejects: an error at once, and no unhandled rejection", async () => {
    const results = lookUp(async () => Promise.reject(error));
    await new Promise((resolve) => setImmediate(resolve));
    expect(results).toEqual([{ name: "", error }]);
  });
  test("never: it ends at 1.5 s, and a late answer is ignored", () => {
    const clock = new TestClock();
    let answer: Answer = () => {};
    const results = lookUp((_ip, callback) => void (answer = callback), clock);
    clock.pass(LOOKUP_TIMEOUT - 1);
    expect(results).toEqual([]);
    clock.pass(1);
    expect(results).toMatchObject([{ name: "", error: { message: "Timeout" } }]);
    answer(null, ["late.test"]);
    expect(results).toHaveLength(1);
  });
});

test("without a resolver the system's is asked", () => {
  const reverse = spyOn(dns, "reverse").mockImplementation((_ip, callback) => callback(null, ["a.test"]));
  const results: LookupResult[] = [];
  reverseLookup("192.0.2.99", undefined, new TestClock(), (result) => results.push(result));
  expect(reverse.mock.calls.map(([ip]) => ip)).toEqual(["192.0.2.99"]);
  expect(results).toEqual([{ name: "a.test" }]);
  reverse.mockRestore();
});

test("an answer ends the wait", () => {
  const clock = new TestClock();
  lookUp((_ip, callback) => callback(null, ["a.test"]), clock);
  expect(clock.timers).toBe(0);
});

test("the first answer counts", () => {
  const results = lookUp((_ip, callback) => {
    callback(null, ["one.test"]);
    callback(null, ["two.test"]);
    callback(new Error("late"));
    throw new Error("later still");
  });
  expect(results).toEqual([{ name: "one.test" }]);
});

describe("what a client and the hooks see of it", () => {
  /** The name that the session has in onConnect, and the greeting. */
  async function greeted(
    options: { resolver?: Resolver; disableReverseLookup?: boolean },
    from?: string,
  ): Promise<unknown[]> {
    let name: string | undefined;
    const server = makeServer({
      disableReverseLookup: false,
      ...options,
      onConnect(session: SMTPSession, callback) {
        name = session.clientHostname;
        callback();
      },
    });
    const client = new MemoryClient(server, from);
    const greeting = await client.reply();
    return [
      greeting,
      name,
      await client.say("EHLO client.test").then((reply) => reply?.split("\n")[0]?.slice(4)),
    ];
  }
  const answering = (names: string[]): Resolver => ({ reverse: (_ip, callback) => callback(null, names) });

  const table: [string, Resolver, string][] = [
    ["a name", answering(["Mail.Example.COM"]), "mail.example.com"],
    ["a name with its root dot", answering(["mail.example.com."]), "mail.example.com"],
    ["a hostile name", answering(["a.test\r\n250 OK"]), "[192.0.2.99]"],
    ["an error", { reverse: (_ip, callback) => callback(new Error("no")) }, "[192.0.2.99]"],
    [
      "a throw",
      {
        reverse: () => {
          throw new Error("no");
        },
      },
      "[192.0.2.99]",
    ],
    [
      "a later answer",
      { reverse: (_ip, callback) => void setImmediate(callback, null, ["later.test"]) },
      "later.test",
    ],
    [
      "two answers",
      {
        reverse: (_ip, callback) => {
          callback(null, ["one.test"]);
          setImmediate(callback, null, ["two.test"]);
        },
      },
      "one.test",
    ],
  ];
  for (const [name, resolver, shown] of table) {
    test(name, async () => {
      expect(await greeted({ resolver })).toEqual([
        "220 mx.test ESMTP",
        shown,
        `mx.test Nice to meet you, ${shown}`,
      ]);
    });
  }

  test("the resolver is asked for the client's address, once, as a method", async () => {
    const asked: unknown[] = [];
    const resolver: Resolver = {
      reverse(this: unknown, ip, callback) {
        asked.push(ip, this === resolver);
        callback(null, ["a.test"]);
      },
    };
    await greeted({ resolver }, "2001:db8::1");
    expect(asked).toEqual(["2001:db8::1", true]);
  });

  test("disabled: the resolver is not called", async () => {
    let asked = 0;
    const resolver: Resolver = { reverse: () => void asked++ };
    const [, name] = await greeted({ resolver, disableReverseLookup: true });
    expect(name).toBe("[192.0.2.99]");
    expect(asked).toBe(0);
  });

  test("a unix socket has no address to ask for", async () => {
    let asked = 0;
    await greeted({ resolver: { reverse: () => void asked++ } }, "");
    expect(asked).toBe(0);
  });

  test("a resolver that never answers: the greeting comes at 1.5 s", () => {
    const clock = new TestClock();
    const server = makeServer({ disableReverseLookup: false, resolver: { reverse: () => {} } }, clock);
    const { transport } = new MemoryClient(server);
    clock.pass(1499);
    expect(transport.output).toBe("");
    clock.pass(1);
    expect(transport.output).toBe("220 mx.test ESMTP\r\n");
  });

  test("a client that leaves meanwhile is not greeted, and onConnect is not called", async () => {
    let answer: Answer = () => {};
    let connects = 0;
    const resolver: Resolver = { reverse: (_ip, callback) => void (answer = callback) };
    const client = new MemoryClient(
      makeServer({ disableReverseLookup: false, resolver, onConnect: (_s, cb) => (connects++, cb()) }),
    );
    await client.leave();
    answer(null, ["a.test"]);
    expect([await client.idle(), connects]).toEqual(["", 0]);
  });

  test("a client that talks first gets its refusal, whatever the DNS says later", async () => {
    let answer: Answer = () => {};
    const resolver: Resolver = { reverse: (_ip, callback) => void (answer = callback) };
    const client = new MemoryClient(makeServer({ disableReverseLookup: false, resolver }));
    expect(await client.say("EHLO x")).toBe("421 mx.test You talk too soon");
    answer(null, ["a.test"]);
    expect(await client.idle()).toBe("");
  });
});

test("a lookup that fails is one line for debugging, without an exception: most of the world has no PTR", async () => {
  const logged: [level: string, entry: object, text: string][] = [];
  const levels = ["debug", "info", "warn", "error", "fatal"].map((level) => [
    level,
    (entry: object, format: string, ...args: unknown[]) =>
      logged.push([level, entry, inspect(format, ...args)]),
  ]);
  const inspect = (format: string, ...args: unknown[]): string => {
    let next = 0;
    return format.replace(/%s/g, () => String(args[next++]));
  };
  const failure = Object.assign(new Error("getHostByAddr ENOTFOUND"), { code: "ENOTFOUND" });
  const server = makeServer({
    disableReverseLookup: false,
    resolver: { reverse: (_ip, callback) => callback(failure) },
    logger: Object.fromEntries(levels) as object,
  });
  await new MemoryClient(server).reply();
  const lines = logged.filter(([, , text]) => /resolve/i.test(text));
  expect(lines).toEqual([
    [
      "debug",
      expect.not.objectContaining({ err: expect.anything() }),
      "Reverse resolve for 192.0.2.99: getHostByAddr ENOTFOUND",
    ],
  ]);
  expect(logged.filter(([level]) => level === "error")).toEqual([]);
});
