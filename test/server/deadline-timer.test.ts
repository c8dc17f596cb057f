import { expect, test } from "bun:test";
import { DeadlineList } from "../../src/server/deadline-timer.js";

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
