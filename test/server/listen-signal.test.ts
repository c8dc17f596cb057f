/** `listen({ signal })` closes the server when the signal aborts. */
import { describe, expect, test } from "bun:test";
import type { AddressInfo } from "node:net";
import type { SMTPServer } from "../../src/index.js";
import { makeServer, SocketClient } from "../support/client.js";

const host = "127.0.0.1";

function eventsOf(server: SMTPServer): string[] {
  const events: string[] = [];
  for (const name of ["listening", "close", "error"] as const) server.on(name, () => events.push(name));
  return events;
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "listening",
    ({ name, code, message, cause }: Error & { code: string }) => ({ name, code, message, cause }),
  );
}

/** As Node's functions have it. */
const aborted = (cause: unknown): object => ({
  name: "AbortError",
  code: "ABORT_ERR",
  message: "The operation was aborted",
  cause,
});

test("an abort closes the server, with a reply to its clients", async () => {
  const server = makeServer();
  const events = eventsOf(server);
  const controller = new AbortController();
  await server.listen({ port: 0, host, signal: controller.signal });
  const client = new SocketClient({ port: (server.address() as AddressInfo).port, host });
  await client.reply();
  const closed = new Promise((resolve) => server.once("close", () => resolve(true)));
  controller.abort();
  expect(server.server.listening).toBe(false);
  expect(await client.say("NOOP")).toBe("421 Server shutting down");
  expect(await closed).toBe(true);
  expect(events).toEqual(["listening", "close"]);
});

describe("before the server listens the promise rejects with an AbortError, without an event", () => {
  test("a signal that has aborted", async () => {
    const server = makeServer();
    const events = eventsOf(server);
    const cause = new Error("stop");
    const signal = AbortSignal.abort(cause);
    let called = false;
    const promise = server.listen({ port: 0, host, signal }, () => (called = true));
    expect(await outcome(promise)).toEqual(aborted(cause));
    expect(server.address()).toBeNull();
    expect({ events, called }).toEqual({ events: [], called: false });
  });

  test.each([host, "localhost"])("one that aborts meanwhile: %s", async (host) => {
    const server = makeServer();
    const events = eventsOf(server);
    const controller = new AbortController();
    const promise = server.listen({ port: 0, host, signal: controller.signal });
    controller.abort("stop");
    expect(await outcome(promise)).toEqual(aborted("stop"));
    expect(server.address()).toBeNull();
    expect(events).toEqual([]);
  });

  test("one that aborts while clients of the time before leave", async () => {
    const server = makeServer();
    await server.listen({ port: 0, host });
    const client = new SocketClient({ port: (server.address() as AddressInfo).port, host });
    await client.reply();
    const closing = server.close();
    const controller = new AbortController();
    const promise = server.listen({ port: 0, host, signal: controller.signal });
    controller.abort("stop");
    expect(await outcome(promise)).toEqual(aborted("stop"));
    client.end();
    await closing;
    expect(server.address()).toBeNull();
  });

  test("it counts as handled", async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on("unhandledRejection", note);
    void makeServer().listen({ port: 0, host, signal: AbortSignal.abort() });
    await new Promise((resolve) => setTimeout(resolve, 1));
    process.off("unhandledRejection", note);
    expect(rejections).toEqual([]);
  });
});

test("a signal closes nothing that listens later", async () => {
  const server = makeServer();
  const controller = new AbortController();
  await server.listen({ port: 0, host, signal: controller.signal });
  await server.close();
  await server.listen({ port: 0, host });
  controller.abort();
  expect(server.server.listening).toBe(true);
});

test("nor after a listen that close() cancelled", async () => {
  const server = makeServer();
  const controller = new AbortController();
  const cancelled = server.listen({ port: 0, host, signal: controller.signal });
  await server.close();
  expect(await outcome(cancelled)).toMatchObject({ code: "ERR_SERVER_NOT_RUNNING" });
  await server.listen({ port: 0, host });
  controller.abort();
  expect(server.server.listening).toBe(true);
});

test("nor after a bind that failed", async () => {
  const first = await makeServer().listen({ port: 0, host });
  const { port } = first.address() as AddressInfo;
  const server = makeServer();
  const controller = new AbortController();
  expect(await outcome(server.listen({ port, host, signal: controller.signal }))).toMatchObject({
    code: "EADDRINUSE",
  });
  await server.listen({ port: 0, host });
  controller.abort();
  expect(server.server.listening).toBe(true);
});

test("an abort while it closes changes nothing", async () => {
  const server = makeServer();
  const events = eventsOf(server);
  const controller = new AbortController();
  await server.listen({ port: 0, host, signal: controller.signal });
  const closing = server.close();
  controller.abort();
  await closing;
  expect(events).toEqual(["listening", "close"]);
});

test.each([
  ["a text", "yes"],
  ["a plain object", {}],
  ["a controller", new AbortController()],
])("%s is no signal", async (_name, signal) => {
  const promise = makeServer().listen({ port: 0, host, signal: signal as never });
  expect(await outcome(promise)).toMatchObject({ name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
});

test("what only looks like a signal fails, and the server can listen all the same", async () => {
  const server = makeServer();
  const promise = server.listen({ port: 0, host, signal: { aborted: false } as AbortSignal });
  expect(await outcome(promise)).toMatchObject({ name: "TypeError" });
  expect(await outcome(server.listen({ port: 0, host }))).toBe("listening");
});

test("a signal of a package is one", async () => {
  const signal = Object.assign(new EventTarget(), { aborted: false, reason: "stop" });
  const server = makeServer();
  await server.listen({ port: 0, host, signal: signal as AbortSignal });
  signal.dispatchEvent(new Event("abort"));
  expect(server.server.listening).toBe(false);
});

test.each([undefined, null])("%p means none", async (signal) => {
  const server = makeServer();
  expect(await outcome(server.listen({ port: 0, host, signal: signal as undefined }))).toBe("listening");
});
