import { describe, expect, test } from "bun:test";
import { answersByPromise, callHook, type HookFunction, type HookResult } from "../../src/hooks/hook-call.js";
import { SMTPServer } from "../../src/index.js";
import { makeServer, MemoryClient } from "../support/client.js";

type Callback = (error?: unknown, value?: unknown) => void;

/** One call of a hook that takes three parameters: all that it led to. */
function call(hook: unknown): { events: unknown[]; outcome: unknown } {
  const events: unknown[] = [];
  const then = (result: HookResult): string => {
    if (result.type === "crashed") events.push("crashed");
    else if (result.type === "accepted") events.push({ accepted: result.value });
    else events.push({ refused: result.error.message, code: result.error.responseCode });
    return result.type === "crashed" ? "crashed" : "answered";
  };
  const { outcome } = callHook(hook as HookFunction, {}, ["address", "session"], 3, then, (error) =>
    events.push({ reported: error instanceof Error ? error.message : error }),
  );
  return { events, outcome };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const accepted = { accepted: undefined };
const boom = new Error("boom");
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a hook that answers at once costs no promise", () => {
  const table: [string, unknown, unknown[]][] = [
    ["callback()", (_a: 1, _s: 1, cb: Callback) => cb(), [accepted]],
    ["callback(null, value)", (_a: 1, _s: 1, cb: Callback) => cb(null, "text"), [{ accepted: "text" }]],
    ["callback(undefined)", (_a: 1, _s: 1, cb: Callback) => cb(undefined), [accepted]],
    ["a falsy non-error", (_a: 1, _s: 1, cb: Callback) => cb(0, "text"), [{ accepted: "text" }]],
    ["callback(error)", (_a: 1, _s: 1, cb: Callback) => cb(boom), [{ refused: "boom", code: undefined }]],
    ["callback(true)", (_a: 1, _s: 1, cb: Callback) => cb(true), [{ refused: "", code: undefined }]],
    ["callback(a string)", (_a: 1, _s: 1, cb: Callback) => cb("no"), [{ refused: "", code: undefined }]],
    [
      "callback(an object like an error)",
      (_a: 1, _s: 1, cb: Callback) => cb({ message: "no", responseCode: 451 }),
      [{ refused: "no", code: 451 }],
    ],
    ["callback({})", (_a: 1, _s: 1, cb: Callback) => cb({}), [{ refused: "", code: undefined }]],
    [
      "the first answer wins",
      (_a: 1, _s: 1, cb: Callback) => {
        cb(boom);
        cb();
        cb(null, "text");
      },
      [{ refused: "boom", code: undefined }],
    ],
    [
      "a throw after the answer is reported and changes nothing",
      (_a: 1, _s: 1, cb: Callback) => {
        cb();
        throw boom;
      },
      [accepted, { reported: "boom" }],
    ],
    [
      "a throw",
      () => {
        throw boom;
      },
      [{ reported: "boom" }, "crashed"],
    ],
    [
      "a throw of nothing",
      () => {
        throw undefined;
      },
      [{ reported: undefined }, "crashed"],
    ],
  ];
  for (const [name, hook, events] of table) {
    test(name, () => {
      const made = call(hook);
      expect(made.events).toEqual(events);
      expect(made.outcome).not.toBeInstanceOf(Promise);
    });
  }
});

describe("who answers by the promise", () => {
  class Hooks {
    async method(_address: unknown) {}
    async methodWithCallback(_address: unknown, _session: unknown, _callback: unknown) {}
    async ["computed" + String(1)](_address: unknown) {}
    static async ofClass(_address: unknown, _session: unknown) {}
    async rest(_address: unknown, ..._others: unknown[]) {}
  }
  const hooks = new Hooks();
  const by: Record<string, [unknown, boolean]> = {
    "one parameter": [async (_a: unknown) => {}, true],
    "two parameters": [async (_a: unknown, _s: unknown) => {}, true],
    "no parentheses": [new Function("return async a => a")(), true],
    "not async": [(_a: unknown) => Promise.resolve(), true],
    "async function": [async function (_a: unknown) {}, true],
    "destructured, with a default inside": [new Function("return async ({ address = '' }, s) => {}")(), true],
    "destructured, with a rest inside": [new Function("return async ({ address, ...others }) => {}")(), true],
    "the word in a string": [async (_a: unknown) => "arguments ... =", true],
    "the word in a comment": [
      new Function("return async (a /* = ... arguments */) => {} // arguments")(),
      true,
    ],
    "a rest inside the body": [async (_a: unknown) => ((...all: unknown[]) => all)(1), true],
    "a method": [hooks.method, true],
    "a method with a computed name": [Reflect.get(hooks, "computed1"), true],
    "a static method": [Hooks.ofClass, true],
    "callback declared": [async (_a: unknown, _s: unknown, _cb: unknown) => {}, false],
    "callback declared in a method": [hooks.methodWithCallback, false],
    "more than declared": [async (_a: unknown, _s: unknown, _cb: unknown, _more: unknown) => {}, false],
    "no parameter": [async () => {}, false],
    "rest alone": [async (..._all: unknown[]) => {}, false],
    "rest behind another": [async (_a: unknown, ..._all: unknown[]) => {}, false],
    "rest in a method": [hooks.rest, false],
    "callback with a default": [async (_a: unknown, _s: unknown, _cb: unknown = null) => {}, false],
    "session with a default": [async (_a: unknown, _s: unknown = {}, _cb?: unknown) => {}, false],
    arguments: [new Function("return async function (a) { arguments[2](); }")(), false],
    "arguments in a nested arrow": [
      new Function("return async function (a) { later(() => arguments[2]()); }")(),
      false,
    ],
  };
  for (const [name, [hook, byPromise]] of Object.entries(by)) {
    test(`${name}: ${byPromise ? "its promise" : "its callback"}`, () => {
      expect(answersByPromise(hook as HookFunction, 3)).toBe(byPromise);
    });
  }

  test("a bound function declares what is left of its parameters", () => {
    const three = async function (_a: unknown, _s: unknown, _cb: unknown): Promise<void> {};
    expect(answersByPromise(three.bind(null), 3)).toBe(false);
    const two = async function (_a: unknown, _s: unknown): Promise<void> {};
    expect(answersByPromise(two.bind(null), 3)).toBe(true);
  });
});

describe("a hook that answers later", () => {
  const table: [string, unknown, unknown[]][] = [
    ["callback", (_a: 1, _s: 1, cb: Callback) => void setImmediate(cb), [accepted]],
    [
      "callback twice",
      (_a: 1, _s: 1, cb: Callback) => void setImmediate(() => (cb(boom), cb())),
      [{ refused: "boom", code: undefined }],
    ],
    ["promise", async (_a: 1) => later(), [accepted]],
    ["promise with a value", async (_a: 1) => "text", [{ accepted: "text" }]],
    ["promise rejected", async (_a: 1) => Promise.reject(boom), [{ refused: "boom", code: undefined }]],
    [
      "promise rejected with nothing",
      async (_a: 1) => Promise.reject(undefined),
      [{ refused: "", code: undefined }],
    ],
    [
      "promise rejected with a string",
      async (_a: 1) => Promise.reject("no"),
      [{ refused: "", code: undefined }],
    ],
    [
      "a thenable",
      (_a: 1) => ({ then: (ok: (value: unknown) => void) => ok("text") }),
      [{ accepted: "text" }],
    ],
    [
      "async with the callback",
      async (_a: 1, _s: 1, cb: Callback) => void (await later(), cb(null, "text")),
      [{ accepted: "text" }],
    ],
    [
      "async with the callback rejects before its answer",
      async (_a: 1, _s: 1, _cb: Callback) => Promise.reject(boom),
      [{ reported: "boom" }, "crashed"],
    ],
    [
      "async with the callback rejects after its answer",
      async (_a: 1, _s: 1, cb: Callback) => {
        cb();
        throw boom;
      },
      [accepted, { reported: "boom" }],
    ],
    [
      "async with the callback answers after its rejection",
      (_a: 1, _s: 1, cb: Callback) => {
        setImmediate(cb);
        return Promise.reject(boom);
      },
      [{ reported: "boom" }, "crashed"],
    ],
  ];
  for (const [name, hook, events] of table) {
    test(name, async () => {
      const made = call(hook);
      await settled();
      expect(made.events).toEqual(events);
      await made.outcome;
    });
  }
});

describe("none accepts before its answer", () => {
  const silentHooks: Record<string, unknown> = {
    "async with the callback": async (_a: 1, _s: 1, _cb: Callback) => {},
    "async without parameters": async () => {},
    "async with rest": async (..._all: unknown[]) => {},
    "async with a default": async (_a: 1, _s: 1, _cb: unknown = undefined) => {},
    "async with arguments": new Function("return async function (a) { arguments.length; }")(),
    "returns true": (_a: 1) => true,
    "returns a string": (_a: 1, _s: 1) => "ok",
    "returns nothing": (_a: 1) => {},
    "a promise that stays open": (_a: 1) => new Promise(() => {}),
  };
  for (const [name, hook] of Object.entries(silentHooks)) {
    test(name, async () => {
      const made = call(hook);
      await settled();
      expect(made.events).toEqual([]);
      expect(made.outcome).toBeInstanceOf(Promise);
    });
  }
});

test("a hook gets its owner as this, and its arguments with the callback last", () => {
  const owner = {};
  let seen: unknown;
  const hook = function (this: unknown, ...args: unknown[]): void {
    seen = [this, args.slice(0, 2), typeof args[2], args.length];
  };
  void callHook(
    hook as HookFunction,
    owner,
    ["a", "s"],
    3,
    () => 0,
    () => {},
  );
  expect(seen).toEqual([owner, ["a", "s"], "function", 3]);
});

describe("LMTP, where onData makes something else of rcptTo", () => {
  const MADE: [string, (rcptTo: unknown[]) => unknown][] = [
    ["texts", () => ["b@b.test", "a@a.test"]],
    ["holes", () => [undefined, null, { address: "b@b.test" }]],
    ["numbers", () => [1, { address: 2 }]],
    ["nothing", () => null],
    ["an empty list", () => []],
  ];
  test.each(MADE)("%s: still a reply for each recipient", async (_, make) => {
    const server = makeServer({
      lmtp: true,
      onData(_stream, session, callback) {
        Object.assign(session.envelope, { rcptTo: make(session.envelope.rcptTo) });
        callback(null, ["first", new Error("second")]);
      },
    });
    const client = new MemoryClient(server);
    await client.reply();
    await client.chat("LHLO x", "MAIL FROM:<x@x.test>", "RCPT TO:<a@a.test>", "RCPT TO:<b@b.test>", "DATA");
    client.send("hi\r\n.\r\n");
    const replies = [await client.reply(), await client.reply()];
    for (const reply of replies) expect(reply).toMatch(/^(250|450) /);
    expect(await client.say("NOOP")).toBe("250 OK");
  });

  test("one recipient is taken out, and the array has an entry for each command", async () => {
    const server = makeServer({
      lmtp: true,
      onData(_stream, session, callback) {
        session.envelope.rcptTo.shift();
        callback(null, ["first", new Error("second")]);
      },
    });
    const client = new MemoryClient(server);
    await client.reply();
    await client.chat("LHLO x", "MAIL FROM:<x@x.test>", "RCPT TO:<a@a.test>", "RCPT TO:<b@b.test>", "DATA");
    client.send("hi\r\n.\r\n");
    expect([await client.reply(), await client.reply()]).toEqual(["250 first", "450 second"]);
  });
});

test("a hook that is put into the prototype is called", async () => {
  const { onMailFrom } = SMTPServer.prototype;
  try {
    SMTPServer.prototype.onMailFrom = (_address, _session, callback) => callback(new Error("spied"));
    const client = new MemoryClient(makeServer());
    await client.reply();
    await client.say("EHLO x");
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("550 spied");
  } finally {
    SMTPServer.prototype.onMailFrom = onMailFrom;
  }
});
