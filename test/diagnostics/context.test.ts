/** Stores of AsyncLocalStorage that are bound to a channel are there in the hooks. */
import { describe, expect, test } from "bun:test";
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import type { CommandTrace, ConnectionTrace, HookTrace, MessageTrace } from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { endAfterTest } from "../support/ending.js";

/** Binds a store to the start of a tracing channel until the test is over. */
function bind<T extends object>(name: string, value: (message: T) => string): AsyncLocalStorage<string> {
  const storage = new AsyncLocalStorage<string>();
  const { start } = tracingChannel(name);
  start.bindStore(storage as never, value as never);
  endAfterTest(() => start.unbindStore(storage as never));
  return storage;
}

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a store of the connection", () => {
  test("is there in every hook, before and after a wait, and each client has its own", async () => {
    const store = bind<ConnectionTrace>("bun-smtp:connection", ({ session }) => session.id);
    const seen: [string, boolean][] = [];
    const note = async (hook: string, { id }: { id: string }): Promise<void> => {
      seen.push([hook, store.getStore() === id]);
      await later();
      seen.push([hook, store.getStore() === id]);
    };
    const server = makeServer({
      allowInsecureAuth: true,
      authMethods: ["LOGIN"],
      onConnect: async (session) => note("onConnect", session),
      onSecure: async (_socket, session) => note("onSecure", session),
      onHelo: async (session) => note("onHelo", session),
      async onAuth(_auth, session) {
        await note("onAuth", session);
        return { user: 1 };
      },
      onMailFrom: async (_address, session) => note("onMailFrom", session),
      onRcptTo: async (_address, session) => note("onRcptTo", session),
      async onData(stream, session) {
        await new Response(stream).text();
        await note("onData", session);
      },
      onClose: async (session) => note("onClose", session),
    });
    const clients = [new MemoryClient(server), new MemoryClient(server)];
    for (const client of clients) await client.reply();
    for (const line of ["EHLO x", "AUTH LOGIN", "dQ==", "cA==", "STARTTLS"])
      await Promise.all(clients.map((client) => client.say(line)));
    for (const client of clients) client.transport.handshake();
    for (const line of ["EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA", "hi\r\n."])
      await Promise.all(clients.map((client) => client.say(line)));
    for (const client of clients) await client.leave();
    expect(seen.filter(([, isOwn]) => !isOwn)).toEqual([]);
    expect(new Set(seen.map(([hook]) => hook)).size).toBe(8);
    expect(store.getStore()).toBeUndefined();
  });

  test("that a subscriber enters is there too", async () => {
    const store = new AsyncLocalStorage<string>();
    const { start } = tracingChannel("bun-smtp:connection");
    const enter = (message: unknown): void => store.enterWith((message as ConnectionTrace).session.id);
    start.subscribe(enter);
    endAfterTest(() => start.unsubscribe(enter));
    let seen: unknown[] = [];
    const server = makeServer({
      onMailFrom: async (_address, { id }) => void (seen = [store.getStore(), id]),
    });
    const client = await hello(server);
    store.enterWith("another");
    await client.say("MAIL FROM:<a@a.test>");
    expect(seen[0]).toBe(seen[1]);
  });
});

test("those of command, message and hook are there in what belongs to them", async () => {
  const command = bind<CommandTrace>("bun-smtp:command", ({ verb }) => verb);
  const message = bind<MessageTrace>("bun-smtp:message", ({ envelope }) => envelope.rcptTo.length.toString());
  const hook = bind<HookTrace>("bun-smtp:hook", ({ hook }) => hook);
  const seen: unknown[] = [];
  const note = (): void => void seen.push([command.getStore(), message.getStore(), hook.getStore()]);
  const server = makeServer({
    allowInsecureAuth: true,
    onConnect: async () => note(),
    async onAuth() {
      note();
      return { user: 1 };
    },
    onMailFrom: async () => note(),
    async onData(stream) {
      await new Response(stream).text();
      note();
    },
    onClose: async () => note(),
  });
  const client = await hello(server);
  await client.chat("AUTH PLAIN", "AHUAcA==");
  await client.deliver();
  await client.leave();
  expect(seen).toEqual([
    [undefined, undefined, "onConnect"],
    ["AUTH", undefined, "onAuth"],
    ["MAIL", undefined, "onMailFrom"],
    ["DATA", "1", "onData"],
    [undefined, undefined, "onClose"],
  ]);
});

describe("a store of a message alone", () => {
  const ways = { DATA: ["DATA", "hi\r\n."], BDAT: ["BDAT 2\r\nhi", "BDAT 0 LAST"] };
  test.each(Object.entries(ways))("is not there in the hooks behind it: %s", async (_name, lines) => {
    const message = bind<MessageTrace>("bun-smtp:message", ({ envelope }) => String(envelope.rcptTo.length));
    const seen: unknown[] = [];
    const server = makeServer({
      onMailFrom: async () => void seen.push(message.getStore()),
      async onData(stream) {
        await new Response(stream).text();
        seen.push(message.getStore());
      },
    });
    const client = await hello(server);
    for (let i = 0; i < 2; i++) {
      await client.envelope();
      for (const line of lines)
        await (line.startsWith("BDAT 2") ? (client.send(line), client.reply()) : client.say(line));
    }
    expect(seen).toEqual([undefined, "1", undefined, "1"]);
  });
});
