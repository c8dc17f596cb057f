/**
 * Options are read live, and may be getters. Whichever of them throws after a hook was called, and however the hook
 * answers: the client gets its replies or a 421, and the next command gets its own.
 */
import { afterEach, beforeEach, describe, expect, mock, spyOn, test } from "bun:test";
import { type SMTPConnection, SMTPServer, type SMTPServerOptions } from "../../src/index.js";
import { accept } from "../../src/server/server.js";
import { makeServer, MemoryClient } from "../support/client.js";
import { MemoryTransport } from "../support/memory-transport.js";

type Callback = (error?: unknown, value?: unknown) => void;

/** The name under which the server's logger is read, which a subclass may have made a getter. */
const LOGGER = "server.logger";

/** Throws when one option is read, from the call of the hook on. */
class Trap {
  /** What was read since the hook was called. */
  readonly seen = new Set<string>();
  isHookCalled = false;
  /** How often it throws. */
  times: number;
  readonly #name: string | undefined;

  constructor(name?: string, times = 0) {
    this.#name = name;
    this.times = times;
  }

  read(name: string): void {
    if (!this.isHookCalled) return;
    this.seen.add(name);
    if (name === this.#name && this.times-- > 0) throw new Error(`${name} cannot be read`);
  }
}

const outside: unknown[] = [];
const note = (error: unknown): void => void outside.push(error);

beforeEach(() => {
  outside.length = 0;
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
  spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  process.off("unhandledRejection", note);
  process.off("uncaughtException", note);
  mock.restore();
});

const REFUSAL = Object.assign(new Error("blocked"), { responseCode: 553 });

/** An application accepts by its callback, and must not meet an exception of ours. */
function callBack(args: Callback[]): void {
  try {
    args.at(-1)?.(null, { user: "x" });
  } catch (error) {
    note(error);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const WAYS: Record<string, (...args: Callback[]) => unknown> = {
  "accepts by callback at once": (...args) => callBack(args),
  "accepts by callback later": (...args) => void setImmediate(callBack, args),
  "accepts by promise": async () => (await turn(), { user: "x" }),
  "refuses by promise": async () => (await turn(), Promise.reject(REFUSAL)),
  throws: (_session) => {
    throw REFUSAL;
  },
};

/** The trap is set when the hook is called. Hooks are distinguished by their source, so each has one of its own. */
function watched(hook: (...args: Callback[]) => unknown, trap: Trap): unknown {
  if (hook.length > 0 || hook.constructor !== Function) {
    return () => {
      trap.isHookCalled = true;
      return hook();
    };
  }
  return (...args: Callback[]) => {
    trap.isHookCalled = true;
    return hook(...args);
  };
}

interface Scene {
  readonly hook: string;
  /** Commands before the one that calls the hook. */
  readonly before: readonly string[];
  /** What makes the server call the hook and need its answer. */
  readonly act: string | "connect" | "handshake";
  readonly options?: SMTPServerOptions;
  /** A command whose reply says whether the one before counts. */
  readonly probe?: { readonly line: string; readonly accepted: RegExp; readonly refused: RegExp };
}

const MAIL = "MAIL FROM:<a@a.test> BODY=8BITMIME";
const ENVELOPE = ["EHLO x", MAIL, "RCPT TO:<b@b.test>", "RCPT TO:<c@b.test>"];
/** Whatever became of the message: its transaction is over. */
const OVER = { line: "DATA", accepted: /^503 .*need/, refused: /^503 .*need/ };

const SCENES: Record<string, Scene> = {
  onConnect: { hook: "onConnect", before: [], act: "connect" },
  "onSecure after STARTTLS": { hook: "onSecure", before: ["EHLO x", "STARTTLS"], act: "handshake" },
  onHelo: {
    hook: "onHelo",
    before: [],
    act: "EHLO x\r\n",
    probe: { line: "MAIL FROM:<a@a.test>", accepted: /^250 /, refused: /^503 / },
  },
  onAuth: {
    hook: "onAuth",
    before: ["EHLO x"],
    act: "AUTH PLAIN AHUAcA==\r\n",
    probe: { line: "AUTH FOO", accepted: /^503 /, refused: /^504 / },
  },
  "onAuth of XCLIENT": {
    hook: "onAuth",
    before: ["EHLO x"],
    act: "XCLIENT LOGIN=bob\r\n",
    options: { useXClient: true },
  },
  onMailFrom: {
    hook: "onMailFrom",
    before: ["EHLO x"],
    act: `${MAIL}\r\n`,
    probe: { line: "RCPT TO:<b@b.test>", accepted: /^250 /, refused: /^503 / },
  },
  onRcptTo: {
    hook: "onRcptTo",
    before: ["EHLO x", MAIL],
    act: "RCPT TO:<b@b.test>\r\n",
    probe: { line: "DATA", accepted: /^354 /, refused: /^503 / },
  },
  "onData of DATA": { hook: "onData", before: ENVELOPE, act: "DATA\r\nhi\r\n.\r\n", probe: OVER },
  "onData of BDAT": { hook: "onData", before: ENVELOPE, act: "BDAT 6 LAST\r\nNOOP\r\n", probe: OVER },
  "onData of two chunks": {
    hook: "onData",
    before: ENVELOPE,
    act: "BDAT 6\r\nNOOP\r\nBDAT 6 LAST\r\nNOOP\r\n",
    probe: OVER,
  },
  "onData of LMTP": {
    hook: "onData",
    before: ["LHLO x", ...ENVELOPE.slice(1)],
    act: "DATA\r\nhi\r\n.\r\n",
    options: { lmtp: true },
    probe: OVER,
  },
};

class Server extends SMTPServer {
  static trap: Trap | undefined;
  override get logger(): SMTPServer["logger"] {
    Server.trap?.read(LOGGER);
    return super.logger;
  }
}

/** One client, which has had the hook called and has heard what came of it. */
async function play(scene: Scene, way: (...args: Callback[]) => unknown, trap: Trap): Promise<Played> {
  const options: SMTPServerOptions = {
    name: "mx.test",
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    hideENHANCEDSTATUSCODES: false,
    rejectOversized: true,
    ...scene.options,
    [scene.hook]: watched(way, trap),
  };
  Server.trap = trap;
  const server = new Server(
    new Proxy(options, {
      get(target, name) {
        if (typeof name === "string") trap.read(name);
        return Reflect.get(target, name) as unknown;
      },
    }),
  );
  server.on("error", () => {});
  const transport = new MemoryTransport();
  const say = (text: string): string[] => {
    if (text !== "") transport.send(Buffer.from(text));
    const { output } = transport;
    transport.output = "";
    return output.match(/^\d{3} .*$/gm) ?? [];
  };
  accept(server, transport);
  if (scene.act !== "connect") say("");
  for (const line of scene.before) say(`${line}\r\n`);
  if (scene.act === "handshake") transport.handshake();
  const heard = scene.act === "connect" || scene.act === "handshake" ? [] : say(scene.act);
  for (let turns = 0; turns < 3; turns++) await turn();
  return { transport, say, heard: [...heard, ...say("")] };
}

interface Played {
  readonly transport: MemoryTransport;
  /** Sends; the last lines of the replies that come at once. */
  readonly say: (text: string) => string[];
  readonly heard: readonly string[];
}

for (const [title, scene] of Object.entries(SCENES)) {
  describe(title, () => {
    test.each(Object.entries(WAYS))("a hook that %s, and each option that is read then", async (_, way) => {
      const untrapped = new Trap();
      const expected = await play(scene, way, untrapped);
      const mayClose = expected.transport.ended;
      expected.transport.reset();
      expect(untrapped.seen.size).toBeGreaterThan(0);

      for (const name of untrapped.seen) {
        for (const times of [1, Infinity]) {
          const trap = new Trap(name, times);
          const { transport, say, heard } = await play(scene, way, trap);
          const what = `${name} throws ${times} times: ${JSON.stringify(heard)}`;
          expect([outside, what]).toEqual([[], what]);
          trap.times = 0;
          using _ = { [Symbol.dispose]: () => transport.reset() };
          if (transport.ended) {
            expect(heard.length, what).toBeLessThanOrEqual(expected.heard.length + 1);
            if (!mayClose) expect(heard.at(-1), what).toMatch(/^4[25]1 /);
            continue;
          }
          expect(heard, what).toHaveLength(expected.heard.length);
          expect(say("NOOP\r\n"), what).toEqual(["250 2.0.0 OK"]);
          if (!scene.probe) continue;
          const isAccepted = heard.at(-1)?.startsWith("2");
          const [reply] = say(`${scene.probe.line}\r\n`);
          expect(reply, what).toMatch(isAccepted ? scene.probe.accepted : scene.probe.refused);
        }
      }
    });
  });
}

test("a getter that throws at BDAT closes: the octets of the chunk are not commands", () => {
  const options = { name: "mx.test", authOptional: true, disableReverseLookup: true, logger: false as const };
  let isBroken = false;
  const server = new SMTPServer(
    Object.defineProperty(options, "size", {
      get() {
        if (isBroken) throw new Error("size cannot be read");
        return 100;
      },
    }),
  );
  const errors: string[] = [];
  server.on("error", ({ message }) => errors.push(message));
  const transport = new MemoryTransport();
  accept(server, transport);
  for (const line of ENVELOPE) transport.send(Buffer.from(`${line}\r\n`));
  transport.output = "";
  isBroken = true;
  transport.send(Buffer.from("BDAT 6\r\nNOOP\r\nNOOP\r\n"));
  expect(transport.output).toBe("421 Error: internal server error\r\n");
  expect(transport.ended).toBe(true);
  expect(errors).toEqual(["size cannot be read"]);
  transport.reset();
});

test("a getter that throws after earlyTalkerDelay closes", async () => {
  const options = { name: "mx.test", logger: false as const, earlyTalkerDelay: 1 };
  const server = new SMTPServer(
    Object.defineProperty(options, "disableReverseLookup", {
      get() {
        throw new Error("disableReverseLookup cannot be read");
      },
    }),
  );
  const errors: string[] = [];
  server.on("error", ({ message }) => errors.push(message));
  const transport = new MemoryTransport();
  accept(server, transport);
  while (!transport.ended) await transport.activity();
  expect(transport.output).toBe("421 Error: internal server error\r\n");
  expect(errors).toEqual(["disableReverseLookup cannot be read"]);
  expect(outside).toEqual([]);
  transport.reset();
});

test("a getter of onClose that throws is reported, and every connection closes all the same", async () => {
  let isOpen = true;
  const options = {
    name: "mx.test",
    logger: false as const,
    get onClose() {
      if (isOpen) return undefined;
      throw new Error("onClose cannot be read");
    },
  };
  const server = new SMTPServer(options);
  const errors: string[] = [];
  server.on("error", ({ message }) => errors.push(message));
  const transport = new MemoryTransport();
  accept(server, transport);
  isOpen = false;
  transport.reset();
  await server.close();
  expect(errors).toEqual(["onClose cannot be read"]);
  expect(outside).toEqual([]);
});

const UNREADABLE: [string, unknown][] = [
  ["an object without a prototype", Object.create(null)],
  ["a symbol", Symbol("boom")],
  ["a Proxy that shows nothing", new Proxy({}, { getPrototypeOf: () => fail(), get: () => fail() })],
  ["an Error whose message throws", Object.defineProperty(new Error(), "message", { get: () => fail() })],
];
function fail(): never {
  throw new Error("not for you");
}

describe("a hook fails with a value that cannot be read", () => {
  const fails: Record<string, (value: unknown) => unknown> = {
    "by a throw": (value) => () => {
      throw value;
    },
    "by a rejection": (value) => async (_a: unknown, _s: unknown, _callback: unknown) =>
      Promise.reject(value),
    "by its callback": (value) => (_a: unknown, _s: unknown, callback: Callback) => callback(value),
  };
  for (const [way, make] of Object.entries(fails)) {
    test.each(UNREADABLE)(`${way}: %s`, async (_, value) => {
      const scene = SCENES["onMailFrom"] as Scene;
      const { say, heard } = await play(scene, make(value) as never, new Trap());
      expect(heard).toHaveLength(1);
      expect(heard[0]).toMatch(/^(451|550) /);
      expect(say("NOOP\r\n")).toEqual(["250 2.0.0 OK"]);
      expect(outside).toEqual([]);
    });
  }
});

describe("a getter of a hook that throws is a crash of the hook, which leaves nothing behind", () => {
  /** What is said before, the command, its replies, and what is said and heard then. */
  const cases: Record<string, [string[], string, RegExp, string, RegExp]> = {
    onHelo: [[], "EHLO x", /^451 [^\n]*\n$/, "MAIL FROM:<a@a.test>", /^503 /],
    onMailFrom: [
      ["EHLO x"],
      "MAIL FROM:<a@a.test> BODY=8BITMIME",
      /^451 [^\n]*\n$/,
      "MAIL FROM:<a@a.test>",
      /^250 Accepted\n$/,
    ],
    onRcptTo: [["EHLO x", "MAIL FROM:<a@a.test>"], "RCPT TO:<b@b.test>", /^451 [^\n]*\n$/, "DATA", /^503 /],
    onData: [
      ["EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>"],
      "DATA\r\nhi\r\n.",
      /^354 [^\n]*\n451 [^\n]*\n$/,
      "DATA",
      /^503 Error: need RCPT command\n$/,
    ],
    "onData with BDAT": [
      ["EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>"],
      "BDAT 6\r\nNOOP\r\nBDAT 0 LAST",
      /^451 [^\n]*\n503 [^\n]*\n$/,
      "BDAT 0 LAST",
      /^503 Error: need MAIL command\n$/,
    ],
  };
  test.each(Object.entries(cases))("%s", async (hook, [before, command, replies, after, reply]) => {
    const errors: string[] = [];
    const server = makeServer();
    server.on("error", ({ message }) => errors.push(message));
    const client = new MemoryClient(server);
    await client.reply();
    await client.chat(...before);
    const [name = ""] = hook.split(" ");
    let isBroken = true;
    Object.defineProperty(server.options, name, {
      get() {
        if (isBroken) throw new Error("boom");
      },
    });
    const { session } = [...server.connections][0] as SMTPConnection;
    let heard = "";
    const said = async (line: string): Promise<string> => {
      const before = heard.length;
      client.send(`${line}\r\n`);
      heard = (await client.idle()).replaceAll("\r", "");
      return heard.slice(before);
    };
    expect(await said(command)).toMatch(replies);
    expect(errors).toEqual(["boom"]);
    expect(session.envelope).toMatchObject({ bodyType: "7bit" });
    isBroken = false;
    expect(await said(after)).toMatch(reply);
  });
});
