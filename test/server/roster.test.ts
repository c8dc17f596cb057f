import { expect, test } from "bun:test";
import { Roster } from "../../src/server/roster.js";

function people(count: number): { roster: Roster<{ place: number; name: number }>; names(): number[] } {
  const roster = new Roster<{ place: number; name: number }>();
  for (let name = 0; name < count; name++) roster.add({ place: -1, name });
  return {
    roster,
    names: () =>
      roster
        .list()
        .map(({ name }) => name)
        .sort(),
  };
}

test("who leaves is gone, whatever the order, and nobody else", () => {
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [1, 3, 0, 2],
    [2, 0, 3, 1],
  ]) {
    const { roster, names } = people(4);
    const all = [...roster.list()];
    const left = [0, 1, 2, 3];
    for (const name of order) {
      expect(roster.delete(all[name]!)).toBe(true);
      left.splice(left.indexOf(name), 1);
      expect([names(), roster.size]).toEqual([left, left.length]);
      expect(roster.delete(all[name]!)).toBe(false);
    }
  }
});

test("who was never there can not leave", () => {
  const { roster, names } = people(2);
  expect(roster.delete({ place: -1, name: 0 })).toBe(false);
  expect(names()).toEqual([0, 1]);
});
