import { describe, expect, spyOn, test } from "bun:test";
import { Turns, type Worker } from "../../src/connection/turns.js";
import { accept, setClock } from "../../src/server/server.js";
import { SMTPServer } from "../../src/index.js";
import type { DataStream } from "../../src/types/index.js";
import { hello, makeServer } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { endAfterTest } from "../support/ending.js";
import { MemoryTransport } from "../support/memory-transport.js";

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("turns of the event loop", () => {
  let now = 0;
  const work = (turns: Turns, client: Worker, ms: number): boolean => turns.count(client, now, (now += ms));
  const makeClient = (): Worker => ({ turn: 0, worked: 0 });

  test("one is used up after two milliseconds of work of any clients", async () => {
    const turns = new Turns();
    const [a, b] = [makeClient(), makeClient()];
    expect(work(turns, a, 1)).toBe(false);
    expect(work(turns, b, 1)).toBe(false);
    expect(turns.isUsedUp).toBe(false);
    expect(work(turns, b, 0.1)).toBe(true);
    expect(turns.isUsedUp).toBe(true);
    await nextTurn();
    expect(turns.isUsedUp).toBe(false);
    expect(work(turns, b, 0.1)).toBe(false);
  });

  test("a client has a small share of its own of one that others have used up", async () => {
    const turns = new Turns();
    const [busy, quick] = [makeClient(), makeClient()];
    work(turns, busy, 3);
    expect(work(turns, quick, 0.2)).toBe(false);
    expect(work(turns, quick, 0.2)).toBe(true);
    await nextTurn();
    work(turns, busy, 3);
    expect(work(turns, quick, 0.2)).toBe(false);
  });

  test("the time between two counts is a part of the turn, but not that between two turns", async () => {
    const turns = new Turns();
    const [a, b] = [makeClient(), makeClient()];
    turns.count(a, 0, 1);
    turns.count(b, 2.5, 2.6);
    expect(turns.isUsedUp).toBe(true);
    await nextTurn();
    turns.count(a, 100, 100.1);
    expect(turns.isUsedUp).toBe(false);
  });

  test("a client may use up all of its share", () => {
    const turns = new Turns();
    turns.count(makeClient(), 0, 3);
    const client = makeClient();
    expect(turns.count(client, 3, 3.25)).toBe(false);
    expect(turns.count(client, 3.25, 3.5)).toBe(true);
  });

  test("the turn of a client is the one in which it worked last, and none before that", async () => {
    const turns = new Turns();
    const client = { turn: -1, worked: 0 };
    for (let round = 0; round < 3; round++) {
      expect(turns.isTurnOf(client)).toBe(false);
      turns.count(makeClient(), 0, 1);
      await nextTurn();
    }
    turns.count(client, 0, 1);
    expect(turns.isTurnOf(client)).toBe(true);
    await nextTurn();
    expect(turns.isTurnOf(client)).toBe(false);
  });

  test("none is scheduled once all work is done", async () => {
    const scheduled = spyOn(globalThis, "setImmediate");
    const turns = new Turns();
    turns.wait(() => turns.count(makeClient(), 0, 3));
    for (let round = 0; round < 5; round++) await nextTurn();
    // Those of this test, the turn of the wait, and the one behind it.
    expect(scheduled).toHaveBeenCalledTimes(5 + 2);
    scheduled.mockRestore();
  });

  test("those who wait come first in the order in which they came, as far as a turn lasts", async () => {
    const turns = new Turns();
    const came: string[] = [];
    const client = (name: string, ms: number) => (): void => {
      came.push(name);
      work(turns, makeClient(), ms);
      if (name === "a" && came.length < 5) turns.wait(client("a", ms));
    };
    turns.wait(client("a", 1));
    turns.wait(client("b", 2));
    turns.wait(client("c", 3));
    turns.wait(client("d", 0));
    expect(came).toEqual([]);
    await nextTurn();
    expect(came).toEqual(["a", "b"]);
    await nextTurn();
    expect(came).toEqual(["a", "b", "c"]);
    await nextTurn();
    expect(came).toEqual(["a", "b", "c", "d", "a"]);
    await nextTurn();
    expect(came).toHaveLength(5);
  });
});

describe("several clients with much work", () => {
  const SLICE = 131_072;
  const HELLO = "EHLO x\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n";

  /** Clients in DATA, on a clock that goes on by a millisecond each time it is read. */
  async function clients(count: number): Promise<{ transports: MemoryTransport[]; read: () => number[] }> {
    const streams: DataStream[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disableReverseLookup: true,
      logger: false,
      onData(stream, _session, callback) {
        streams.push(stream);
        callback();
      },
    });
    setClock(server, new TestClock(1));
    const transports = Array.from({ length: count }, () => {
      const transport = new MemoryTransport();
      accept(server, transport);
      transport.send(Buffer.from(HELLO));
      endAfterTest(() => transport.reset());
      return transport;
    });
    // Their commands are work too.
    while (streams.length < count || transports.some(({ paused }) => paused)) await nextTurn();
    await nextTurn();
    return { transports, read: () => streams.map(({ byteLength }) => byteLength) };
  }

  test("together delay the others by one turn, not by one each", async () => {
    const { transports, read } = await clients(3);
    for (const transport of transports) transport.send(Buffer.alloc(8 * SLICE, "x"));
    const slices = (): number[] => read().map((octets) => octets / SLICE);
    // Three slices take more than two milliseconds here, and a turn is two. The second and the third client wait without having had any.
    expect(slices()).toEqual([3, 0, 0]);
    expect(transports.map(({ paused }) => paused)).toEqual([true, true, true]);
    await nextTurn();
    expect(slices()).toEqual([6, 0, 0]);
    await nextTurn();
    expect(slices()).toEqual([6, 3, 0]);
    await nextTurn();
    expect(slices()).toEqual([6, 3, 3]);
    for (let turn = 0; turn < 9; turn++) await nextTurn();
    expect(slices()).toEqual([8, 8, 8]);
    expect(transports.map(({ paused }) => paused)).toEqual([false, false, false]);
  });

  test("do not delay a client with a small command", async () => {
    const { transports } = await clients(2);
    const [busy, quick] = transports as [MemoryTransport, MemoryTransport];
    quick.send(Buffer.from(".\r\n"));
    busy.send(Buffer.alloc(8 * SLICE, "x"));
    quick.send(Buffer.from("NOOP\r\n"));
    expect(quick.output).toEndWith("queued\r\n250 OK\r\n");
    expect(busy.paused).toBe(true);
  });

  // The first look is behind two turns: that of the read, and the one that it waited for.
  const turnsOf = {
    "before it waits": [6, 9, 12, 12],
    "after it waited for a kept promise": [8, 12, 12, 12],
  };
  test.each(Object.entries(turnsOf))("and what a hook does %s counts", async (when, expected) => {
    const clock = new TestClock();
    let calls = 0;
    const server = makeServer(
      {
        async onRcptTo(_address) {
          if (when.startsWith("after")) await null;
          calls += 1;
          clock.pass(0.8);
        },
      },
      clock,
    );
    const client = await hello(server);
    await client.say("MAIL FROM:<a@a.test>");
    const callsOfTurns: number[] = [];
    client.send("RCPT TO:<b@b.test>\r\n".repeat(12));
    for (let turn = 0; turn < 4; turn++) {
      await nextTurn();
      callsOfTurns.push(calls);
    }
    expect(callsOfTurns).toEqual(expected);
  });

  test("a hook that waits for a timer does not use up the turn in which it answers", async () => {
    const clock = new TestClock();
    const answers: (() => void)[] = [];
    const onRcptTo = (_address: unknown, _session: unknown, callback: () => void): void =>
      void answers.push(callback);
    const client = await hello(makeServer({ onRcptTo }, clock));
    await client.say("MAIL FROM:<a@a.test>");
    client.send(`${"RCPT TO:<b@b.test>\r\n".repeat(2)}NOOP\r\n`);
    await nextTurn();
    clock.pass(50);
    answers[0]?.();
    await Promise.resolve();
    await Promise.resolve();
    expect(answers).toHaveLength(2);
  });

  test("a message that ends inside a long read is followed by the commands behind it", async () => {
    const { transports, read } = await clients(1);
    const [client] = transports as [MemoryTransport];
    client.send(Buffer.from(`${"x".repeat(SLICE)}\r\n.\r\nNOOP\r\nRSET\r\nQUIT\r\n`));
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    expect(read()).toEqual([SLICE + 2]);
    expect(client.output).toEndWith("queued\r\n250 OK\r\n250 Flushed\r\n221 Bye\r\n");
  });
});
