import { describe, expect, test } from "bun:test";
import { LineReader, OVERLONG, type NewlinePolicy } from "../../src/wire/line-reader.js";

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
