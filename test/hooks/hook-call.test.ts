import { describe, expect, test } from "bun:test";
import { callHook, type HookCaller, type HookResult } from "../../src/hooks/hook-call.js";
import type { HookFunction, HookName } from "../../src/hooks/names.js";
import { SMTPServer } from "../../src/index.js";
import { makeServer, MemoryClient } from "../support/client.js";
import { collectWarnings } from "../support/warnings.js";

const warnings = collectWarnings();

type Callback = (error?: unknown, value?: unknown) => void;

function caller(events: unknown[], owner: object = {}): HookCaller {
  return {
    owner,
    isOpen: true,
    hookFailed: (_name, error) =>
      void events.push({ reported: error instanceof Error ? error.message : error }),
    hookWarning: () => void events.push("warned"),
    isEnding: () => false,
  };
}

/** One call of a hook, onMailFrom unless another is named: all that it led to. */
function call(hook: unknown, name: HookName = "onMailFrom"): { events: unknown[]; outcome: unknown } {
  const events: unknown[] = [];
  const then = (result: HookResult): string => {
    if (result.type === "crashed") events.push("crashed");
    else if (result.type === "accepted") events.push({ accepted: result.value });
    else events.push({ refused: result.error.message, code: result.error.responseCode });
    return result.type === "crashed" ? "crashed" : "answered";
  };
  const args = name === "onClose" ? ["session"] : ["address", "session"];
  const { outcome } = callHook(caller(events), name, hook as HookFunction, args, then);
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
    [
      "callback(an object whose message is not a text)",
      (_a: 1, _s: 1, cb: Callback) => cb({ message: 5, responseCode: 451 }),
      [{ refused: "", code: undefined }],
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

describe("a callback hook whose promise is fulfilled without an answer is waited for, and warned about", () => {
  const silentHooks: Record<string, unknown> = {
    "with the callback": async (_a: 1, _s: 1, _cb: Callback) => {},
    "with rest": async (..._all: unknown[]) => {},
    "with a default": async (_a: 1, _s: 1, _cb: unknown = undefined) => {},
    "with arguments": new Function("return async function (a) { arguments.length; }")(),
  };
  for (const [name, hook] of Object.entries(silentHooks)) {
    test(name, async () => {
      const made = call(hook);
      await settled();
      expect(made.events).toEqual(["warned"]);
      expect(warnings).toHaveLength(1);
      expect(made.outcome).toBeInstanceOf(Promise);
    });
  }

  test("a promise that stays open: no warning", async () => {
    const made = call((_a: 1) => new Promise(() => {}));
    await settled();
    expect(made.events).toEqual([]);
    expect(made.outcome).toBeInstanceOf(Promise);
  });
});

describe("a hook that has neither its callback nor a promise crashes at once", () => {
  const MUTE: [string, unknown, string][] = [
    ["nothing", (_a: 1) => {}, "nothing"],
    ["nothing, no parameter", () => {}, "nothing"],
    ["true", (_a: 1) => true, "a value of type boolean"],
    ["a string", (_a: 1, _s: 1) => "ok", "a value of type string"],
    ["null", () => null, "a value of type object"],
    ["a generator", new Function("return function* (a) {}")(), "a value of type object"],
  ];
  test.each(MUTE)("it returns %s", (_, hook, returned) => {
    const { events, outcome } = call(hook);
    const [{ reported }, crashed, ...more] = events as [{ reported: string }, ...unknown[]];
    expect(reported).toStartWith(
      `onMailFrom can never answer: it does not declare its callback, and it returned ${returned} `,
    );
    expect([crashed, ...more]).toEqual(["crashed"]);
    expect(outcome).toBe("crashed");
    expect(warnings).toEqual([reported]);
  });

  test("onClose needs no answer", async () => {
    for (const hook of [(): void => {}, (_s: 1) => true, async () => {}, async (_s: 1, _cb: Callback) => {}])
      expect(call(hook, "onClose").events).toEqual([]);
    await settled();
    expect(warnings).toEqual([]);
  });
});

describe("what is made of the answer throws", () => {
  /** A continuation that throws so many times. */
  function failing(times: number): { events: unknown[]; then: (result: HookResult) => string } {
    const events: unknown[] = [];
    const then = ({ type }: HookResult): string => {
      events.push(type);
      if (events.filter((event) => typeof event === "string").length <= times) throw boom;
      return "made";
    };
    return { events, then };
  }
  const hooks: Record<string, unknown> = {
    "callback at once": (_a: 1, _s: 1, cb: Callback) => cb(),
    "callback later": (_a: 1, _s: 1, cb: Callback) => void setImmediate(cb),
    promise: async (_a: 1) => later(),
    "promise at once": async () => {},
  };
  for (const [name, hook] of Object.entries(hooks)) {
    const isSync = name === "callback at once";

    test(`once, ${name}: it is reported, and made of a crash instead`, async () => {
      const { events, then } = failing(1);
      const { outcome } = callHook(caller(events), "onMailFrom", hook as HookFunction, [1, 2], then);
      expect(outcome instanceof Promise).toBe(!isSync);
      expect(await outcome).toBe("made");
      expect(events).toEqual(["accepted", { reported: "boom" }, "crashed"]);
    });

    test(`twice, ${name}: the outcome fails, and nothing else does`, async () => {
      const { events, then } = failing(2);
      const made = callHook(caller(events), "onMailFrom", hook as HookFunction, [1, 2], then);
      const outcome = (async () => made.outcome)();
      expect(outcome).rejects.toBe(boom);
      await outcome.catch(() => {});
      expect(events).toEqual(["accepted", { reported: "boom" }, "crashed"]);
    });
  }

  test("the application that calls back gets no exception, and a second answer changes nothing", () => {
    const { events, then } = failing(2);
    const { callback } = callHook(
      caller(events),
      "onMailFrom",
      ((_a, _s, _cb) => {}) as HookFunction,
      [1, 2],
      then,
    );
    callback();
    callback(boom);
    callback(null, "text");
    expect(events).toEqual(["accepted", { reported: "boom" }, "crashed"]);
  });

  test("an error whose fields throw is a crash", () => {
    const { events } = call((_a: 1, _s: 1, cb: Callback) =>
      cb({
        get message() {
          throw boom;
        },
      }),
    );
    expect(events).toEqual([{ reported: "boom" }, "crashed"]);
  });
});

test("a hook gets its owner as this, and its arguments with the callback last", () => {
  const owner = {};
  let seen: unknown;
  const hook = function (this: unknown, ...args: unknown[]): void {
    seen = [this, args.slice(0, 2), typeof args[2], args.length];
  };
  callHook(caller([], owner), "onMailFrom", hook as HookFunction, ["a", "s"], () => 0);
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
