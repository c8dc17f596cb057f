import { afterAll, afterEach, describe, expect, spyOn, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { format } from "node:util";
import { SMTPServer, type Logger, type SMTPServerOptions } from "../src/index.js";
import { hello, makeServer, MemoryClient } from "./support/client.js";
import { TestClock } from "./support/clock.js";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
const b64 = (text: string): string => Buffer.from(text).toString("base64");

interface Entry {
  level: string;
  entry: Record<string, unknown>;
  text: string;
  args: unknown[];
}

/** A logger that keeps all it gets. */
function recorder(): { logger: Logger; entries: Entry[] } {
  const entries: Entry[] = [];
  const logger = Object.fromEntries(
    LEVELS.map((level) => [
      level,
      (entry: Record<string, unknown>, text = "", ...args: unknown[]) =>
        entries.push({ level, entry, text: String(text), args }),
    ]),
  );
  return { logger: logger as Logger, entries };
}

const spies = [spyOn(console, "log"), spyOn(console, "error")].map((spy) => spy.mockImplementation(() => {}));
const onConsole = (): unknown[][] => spies.flatMap((spy) => spy.mock.calls);
afterEach(() => {
  for (const spy of spies) spy.mockClear();
});
afterAll(() => {
  for (const spy of spies) spy.mockRestore();
});

/** Greeting, a message and QUIT. */
async function visit(server: SMTPServer, from?: string): Promise<void> {
  const client = await hello(server, from);
  expect(await client.deliver()).toBe("250 OK: message queued");
  await client.say("QUIT");
  await client.leave();
}

describe("option logger", () => {
  for (const logger of [false, null, undefined]) {
    test(`${logger}: not a word`, async () => {
      await visit(makeServer({ logger } as SMTPServerOptions));
      expect(onConsole()).toEqual([]);
    });
  }

  test("true: the console", async () => {
    await visit(makeServer({ logger: true }));
    const lines = onConsole().map(([line]) => String(line));
    expect(lines.find((line) => line.includes("S: 220 mx.test ESMTP"))).toMatch(
      /^\[\d{4}-.*Z\] DEBUG \[[0-9a-v]{16}\] /,
    );
    expect(lines.some((line) => line.includes("C: MAIL FROM:<a@a.test>"))).toBe(true);
  });

  test("a logger: every entry says which component and which connection", async () => {
    const { logger, entries } = recorder();
    const ids: string[] = [];
    await visit(
      makeServer({ logger, component: "mx", onConnect: ({ id }, callback) => (ids.push(id), callback()) }),
    );
    expect(entries.length).toBeGreaterThan(5);
    expect([
      ...new Set(entries.map(({ entry }) => `${entry["component"]} ${entry["cid"]} ${typeof entry["tnx"]}`)),
    ]).toEqual([`mx ${ids[0]} string`]);
  });

  test("a message that no onData takes is dropped with a warning", async () => {
    const { logger, entries } = recorder();
    await visit(makeServer({ logger }));
    await visit(
      makeServer({ logger, onData: (stream, _session, callback) => stream.on("end", callback).resume() }),
    );
    const warnings = entries.filter(({ level }) => level === "warn");
    expect(warnings).toMatchObject([
      {
        text: "There is no onData: %s bytes are accepted and dropped",
        args: [18],
        entry: { tnx: "message" },
      },
    ]);
  });

  test("the default component is that of smtp-server", async () => {
    const { logger, entries } = recorder();
    await visit(makeServer({ logger }));
    expect(entries[0]?.entry).toMatchObject({ component: "smtp-server" });
  });

  test("methods are called on the logger", async () => {
    class Counting implements Logger {
      count = 0;
      info(): void {
        this.count += 1;
      }
    }
    const logger = new Counting();
    await visit(makeServer({ logger }));
    expect(logger.count).toBeGreaterThan(0);
  });

  for (const level of LEVELS) {
    test(`a logger with ${level} alone`, async () => {
      const { logger, entries } = recorder();
      await visit(makeServer({ logger: { [level]: logger[level] } }));
      expect(entries.filter((one) => one.level !== level)).toEqual([]);
    });
  }

  test("a logger without methods", async () => {
    await visit(makeServer({ logger: {} }));
    expect(onConsole()).toEqual([]);
  });

  describe("on the console", () => {
    const print = (level: (typeof LEVELS)[number], entry: object, ...rest: [text?: string]): string[][] => {
      makeServer({ logger: true }).logger[level]?.(entry, ...rest);
      return spies.map((spy) => spy.mock.calls.map((call) => String(call[0]).replace(/^\[[^\]]*\] /, "")));
    };

    test.each([
      ["trace", [["TRACE hi"], []]],
      ["debug", [["DEBUG hi"], []]],
      ["info", [["INFO  hi"], []]],
      ["warn", [["WARN  hi"], []]],
      ["error", [[], ["ERROR hi"]]],
      ["fatal", [[], ["FATAL hi"]]],
    ] as const)("%s", (level, [out, errors]) => {
      expect(print(level, { tnx: "own" }, "hi")).toEqual([[...out], [...errors]]);
    });

    test("an entry without a text", () => {
      expect(print("info", { tnx: "own" })).toEqual([["INFO  "], []]);
    });

    test("an error stands below its entry, indented, and below one of info not at all", () => {
      const err = Object.assign(new Error("no"), { stack: "Error: no\n    at home" });
      expect(print("error", { tnx: "own", err }, "failed")).toEqual([
        [],
        ["ERROR failed\n    Error: no\n        at home"],
      ]);
      for (const spy of spies) spy.mockClear();
      expect(print("info", { tnx: "own", err }, "failed")).toEqual([["INFO  failed"], []]);
    });
  });

  test("a logger that throws does not harm the mail", async () => {
    const throwing = Object.fromEntries(
      LEVELS.map((level) => [
        level,
        () => {
          throw new Error("disk full");
        },
      ]),
    ) as unknown as Logger;
    await visit(makeServer({ logger: throwing }));
    expect(onConsole().flat()).toContainEqual(new Error("disk full"));
  });
});

describe("server.logger", () => {
  test("may be replaced between two commands", async () => {
    const [one, two] = [recorder(), recorder()];
    const server = makeServer({ logger: one.logger });
    const client = await hello(server);
    server.logger = two.logger;
    const before = one.entries.length;
    await client.say("NOOP");
    expect(one.entries).toHaveLength(before);
    expect(two.entries.map(({ args }) => args[0])).toEqual(["NOOP", "250 OK"]);
  });

  test("may be put in where there was none, with some methods missing", async () => {
    const { logger, entries } = recorder();
    const server = makeServer({ logger: false });
    server.logger = { debug: logger.debug } as Logger;
    await visit(server);
    expect(entries.length).toBeGreaterThan(0);
    expect(onConsole()).toEqual([]);
  });

  test("may be used by the application", () => {
    const { logger, entries } = recorder();
    makeServer({ logger }).logger.info?.({ own: 1 }, "%s", "hi");
    expect(entries).toMatchObject([{ level: "info", entry: { own: 1 }, text: "%s", args: ["hi"] }]);
  });

  test("that throws, put in later, does not harm the mail", async () => {
    const server = makeServer();
    server.logger = Object.fromEntries(
      LEVELS.map((level) => [
        level,
        () => {
          throw new Error("disk full");
        },
      ]),
    ) as unknown as Logger;
    await visit(server);
  });
});

test("a server.logger that cannot be read does no harm: its error is on the console", async () => {
  const error = new Error("no logger");
  class Broken extends SMTPServer {
    override get logger(): SMTPServer["logger"] {
      throw error;
    }
  }
  const server = new Broken({ authOptional: true, disableReverseLookup: true });
  const closed = Promise.withResolvers<void>();
  server.on("close", closed.resolve);
  await server.listen(0, "127.0.0.1");
  await visit(server);
  const left = await hello(server);
  const closing = server.close();
  expect(await left.say("NOOP")).toBe("421 Server shutting down");
  await left.leave();
  await closing;
  await closed.promise;
  expect(new Set(onConsole().flat())).toEqual(new Set([error]));
});

describe("ignoredHosts", () => {
  const table: [string[], string, boolean][] = [
    [["192.0.2.99"], "192.0.2.99", true],
    [["192.0.2.99"], "192.0.2.98", false],
    [["::ffff:192.0.2.99"], "192.0.2.99", true],
    [["2001:DB8:0::1"], "2001:db8::1", true],
    [["127.0.0.1", "192.0.2.99"], "192.0.2.99", true],
    [[], "192.0.2.99", false],
  ];
  for (const [ignoredHosts, from, silent] of table) {
    test(`${JSON.stringify(ignoredHosts)}: a client at ${from} is ${silent ? "" : "not "}left out`, async () => {
      const { logger, entries } = recorder();
      await visit(makeServer({ logger, ignoredHosts, disableReverseLookup: true }), from);
      expect(entries.length === 0).toBe(silent);
    });
  }
});

describe("credentials never reach the log, at any level", () => {
  const NAME = "tim";
  const SECRET = "tanstaaf-tanstaaf";
  const TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg";
  /** A secret as it may show up: plain, in base64 of its own, or inside of a longer base64 text. */
  const bearer = `n,a=${NAME},\x01host=mx.test\x01port=587\x01auth=Bearer ${TOKEN}\x01\x01`;
  const xoauth2 = `user=${NAME}\x01auth=Bearer ${TOKEN}\x01\x01`;

  const exchanges: Record<string, string[]> = {
    "PLAIN at once": [`AUTH PLAIN ${b64(`\0${NAME}\0${SECRET}`)}`],
    "PLAIN in two lines": ["AUTH PLAIN", b64(`\0${NAME}\0${SECRET}`)],
    "PLAIN without its NULs": [`AUTH PLAIN ${b64(`${NAME}:${SECRET}`)}`],
    "PLAIN with too many NULs": [`AUTH PLAIN ${b64(`\0${NAME}\0${SECRET}\0more`)}`],
    "PLAIN not in base64": [`AUTH PLAIN ${NAME}:${SECRET}!`],
    "PLAIN with a word too many": [`AUTH PLAIN ${NAME} ${SECRET}`],
    "PLAIN without a space": [`AUTHPLAIN ${SECRET}`],
    "PLAIN in lower case": [`auth plain ${b64(`\0${NAME}\0${SECRET}`)}`],
    LOGIN: ["AUTH LOGIN", b64(NAME), b64(SECRET)],
    "LOGIN with a name at once": [`AUTH LOGIN ${b64(NAME)}`, b64(SECRET)],
    "LOGIN in plain text": ["AUTH LOGIN", NAME, SECRET],
    "LOGIN cancelled, its password a line too late": ["AUTH LOGIN", b64(NAME), "*", b64(SECRET)],
    "LOGIN, a plain password behind a refused name": ["AUTH LOGIN", "no base64!", SECRET],
    "LOGIN, the password once more": ["AUTH LOGIN", b64(NAME), b64(SECRET), b64(SECRET), SECRET],
    "a password that looks like a command's argument": ["AUTH LOGIN", "*", `pass ${SECRET}`],
    "the password for the mechanism": [`AUTH ${SECRET}`],
    "the password before the mechanism": [`AUTH ${SECRET} PLAIN`],
    "the password in base64 for the mechanism": [`AUTH ${b64(SECRET)}`],
    "an unknown mechanism": [`AUTH NTLM ${b64(SECRET)}`],
    "no mechanism at all": ["AUTH", b64(SECRET), SECRET],
    "CRAM-MD5": ["AUTH CRAM-MD5", b64(`${NAME} ${SECRET}`)],
    "CRAM-MD5 malformed": ["AUTH CRAM-MD5", b64(SECRET), SECRET],
    XOAUTH2: [`AUTH XOAUTH2 ${b64(xoauth2)}`, ""],
    "XOAUTH2 malformed": [`AUTH XOAUTH2 ${b64(xoauth2.replaceAll("\x01", " "))}`, b64(TOKEN)],
    OAUTHBEARER: [`AUTH OAUTHBEARER ${b64(bearer)}`, "AQ=="],
    "OAUTHBEARER malformed": [`AUTH OAUTHBEARER ${b64(TOKEN)}`, TOKEN],
    "SCRAM-SHA-256": ["AUTH SCRAM-SHA-256", b64(`n,,n=${NAME},r=abc`), b64(`c=biws,r=abc,p=${b64(SECRET)}`)],
    "SCRAM-SHA-256 with a password for its first message": ["AUTH SCRAM-SHA-256", b64(SECRET), SECRET],
    EXTERNAL: [`AUTH EXTERNAL ${b64(SECRET)}`],
    "a line over the limit of an exchange": ["AUTH PLAIN", `${b64(SECRET)}${"A".repeat(13_000)}`, SECRET],
  };

  /** All that could be the secret, also inside of base64. */
  function leaks(text: string): boolean {
    const words = [
      text,
      ...(text.match(/[A-Za-z0-9+/]{8,}={0,2}/g) ?? []).map((word) =>
        Buffer.from(word, "base64").toString("latin1"),
      ),
    ];
    return words.some(
      (word) => word.includes(SECRET) || word.includes(TOKEN) || word.includes(TOKEN.slice(0, 20)),
    );
  }

  const answers: Record<string, NonNullable<SMTPServerOptions["onAuth"]>> = {
    accepted: (auth, _session, callback) =>
      callback(null, { user: auth.username ?? "x", credentials: { password: SECRET } }),
    refused: (_auth, _session, callback) => callback(new Error("no")),
    "without a user": (_auth, _session, callback) => callback(null, {}),
    "a crash": () => {
      throw new Error("the database is away");
    },
  };

  for (const [exchange, lines] of Object.entries(exchanges)) {
    test(exchange, async () => {
      for (const [how, onAuth] of Object.entries(answers)) {
        const { logger, entries } = recorder();
        const server = makeServer({
          logger,
          onAuth,
          allowInsecureAuth: true,
          authMethods: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256", "EXTERNAL"],
        });
        const errors: unknown[] = [];
        server.on("error", (error) => errors.push(error));
        const client = await hello(server);
        await client.chat(...lines, "NOOP");
        await client.leave();
        expect(entries.length).toBeGreaterThan(3);
        const seen = entries.map((one) => Bun.inspect(one, { depth: 10 }));
        expect([how, seen.filter(leaks)]).toEqual([how, []]);
        expect(leaks(Bun.inspect(errors, { depth: 10 }))).toBe(false);
      }
    });
  }

  const shown = {
    "AUTH SECRET123": "AUTH",
    "AUTH SECRET123 PLAIN": "AUTH",
    "AUTH NTLM ABCD": "AUTH",
    "auth plain ABCD": "AUTH plain",
  };
  test.each(Object.entries(shown))(
    "of %s the log has the mechanism, where it is a known one",
    async (line, text) => {
      const { logger, entries } = recorder();
      const client = await hello(makeServer({ logger, allowInsecureAuth: true }));
      await client.say(line);
      const said = entries.filter(({ entry }) => entry["command"] === "AUTH");
      expect(said.map(({ args }) => args)).toEqual([[`${text} /* secured */`]]);
    },
  );

  test("what the session keeps of a failure holds none either", async () => {
    const server = makeServer({ allowInsecureAuth: true });
    const client = await hello(server);
    await client.chat(`AUTH PLAIN ${NAME}:${SECRET}`, SECRET);
    expect(leaks(JSON.stringify([...server.connections][0]?.session))).toBe(false);
  });

  test("the judge of leaks finds them", () => {
    expect([SECRET, b64(SECRET), b64(`\0${NAME}\0${SECRET}`), b64(bearer), TOKEN].map(leaks)).toEqual(
      Array(5).fill(true),
    );
    expect(leaks("C: AUTH PLAIN /* secured */")).toBe(false);
  });
});

describe("every entry about a client says its address and port", () => {
  const FROM = "192.0.2.98";
  const AT = { host: FROM, port: 50_000 };
  const crash = (): never => {
    throw new Error("the database is away");
  };
  const BAD_LOGIN = ["AUTH PLAIN AGEAYg==", "AUTH LOGIN", "*"];
  const scenes: Record<
    string,
    { options?: SMTPServerOptions; said?: string[]; about: string[]; at?: { host: string; port: number } }
  > = {
    "a failed login": { options: { allowInsecureAuth: true }, said: BAD_LOGIN, about: ["authfail"] },
    "a login": {
      options: {
        allowInsecureAuth: true,
        onAuth: (_auth, _session, callback) => callback(null, { user: "a" }),
      },
      said: ["AUTH PLAIN AGEAYg=="],
      about: ["auth"],
    },
    "a message that is dropped": {
      said: ["MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA", "hi\r\n."],
      about: ["message", "data", "close"],
    },
    "a hook that crashes": {
      options: { onMailFrom: crash },
      said: ["MAIL FROM:<a@a.test>"],
      about: ["hook", "error"],
    },
    "too many errors": { options: { maxErrors: 1 }, said: ["RSET now"], about: ["errors"] },
    "one connection too many": { options: { maxClientsPerAddress: 1e-9 }, about: ["connection"] },
    XCLIENT: {
      options: { useXClient: true },
      said: ["XCLIENT ADDR=192.0.2.7 PORT=7", "NOOP"],
      about: ["xclient", "close"],
      at: { host: "192.0.2.7", port: 7 },
    },
    PROXY: {
      options: { useProxy: true },
      said: ["PROXY TCP4 192.0.2.7 192.0.2.8 7 25"],
      about: ["proxy", "connection", "close"],
      at: { host: "192.0.2.7", port: 7 },
    },
    "a PROXY header that is none": {
      options: { useProxy: true },
      said: ["EHLO client.test"],
      about: ["proxy"],
    },
    "no PROXY header in time": { options: { useProxy: true }, about: ["connection"] },
    "no handshake in time": { options: { secure: true }, about: ["connection", "error"] },
    silence: { about: ["timeout"] },
  };
  test.each(Object.entries(scenes))("%s", async (_, { options = {}, said = [], about, at = AT }) => {
    const { logger, entries } = recorder();
    const clock = new TestClock();
    const server = makeServer({ logger, ...options }, clock);
    const client = new MemoryClient(server, FROM);
    for (const line of options.useProxy ? said : ["EHLO client.test", ...said]) {
      client.send(`${line}\r\n`);
      await client.idle();
    }
    clock.pass(60_000);
    await client.idle();
    await client.leave();
    const seen = entries.map(({ entry }) => entry);
    expect(seen.map(({ tnx }) => tnx)).toEqual(expect.arrayContaining(about));
    const ours = [AT, at].map((one) => JSON.stringify(one));
    expect(seen.filter(({ host, port }) => !ours.includes(JSON.stringify({ host, port })))).toEqual([]);
    // From the command or header on that says who the client is, it is that one.
    expect(seen.at(-1)).toMatchObject(at);
  });

  test("a client of a unix socket has neither", async () => {
    const { logger, entries } = recorder();
    await visit(makeServer({ logger }), "");
    expect(entries[0]?.entry).toMatchObject({ host: "" });
  });
});

describe("what a client says is one line of the log, and nothing that a terminal acts on", () => {
  const ACTED_ON = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
  const utf8 = (text: string): string => Buffer.from(text).toString("latin1");
  const HOSTILE: [string, character: string, shown: string][] = [
    ["ESC", "\x1b", "\\x1b"],
    ["NUL", "\0", "\\x00"],
    ["BEL", "\x07", "\\x07"],
    ["TAB", "\t", "\\t"],
    ["DEL", "\x7f", "\\x7f"],
    ["NEL, of C1", "\x85", "\\x85"],
    ["CSI, of C1", "\x9b", "\\x9b"],
    ["a line separator", "\u2028", "\\u2028"],
    ["a paragraph separator", "\u2029", "\\u2029"],
    ["an override of direction", "\u202e", "\\u202e"],
    ["an isolate", "\u2066", "\\u2066"],
    ["a mark of direction", "\u200f", "\\u200f"],
    ["an Arabic letter mark", "\u061c", "\\u061c"],
  ];
  test.each(HOSTILE)("%s", async (_, character, shown) => {
    const { logger, entries } = recorder();
    const said = `a${character}[2J`;
    const server = makeServer({
      logger,
      lenientAddressParsing: true,
      allowInsecureAuth: true,
      onMailFrom: ({ address }, _session, callback) => callback(new Error(`no ${address}`)),
      onRcptTo: () => {
        throw new Error(`no ${said}`);
      },
    });
    const client = await hello(server);
    await client.chat(
      ...[
        `NOOP ${said}`,
        `VRFY ${said}`,
        `EHLO ${said}`,
        `MAIL FROM:<${said}@a.test>`,
        `RCPT TO:<${said}>`,
      ].map(utf8),
      `AUTH PLAIN ${b64(`\0${said}\0b`)}`,
      "MAIL FROM:<a@a.test>",
      "RCPT TO:<b@b.test>",
    );
    await client.leave();
    const texts = entries.flatMap(({ entry, text, args }) => [
      format(text, ...args),
      ...Object.values(entry).filter((field) => typeof field === "string"),
    ]);
    expect(texts.filter((text) => ACTED_ON.test(text))).toEqual([]);
    expect(texts).toContain(`C: NOOP a${shown}[2J`);
  });

  test("what is shown is left as it is", async () => {
    const { logger, entries } = recorder();
    const client = await hello(makeServer({ logger }));
    await client.say(utf8("NOOP Grüße \\x1b 世界 😀 \u00a0\u200d"));
    expect(entries.map(({ args }) => args[0])).toContain("NOOP Grüße \\x1b 世界 😀 \u00a0\u200d");
  });

  test("each line of a reply is an entry", async () => {
    const { logger, entries } = recorder();
    await hello(makeServer({ logger }));
    const said = entries.filter(({ entry }) => entry["tnx"] === "send").map(({ args }) => args[0]);
    expect(said.slice(0, 3)).toEqual([
      "220 mx.test ESMTP",
      "250-mx.test Nice to meet you, [192.0.2.99]",
      "250-PIPELINING",
    ]);
  });

  test("the error of an entry is the one that was thrown, as it is", async () => {
    const { logger, entries } = recorder();
    const error = new Error("no\r\n\x1b[2J");
    const onMailFrom = (): never => {
      throw error;
    };
    await (await hello(makeServer({ logger, onMailFrom }))).say("MAIL FROM:<a@a.test>");
    expect(entries.find(({ entry }) => entry["tnx"] === "hook")?.entry["err"]).toBe(error);
    expect(error.message).toBe("no\r\n\x1b[2J");
  });

  test("on the console each entry begins with the client, and no other line begins like one", async () => {
    const forged =
      "[2026-11-21T00:00:00.000Z] INFO  [0123456789abcdef] [192.0.2.1]:25 Authentication failed for a using PLAIN";
    const onMailFrom = (): never => {
      throw new Error(`no\r\n${forged}\u2028${forged}\x1b[2J`);
    };
    const client = await hello(makeServer({ logger: true, onMailFrom }), "2001:db8::1");
    await client.say(`NOOP \x1b[2J${forged}`);
    await client.say("MAIL FROM:<a@a.test>");
    await client.leave();
    const lines = onConsole().flatMap((call) => call.map(String).join(" ").split("\n"));
    expect(lines.filter((line) => ACTED_ON.test(line))).toEqual([]);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      expect(line).toMatch(
        /^(?:\[[^\]]+Z\] [A-Z]+ +\[[0-9a-v]{16}\] \[2001:db8::1\]:50000 |\[[^\]]+Z\] [A-Z]+ +\w| {4})/,
      );
    }
    expect(lines.some((line) => line.includes("    at "))).toBe(true);
  });

  test("an entry about the server begins with no address", async () => {
    const server = makeServer({ logger: true });
    await server.listen(0, "127.0.0.1");
    await server.close();
    expect(onConsole()).toEqual([
      [expect.stringMatching(/^\[\S+Z\] INFO {2}SMTP Server listening on /)],
      [expect.stringMatching(/^\[\S+Z\] INFO {2}SMTP Server closed$/)],
    ]);
  });

  test.each([
    ["127.0.0.1", /^127\.0\.0\.1:\d+$/],
    ["::1", /^\[::1\]:\d+$/],
  ])("says where the server listens on %s", async (host, where) => {
    const { logger, entries } = recorder();
    const server = makeServer({ logger });
    await server.listen(0, host);
    await server.close();
    const { args } = entries.find(({ entry }) => entry["tnx"] === "listen") as Entry;
    expect(args).toEqual(["", "SMTP", expect.stringMatching(where)]);
  });

  test("says which unix socket the server listens on", async () => {
    const { logger, entries } = recorder();
    const server = makeServer({ logger, lmtp: true });
    const path = join(tmpdir(), `bun-smtp-log-${process.pid}.sock`);
    await server.listen(path);
    await server.close();
    const { args } = entries.find(({ entry }) => entry["tnx"] === "listen") as Entry;
    expect(args).toEqual(["", "LMTP", path]);
  });

  test("so it is for what the application logs on it", () => {
    makeServer({ logger: true }).logger.info?.({ tnx: "own" }, "%s\nfake", "a\x1b[2J");
    expect(onConsole()).toEqual([[expect.stringMatching(/^\[[^\]]+Z\] INFO {2}a\\x1b\[2J\\nfake$/)]]);
  });

  test("a name from the DNS that is none is shown escaped", async () => {
    const { logger, entries } = recorder();
    const server = makeServer({
      logger,
      disableReverseLookup: false,
      resolver: { reverse: (_ip, callback) => callback(null, ["a\r\nfake entry\x7f"]) },
    });
    await new MemoryClient(server).reply();
    const texts = entries.map(({ text, args }) => format(text, ...args));
    expect(texts.filter((text) => ACTED_ON.test(text))).toEqual([]);
    expect(texts.some((text) => text.includes(String.raw`"a\r\nfake entry\x7f"`))).toBe(true);
  });
});
