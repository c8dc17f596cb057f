import { expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { ConnectionCounter } from "../../src/server/connection-counter.js";

test("clients count in total, and each for its address", () => {
  const counter = new ConnectionCounter();
  for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.1", ""]) counter.add(address);
  const counts = (): number[] => [
    counter.total,
    counter.countFrom("192.0.2.1"),
    counter.countFrom("192.0.2.2"),
    counter.countFrom("192.0.2.3"),
  ];
  expect(counts()).toEqual([4, 2, 1, 0]);
  counter.remove("192.0.2.1");
  counter.remove("");
  expect(counts()).toEqual([2, 1, 1, 0]);
  counter.remove("192.0.2.1");
  expect(counts()).toEqual([1, 0, 1, 0]);
});

test("an address whose clients have all left takes no memory", () => {
  const counter = new ConnectionCounter();
  const held = (): number => {
    Bun.gc(true);
    return heapStats().heapSize;
  };
  const before = held();
  for (let number = 0; number < 200_000; number++) {
    const address = `2001:db8::${number.toString(16)}`;
    counter.add(address);
    counter.remove(address);
  }
  // Each would take some 100 octets.
  expect(held() - before).toBeLessThan(4_000_000);
  expect(counter.total).toBe(0);
});
