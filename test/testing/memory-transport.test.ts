/** The client's socket in memory does what a socket does. */
import { expect, test } from "bun:test";
import { memoryTLS } from "../../src/testing/memory-tls.js";
import { MemoryTransport } from "../../src/testing/memory-transport.js";
import { turn } from "../support/turn.js";

const ENDPOINTS = { localAddress: "192.0.2.1", localPort: 25, remoteAddress: "192.0.2.2", remotePort: 1 };

/** A transport, and what the server has of it. */
function make(): { transport: MemoryTransport; events: string[] } {
  const transport = new MemoryTransport(ENDPOINTS);
  const events: string[] = [];
  transport.events = {
    received: (chunk) => events.push(`received ${chunk}`),
    drained: () => events.push("drained"),
    ended: () => events.push("ended"),
    closed: (error) => events.push(error ? `closed: ${error.message}` : "closed"),
    secured: () => events.push("secured"),
  };
  return { transport, events };
}

test.each<[string, (transport: MemoryTransport) => void]>([
  ["writes", (transport) => transport.write("x")],
  ["closes its side", (transport) => transport.end()],
  ["breaks the connection", (transport) => transport.destroy()],
  ["waits for a handshake", (transport) => transport.upgrade()],
])("a client that waits hears of a server that %s", async (_, act) => {
  const { transport } = make();
  let heard = false;
  const waiting = transport.activity().then(() => (heard = true));
  await turn();
  expect(heard).toBeFalse();
  act(transport);
  await turn();
  expect(heard).toBeTrue();
  await waiting;
});

test("what a hook sends while the server receives comes after what it has", () => {
  const { transport, events } = make();
  transport.events.received = (chunk) => {
    events.push(`begin ${chunk}`);
    if (events.length === 1) transport.send(Buffer.from("two"));
    events.push(`end ${chunk}`);
  };
  transport.send(Buffer.from("one"));
  expect(events).toEqual(["begin one", "end one", "begin two", "end two"]);
});

test("a server that has paused receives nothing until it resumes", async () => {
  const { transport, events } = make();
  transport.pause();
  transport.send(Buffer.from("one"));
  transport.fin();
  expect(events).toEqual([]);
  transport.resume();
  await turn();
  expect(events).toEqual(["received one", "ended"]);
});

test("plaintext behind STARTTLS never arrives", async () => {
  const { transport, events } = make();
  transport.pause();
  transport.send(Buffer.from("STARTTLS"));
  transport.send(Buffer.from("plaintext"));
  transport.events.received = (chunk) => {
    events.push(String(chunk));
    transport.upgrade();
  };
  transport.resume();
  await turn();
  transport.send(Buffer.from("plaintext"));
  expect(events).toEqual(["STARTTLS"]);
  transport.handshake(memoryTLS(ENDPOINTS));
  expect(events).toEqual(["STARTTLS", "secured"]);
});

test("a connection closes once, and nothing arrives then", () => {
  const { transport, events } = make();
  transport.reset();
  transport.close();
  transport.send(Buffer.from("late"));
  expect(events).toEqual(["closed: read ECONNRESET"]);
});

test("a connection closes when both sides are done", () => {
  const { transport, events } = make();
  transport.end();
  expect(events).toEqual([]);
  transport.fin();
  expect(events).toEqual(["ended", "closed"]);
  expect(transport.closed).toBeTrue();
});

test("a client that is refused has the text, and its connection is closed", () => {
  const { transport, events } = make();
  transport.refuse("421 Too many\r\n");
  expect(transport.output).toBe("421 Too many\r\n");
  expect(events).toEqual(["closed"]);
});

test("a server whose client does not read hears when it does again", () => {
  const { transport, events } = make();
  transport.full = true;
  expect(transport.write("one")).toBeFalse();
  transport.drain();
  expect(transport.write("two")).toBeTrue();
  expect(events).toEqual(["drained"]);
});
