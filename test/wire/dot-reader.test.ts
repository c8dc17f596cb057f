import { describe, expect, test } from "bun:test";
import { DotReader } from "../../src/wire/dot-reader.js";
import { random } from "../support/random.js";

interface Result {
  readonly message: string;
  /** What follows the end of data; undefined: there was none. */
  readonly rest: string | undefined;
}

/** RFC 5321 4.5.2 and 4.1.1.4 line by line, on a whole string. */
function expected(octets: string): Result {
  let message = "";
  for (let at = 0; ;) {
    if (octets.startsWith(".\r\n", at)) return { message, rest: octets.slice(at + 3) };
    const end = octets.indexOf("\r\n", at);
    const line = octets.slice(octets[at] === "." ? at + 1 : at, end < 0 ? undefined : end + 2);
    message += line;
    if (end < 0) return { message, rest: undefined };
    at = end + 2;
  }
}

/** What a reader gives for octets that come in chunks of `size`. */
function read(octets: Buffer, size: number): Result {
  const reader = new DotReader();
  const pushed: Buffer[] = [];
  for (let at = 0; at < octets.length; at += size) {
    const rest = reader.read(octets.subarray(at, at + size), { push: (bytes) => pushed.push(bytes) });
    if (rest === undefined) continue;
    const behind = Buffer.concat([rest, octets.subarray(at + size)]);
    return { message: Buffer.concat(pushed).toString("latin1"), rest: behind.toString("latin1") };
  }
  return { message: Buffer.concat(pushed).toString("latin1"), rest: undefined };
}

describe("transparency and the end of data", () => {
  test("each sequence of up to six octets of CR, LF, dot and another, whole and in chunks of one to four", () => {
    for (let length = 0; length <= 6; length++) {
      for (let number = 0; number < 4 ** length; number++) {
        const digits = length === 0 ? "" : number.toString(4).padStart(length, "0");
        const octets = digits.replace(/./g, (digit) => "\r\n.x"[Number(digit)] as string);
        // A line behind it, so that no dot or CR is still undecided.
        const all = `${octets}\r\nend`;
        const wanted = expected(all);
        for (const size of [1, 2, 3, 4, all.length]) {
          const got = read(Buffer.from(all), size);
          if (!Bun.deepEquals(got, wanted)) expect({ all, size, ...got }).toEqual({ all, size, ...wanted });
        }
      }
    }
  });

  test.each([7, 100, 16_384, 100_000])(
    "long messages with few and many dots, in chunks of %i octets",
    (size) => {
      const { below, pick } = random(size);
      for (let round = 0; round < 20; round++) {
        const longest = pick([0, 3, 40, 2000]);
        let octets = "";
        while (octets.length < 60_000)
          octets +=
            pick(["..", ".x", "", "x"]) +
            "x".repeat(below(longest + 1)) +
            pick(["\r\n", "\r\n", "\n", "\r", ".\r\n"]);
        octets = `${octets.replaceAll("\r\n.\r\n", "\r\n..\r\n")}\r\n.\r\nNOOP\r\n`;
        expect(Bun.deepEquals(read(Buffer.from(octets), size), expected(octets))).toBe(true);
      }
    },
  );
});

describe("what a chunk costs", () => {
  const bodies = ["\r\n..", "\r\n.x", "\r\n.\r", "..\r\n", ".", "\r\n"];

  test.each(bodies)("a chunk of nothing but %j is pushed in one piece", (body) => {
    const pushed: Buffer[] = [];
    new DotReader().read(Buffer.alloc(50_000, `x${body.repeat(50)}`), {
      push: (bytes) => pushed.push(bytes),
    });
    expect(pushed).toHaveLength(1);
  });

  test("a chunk without a dot at a line start is not copied", () => {
    const chunk = Buffer.alloc(50_000, "a line.\r\n");
    const pushed: Buffer[] = [];
    new DotReader().read(chunk, { push: (bytes) => pushed.push(bytes) });
    expect(pushed[0]).toBe(chunk);
  });

  test("nor is one whose only such dot is its first octet", () => {
    const chunk = Buffer.from(`.${"a line.\r\n".repeat(100)}`);
    const pushed: Buffer[] = [];
    new DotReader().read(chunk, { push: (bytes) => pushed.push(bytes) });
    expect(pushed.map(String)).toEqual([String(chunk.subarray(1))]);
    expect(pushed[0]?.buffer).toBe(chunk.buffer);
  });

  test("octets that are no content are not pushed", () => {
    for (const octets of [".", ".\r", ".\r\n", ".\r\nNOOP"]) {
      for (const size of [1, 2, octets.length]) {
        const pushed: Buffer[] = [];
        const reader = new DotReader();
        for (let at = 0; at < octets.length; at += size) {
          const chunk = Buffer.from(octets.slice(at, at + size));
          if (reader.read(chunk, { push: (bytes) => pushed.push(bytes) })) break;
        }
        expect(pushed).toEqual([]);
      }
    }
  });

  test("nothing behind the end of data holds no memory", () => {
    const rest = new DotReader().read(Buffer.alloc(50_000, "a line\r\n").fill("\r\n.\r\n", 49_995), {
      push() {},
    });
    expect([rest?.length, rest?.buffer.byteLength]).toEqual([0, 0]);
  });

  test.each(bodies)("of nothing but %j few calls of Buffer's own methods search and copy it", (body) => {
    const chunk = Buffer.alloc(50_000, `x${body.repeat(50)}`);
    let calls = 0;
    for (const name of ["indexOf", "copy", "subarray"] as const) {
      const method = chunk[name] as (...args: unknown[]) => unknown;
      Object.defineProperty(chunk, name, {
        value: (...args: unknown[]) => (calls++, Reflect.apply(method, chunk, args)),
      });
    }
    new DotReader().read(chunk, { push() {} });
    // One for each dot would be 12 500 and more.
    expect(calls).toBeLessThan(2000);
  });
});
