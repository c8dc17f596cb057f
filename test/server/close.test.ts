import { beforeEach, describe, expect, test } from "bun:test";
import { connect as connectPlain, type AddressInfo } from "node:net";
import type { DataStream, HookCallback, SMTPServer, SMTPServerOptions } from "../../src/index.js";
import { hello, makeServer, SocketClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { turn } from "../support/turn.js";

const CLOSE_TIMEOUT = 20_000;
let clock = new TestClock();
beforeEach(() => void (clock = new TestClock()));

async function listening(options: SMTPServerOptions = {}): Promise<SMTPServer> {
  return makeServer({ closeTimeout: CLOSE_TIMEOUT, ...options }, clock).listen(0, "127.0.0.1");
}

/** Closes a server, and lets its closeTimeout pass: not sooner is it closed. */
async function closeInTime(server: SMTPServer): Promise<void> {
  const closed = server.close();
  clock.pass(CLOSE_TIMEOUT - 1);
  expect(await state(closed)).toBe(isOpen);
  clock.pass(1);
  await closed;
}

const connect = (server: SMTPServer): SocketClient =>
  new SocketClient({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });

/** A client that has said EHLO. */
async function greeted(server: SMTPServer): Promise<SocketClient> {
  const client = connect(server);
  await client.reply();
  await client.say("EHLO client.test");
  return client;
}

const isOpen = Symbol("open");
/** Whether a promise is settled after the event loop has gone round a few times. */
async function state(promise: Promise<unknown>): Promise<unknown> {
  for (let passed = 0; passed < 5; passed++) await turn();
  return Promise.race([promise, Promise.resolve(isOpen)]);
}

const SHUTTING_DOWN = "421 Server shutting down";

describe("close of a server without clients", () => {
  test("callback, promise and close event", async () => {
    const server = await listening();
    const heard: unknown[] = [];
    server.on("close", () => heard.push("close"));
    server.server.on("close", () => heard.push("listener"));
    await Promise.all([
      server.close(),
      new Promise<void>((resolve) => void server.close((error) => (heard.push(error), resolve()))),
    ]);
    expect(heard).toHaveLength(3);
    expect(heard).toEqual(expect.arrayContaining(["close", "listener", undefined]));
  });

  test("new clients are refused by then", async () => {
    const server = await listening();
    const { port } = server.address() as AddressInfo;
    await server.close();
    expect(await new SocketClient({ port, host: "127.0.0.1" }).reply()).toBeUndefined();
  });

  for (const callback of [undefined, null]) {
    test(`close(${callback})`, async () => {
      const server = await listening();
      await server.close(callback);
      expect(server.server.listening).toBe(false);
    });
  }

  test("when it never listened: the promise resolves, the callback is called without an error, no close event", async () => {
    const server = makeServer();
    let events = 0;
    server.on("close", () => void events++);
    await server.close();
    const error = await new Promise((resolve) => void server.close(resolve));
    expect(error).toBeUndefined();
    expect(events).toBe(0);
  });

  test("twice, one after the other: the second finds nothing to close", async () => {
    const server = await listening();
    let events = 0;
    server.on("close", () => void events++);
    await server.close();
    const error = await new Promise((resolve) => void server.close(resolve));
    expect(error).toBeUndefined();
    expect(events).toBe(1);
  });

  test("twice at once: both wait for the same end, and neither is an error", async () => {
    const server = await listening();
    const client = await greeted(server);
    const errors: unknown[] = [];
    const both = Promise.all([
      server.close((error) => errors.push(error)),
      server.close((error) => errors.push(error)),
    ]);
    expect(await state(both)).toBe(isOpen);
    expect(await client.say("NOOP")).toBe(SHUTTING_DOWN);
    await both;
    expect(errors).toEqual([undefined, undefined]);
  });
});

describe("close with clients", () => {
  test("a message in transfer finishes and is answered; the next command gets 421", async () => {
    let text = "";
    const server = await listening({
      async onData(stream: DataStream) {
        text = await new Response(stream).text();
        return "stored";
      },
    });
    const client = await greeted(server);
    await client.envelope();
    await client.say("DATA");
    client.send("first half, ");
    const closed = server.close();
    expect(await state(closed)).toBe(isOpen);
    client.send("second half\r\n.\r\n");
    expect(await client.reply()).toBe("250 stored");
    expect(text).toBe("first half, second half\r\n");
    expect(await client.say("QUIT")).toBe(SHUTTING_DOWN);
    expect(await client.reply()).toBeUndefined();
    await closed;
  });

  test("a BDAT chunk in transfer is answered; the chunk behind it gets 421", async () => {
    let called = (): void => {};
    const inHook = new Promise<void>((resolve) => (called = resolve));
    const server = await listening({ onData: (_stream, _session, _callback) => called() });
    const client = await greeted(server);
    await client.envelope();
    client.send("BDAT 10\r\n12345");
    await inHook;
    const closed = server.close();
    client.send("67890");
    client.send("BDAT 0 LAST\r\n");
    expect(await client.closed()).toBe(`250 OK: 10 octets received\r\n${SHUTTING_DOWN}\r\n`);
    await closed;
  });

  for (const command of ["NOOP", "EHLO again.test", "MAIL FROM:<a@a.test>", "QUIT", "gibberish"]) {
    test(`${command} gets 421 and is not run`, async () => {
      const server = await listening({ onMailFrom: () => expect.unreachable() });
      const client = await greeted(server);
      const closed = server.close();
      expect(await client.say(command)).toBe(SHUTTING_DOWN);
      expect(await client.reply()).toBeUndefined();
      await closed;
    });
  }

  test("an exchange of AUTH that is under way gets 421 too", async () => {
    const server = await listening({ allowInsecureAuth: true, onAuth: () => expect.unreachable() });
    const client = await greeted(server);
    expect(await client.say("AUTH LOGIN")).toStartWith("334 ");
    const closed = server.close();
    expect(await client.say("dXNlcg==")).toBe(SHUTTING_DOWN);
    await closed;
  });

  test("idle clients are ended with 421 at closeTimeout", async () => {
    const server = await listening();
    const [one, two] = [await greeted(server), await greeted(server)];
    const closed = closeInTime(server);
    expect([await one.reply(), await two.reply()]).toEqual([SHUTTING_DOWN, SHUTTING_DOWN]);
    expect([await one.reply(), await two.reply()]).toEqual([undefined, undefined]);
    await closed;
    expect(server.connections.size).toBe(0);
  });

  test("a client in DATA is ended at closeTimeout, and its stream errors", async () => {
    let code: string | undefined;
    const server = await listening({
      onData: async (stream: DataStream) => {
        await new Response(stream).text().catch((error: { code: string }) => (code = error.code));
      },
    });
    const client = await greeted(server);
    await client.envelope();
    await client.say("DATA");
    client.send("half");
    const closed = closeInTime(server);
    expect(await client.reply()).toBe(SHUTTING_DOWN);
    await closed;
    await client.closed();
    expect(code).toBe("ECONNECTION");
  });

  test("a hook that answers before closeTimeout: its reply goes out", async () => {
    const called = Promise.withResolvers<HookCallback>();
    const server = await listening({
      onMailFrom: (_address, _session, callback) => called.resolve(callback),
    });
    const client = await greeted(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    const answer = await called.promise;
    const closed = server.close();
    clock.pass(CLOSE_TIMEOUT - 1);
    answer();
    expect(await client.reply()).toBe("250 Accepted");
    expect(await client.say("RCPT TO:<b@b.test>")).toBe(SHUTTING_DOWN);
    await closed;
  });

  test("a hook that never answers: 421 at closeTimeout", async () => {
    let called = (): void => {};
    const inHook = new Promise<void>((resolve) => (called = resolve));
    const server = await listening({ onMailFrom: (_address, _session, _callback) => called() });
    const client = await greeted(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    await inHook;
    const closed = closeInTime(server);
    expect(await client.reply()).toBe(SHUTTING_DOWN);
    await closed;
  });

  test("a client that waits for its greeting is greeted, and hears 421 then", async () => {
    let answer: HookCallback = () => {};
    let called = (): void => {};
    const inHook = new Promise<void>((resolve) => (called = resolve));
    const server = await listening({ onConnect: (_session, callback) => ((answer = callback), called()) });
    const client = connect(server);
    await inHook;
    const closed = server.close();
    answer();
    expect(await client.reply()).toBe("220 mx.test ESMTP");
    expect(await client.say("EHLO client.test")).toBe(SHUTTING_DOWN);
    await closed;
  });

  const dropped: [string, SMTPServerOptions, string][] = [
    ["in the wait for a PROXY header", { useProxy: true }, ""],
    ["in the middle of a PROXY header", { useProxy: true }, "PROXY TCP4 1.2.3.4"],
    ["in the handshake of implicit TLS", { secure: true }, ""],
    [
      "in the handshake behind a PROXY header",
      { secure: true, useProxy: true },
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    ],
  ];
  for (const [name, options, sent] of dropped) {
    test(`a client ${name} is dropped`, async () => {
      const server = await listening(options);
      const client = connect(server);
      client.send(sent);
      // The server knows of it when it has set its deadline.
      while (clock.timers === 0) await turn();
      expect(await state(client.closed())).toBe(isOpen);
      await server.close();
      expect(await client.closed()).toBe("");
    });
  }

  test("a client in the handshake of STARTTLS is dropped at once, without a word in plaintext", async () => {
    const server = await listening();
    const client = await greeted(server);
    expect(await client.say("STARTTLS")).toBe("220 Ready to start TLS");
    await server.close();
    expect(await client.closed()).toBe("");
  });

  test("onClose of every client is called before close resolves", async () => {
    let closes = 0;
    const server = await listening({ onClose: () => void closes++ });
    const clients = [await greeted(server), await greeted(server), await greeted(server)];
    const closed = server.close();
    for (const client of clients) client.end();
    await closed;
    expect(closes).toBe(3);
  });

  test("connections are listed while they are open", async () => {
    const server = await listening();
    const client = await greeted(server);
    const [connection] = [...server.connections];
    expect(connection).toMatchObject({
      remoteAddress: "127.0.0.1",
      id: expect.stringMatching(/^[0-9a-v]{16}$/),
    });
    connection?.send(450, "of the application");
    expect(await client.reply()).toBe("450 of the application");
    connection?.close();
    expect(await client.reply()).toBeUndefined();
    expect(server.connections.size).toBe(0);
  });

  test("listen while it closes: once the clients of before are gone, and the new ones stay", async () => {
    const server = await listening();
    const before = await greeted(server);
    const closed = server.close();
    const again = server.listen(0, "127.0.0.1");
    clock.pass(CLOSE_TIMEOUT);
    expect(await before.reply()).toBe(SHUTTING_DOWN);
    await closed;
    await again;
    expect(await (await greeted(server)).say("NOOP")).toBe("250 OK");
  });
});

describe("a client that left while a hook works on its command", () => {
  async function waiting(hook: "onMailFrom" | "onConnect", more = ""): Promise<[SMTPServer, () => number]> {
    let closes = 0;
    const server = await listening({
      [hook]: (_first: unknown, _second: unknown, _callback?: unknown) => {},
      onClose: () => void closes++,
    });
    const socket = connectPlain({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
    socket.on("error", () => {});
    socket.end(hook === "onConnect" ? "" : `EHLO x\r\nMAIL FROM:<a@a.test>\r\n${more}`);
    while (server.connections.size === 0) await turn();
    return [server, () => closes];
  }

  test.each(["before", "after"])(
    "it may still hear why, if it closes its side %s the server",
    async (when) => {
      const server = await listening({ onMailFrom: (_address, _session, _callback) => {} });
      const client = await hello(server);
      client.send("MAIL FROM:<a@a.test>\r\n");
      if (when === "before") client.transport.fin();
      const closed = server.close();
      if (when === "after") client.transport.fin();
      expect(await client.closed()).toBe("421 Server shutting down\r\n");
      client.transport.reset();
      await closed;
    },
  );

  test.each([
    ["onMailFrom", ""],
    ["onMailFrom", "RCPT TO:<b@b.test>\r\nDATA\r\n"],
    ["onConnect", ""],
  ] as const)("%s, with %j behind it: close() does not wait for it", async (hook, more) => {
    const [server, closes] = await waiting(hook, more);
    await server.close();
    expect([server.connections.size, closes()]).toEqual([0, 1]);
  });
});
