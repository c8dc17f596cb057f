import { describe, expect, test } from "bun:test";
import type { SMTPServerOptions } from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { collectWarnings } from "../support/warnings.js";

const warnings = collectWarnings();

type Callback = (error?: unknown, value?: unknown) => void;
type Logged = [level: string, text: string];

/** A server that keeps what it logs and emits. */
function watched(options: object): {
  server: ReturnType<typeof makeServer>;
  errors: Error[];
  logged: Logged[];
} {
  const logged: Logged[] = [];
  const log =
    (level: string) =>
    (_entry: object, text: string, ...args: unknown[]) =>
      void logged.push([level, args.reduce<string>((line, arg) => line.replace("%s", String(arg)), text)]);
  const logger = { warn: log("warn"), error: log("error") };
  const server = makeServer({ logger, allowInsecureAuth: true, ...options } as SMTPServerOptions);
  const errors: Error[] = [];
  server.on("error", (error) => errors.push(error));
  return { server, errors, logged };
}

const CRASHED = "451 Error: internal server error";

describe("a hook that can never answer: 451 at once, and what to do about it", () => {
  const ENVELOPE = ["EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>"];
  const SCENES: [hook: string, lines: string[], closes: boolean, signature: string][] = [
    ["onConnect", [], true, "onConnect(session, callback)"],
    ["onSecure", ["EHLO x", "STARTTLS"], true, "onSecure(socket, session, callback)"],
    ["onHelo", ["EHLO x"], false, "onHelo(session, callback)"],
    ["onAuth", ["EHLO x", "AUTH PLAIN AHUAcA=="], false, "onAuth(auth, session, callback)"],
    ["onMailFrom", ENVELOPE.slice(0, 2), false, "onMailFrom(address, session, callback)"],
    ["onRcptTo", ENVELOPE, false, "onRcptTo(address, session, callback)"],
    ["onData", [...ENVELOPE, "DATA", "hi\r\n."], false, "onData(stream, session, callback)"],
  ];
  test.each(SCENES)("%s", async (hook, lines, closes, signature) => {
    const { server, errors, logged } = watched({ [hook]: (_first: unknown) => {} });
    const play = async (): Promise<void> => {
      const client = new MemoryClient(server);
      let reply = await client.reply();
      for (const line of lines) reply = await client.say(line);
      if (hook === "onSecure") {
        client.transport.handshake();
        reply = await client.reply();
      }
      expect(reply).toBe(CRASHED);
      expect(await client.say("NOOP")).toBe(closes ? undefined : "250 OK");
      client.transport.fin();
    };
    await play();

    const [warning = ""] = warnings;
    expect(warning).toStartWith(`${hook} can never answer`);
    expect(warning).toContain(`Make it async, or declare the callback: ${signature}`);
    expect(warning).toContain("docs/guide/common-mistakes.md");
    expect(errors).toMatchObject([{ message: warning, code: "ENOANSWER" }]);
    expect(logged).toContainEqual(["error", `${hook} failed: ${warning}`]);

    await play();
    expect(warnings).toHaveLength(1);
    expect(errors).toHaveLength(2);
  });

  test("LMTP: one for each recipient", async () => {
    const client = await hello(makeServer({ lmtp: true, onData: (_stream: unknown) => "stored" }));
    await client.envelope("a@b.test", "b@b.test");
    await client.say("DATA");
    client.send("hi\r\n.\r\n");
    expect([await client.reply(), await client.reply()]).toEqual([CRASHED, CRASHED]);
    expect(await client.say("NOOP")).toBe("250 OK");
  });

  test("the warning has no value of the application in it", async () => {
    const client = await hello(makeServer({ onMailFrom: () => "secret" }));
    await client.say("MAIL FROM:<a@a.test>");
    expect(warnings[0]).toContain("a value of type string");
    expect(warnings[0]).not.toContain("secret");
  });
});

describe("a callback hook whose promise is fulfilled before it has answered: a warning, and the wait goes on", () => {
  const UNDECLARED =
    "because it may reach the callback without declaring it (it has a default or rest parameter, uses the word " +
    "arguments, or is bound, native or a Proxy)";
  const forgetful: Record<string, [unknown, string]> = {
    declared: [async (_a: 1, _s: 1, _callback: 1) => {}, "because it declares the callback"],
    rest: [async (..._all: 1[]) => {}, UNDECLARED],
    default: [async (_a: 1, _s = {}) => {}, UNDECLARED],
    bound: [(async () => {}).bind(null), UNDECLARED],
    "a Proxy that shows nothing": [
      new Proxy(async (_a: 1, _s: 1, _callback: 1) => {}, {
        get: () => {
          throw new Error("not for you");
        },
      }),
      UNDECLARED,
    ],
  };
  test.each(Object.entries(forgetful))("%s", async (_, [onMailFrom, reason]) => {
    const { server, errors, logged } = watched({ onMailFrom });
    const client = await hello(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    expect(await client.idle()).toBe("");
    const [warning = ""] = warnings;
    expect(warning).toStartWith("onMailFrom has not called its callback, but its promise is fulfilled.");
    expect(warning).toContain(` Only the callback answers, ${reason}: `);
    expect(warning).toContain(
      "call it, or write async onMailFrom(address, session) to answer by the promise",
    );
    expect(process.emitWarning).toHaveBeenCalledWith(warning, { type: "SMTPServerWarning", code: "HOOK" });
    expect(logged).toEqual([["warn", warning]]);
    expect(errors).toEqual([]);

    const second = await hello(server);
    second.send("MAIL FROM:<a@a.test>\r\n");
    expect(await second.idle()).toBe("");
    expect(warnings).toHaveLength(1);
    expect(logged).toHaveLength(1);
  });

  test("the answer that comes then counts", async () => {
    let answer: Callback = () => {};
    const onMailFrom = async (_a: 1, _s: 1, callback: Callback): Promise<void> => void (answer = callback);
    const client = await hello(makeServer({ onMailFrom } as object));
    client.send("MAIL FROM:<a@a.test>\r\n");
    expect(await client.idle()).toBe("");
    expect(warnings).toHaveLength(1);
    answer(new Error("not you"));
    expect(await client.reply()).toBe("550 not you");
  });

  test("each hook of a server has its own warning", async () => {
    const forgets = async (_a: unknown, _s: unknown, _callback: unknown): Promise<void> => {};
    const server = makeServer({ onMailFrom: forgets });
    const first = await hello(server);
    first.send("MAIL FROM:<a@a.test>\r\n");
    await first.idle();
    server.options.onMailFrom = undefined;
    server.options.onRcptTo = forgets;
    const second = await hello(server);
    second.send("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n");
    await second.idle();
    expect(warnings.map((text) => text.split(" ")[0])).toEqual(["onMailFrom", "onRcptTo"]);
  });
});

describe("no warning", () => {
  const calls: Record<string, unknown> = {
    "an answer before the promise": async (_a: 1, _s: 1, callback: Callback) => callback(),
    "an answer after a wait": async (_a: 1, _s: 1, callback: Callback) => {
      await new Promise((resolve) => setImmediate(resolve));
      callback();
    },
    "an answer by the promise": async () => {},
    "a callback that is called later, without a promise": (_a: 1, _s: 1, callback: Callback) =>
      void setImmediate(callback),
  };
  test.each(Object.entries(calls))("for %s", async (_, onMailFrom) => {
    const client = await hello(makeServer({ onMailFrom } as object));
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("250 Accepted");
    await client.idle();
    expect(warnings).toEqual([]);
  });

  test("for onClose, whatever it returns", async () => {
    for (const onClose of [
      () => {},
      () => 1,
      async () => {},
      async (_s: unknown, _callback: unknown) => {},
    ]) {
      const client = await hello(makeServer({ onClose }));
      await client.leave();
    }
    expect(warnings).toEqual([]);
  });

  /** Stops at the error of the stream, as a program may that knows that its answer does not count any more. */
  const givesUp = {
    async onData(stream: AsyncIterable<unknown>, _session: unknown, callback: () => void): Promise<void> {
      try {
        for await (const _ of stream);
      } catch {
        return;
      }
      callback();
    },
  };
  const ENDS: Record<string, (client: MemoryClient) => unknown> = {
    "the client leaves": async (client) => {
      await client.say("DATA");
      await client.leave();
    },
    "RSET between two chunks": async (client) => {
      await client.say("BDAT 6\r\nhell");
      await client.say("RSET");
    },
    "a bare newline": async (client) => {
      await client.say("DATA");
      expect(await client.say("a\nb\r\n.")).toStartWith("550");
    },
    "a chunk that is too big": async (client) => {
      await client.say("BDAT 6\r\nhell");
      expect(await client.say(`BDAT 200 LAST\r\n${"x".repeat(198)}`)).toStartWith("552");
    },
  };
  test.each(Object.entries(ENDS))("for a message that has failed: %s", async (_, end) => {
    const client = await hello(makeServer({ size: 100, ...givesUp } as SMTPServerOptions));
    await client.envelope();
    await end(client);
    await client.idle();
    expect(warnings).toEqual([]);
  });

  test("for a client that is gone", async () => {
    let leave = (): void => {};
    const onMailFrom = async (_a: 1, _s: 1, _callback: Callback): Promise<void> =>
      new Promise((resolve) => (leave = resolve));
    const client = await hello(makeServer({ onMailFrom } as never));
    client.send("MAIL FROM:<a@a.test>\r\n");
    await client.leave();
    leave();
    await client.idle();
    expect(warnings).toEqual([]);
  });
});

test("a hook that has not answered for socketTimeout: a warning, without a logger too", async () => {
  const clock = new TestClock();
  const server = makeServer({ socketTimeout: 10_000, onMailFrom: (_a, _s, _callback) => {} }, clock);
  for (let time = 0; time < 2; time++) {
    const client = await hello(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    clock.pass(20_000);
    await client.leave();
  }
  expect(warnings).toEqual([
    expect.stringContaining("onMailFrom has not answered for 10000 ms, and its client waits."),
  ]);
});

describe("a promise that is fulfilled with what was probably meant as a refusal: a warning, and it accepts", () => {
  const MISTAKEN: [hook: string, value: unknown, warning: string][] = [
    ["onMailFrom", false, "onMailFrom has answered false, and that accepts. To refuse, throw an error."],
    [
      "onRcptTo",
      new Error("no"),
      "onRcptTo has answered an Error, and that accepts. To refuse, throw an error.",
    ],
    ["onData", false, "onData has answered false, and that accepts. To refuse, throw an error."],
  ];
  test.each(MISTAKEN)("%s", async (hook, value, warning) => {
    const { server, logged, errors } = watched({ onData: async () => {}, [hook]: async () => value });
    for (let time = 0; time < 2; time++) {
      const client = await hello(server);
      await client.envelope();
      await client.say("DATA");
      expect(await client.say("hi\r\n.")).toBe("250 OK: message queued");
    }
    expect(warnings).toEqual([expect.stringContaining(warning)]);
    expect(logged).toEqual([["warn", warnings[0] as string]]);
    expect(errors).toEqual([]);
  });

  test.each([[true], [{ username: "ann" }], ["ann"], [1]])("onAuth: %p", async (value) => {
    const { server } = watched({ onAuth: async () => value });
    const client = await hello(server);
    expect(await client.say("AUTH PLAIN AHUAcA==")).toStartWith("535 ");
    expect(warnings).toEqual([
      expect.stringContaining(
        "onAuth has answered without a user, and that refuses the login. Return { user } to accept it.",
      ),
    ]);
  });

  const MEANT: [hook: string, value: unknown][] = [
    ["onConnect", undefined],
    ["onHelo", { keywords: ["X-OURS"] }],
    ["onAuth", undefined],
    ["onAuth", null],
    ["onAuth", {}],
    ["onAuth", { user: "ann" }],
    ["onAuth", { message: "no" }],
    ["onAuth", { data: { status: "401" } }],
    ["onAuth", { credentials: { password: "secret" } }],
    ["onAuth", { responseCode: 454 }],
    ["onMailFrom", null],
    ["onRcptTo", 0],
    ["onData", "stored"],
    ["onData", new Error("no")],
    ["onClose", false],
    [
      "onAuth",
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error("not for you");
          },
        },
      ),
    ],
  ];
  test.each(MEANT)("none for %s", async (hook, value) => {
    const client = await hello(watched({ [hook]: async () => value }).server);
    await client.say("AUTH PLAIN AHUAcA==");
    await client.envelope();
    await client.say("DATA");
    await client.say("hi\r\n.");
    await client.leave();
    expect(warnings).toEqual([]);
  });
});

describe("a rejection that is probably not about the client: a warning, and the client gets the error", () => {
  const FAILED: [kind: string, error: unknown][] = [
    ["a TypeError", new TypeError("null is no object")],
    ["a ReferenceError", new ReferenceError("x is not defined")],
    ["a SyntaxError", new SyntaxError("no JSON")],
    ["a RangeError", new RangeError("too long")],
    ["a TimeoutError", new DOMException("The operation timed out.", "TimeoutError")],
    ["ENOENT", Object.assign(new Error("no such file"), { code: "ENOENT", syscall: "open" })],
    [
      "ConnectionRefused",
      Object.assign(new Error("Unable to connect"), { code: "ConnectionRefused", errno: 0 }),
    ],
  ];
  test.each(FAILED)("%s", async (kind, error) => {
    const { server, logged, errors } = watched({
      onMailFrom: async () => {
        throw error;
      },
    });
    const client = await hello(server);
    for (let time = 0; time < 2; time++)
      expect(await client.say("MAIL FROM:<a@a.test>")).toBe(`550 ${(error as Error).message}`);
    const warning =
      `onMailFrom has failed with ${kind}, and the client got that error as a refusal. Catch it, or give it a ` +
      "responseCode: 451 lets the client try again.";
    expect(warnings).toEqual([expect.stringContaining(warning)]);
    const [text = ""] = warnings;
    expect(logged).toEqual([
      ["warn", text],
      ["warn", text],
    ]);
    expect(errors).toEqual([]);
    expect(text).not.toContain((error as Error).message);
  });

  test("the log entry has the error", async () => {
    const error = new TypeError("null is no object");
    const entries: object[] = [];
    const server = makeServer({
      logger: { warn: (entry) => void entries.push(entry) },
      onMailFrom: async () => {
        throw error;
      },
    });
    await (await hello(server)).say("MAIL FROM:<a@a.test>");
    expect(entries).toMatchObject([{ tnx: "hook", err: error }]);
  });

  const MEANT: [what: string, error: unknown][] = [
    ["an Error", new Error("no")],
    ["no error at all", undefined],
    ["a text", "no"],
    ["an object that is no Error", { name: "TypeError", message: "no" }],
    ["one with a reply code", Object.assign(new TypeError("no"), { responseCode: 451 })],
    ["one with a code of the application", Object.assign(new Error("no"), { code: "NOT_OURS" })],
    [
      "one that cannot be read",
      Object.defineProperty(new Error("no"), "name", {
        get: () => {
          throw new Error("not for you");
        },
      }),
    ],
  ];
  test.each(MEANT)("none for %s", async (_, error) => {
    const { server } = watched({
      onMailFrom: async () => {
        throw error;
      },
    });
    expect(await (await hello(server)).say("MAIL FROM:<a@a.test>")).toMatch(/^[45]5\d /);
    expect(warnings).toEqual([]);
  });

  test("none for work that stops because the client is gone", async () => {
    const { server } = watched({
      onMailFrom: async (_address: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () =>
            reject(Object.assign(signal.reason as Error, { syscall: "read" })),
          ),
        ),
    });
    const client = await hello(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    await client.leave();
    await client.idle();
    expect(warnings).toEqual([]);
  });
});
