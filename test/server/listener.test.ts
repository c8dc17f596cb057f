/** `server.server` without a socket of its own: what it asks of the one that is bound, and when. */
import { describe, expect, test } from "bun:test";
import { Listener } from "../../src/server/listener.js";
import type { Bound } from "../../src/transport/bind.js";

function listen(): { listener: Listener; calls: unknown[]; bind: (where?: Bound["where"]) => void } {
  const calls: unknown[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void calls.push([name, ...args]);
  const listener = new Listener({
    listen: note("listen"),
    close: note("close"),
    connections: new Set([1, 2, 3]),
  });
  const bind = (where: Bound["where"] = { host: "127.0.0.1", port: 25 }): void =>
    listener.opened({
      where,
      ref: note("ref"),
      unref: note("unref"),
      stop: note("stop"),
    } as unknown as Bound);
  return { listener, calls, bind };
}

describe("ref and unref", () => {
  test("before it listens hold from the bind on, and the last one counts", () => {
    const { listener, calls, bind } = listen();
    expect(listener.unref()).toBe(listener);
    bind();
    expect(calls).toEqual([["unref"]]);
    listener.stop();
    calls.length = 0;
    expect(listener.ref()).toBe(listener);
    bind();
    expect(calls).toEqual([]);
  });

  test("while it listens hold at once", () => {
    const { listener, calls, bind } = listen();
    bind();
    listener.unref();
    listener.ref();
    expect(calls).toEqual([["unref"], ["ref"]]);
  });
});

test.each<[Bound["where"], object | string]>([
  [
    { host: "127.0.0.1", port: 25 },
    { address: "127.0.0.1", family: "IPv4", port: 25 },
  ],
  [
    { host: "::", port: 2525 },
    { address: "::", family: "IPv6", port: 2525 },
  ],
  [{ path: "/run/lmtp" }, "/run/lmtp"],
])("the address of %j", (where, address) => {
  const { listener, calls, bind } = listen();
  expect([listener.listening, listener.address()]).toEqual([false, null]);
  bind(where);
  expect(listener.listening).toBe(true);
  expect(listener.address() as unknown).toEqual(address);
  listener.stop();
  expect([listener.listening, listener.address(), calls]).toEqual([false, null, [["stop"]]]);
  listener.stop();
  expect(calls).toEqual([["stop"]]);
});

test("listen, close and getConnections are those of the server", async () => {
  const { listener, calls } = listen();
  const done = (): void => {};
  expect(listener.listen(25, "::1", done)).toBe(listener);
  expect(listener.close(done)).toBe(listener);
  await listener[Symbol.asyncDispose]();
  expect(calls).toEqual([["listen", 25, "::1", done], ["close", done], ["close"]]);
  const counted = await new Promise((resolve) => {
    expect(listener.getConnections((error, count) => resolve([error, count]))).toBe(listener);
  });
  expect(counted).toEqual([null, 3]);
});
