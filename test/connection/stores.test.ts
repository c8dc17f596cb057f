/** A store of AsyncLocalStorage that a hook enters is there in what the hook does, and in no other hook. */
import { expect, test } from "bun:test";
import { AsyncLocalStorage } from "node:async_hooks";
import type { SMTPServerOptions } from "../../src/index.js";
import type { Timer } from "../../src/time/clock.js";
import { hello, makeServer } from "../support/client.js";
import { TestClock } from "../support/clock.js";

const store = new AsyncLocalStorage<string>();

/** Reads a message inside a store, slower than it comes. @param read is called behind each chunk */
function inStore(read: () => void = () => {}): NonNullable<SMTPServerOptions["onData"]> {
  return async (stream) =>
    store.run("message", async () => {
      const reader = stream.getReader();
      while (!(await reader.read()).done) {
        read();
        // Until no client waits for a turn.
        for (let turn = 0; turn < 9; turn++) await new Promise((resolve) => void setImmediate(resolve));
      }
    });
}

test("the next message has none of the one before, which made space for its octets", async () => {
  const seen: unknown[] = [];
  const server = makeServer(
    { onMailFrom: async () => void seen.push(store.getStore()), onData: inStore() },
    new TestClock(),
  );
  const client = await hello(server);
  await client.envelope();
  await client.say("DATA");
  client.send(`${"x".repeat(300_000)}\r\n.\r\nMAIL FROM:<a@a.test>\r\n`);
  expect(await client.reply()).toBe("250 OK: message queued");
  expect(await client.reply()).toBe("250 Accepted");
  expect(seen).toEqual([undefined, undefined]);
});

test("a client that waits for a turn has none of a client that works in this one", async () => {
  const seen: unknown[] = [];
  const outside = AsyncLocalStorage.snapshot();
  const onMailFrom = async (): Promise<void> => void seen.push(store.getStore());
  const onData = inStore(() =>
    outside(() => other.send(`${"NOOP\r\n".repeat(5)}MAIL FROM:<a@a.test>\r\nRSET\r\n`)),
  );
  const server = makeServer({ onMailFrom, onData }, new TestClock(1));
  const [reader, other] = [await hello(server), await hello(server)];
  await reader.envelope();
  await reader.say("DATA");
  reader.send(`${"x".repeat(1_000_000)}\r\n.\r\n`);
  expect(await reader.reply()).toBe("250 OK: message queued");
  for (let reply = 0; reply < 7 * 8; reply++) expect(await other.reply()).toMatch(/^250 /);
  expect(seen).toEqual(Array.from({ length: 9 }, () => undefined));
});

test("onClose has none of the hook that closed the connection", async () => {
  const { promise: seen, resolve } = Promise.withResolvers<unknown>();
  const server = makeServer({
    onMailFrom: async () =>
      store.run("sender", () => {
        for (const connection of server.connections) connection._socket.destroy();
      }),
    onClose: async () => resolve(store.getStore()),
  });
  const client = await hello(server);
  client.send("MAIL FROM:<a@a.test>\r\n");
  expect(await seen).toBeUndefined();
});

test("onConnect has none of a resolver that calls back from its own", async () => {
  const seen: unknown[] = [];
  const server = makeServer({
    disableReverseLookup: false,
    resolver: {
      reverse: (_address, callback) => store.run("resolver", () => setImmediate(callback, null, ["a.test"])),
    },
    onConnect: async () => void seen.push(store.getStore()),
    onMailFrom: async () => void seen.push(store.getStore()),
  });
  const client = await hello(server);
  expect(await client.say("MAIL FROM:<a@a.test>")).toBe("250 Accepted");
  expect(seen).toEqual([undefined, undefined]);
});

/** Timers keep the stores in which they were started, as those of the process do. */
class StoringClock extends TestClock {
  override setTimeout(callback: () => void, ms: number): Timer {
    return super.setTimeout(AsyncLocalStorage.bind(callback), ms);
  }
}

test("a client that times out has none of the hook that started the timer", async () => {
  const clock = new StoringClock();
  const seen: unknown[] = [];
  const server = makeServer(
    {
      socketTimeout: 60_000,
      logger: {
        debug() {},
        info: (entry) => void (entry["tnx"] === "timeout" && seen.push(store.getStore())),
        error() {},
      },
      onMailFrom: async () =>
        store.run("sender", () => {
          for (const connection of server.connections) if (connection !== silent) connection.close();
        }),
    },
    clock,
  );
  await hello(server);
  const [silent] = server.connections;
  const client = await hello(server);
  client.send("MAIL FROM:<a@a.test>\r\n");
  await Bun.sleep(0);
  clock.pass(120_000);
  expect(seen).toEqual([undefined]);
});
