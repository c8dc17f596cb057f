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

/** RFC 5321 2.3.8 and the option bareNewlines, on a whole string: what {@link read} must give. */
function expected(octets: string, policy: NewlinePolicy, limit: number): unknown[] {
  const given: unknown[] = [];
  const end = policy === "normalize" ? /\r\n|\n|\r(?=[^\n])/ : /\r?\n/;
  for (let rest = octets; ;) {
    const found = end.exec(rest);
    const text = found ? rest.slice(0, found.index) : rest;
    if ((found ? text : text.replace(/\r$/, "")).length > limit) {
      given.push(OVERLONG);
      rest = /(?<=\n)[^]*|$/.exec(rest)?.[0] ?? "";
    } else if (!found) {
      return [...given, rest];
    } else {
      const isBare = found[0].length === 1;
      const bare = isBare ? (found[0] === "\n" ? "LF" : "CR") : undefined;
      const inside = policy === "reject" && text.includes("\r") ? "CR" : undefined;
      given.push(bare || inside ? { text, bare: bare ?? inside } : { text });
      rest = rest.slice(found.index + found[0].length);
    }
  }
}

test.each(["reject", "normalize", "accept"] as const)(
  "%s: each sequence of up to six octets of CR, LF and another, in pieces of every size",
  (policy) => {
    for (let length = 0; length <= 6; length++) {
      for (let number = 0; number < 3 ** length; number++) {
        const digits = length === 0 ? "" : number.toString(3).padStart(length, "0");
        const octets = digits.replace(/./g, (digit) => "\r\nx"[Number(digit)] as string);
        const wanted = expected(octets, policy, 2);
        for (let size = 1; size <= Math.max(length, 1); size++) {
          const got = read(Buffer.from(octets), size, policy, 2);
          if (!Bun.deepEquals(got, wanted, true))
            expect({ octets, size, got }).toEqual({ octets, size, got: wanted });
        }
      }
    }
  },
);

test("a line is too long as soon as its octets are, behind other lines too", () => {
  for (const before of ["", "12345\r\n"]) {
    for (const policy of ["reject", "normalize", "accept"] as const) {
      const first = (line: string): unknown => {
        const reader = new LineReader();
        reader.push(Buffer.from(before + line));
        if (before !== "") expect(reader.next(6, policy)).toEqual({ text: "12345" });
        return reader.next(6, policy);
      };
      expect(["123456", "123456\r", "1234567", "1234567\r"].map(first)).toEqual([
        undefined,
        undefined,
        OVERLONG,
        OVERLONG,
      ]);
      expect(first("123456\r\n")).toEqual({ text: "123456" });
    }
  }
});

describe("octets that are no lines", () => {
  const reading = (octets: string): LineReader => {
    const reader = new LineReader();
    reader.push(Buffer.from(octets));
    return reader;
  };

  test("a chunk is given as it was pushed, without a copy", () => {
    const reader = new LineReader();
    for (let round = 0; round < 2; round++) {
      const chunk = Buffer.from("octets of a message");
      reader.push(chunk);
      expect(reader.take()).toBe(chunk);
      expect(reader.pending).toBe(false);
    }
  });

  test("what is behind a line is taken without the line", () => {
    const reader = reading("\nthe rest");
    expect(reader.next(100, "accept")).toEqual({ text: "", bare: "LF" });
    expect([reader.size, String(reader.take())]).toEqual([8, "the rest"]);
  });

  test("lines go on behind the octets that were taken", () => {
    const reader = reading("01\n34NOOP\r\nRSET\r\n");
    expect(String(reader.take(5))).toBe("01\n34");
    expect(reader.next(100, "reject")).toEqual({ text: "NOOP" });
    expect(String(reader.take(100))).toBe("RSET\r\n");
    expect(reader.size).toBe(0);
  });

  test("and with those that were put back, whether or not others are behind them", () => {
    for (const behind of ["", "RSET\r\n"]) {
      const reader = reading(`01\nNOOP\r\n${behind}`);
      expect(String(reader.take(9))).toBe("01\nNOOP\r\n");
      reader.putBack(Buffer.from("\nNOOP\r\n"));
      expect(reader.next(100, "reject")).toEqual({ text: "", bare: "LF" });
      expect(reader.next(100, "reject")).toEqual({ text: "NOOP" });
      expect(String(reader.take())).toBe(behind);
    }
  });

  test("an LF behind a CR that was taken is bare", () => {
    const reader = reading("a\r\nNOOP\r\n");
    expect(String(reader.take(2))).toBe("a\r");
    expect(reader.next(100, "reject")).toEqual({ text: "", bare: "LF" });
  });

  test("the rest of an overlong line is not skipped once all is taken", () => {
    const reader = reading("1234567");
    expect(reader.next(6, "reject")).toBe(OVERLONG);
    reader.skipLine();
    expect(reader.pending).toBe(true);
    expect(String(reader.take())).toBe("1234567");
    expect(reader.pending).toBe(false);
    reader.push(Buffer.from("NOOP\r\n"));
    expect(reader.next(6, "reject")).toEqual({ text: "NOOP" });
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
