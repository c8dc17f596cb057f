import { describe, expect, test } from "bun:test";
import { AddressNumbers } from "../../src/commands/address-numbers.js";

/** Addresses are hashed with a random seed, so it takes many tables to meet each case of two in one slot. */
const TABLES = 200;

describe("addresses are numbered in their order", () => {
  test.each([1, 16, 17, 60])("%i of them, in many tables", (count) => {
    for (let table = 0; table < TABLES; table++) {
      const numbers = new AddressNumbers();
      const addresses = Array.from({ length: count }, (_, index) => `u${index}@${table}.test`);
      for (const [index, address] of addresses.entries()) {
        expect(numbers.find(address)).toBe(-1);
        expect(numbers.add(address)).toBe(index);
        expect(numbers.at(index)).toBe(address);
      }
      expect(addresses.map((address) => numbers.find(address))).toEqual([...addresses.keys()]);
      expect(numbers.find("other@b.test")).toBe(-1);
    }
  });

  test("again from 0 in each transaction of a connection", () => {
    const numbers = new AddressNumbers();
    for (let transaction = 0; transaction < TABLES; transaction++) {
      for (let index = 0; index < 20; index++)
        expect(numbers.add(`u${index}@${transaction}.test`)).toBe(index);
      expect(numbers.find(`u7@${transaction}.test`)).toBe(7);
      numbers.clear();
      expect(numbers.find(`u7@${transaction}.test`)).toBe(-1);
    }
  });
});
