import { describe, expect, test } from "bun:test";
import {
  SMTPServer,
  type DataStream,
  type HookCallback,
  type SMTPServerOptions,
  type SMTPSession,
} from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { collectWarnings } from "../support/warnings.js";

type Callback = (error?: unknown, value?: unknown) => void;
/** A hook in a shape that the types need not allow: programs without types write these. */
type Loose = (...args: never[]) => unknown;

function withHook(name: string, hook: unknown, options: object = {}): SMTPServer {
  return makeServer({ [name]: hook, ...options } as SMTPServerOptions);
}

collectWarnings();

const refusal = (details: object = {}): Error => Object.assign(new Error("not you"), details);
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const compile = (source: string, ...values: unknown[]): Loose =>
  new Function("later", "refusal", `return ${source}`)(later, refusal, ...values) as Loose;

/** Shapes of onMailFrom, which stands for all: what MAIL hears. */
const SHAPES: Record<string, [Loose, string]> = {
  "callback at once": [(_a: 1, _s: 1, cb: Callback) => cb(), "250 Accepted"],
  "callback later": [(_a: 1, _s: 1, cb: Callback) => void setImmediate(cb), "250 Accepted"],
  "callback twice": [(_a: 1, _s: 1, cb: Callback) => (cb(refusal()), cb()), "550 not you"],
  "callback twice, later": [
    (_a: 1, _s: 1, cb: Callback) => void setImmediate(() => (cb(), cb(refusal()))),
    "250 Accepted",
  ],
  "callback with an error": [
    (_a: 1, _s: 1, cb: Callback) => cb(refusal({ responseCode: 553 })),
    "553 not you",
  ],
  "async, callback not declared": [async (_a: 1) => later(), "250 Accepted"],
  "async, no parameter": [async () => later(), "250 Accepted"],
  "async, no parameter, rejects": [async () => Promise.reject(refusal()), "550 not you"],
  "async, callback not declared, rejects": [async (_a: 1) => Promise.reject(refusal()), "550 not you"],
  "async, callback not declared, throws after a wait": [
    async (_a: 1) => {
      await later();
      throw refusal({ responseCode: 451 });
    },
    "451 not you",
  ],
  "async, rejects with undefined": [async (_a: 1) => Promise.reject(undefined), "550 Error: sender refused"],
  "async, rejects with a string": [async (_a: 1) => Promise.reject("no"), "550 Error: sender refused"],
  "async, callback declared, answers later": [
    async (_a: 1, _s: 1, cb: Callback) => void later().then(() => cb(refusal())),
    "550 not you",
  ],
  "async, callback declared, rejects": [
    async (_a: 1, _s: 1, _cb: Callback) => Promise.reject(refusal()),
    "451 Error: internal server error",
  ],
  throws: [compile("(a, s, cb) => { throw refusal(); }"), "451 Error: internal server error"],
  "throws with a responseCode of its own": [
    compile("(a, s, cb) => { throw refusal({ responseCode: 550 }); }"),
    "451 Error: internal server error",
  ],
  "throws, callback not declared": [
    compile("(a) => { throw refusal(); }"),
    "451 Error: internal server error",
  ],
  "async, no parameter, resolves, then answers by arguments": [
    compile("async function () { later().then(() => arguments[2](refusal())); }"),
    "550 not you",
  ],
  "rest parameters": [
    compile("async (...args) => { later().then(() => args[2](refusal())); }"),
    "550 not you",
  ],
  "rest behind a parameter": [
    compile("async (a, ...args) => { later().then(() => args[1](refusal())); }"),
    "550 not you",
  ],
  "default parameter": [
    compile("async (a, s, cb = () => {}) => { later().then(() => cb(refusal())); }"),
    "550 not you",
  ],
  "default before the callback": [
    compile("async (a, s = {}, cb) => { later().then(() => cb(refusal())); }"),
    "550 not you",
  ],
  arguments: [compile("async function (a) { later().then(() => arguments[2](refusal())); }"), "550 not you"],
  "bound, callback declared": [
    async function (this: unknown, _a: unknown, _s: unknown, cb: Callback) {
      void later().then(() => cb(refusal()));
    }.bind({}) as Loose,
    "550 not you",
  ],
  "bound, callback not declared": [
    async function (this: unknown, _a: unknown) {
      throw refusal();
    }.bind({}) as Loose,
    "451 Error: internal server error",
  ],
  "returns true and answers": [
    (_a: 1, _s: 1, cb: Callback) => (setImmediate(() => cb(refusal())), true),
    "550 not you",
  ],
  "a truthy non-Error": [(_a: 1, _s: 1, cb: Callback) => cb("no way"), "550 Error: sender refused"],
  true: [(_a: 1, _s: 1, cb: Callback) => cb(true), "550 Error: sender refused"],
  "an error without a message": [
    (_a: 1, _s: 1, cb: Callback) => cb(new Error()),
    "550 Error: sender refused",
  ],
  "a message that is a number": [
    (_a: 1, _s: 1, cb: Callback) => cb(refusal({ message: 5 })),
    "550 Error: sender refused",
  ],
  "a message that is an object, later": [
    (_a: 1, _s: 1, cb: Callback) => void setImmediate(() => cb(refusal({ message: {} }))),
    "550 Error: sender refused",
  ],
  "a message that cannot be read, later": [
    compile("(a, s, cb) => void later().then(() => cb({ get message() { throw refusal(); } }))"),
    "451 Error: internal server error",
  ],
  "a message with CR, LF and controls": [
    (_a: 1, _s: 1, cb: Callback) => cb(new Error("a\r\n250 b\0c")),
    "550 a  250 b c",
  ],
};

describe("onMailFrom", () => {
  for (const [name, [hook, reply]] of Object.entries(SHAPES)) {
    test(name, async () => {
      const client = await hello(withHook("onMailFrom", hook));
      expect(await client.say("MAIL FROM:<a@a.test>")).toBe(reply);
      expect(await client.say("NOOP")).toBe("250 OK");
    });
  }

  const codes: [unknown, string][] = [
    [421, "421 not you"],
    [400, "400 not you"],
    [599, "599 not you"],
    ["451", "451 not you"],
    [250, "550 not you"],
    [334, "550 not you"],
    [600, "550 not you"],
    [399, "550 not you"],
    [NaN, "550 not you"],
    [Infinity, "550 not you"],
    [450.5, "550 not you"],
    [-450, "550 not you"],
    ["4.5.0", "550 not you"],
    ["0451", "550 not you"],
    ["451.0", "550 not you"],
    ["451\r\n250 OK", "550 not you"],
    ["EREFUSED", "550 not you"],
    [null, "550 not you"],
    [{}, "550 not you"],
    [[451], "550 not you"],
  ];
  for (const [responseCode, reply] of codes) {
    test(`responseCode ${JSON.stringify(responseCode)}`, async () => {
      const client = await hello(
        withHook("onMailFrom", (_a: 1, _s: 1, cb: Callback) => cb(refusal({ responseCode }))),
      );
      expect(await client.say("MAIL FROM:<a@a.test>")).toBe(reply);
      expect(await client.say("NOOP")).toBe(responseCode === 421 ? undefined : "250 OK");
    });
  }

  const enhanced: [unknown, string][] = [
    ["5.7.1", "550 5.7.1 not you"],
    ["5.999.999", "550 5.999.999 not you"],
    ["4.7.1", "550 5.1.1 not you"],
    ["5.7", "550 5.1.1 not you"],
    ["5.7.1 250 OK", "550 5.1.1 not you"],
    ["", "550 5.1.1 not you"],
    [5, "550 5.1.1 not you"],
    [false, "550 5.1.1 not you"],
    [null, "550 5.1.1 not you"],
    [{}, "550 5.1.1 not you"],
  ];
  test.each(enhanced)("enhancedCode %p", async (enhancedCode, reply) => {
    const server = withHook("onMailFrom", (_a: 1, _s: 1, cb: Callback) => cb(refusal({ enhancedCode })));
    server.options.hideENHANCEDSTATUSCODES = false;
    const client = await hello(server);
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe(reply);
    expect(await client.say("NOOP")).toBe("250 2.0.0 OK");
  });
});

describe("each hook: its default code, the reply to a throw, and that it answers before anything goes on", () => {
  const BEFORE: Record<string, [string[], string, string]> = {
    onConnect: [[], "554 Error: connection refused", "451 Error: internal server error"],
    onMailFrom: [["MAIL FROM:<a@a.test>"], "550 Error: sender refused", "451 Error: internal server error"],
    onRcptTo: [
      ["MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>"],
      "550 Error: recipient refused",
      "451 Error: internal server error",
    ],
    onData: [
      ["MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA", "hi\r\n."],
      "450 Error: message refused",
      "451 Error: internal server error",
    ],
    onAuth: [
      ["AUTH PLAIN AHUAcA=="],
      "535 Error: Authentication credentials invalid",
      "451 Error: internal server error",
    ],
  };
  const run = async (
    server: SMTPServer,
    lines: string[],
  ): Promise<{ client: MemoryClient; last: string | undefined }> => {
    const client = new MemoryClient(server);
    let last = await client.reply();
    if (lines.length > 0) await client.say("EHLO client.test");
    for (const line of lines) last = await client.say(line);
    return { client, last };
  };
  for (const [name, [lines, refused, crashed]] of Object.entries(BEFORE)) {
    const isOpening = name === "onConnect";
    const options = { allowInsecureAuth: true };
    const refusing = (...args: Callback[]): void => args.at(-1)?.(true);

    test(`${name} refuses`, async () => {
      const { client, last } = await run(withHook(name, refusing, options), lines);
      expect(last).toBe(refused);
      expect(await client.say("NOOP")).toBe(isOpening ? undefined : "250 OK");
    });

    test(`${name} throws: 451, the error is reported, the process lives`, async () => {
      const server = withHook(
        name,
        () => {
          throw refusal();
        },
        options,
      );
      const errors: unknown[] = [];
      server.on("error", (error) => errors.push(error.message));
      const { client, last } = await run(server, lines);
      expect(last).toBe(crashed);
      expect(errors).toEqual(["not you"]);
      expect(await client.say("NOOP")).toBe(isOpening ? undefined : "250 OK");
    });

    test(`${name} throws and the event has no listener`, async () => {
      const { last } = await run(
        withHook(
          name,
          () => {
            throw refusal();
          },
          options,
        ),
        lines,
      );
      expect(last).toBe(crashed);
    });

    test(`${name} never answers: nothing is said, not even to what is pipelined behind; the client may leave`, async () => {
      let closes = 0;
      const server = withHook(name, (_a: 1, _s: 1, _cb: 1) => {}, {
        ...options,
        onClose: () => void closes++,
      });
      const client = new MemoryClient(server);
      if (!isOpening) {
        await client.reply();
        await client.say("EHLO client.test");
      }
      for (const line of lines.slice(0, -1)) await client.say(line);
      if (!isOpening) client.send(`${lines.at(-1)}\r\nNOOP\r\n`);
      expect(await client.idle()).toBe("");
      await client.leave();
      expect([closes, server.connections.size]).toEqual([1, 0]);
    });
  }

  test("onSecure refuses: 554 and close", async () => {
    const server = withHook("onSecure", (_so: 1, _s: 1, cb: Callback) => cb(true));
    const client = await hello(server);
    await client.say("STARTTLS");
    client.transport.handshake();
    expect(await client.reply()).toBe("554 Error: connection refused");
    expect(await client.reply()).toBeUndefined();
  });

  test("onSecure throws: 451 and close", async () => {
    const server = withHook("onSecure", () => {
      throw refusal();
    });
    const client = await hello(server);
    await client.say("STARTTLS");
    client.transport.handshake();
    expect(await client.reply()).toBe("451 Error: internal server error");
    expect(await client.reply()).toBeUndefined();
  });

  test("onSecure that waits: what follows waits too", async () => {
    let answer = (): void => {};
    const server = withHook("onSecure", (_so: 1, _s: 1, cb: Callback) => void (answer = () => cb()));
    const client = await hello(server);
    await client.say("STARTTLS");
    client.transport.handshake();
    client.send("EHLO again.test\r\n");
    expect(await client.idle()).toBe("");
    answer();
    expect(await client.reply()).toContain("Nice to meet you");
  });
});

const read = async (stream: DataStream): Promise<string> => new Response(stream).text();

describe("onData", () => {
  const smtp: [string, Loose, string][] = [
    [
      "no text",
      (s: DataStream, _x: 1, cb: Callback) => void read(s).then(() => cb()),
      "250 OK: message queued",
    ],
    [
      "a text",
      (s: DataStream, _x: 1, cb: Callback) => void read(s).then(() => cb(null, "stored")),
      "250 stored",
    ],
    ["a promise of a text", async (s: DataStream) => (await read(s), "stored"), "250 stored"],
    ["a promise of nothing", async (s: DataStream) => void (await read(s)), "250 OK: message queued"],
    [
      "a rejection",
      async (s: DataStream) => (await read(s), Promise.reject(refusal({ responseCode: 554 }))),
      "554 not you",
    ],
    ["an answer before the end", (_s: 1, _x: 1, cb: Callback) => cb(null, "early"), "250 early"],
    ["a refusal before the end", (_s: 1, _x: 1, cb: Callback) => cb(refusal()), "450 not you"],
    [
      "an array: its first text",
      (_s: 1, _x: 1, cb: Callback) => cb(null, [undefined, "one", "two"]),
      "250 one",
    ],
    [
      "an array: its first Error",
      (_s: 1, _x: 1, cb: Callback) => cb(null, ["one", refusal(), new Error("x")]),
      "450 not you",
    ],
    ["an empty array", (_s: 1, _x: 1, cb: Callback) => cb(null, []), "250 OK: message queued"],
    ["a number for a text", (_s: 1, _x: 1, cb: Callback) => cb(null, 7), "250 OK: message queued"],
    ["a text with CRLF", (_s: 1, _x: 1, cb: Callback) => cb(null, "a\r\n550 b"), "250 a  550 b"],
    [
      "a throw after reading began",
      compile("(s) => { s.resume(); throw refusal(); }"),
      "451 Error: internal server error",
    ],
    [
      "a cancelled stream",
      (s: DataStream, _x: 1, cb: Callback) => void s.cancel().then(() => cb()),
      "250 OK: message queued",
    ],
    [
      "a destroyed stream",
      (s: DataStream, _x: 1, cb: Callback) => (s.destroy(), cb(refusal())),
      "450 not you",
    ],
  ];
  for (const [name, hook, reply] of smtp) {
    test(`SMTP: ${name}`, async () => {
      const client = await hello(withHook("onData", hook));
      expect(await client.deliver()).toBe(reply);
      expect(await client.say("NOOP")).toBe("250 OK");
    });
  }

  const ok = "250 OK: message accepted";
  const lmtp: [string, Loose, string[]][] = [
    ["no text", (_s: 1, _x: 1, cb: Callback) => cb(), [ok, ok, ok]],
    [
      "a text for all",
      (_s: 1, _x: 1, cb: Callback) => cb(null, "stored"),
      ["250 stored", "250 stored", "250 stored"],
    ],
    [
      "an error for all",
      (_s: 1, _x: 1, cb: Callback) => cb(refusal()),
      ["450 not you", "450 not you", "450 not you"],
    ],
    [
      "an array, later answers missing",
      (_s: 1, _x: 1, cb: Callback) => cb(null, ["one", refusal({ responseCode: 552 })]),
      ["250 one", "552 not you", ok],
    ],
    [
      "an array with a hole",
      (_s: 1, _x: 1, cb: Callback) => cb(null, [undefined, "two", 3]),
      [ok, "250 two", ok],
    ],
    [
      "an array that is too long",
      (_s: 1, _x: 1, cb: Callback) => cb(null, ["1", "2", "3", "4"]),
      ["250 1", "250 2", "250 3"],
    ],
    ["a promise of an array", async (_s: 1) => ["1", refusal(), "3"], ["250 1", "450 not you", "250 3"]],
    [
      "a throw",
      compile("() => { throw refusal(); }"),
      Array<string>(3).fill("451 Error: internal server error"),
    ],
  ];
  for (const [name, hook, replies] of lmtp) {
    test(`LMTP: ${name}`, async () => {
      const client = await hello(withHook("onData", hook, { lmtp: true }));
      await client.envelope("1@b.test", "2@b.test", "3@b.test");
      await client.say("DATA");
      client.send("hi\r\n.\r\n");
      const heard = [await client.reply(), await client.reply(), await client.reply()];
      expect(heard).toEqual(replies);
      expect(await client.say("NOOP")).toBe("250 OK");
    });
  }

  test("a late answer of message 1 never reaches message 2", async () => {
    const answers: Callback[] = [];
    const server = withHook("onData", (_s: 1, _x: 1, cb: Callback) => {
      answers.push(cb);
      if (answers.length === 1) cb(refusal());
    });
    const client = await hello(server);
    expect(await client.deliver()).toBe("450 not you");
    await client.envelope();
    await client.say("DATA");
    client.send("hi\r\n.\r\n");
    answers[0]?.(null, "of the first");
    expect(await client.idle()).toBe("");
    answers[1]?.(null, "of the second");
    expect(await client.reply()).toBe("250 of the second");
  });

  test("a late answer of MAIL never reaches the next MAIL", async () => {
    const answers: Callback[] = [];
    const server = withHook("onMailFrom", (_a: 1, _s: 1, cb: Callback) => void answers.push(cb));
    const client = await hello(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    answers[0]?.(refusal());
    expect(await client.reply()).toBe("550 not you");
    client.send("MAIL FROM:<b@a.test>\r\n");
    answers[0]?.();
    expect(await client.idle()).toBe("");
    answers[1]?.(refusal({ responseCode: 553 }));
    expect(await client.reply()).toBe("553 not you");
  });

  test.each<[string, (client: MemoryClient) => unknown, string]>([
    ["leaves", (client) => client.leave(), "Connection closed before the message was received in full"],
    [
      "resets the transaction",
      (client) => client.say("RSET"),
      "The transaction was reset before the message was received in full",
    ],
  ])(
    "a client that %s in the middle: the stream errors, and the answer goes nowhere",
    async (_name, stop, message) => {
      let failure: unknown;
      const server = withHook(
        "onData",
        (s: DataStream, _x: 1, cb: Callback) =>
          void read(s).catch((error: unknown) => {
            failure = error;
            cb();
          }),
      );
      const client = await hello(server);
      await client.envelope();
      await client.say("BDAT 11\r\nhalf a mess");
      await stop(client);
      while (!failure) await later();
      expect(failure).toMatchObject({ name: "SMTPError", code: "ECONNECTION", message });
      expect(client.transport.output).toBe("");
    },
  );
});

describe("where a hook comes from", () => {
  const refusing =
    (text: string) =>
    (_a: unknown, _s: unknown, cb: HookCallback): void =>
      cb(new Error(text));
  const mail = async (server: SMTPServer): Promise<string | undefined> =>
    (await hello(server)).say("MAIL FROM:<a@a.test>");

  for (const none of [undefined, null, false, 0, ""]) {
    test(`${JSON.stringify(none)} is none`, async () => {
      expect(await mail(withHook("onMailFrom", none))).toBe("250 Accepted");
    });
  }

  test("assigned later, between two commands of one connection", async () => {
    const server = makeServer();
    const client = await hello(server);
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("250 Accepted");
    await client.say("RSET");
    server.onMailFrom = refusing("assigned");
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("550 assigned");
  });

  test("the option changed later; the last one to say something wins", async () => {
    const server = withHook("onMailFrom", refusing("option"));
    expect(await mail(server)).toBe("550 option");
    server.options.onMailFrom = refusing("changed option");
    expect(await mail(server)).toBe("550 changed option");
    server.onMailFrom = refusing("assigned");
    expect(await mail(server)).toBe("550 assigned");
    server.options.onMailFrom = refusing("option again");
    expect(await mail(server)).toBe("550 option again");
    // Not in the type, where it would be in the way of calling an option.
    Object.assign(server.options, { onMailFrom: false });
    expect(await mail(server)).toBe("250 Accepted");
  });

  test("overridden, with super", async () => {
    class Strict extends SMTPServer {
      override onMailFrom(...[address, session, callback]: Parameters<SMTPServer["onMailFrom"]>): void {
        if (address.address === "bad@a.test") return callback(new Error("overridden"));
        super.onMailFrom(address, session, callback);
      }
    }
    const client = await hello(
      new Strict({ name: "mx.test", authOptional: true, disableReverseLookup: true }),
    );
    expect(await client.chat("MAIL FROM:<bad@a.test>", "MAIL FROM:<a@a.test>")).toEqual([
      "550 overridden",
      "250 Accepted",
    ]);
  });

  test("an async override without the callback", async () => {
    class Strict extends SMTPServer {
      override async onMailFrom(_address: unknown): Promise<void> {
        await later();
        throw new Error("overridden");
      }
    }
    const client = await hello(new Strict({ authOptional: true, disableReverseLookup: true }));
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("550 overridden");
  });

  test("base onAuth: 535 Authentication not implemented", async () => {
    const client = await hello(makeServer({ allowInsecureAuth: true }));
    expect(await client.say("AUTH PLAIN AHUAcA==")).toBe("535 Authentication not implemented");
  });

  test("this is the server, also for an option", async () => {
    let owner: unknown;
    const server = withHook("onMailFrom", function (this: unknown, _a: 1, _s: 1, cb: Callback) {
      owner = this;
      cb();
    });
    await mail(server);
    expect(owner).toBe(server);
  });
});

describe("onClose: always, once", () => {
  const endings: Record<string, [SMTPServerOptions, (client: MemoryClient) => unknown]> = {
    "the client leaves before HELO": [{}, (client) => client.transport.fin()],
    QUIT: [{}, (client) => client.say("QUIT")],
    "a refused onConnect": [{ onConnect: (_s, cb) => cb(new Error("no")) }, (client) => client.reply()],
    "an onConnect that throws": [
      { onConnect: compile("() => { throw refusal(); }") as never },
      (client) => client.reply(),
    ],
    "an onConnect that never answers": [
      { onConnect: (_s: SMTPSession, _cb: unknown) => {} },
      (client) => client.idle(),
    ],
    "in DATA": [
      {},
      async (client) => {
        await client.chat("EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA");
        client.send("half");
      },
    ],
    "in a handshake": [{}, (client) => client.chat("EHLO x", "STARTTLS")],
  };
  for (const [name, [options, act]] of Object.entries(endings)) {
    test(name, async () => {
      const sessions: SMTPSession[] = [];
      const server = makeServer({ ...options, onClose: (session) => void sessions.push(session) });
      const client = new MemoryClient(server);
      if (!options.onConnect) await client.reply();
      const { session } = [...server.connections][0] ?? {};
      await act(client);
      await client.leave();
      await client.leave();
      expect(sessions).toHaveLength(1);
      if (session) expect(sessions[0]).toBe(session);
      expect(server.connections.size).toBe(0);
    });
  }

  test("maxClients", async () => {
    let closes = 0;
    const server = makeServer({ maxClients: 1, onClose: () => void closes++ });
    const first = new MemoryClient(server);
    const second = new MemoryClient(server);
    expect(await second.reply()).toBe("421 mx.test Too many connected clients, try again in a moment");
    expect(await second.reply()).toBeUndefined();
    await second.leave();
    expect(closes).toBe(1);
    await first.leave();
    expect(closes).toBe(2);
  });

  for (const [name, onClose] of Object.entries({
    "calls its callback": (_session: SMTPSession, callback: HookCallback) => callback(new Error("ignored")),
    throws: () => {
      throw refusal();
    },
    rejects: async (_session: SMTPSession) => Promise.reject(refusal()),
  })) {
    test(`a hook that ${name} does no harm`, async () => {
      const server = makeServer({ onClose });
      const client = await hello(server);
      await client.leave();
      expect(server.connections.size).toBe(0);
      expect(await (await hello(server)).say("NOOP")).toBe("250 OK");
    });
  }
});

describe("onClose that fails: nothing waits for it, and the error is reported", () => {
  const hooks: Record<string, Loose> = {
    "rejects, one parameter": async (_s: 1) => Promise.reject(new Error("boom")),
    "rejects, with the callback": async (_s: 1, _cb: 1) => Promise.reject(new Error("boom")),
    "rejects, no parameter": async () => Promise.reject(new Error("boom")),
    throws: (_s: 1) => {
      throw new Error("boom");
    },
  };
  test.each(Object.entries(hooks))("%s", async (_name, onClose) => {
    const server = makeServer({ onClose: onClose as never });
    const errors: Error[] = [];
    server.on("error", (error) => errors.push(error));
    const client = await hello(server);
    await client.leave();
    expect(errors.map(({ message }) => message)).toEqual(["boom"]);
  });

  test("what it gives to its callback does nothing", async () => {
    const server = makeServer({ onClose: (_session, callback) => callback?.(new Error("boom")) });
    const errors: Error[] = [];
    server.on("error", (error) => errors.push(error));
    await (await hello(server)).leave();
    expect(errors).toEqual([]);
  });
});
