/** Clients between accept and greeting: the PROXY header, the handshake of implicit TLS, and how both end. */
import { describe, expect, test } from "bun:test";
import type { SMTPServer, SMTPServerOptions } from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";

const HEADER = "PROXY TCP4 198.51.100.7 192.0.2.1 1234 25\r\n";
/** A health check: the proxy itself is the client. */
const LOCAL = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const GREETING = "220 mx.test ESMTP";

/** The errors that a server emits, with the fields that smtp-server gives them. */
function errorsOf(server: SMTPServer): object[] {
  const errors: object[] = [];
  server.on("error", (error) => errors.push({ ...error, message: error.message }));
  return errors;
}

function handshakeError(code: string, message: string, remoteAddress: string): object {
  return { code, message, remoteAddress, meta: { protocol: "smtp", stage: "connect", remoteAddress } };
}

describe("a handshake that fails is an error with the fields of smtp-server's", () => {
  const closed = (code = "SocketError", message = "Socket closed while initiating TLS"): object =>
    handshakeError(code, message, "192.0.2.99");
  const late = handshakeError("ERR_TLS_HANDSHAKE_TIMEOUT", "TLS handshake timeout", "192.0.2.99");

  test("implicit TLS", () => {
    const clock = new TestClock();
    const server = makeServer({ secure: true, socketTimeout: 1000 }, clock);
    const errors = errorsOf(server);
    new MemoryClient(server).transport.fin();
    new MemoryClient(server).transport.reset();
    new MemoryClient(server);
    clock.pass(1000);
    expect(errors).toEqual([closed(), closed("ECONNRESET", "read ECONNRESET"), late]);
  });

  test("behind a PROXY header it is that of the client", () => {
    const server = makeServer({ secure: true, useProxy: true });
    const errors = errorsOf(server);
    const client = new MemoryClient(server);
    client.send(HEADER);
    client.transport.fin();
    expect(errors).toMatchObject([{ code: "SocketError", remoteAddress: "198.51.100.7" }]);
  });

  test("STARTTLS", async () => {
    const clock = new TestClock();
    const server = makeServer({ socketTimeout: 1000 }, clock);
    const errors = errorsOf(server);
    await (await hello(server)).say("STARTTLS");
    clock.pass(1000);
    expect(errors).toEqual([late]);
  });

  const silent: [string, SMTPServerOptions, string][] = [
    ["a client that leaves in its header", { useProxy: true }, "PROXY TCP4"],
    ["a health check of the proxy", { useProxy: true }, LOCAL],
    ["a client that is left out of the log", { useProxy: true, ignoredHosts: ["198.51.100.7"] }, HEADER],
    ["a proxy that is", { ignoredHosts: ["192.0.2.99"] }, ""],
  ];
  test.each(silent)("but not for %s", (_, options, text) => {
    const server = makeServer({ secure: true, ...options });
    const errors = errorsOf(server);
    const client = new MemoryClient(server);
    if (text !== "") client.send(text);
    client.transport.reset();
    expect(errors).toEqual([]);
  });
});

test("a health check of the proxy may go on with a handshake", async () => {
  const server = makeServer({ secure: true, useProxy: true });
  const client = new MemoryClient(server);
  client.send(LOCAL);
  client.transport.handshake();
  expect(await client.reply()).toBe(GREETING);
  const [connection] = server.connections;
  expect(connection?.session).toMatchObject({ remoteAddress: "192.0.2.99", proxy: { version: 2 } });
});

test("a session has the addresses and ports of both ends that the header names", async () => {
  const server = makeServer({ useProxy: true });
  const client = new MemoryClient(server);
  client.send("PROXY TCP4 198.51.100.7 203.0.113.9 1234 2525\r\n");
  expect(await client.reply()).toBe(GREETING);
  const [connection] = server.connections;
  expect(connection?.session).toMatchObject({
    remoteAddress: "198.51.100.7",
    remotePort: 1234,
    localAddress: "203.0.113.9",
    localPort: 2525,
    proxy: { version: 1 },
  });
});

test("a handshake that ends after the client has left makes no connection", async () => {
  const server = makeServer({ secure: true, maxClients: 1 });
  const { transport } = new MemoryClient(server);
  transport.reset();
  transport.handshake();
  expect([server.connections.size, transport.output]).toEqual([0, ""]);
  const next = new MemoryClient(server);
  next.transport.handshake();
  expect(await next.reply()).toBe(GREETING);
});

describe("however a client ends before its greeting, it no longer counts", () => {
  const ways: [string, SMTPServerOptions, (client: MemoryClient, clock: TestClock) => void][] = [
    ["it leaves in its header", { useProxy: true }, (client) => client.transport.fin()],
    ["its header comes too late", { useProxy: true }, (_, clock) => clock.pass(1000)],
    [
      "its header is refused",
      { useProxy: true },
      (client, clock) => {
        client.send("EHLO x\r\n");
        clock.pass(1000);
      },
    ],
    ["it leaves in its handshake", { secure: true }, (client) => client.transport.fin()],
    ["its handshake takes too long", { secure: true }, (_, clock) => clock.pass(1000)],
    [
      "it leaves in the handshake behind its header",
      { useProxy: true, secure: true },
      (client) => {
        client.send(HEADER);
        client.transport.reset();
      },
    ],
  ];
  test.each(ways)("%s", (_, options, end) => {
    const clock = new TestClock();
    const limits = { maxClients: 2, maxClientsPerAddress: 2, socketTimeout: 1000 };
    const server = makeServer({ ...limits, ...options }, clock);
    for (let round = 0; round < 3; round++) {
      const client = new MemoryClient(server);
      expect(client.transport.closed).toBe(false);
      end(client, clock);
      expect(client.transport.closed).toBe(true);
    }
    expect(clock.timers).toBe(0);
    // Two have a place, as before, and no third.
    const waiting = [0, 1, 2].map(() => new MemoryClient(server).transport.closed);
    expect(waiting).toEqual([false, false, true]);
  });
});

test("each client has its own time", () => {
  const clock = new TestClock();
  const server = makeServer({ useProxy: true, socketTimeout: 1000 }, clock);
  const early = new MemoryClient(server).transport;
  clock.pass(400);
  const late = new MemoryClient(server).transport;
  clock.pass(599);
  expect([early.closed, late.closed]).toEqual([false, false]);
  clock.pass(1);
  expect([early.closed, late.closed]).toEqual([true, false]);
  clock.pass(399);
  expect(late.closed).toBe(false);
  clock.pass(1);
  expect(late.closed).toBe(true);
});

test("a refused PROXY header is answered once, whatever follows", async () => {
  const client = new MemoryClient(makeServer({ useProxy: true }));
  client.send("EHLO x\r\n");
  client.send("EHLO x\r\n");
  client.send(HEADER);
  expect(client.transport.output).toBe("* BAD Invalid PROXY header\r\n");
});

test.each(["X", "EHLO x\r\n"])("%j behind a PROXY header came before the greeting", async (text) => {
  const server = makeServer({ useProxy: true, onConnect: (_session, _callback) => {} });
  const client = new MemoryClient(server);
  client.send(HEADER + text);
  expect(await client.closed()).toBe("421 mx.test You talk too soon\r\n");
});

test("a client over a limit is refused without an enhanced status code", async () => {
  const text = async (options: SMTPServerOptions): Promise<string | undefined> => {
    const server = makeServer({ hideENHANCEDSTATUSCODES: false, ...options });
    await hello(server);
    return new MemoryClient(server).reply();
  };
  expect(await text({ maxClients: 1 })).toBe("421 mx.test Too many connected clients, try again in a moment");
  expect(await text({ maxClientsPerAddress: 1 })).toBe("421 mx.test Too many connections from your address");
});
