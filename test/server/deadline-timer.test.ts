import { describe, expect, test } from "bun:test";
import type { HasDeadline } from "../../src/connection/server-context.js";
import { DeadlineList, DeadlineTimer } from "../../src/server/deadline-timer.js";
import { TestClock } from "../support/clock.js";

function people(count: number): { list: DeadlineList<{ index: number; name: number }>; names(): number[] } {
  const list = new DeadlineList<{ index: number; name: number }>();
  for (let name = 0; name < count; name++) list.add({ index: -1, name });
  return {
    list,
    names: () =>
      list
        .list()
        .map(({ name }) => name)
        .sort(),
  };
}

test("a client that leaves is removed, whatever the order, and no other", () => {
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [1, 3, 0, 2],
    [2, 0, 3, 1],
  ]) {
    const { list, names } = people(4);
    const all = [...list.list()];
    const left = [0, 1, 2, 3];
    for (const name of order) {
      expect(list.delete(all[name]!)).toBe(true);
      left.splice(left.indexOf(name), 1);
      expect([names(), list.size]).toEqual([left, left.length]);
      expect(list.delete(all[name]!)).toBe(false);
    }
  }
});

test("removing a client that was never added changes nothing", () => {
  const { list, names } = people(2);
  expect(list.delete({ index: -1, name: 0 })).toBe(false);
  expect(names()).toEqual([0, 1]);
});

describe("the timer", () => {
  /** A clock that notes the timeouts that are set. */
  class NotingClock extends TestClock {
    readonly timeouts: number[] = [];
    override setTimeout(callback: () => void, ms: number): ReturnType<TestClock["setTimeout"]> {
      this.timeouts.push(ms);
      return super.setTimeout(callback, ms);
    }
  }
  const START = new TestClock().now();

  function makeTimer() {
    const clock = new NotingClock();
    const errors: unknown[] = [];
    const timer = new DeadlineTimer({ clock, report: (error) => void errors.push(error) });
    return { clock, errors, timer };
  }

  /** A client that notes when it is checked. */
  function makeClient(checkDeadline: (now: number) => number): HasDeadline & { checks: number[] } {
    const checks: number[] = [];
    return {
      index: -1,
      checks,
      checkDeadline: (now) => (checks.push(now - START), checkDeadline(now)),
      serverCloses() {},
    };
  }

  test("fires at the earliest of the times, and keeps no other timer", () => {
    const { clock, timer } = makeTimer();
    const client = makeClient(() => Infinity);
    timer.add(client);
    for (const at of [500, 200, 300]) timer.schedule(START + at);
    expect([clock.timers, clock.holding]).toEqual([1, 0]);
    clock.pass(199);
    expect(client.checks).toEqual([]);
    clock.pass(1000);
    expect(client.checks).toEqual([200]);
    // Nothing else is due.
    expect(clock.timers).toBe(0);
  });

  test("a time that has passed is due at once, and one too far away is waited for in steps", () => {
    const { clock, timer } = makeTimer();
    timer.schedule(START + 2 ** 40);
    timer.schedule(START - 5);
    expect(clock.timeouts).toEqual([2 ** 31 - 1, 0]);
  });

  test("goes on at the earliest of the times that the clients give", () => {
    const { clock, timer } = makeTimer();
    const clients = [
      makeClient((now) => now + 70),
      makeClient((now) => now + 30),
      makeClient(() => Infinity),
    ];
    for (const client of clients) timer.add(client);
    timer.schedule(START + 10);
    clock.pass(60);
    expect(clients.map(({ checks }) => checks)).toEqual([
      [10, 40],
      [10, 40],
      [10, 40],
    ]);
  });

  test("a check that throws is reported, the others follow, and it is checked again in 100 ms", () => {
    const { clock, errors, timer } = makeTimer();
    const mistake = new Error("the application's own mistake");
    const broken = makeClient(() => {
      throw mistake;
    });
    const other = makeClient(() => Infinity);
    for (const client of [broken, other]) timer.add(client);
    timer.schedule(START);
    clock.pass(250);
    expect(broken.checks).toEqual([0, 100, 200]);
    expect(other.checks).toEqual([0, 100, 200]);
    expect(errors).toEqual([mistake, mistake, mistake]);
  });

  test("many clients that are due all the time are checked once in 5 microseconds each", () => {
    const { clock, timer } = makeTimer();
    const clients = Array.from({ length: 10_000 }, () => makeClient((now) => now));
    for (const client of clients) timer.add(client);
    timer.schedule(START);
    clock.pass(120);
    expect(clients[0]?.checks).toEqual([0, 50, 100]);
  });

  test("is set while there are clients, and not after", () => {
    const { clock, timer } = makeTimer();
    const [one, other] = [makeClient(() => Infinity), makeClient(() => Infinity)];
    timer.add(one);
    timer.add(other);
    timer.schedule(START + 10);
    timer.delete(one);
    timer.delete(one);
    expect(clock.timers).toBe(1);
    timer.delete(other);
    expect(clock.timers).toBe(0);
    // As if it had never been set.
    timer.add(other);
    timer.schedule(START + 50);
    clock.pass(50);
    expect(other.checks).toEqual([50]);
  });

  test("a last client that leaves when it is checked leaves no timer", () => {
    const { clock, timer } = makeTimer();
    const client = makeClient(() => (timer.delete(client), 0));
    timer.add(client);
    timer.schedule(START);
    clock.pass(1000);
    expect([client.checks, clock.timers]).toEqual([[0], 0]);
  });
});
