/** Options objects that are frozen, have getters or inherit: what is set counts, and what is read is what is there. */
import { expect, test } from "bun:test";
import { layered, setOption, withLists } from "../../src/server/given-options.js";

class Getters {
  get size(): number {
    return 10;
  }
}

test("an option is set in its object", () => {
  const options: { size?: number } = {};
  expect(setOption(options, "size", 20)).toBe(true);
  expect(options).toEqual({ size: 20 });
});

test("where the class has only a getter it becomes an ordinary field", () => {
  const options: { size?: number } = new Getters();
  expect(setOption(options, "size", 20)).toBe(true);
  expect(Object.entries(options)).toEqual([["size", 20]]);
  options.size = 30;
  expect(options.size).toBe(30);
  delete options.size;
  expect<unknown>(options.size).toBe(10);
});

test("a frozen object stays as it is", () => {
  const options = Object.freeze({ size: 10 });
  expect(setOption(options, "size", 20)).toBe(false);
  expect(options).toEqual({ size: 10 });
});

test("of two objects the first that has an option counts, own or inherited, at the time it is read", () => {
  const first: Record<string, unknown> = Object.create({ inherited: 1 }) as Record<string, unknown>;
  const second: Record<string, unknown> = { inherited: 2, other: 2, later: 2 };
  const both = layered(first, second);
  expect([both["inherited"], both["other"], both["none"]]).toEqual([1, 2, undefined]);
  expect(["inherited" in both, "other" in both, "none" in both]).toEqual([true, true, false]);
  first["later"] = undefined;
  second["other"] = 3;
  expect([both["later"], both["other"]]).toEqual([undefined, 3]);
});

test("the fields of both are listed once, and setting one changes the first", () => {
  const first: Record<string, unknown> = { a: 1, b: 1 };
  const second = Object.freeze({ b: 2, c: 2 });
  const both = layered(first, second);
  expect(Object.keys(both)).toEqual(["a", "b", "c"]);
  expect({ ...both }).toEqual({ a: 1, b: 1, c: 2 });
  both["c"] = 3;
  expect([first, second, both["c"]] as unknown[]).toEqual([{ a: 1, b: 1, c: 3 }, { b: 2, c: 2 }, 3]);
  expect(Object.getOwnPropertyDescriptor(both, "none")).toBeUndefined();
});

test("the two lists become arrays, in the object itself where that can be", () => {
  const authMethods = ["PLAIN"];
  const plain = { authMethods, disabledCommands: "VRFY" as never };
  const options = withLists(plain);
  expect(options as object).toBe(plain);
  expect(options.authMethods).toBe(authMethods);
  expect(options.disabledCommands).toEqual(["VRFY"]);
  const sealed = withLists(
    Object.seal({ authMethods: null as never, disabledCommands: false as never, size: 1 }),
  );
  expect([sealed.authMethods, sealed.disabledCommands, sealed.size]).toEqual([[], [], 1]);
});

test("a list that a getter makes is left to it where it is one already", () => {
  class Live {
    readonly list = ["PLAIN"];
    readonly disabledCommands: string[] = [];
    get authMethods(): string[] {
      return this.list;
    }
  }
  const live = new Live();
  expect(withLists(live) as object).toBe(live);
  expect(Object.hasOwn(live, "authMethods")).toBe(false);
});
