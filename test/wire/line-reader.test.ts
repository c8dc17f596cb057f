import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { allocatedBy } from "../support/allocations.js";
import { LineReader, OVERLONG, type NewlinePolicy } from "../../src/wire/line-reader.js";

// Some of these work for a second, longer on a busy machine.
setDefaultTimeout(120_000);

/** All that a reader gives for bytes pushed in pieces of `size`. */
function read(bytes: Buffer, size: number, policy: NewlinePolicy, limit: number): unknown[] {
  const reader = new LineReader();
  const given: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    reader.push(bytes.subarray(at, at + size));
    for (let line; (line = reader.next(limit, policy)) !== undefined;) {
      given.push(line);
      if (line === OVERLONG) reader.skipLine();
    }
  }
  return [...given, reader.take().toString("latin1")];
}

describe("normalize", () => {
  test.each([
    ["a\r\nb", [{ text: "a" }, "b"]],
    ["a\nb", [{ text: "a", bare: "LF" }, "b"]],
    ["a\rb", [{ text: "a", bare: "CR" }, "b"]],
    ["a\r", ["a\r"]],
    ["\r\r\n\n\r", [{ text: "", bare: "CR" }, { text: "" }, { text: "", bare: "LF" }, "\r"]],
    [
      "a\r\rb\n\rc\r\n",
      [
        { text: "a", bare: "CR" },
        { text: "", bare: "CR" },
        { text: "b", bare: "LF" },
        { text: "", bare: "CR" },
        { text: "c" },
        "",
      ],
    ],
    ["123456\r", ["123456\r"]],
    ["1234567\rok\r\n", [OVERLONG, ""]],
    ["1234567\nok\r\n", [OVERLONG, { text: "ok" }, ""]],
  ])("%j", (text, lines) => {
    for (let size = 1; size <= text.length; size++)
      expect(read(Buffer.from(text), size, "normalize", 6)).toEqual(lines);
  });
});

test("what was read is let go of, with and without half a line behind it", () => {
  const readers: LineReader[] = [];
  const external = (): number => {
    Bun.gc(true);
    return process.memoryUsage().external;
  };
  const before = external();
  for (const tail of ["", "NOO"]) {
    for (let i = 0; i < 50; i++) {
      const reader = new LineReader();
      const chunk = Buffer.alloc(1 << 20, `${"x".repeat(9999)}\n`);
      chunk.write(`\n${tail}`, chunk.length - tail.length - 1);
      reader.push(chunk);
      while (reader.next(16_384, "accept") !== undefined);
      readers.push(reader);
    }
  }
  expect(external() - before).toBeLessThan(20 << 20);
  expect(readers.map((reader) => reader.take().toString())).toEqual([
    ...Array<string>(50).fill(""),
    ...Array<string>(50).fill("NOO"),
  ]);
});

describe("a client that sends octet by octet", () => {
  const LIMIT = 16_384;

  /** Octets copied for a line that comes octet by octet behind `first`. */
  const cost = (length: number, first = ""): number =>
    allocatedBy(() => {
      const line = Buffer.from(`${"x".repeat(length)}\r\n`);
      const reader = new LineReader();
      if (first !== "") reader.push(Buffer.from(first));
      for (let at = 0; at < line.length; at++) {
        reader.push(line.subarray(at, at + 1));
        while (reader.next(LIMIT, "reject") !== undefined);
      }
      expect(reader.pending).toBe(false);
    });

  test("a line is copied in proportion to its length", () => {
    expect(cost(8000)).toBeLessThan(8 * 8000);
    expect(cost(16_000)).toBeLessThan(2.2 * cost(8000));
  });

  test("so is what it has to be read ahead while a hook works", () => {
    const ahead = (pushes: number): number =>
      allocatedBy(() => {
        const reader = new LineReader();
        for (let i = 0; i < pushes; i++) reader.push(Buffer.from("NOOP\r\n"));
        for (let i = 0; i < pushes; i++) expect(reader.next(LIMIT, "reject")).toEqual({ text: "NOOP" });
      });
    expect(ahead(4000)).toBeLessThan(2.2 * ahead(2000));
  });

  test("half a line behind each line does not add up", () => {
    const reader = new LineReader();
    reader.push(Buffer.from("NOO"));
    for (let i = 0; i < 10_000; i++) {
      reader.push(Buffer.from("P\r\nNOO"));
      expect(reader.next(LIMIT, "reject")).toEqual({ text: "NOOP" });
    }
    expect(reader.take().buffer.byteLength).toBeLessThan(100);
  });

  test("what take() gave is not written to by what comes after it", () => {
    const reader = new LineReader();
    for (const octet of "DATA of a message") reader.push(Buffer.from(octet));
    const taken = reader.take();
    for (const octet of "NOOP behind it") reader.push(Buffer.from(octet));
    expect([String(taken), String(reader.take())]).toEqual(["DATA of a message", "NOOP behind it"]);
  });

  test("a chunk that was pushed is not written to", () => {
    const read = Buffer.from("NOOP and more");
    const reader = new LineReader();
    reader.push(read.subarray(0, 2));
    reader.push(Buffer.from("xx"));
    expect([String(reader.take()), String(read)]).toEqual(["NOxx", "NOOP and more"]);
  });
});
