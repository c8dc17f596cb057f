/** The hooks before the greeting, and a client that leaves while they work. */
import { expect, test } from "bun:test";
import type { SMTPServerOptions } from "../../src/index.js";
import { makeServer, MemoryClient } from "../support/client.js";

type Callback = () => void;

/** A server with implicit TLS that notes what it calls and emits. */
function noting(options: SMTPServerOptions): { events: string[]; client: MemoryClient } {
  const events: string[] = [];
  const server = makeServer({
    secure: true,
    onConnect: (_session, callback) => (events.push("onConnect"), callback()),
    onSecure: (_socket, _session, callback) => (events.push("onSecure"), callback()),
    logger: { info: (_entry, text, name) => void events.push(`${String(text)} ${String(name)}`) },
    ...options,
  });
  server.on("connect", () => events.push("connect"));
  const client = new MemoryClient(server);
  client.transport.handshake();
  return { events, client };
}

const FROM = "Connection from %s [192.0.2.99]";

test("a client is announced behind onConnect and onSecure", async () => {
  const { events, client } = noting({});
  expect(await client.reply()).toBe("220 mx.test ESMTP");
  expect(events).toEqual(["onConnect", FROM, "onSecure", "connect"]);
});

test.each([{ useXClient: true }, { useXForward: true }])(
  "with %j it is announced later, as the proxy may still say who it is",
  async (options) => {
    const { events, client } = noting(options);
    expect(await client.reply()).toBe("220 mx.test ESMTP");
    expect(events).toEqual(["onConnect", FROM, "onSecure"]);
    await client.chat("EHLO x", "MAIL FROM:<a@a.test>", "RSET", "MAIL FROM:<a@a.test>");
    expect(events.slice(3)).toEqual(["connect"]);
  },
);

test.each(["onConnect", "onSecure"])("a client that leaves while %s works is not announced", async (hook) => {
  let answer: Callback = () => {};
  const waits = (...args: unknown[]): void => void (answer = args.at(-1) as Callback);
  const { events, client } = noting({ logger: false, [hook]: waits });
  await client.leave();
  const before = events.length;
  answer();
  expect(await client.idle()).toBe("");
  expect(events.slice(before)).toEqual([]);
});

test("nor does it have an entry in the log if it leaves while onConnect works", async () => {
  let answer: Callback = () => {};
  const { events, client } = noting({ onConnect: (_session, callback) => void (answer = callback) });
  await client.leave();
  answer();
  await client.idle();
  expect(events.filter((text) => text.startsWith("Connection from"))).toEqual([]);
});
