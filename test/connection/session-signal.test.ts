/** `session.signal` aborts when the connection is over, and not while a complete message is being answered. */
import { describe, expect, test } from "bun:test";
import { EventEmitter, once } from "node:events";
import type { SMTPError, SMTPServerOptions, SMTPSession } from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { collectWarnings } from "../support/warnings.js";

// Hooks are late here on purpose.
collectWarnings();

/** A client that has said EHLO, and its session. */
async function start(options: SMTPServerOptions = {}, clock?: TestClock) {
  const server = makeServer(options, clock);
  const client = await hello(server);
  return { server, client, session: [...server.connections][0]?.session as SMTPSession };
}

function reasonOf({ signal }: SMTPSession): unknown {
  const { name, code, message } = signal.reason as SMTPError;
  return { name, code, message };
}

const reason = (message: string): object => ({ name: "SMTPError", code: "ECONNECTION", message });
const LEFT = reason("The client closed the connection");
const TIMED_OUT = reason("The client timed out");
const SERVER = reason("The server closed the connection");

describe("the field", () => {
  test("is one signal for the life of the connection", async () => {
    const { client, session } = await start();
    const { signal } = session;
    expect(signal).toBeInstanceOf(AbortSignal);
    await client.chat("RSET", "EHLO again", "STARTTLS");
    client.transport.handshake();
    await client.say("EHLO tls");
    expect(session.signal).toBe(signal);
    expect(signal.aborted).toBe(false);
  });

  test("shows in no list of the fields, read or not", async () => {
    const { session } = await start();
    const before = { json: JSON.stringify(session), keys: Object.keys(session) };
    expect(before.keys).not.toContain("signal");
    void session.signal;
    expect({ json: JSON.stringify(session), keys: Object.keys(session) }).toEqual(before);
    expect(structuredClone(session)).toEqual({ ...session });
  });

  test("a program may have a field of this name", async () => {
    const { client, session } = await start();
    Object.assign(session, { signal: "green" });
    expect(session.signal as unknown).toBe("green");
    expect(Object.keys(session)).toContain("signal");
    await client.leave();
    expect(session.signal as unknown).toBe("green");
    // An ordinary field: it can be changed again, and deleted.
    Object.assign(session, { signal: "red" });
    expect(session.signal as unknown).toBe("red");
    expect(Reflect.deleteProperty(session, "signal")).toBe(true);
    expect("signal" in session).toBe(false);
  });

  test("is on every session that onConnect gets", async () => {
    let aborted: boolean | undefined;
    const server = makeServer({
      onConnect(session, callback) {
        aborted = session.signal.aborted;
        callback();
      },
    });
    await new MemoryClient(server).reply();
    expect(aborted).toBe(false);
  });
});

describe("it aborts when", () => {
  test("the client vanishes", async () => {
    const { client, session } = await start();
    const { signal } = session;
    client.transport.reset();
    expect(signal.aborted).toBe(true);
    expect(reasonOf(session)).toEqual(LEFT);
  });

  test("the client closes its side between two commands", async () => {
    const { client, session } = await start();
    void session.signal;
    client.transport.fin();
    expect(reasonOf(session)).toEqual(LEFT);
  });

  test("the client times out", async () => {
    const clock = new TestClock();
    const { session } = await start({ socketTimeout: 1000 }, clock);
    void session.signal;
    clock.pass(999);
    expect(session.signal.aborted).toBe(false);
    clock.pass(1);
    expect(reasonOf(session)).toEqual(TIMED_OUT);
  });

  test("the handshake of STARTTLS takes too long", async () => {
    const clock = new TestClock();
    const { client, session } = await start({ socketTimeout: 1000 }, clock);
    await client.say("STARTTLS");
    clock.pass(1000);
    expect(reasonOf(session)).toEqual(TIMED_OUT);
  });

  test("a client that has closed its side has waited socketTimeout for a hook", async () => {
    const clock = new TestClock();
    const { client, session } = await start({ socketTimeout: 1000, onMailFrom: (_a, _s, _cb) => {} }, clock);
    client.send("MAIL FROM:<a@a.test>\r\n");
    client.transport.fin();
    expect(session.signal.aborted).toBe(false);
    clock.pass(1000);
    expect(reasonOf(session)).toEqual(TIMED_OUT);
  });

  test("but not when a hook works for longer than socketTimeout", async () => {
    const clock = new TestClock();
    const { client, session } = await start({ socketTimeout: 1000, onMailFrom: (_a, _s, _cb) => {} }, clock);
    client.send("MAIL FROM:<a@a.test>\r\n");
    clock.pass(5000);
    expect(session.signal.aborted).toBe(false);
  });

  const closings: Record<string, (client: MemoryClient, close: () => void) => unknown> = {
    "the program closes it": (_client, close) => close(),
    "the client says QUIT": (client) => client.say("QUIT"),
    "a reply is 421": (client) => client.say("GET / HTTP/1.1"),
  };
  test.each(Object.entries(closings))("%s", async (_name, act) => {
    const { server, client, session } = await start();
    void session.signal;
    await act(client, () => [...server.connections][0]?.close());
    expect(reasonOf(session)).toEqual(SERVER);
    await client.leave();
    expect(reasonOf(session)).toEqual(SERVER);
  });

  test("a signal that is first read afterwards has aborted", async () => {
    let seen: boolean | undefined;
    const { client, session } = await start({ onClose: ({ signal }) => void (seen = signal.aborted) });
    await client.leave();
    expect(seen).toBe(true);
    expect(reasonOf(session)).toEqual(LEFT);
  });
});

describe("with a message in transfer", () => {
  /** A client whose onData waits for `answer`. */
  async function transfer() {
    const answer = Promise.withResolvers<void>();
    const started = await start({
      async onData(stream) {
        await new Response(stream).arrayBuffer();
        await answer.promise;
      },
    });
    void started.session.signal;
    await started.client.envelope();
    return { ...started, answer };
  }

  test("it aborts with a message that is not complete", async () => {
    const { client, session } = await transfer();
    await client.say("DATA");
    client.send("half\r\n");
    await client.leave();
    expect(reasonOf(session)).toEqual(LEFT);
  });

  test("and between two chunks of BDAT", async () => {
    const { client, session } = await transfer();
    await client.say("BDAT 4\r\nhalf");
    client.transport.reset();
    expect(reasonOf(session)).toEqual(LEFT);
  });

  const messages = { DATA: "DATA\r\nwhole\r\n.\r\n", BDAT: "BDAT 5 LAST\r\nwhole" };
  const endings: Record<string, (client: MemoryClient, close: () => void) => unknown> = {
    "the client vanishes": (client) => client.leave(),
    "the program closes it, then the client": (client, close) => {
      close();
      return client.leave();
    },
  };
  for (const [verb, message] of Object.entries(messages)) {
    test.each(Object.entries(endings))(
      `while a complete message of ${verb} is answered it waits: %s`,
      async (name, end) => {
        const { server, client, session, answer } = await transfer();
        client.send(message);
        await client.idle();
        await end(client, () => [...server.connections][0]?.close());
        expect(session.signal.aborted).toBe(false);
        answer.resolve();
        await client.idle();
        // The first of the reasons.
        expect(reasonOf(session)).toEqual(name.startsWith("the program") ? SERVER : LEFT);
      },
    );
  }
});

test("it aborts, and the error is reported, where the answer to a client that has left cannot be read", async () => {
  const answer = Promise.withResolvers<unknown>();
  const errors: string[] = [];
  const { server, client, session } = await start({
    lmtp: true,
    async onData(stream) {
      await new Response(stream).text();
      return answer.promise as never;
    },
  });
  server.on("error", ({ message }) => errors.push(message));
  void session.signal;
  await client.envelope();
  client.send("DATA\r\nwhole\r\n.\r\n");
  await client.idle();
  await client.leave();
  errors.length = 0;
  const entry = new Error("no");
  Object.defineProperty(entry, "responseCode", {
    get() {
      throw new Error("boom");
    },
  });
  answer.resolve([entry]);
  await client.idle();
  expect(session.signal.aborted).toBe(true);
  expect(errors).toEqual(["boom"]);
});

describe("a hook that fails with the reason", () => {
  const rejected = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  const hooks: Record<string, SMTPServerOptions["onMailFrom"]> = {
    "by its promise": async (_address, session) => rejected(session.signal),
    "with the callback": async (_address, session, callback) => {
      await rejected(session.signal);
      callback();
    },
    "with an AbortError of Node, whose cause it is": async (_address, { signal }, callback) => {
      await once(new EventEmitter(), "never", { signal });
      callback();
    },
    "by the callback": (_address, session, callback) => void rejected(session.signal).catch(callback),
  };
  test.each(Object.entries(hooks))(
    "%s: no error is reported, and onClose comes once",
    async (_name, hook) => {
      const errors: Error[] = [];
      let closes = 0;
      const { server, client } = await start({ onMailFrom: hook, onClose: () => void (closes += 1) });
      server.on("error", (error) => errors.push(error));
      client.send("MAIL FROM:<a@a.test>\r\n");
      await client.leave();
      await client.leave();
      expect(errors).toEqual([]);
      expect(closes).toBe(1);
      expect(await (await hello(server)).say("NOOP")).toBe("250 OK");
    },
  );

  test("another error of a hook is reported after the client has left too", async () => {
    const errors: string[] = [];
    const { server, client } = await start({
      async onMailFrom(_address, session, callback) {
        await rejected(session.signal).catch(() => {});
        if (session.signal.aborted) throw new Error("boom");
        callback();
      },
    });
    server.on("error", ({ message }) => errors.push(message));
    client.send("MAIL FROM:<a@a.test>\r\n");
    await client.leave();
    expect(errors).toEqual(["boom"]);
  });

  test("a fetch that hangs ends with the connection", async () => {
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<unknown>();
    await using backend = Bun.serve({
      port: 0,
      fetch() {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    const { client, session } = await start({
      async onRcptTo(_address, { signal }) {
        await fetch(backend.url, { signal }).catch((error) => {
          ended.resolve(error);
          throw error;
        });
      },
    });
    await client.say("MAIL FROM:<a@a.test>");
    client.send("RCPT TO:<b@b.test>\r\n");
    await asked.promise;
    client.transport.reset();
    expect(await ended.promise).toBe(session.signal.reason);
    await backend.stop(true);
  });
});
