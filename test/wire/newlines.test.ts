import { describe, expect, test } from "bun:test";
import type { NewlinePolicy } from "../../src/wire/line-reader.js";
import { NewlineGuard } from "../../src/wire/newlines.js";
import { random } from "../support/random.js";

interface Passed {
  readonly text: string;
  readonly bare: "CR" | "LF" | undefined;
  /** How often the message was pushed to. */
  readonly pushes: number;
}

/** What a guard lets pass of a message that comes in these chunks. */
function pass(policy: NewlinePolicy, chunks: readonly Buffer[]): Passed {
  const guard = new NewlineGuard(policy);
  const pushed: Buffer[] = [];
  const sink = { push: (bytes: Buffer) => pushed.push(bytes) };
  for (const chunk of chunks) guard.pass(chunk, sink);
  guard.finish(sink);
  return { text: Buffer.concat(pushed).toString("latin1"), bare: guard.bare, pushes: pushed.length };
}

function cut(message: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) chunks.push(message.subarray(at, at + size));
  return chunks;
}

/** RFC 5321 2.3.8, by regular expression: a CR or LF that is not half of a CRLF. */
const BARE = /\r(?!\n)|(?<!\r)\n/;

/** Every message of up to six octets of CR, LF and another, in chunks of every size. */
const MESSAGES: Buffer[] = [];
for (let length = 0; length <= 6; length++) {
  for (let number = 0; number < 3 ** length; number++) {
    const digits = number.toString(3).padStart(length, "0").slice(0, length);
    MESSAGES.push(Buffer.from(digits.replaceAll("0", "\r").replaceAll("1", "\n").replaceAll("2", "x")));
  }
}

/** Calls `check` for each message, whole and in chunks of every size. */
function eachCut(check: (message: string, chunks: readonly Buffer[]) => void): void {
  for (const message of MESSAGES) {
    for (let size = 1; size <= Math.max(message.length, 1); size++)
      check(String(message), cut(message, size));
  }
}

describe("bare newlines in a message", () => {
  test("accept: it passes as it is", () => {
    eachCut((message, chunks) => {
      expect(pass("accept", chunks)).toMatchObject({ text: message, bare: undefined });
    });
  });

  test("normalize: each bare newline becomes CRLF, and nothing else changes", () => {
    eachCut((message, chunks) => {
      const text = message.replaceAll(new RegExp(BARE, "g"), "\r\n");
      expect(pass("normalize", chunks)).toMatchObject({ text, bare: undefined });
    });
  });

  test("reject: the first bare newline is named, and nothing behind it passes", () => {
    eachCut((message, chunks) => {
      const found = BARE.exec(message);
      const { text, bare } = pass("reject", chunks);
      expect(bare).toBe(found ? (found[0] === "\r" ? "CR" : "LF") : undefined);
      const { pushes } = pass("reject", chunks);
      if (!found) expect(text).toBe(message);
      else {
        // A CR that ended its chunk has passed before it turned out to be bare.
        const passed = found.index + (text.endsWith("\r") ? 1 : 0);
        expect(text).toBe(message.slice(0, passed));
      }
      if (text === "") expect(pushes).toBe(0);
    });
  });

  test.each(["accept", "normalize", "reject"] as const)("%s: an empty chunk changes nothing", (policy) => {
    eachCut((_, chunks) => {
      const empty = Buffer.alloc(0);
      const { text, bare } = pass(policy, chunks);
      expect(pass(policy, [empty, ...chunks.flatMap((chunk) => [chunk, empty])])).toMatchObject({
        text,
        bare,
      });
    });
  });

  test("a Buffer that is used again is searched again", () => {
    const guard = new NewlineGuard("reject");
    const chunk = Buffer.from("one line");
    guard.pass(chunk, { push() {} });
    expect(guard.bare).toBeUndefined();
    chunk.write("\n", 3);
    guard.pass(chunk, { push() {} });
    expect(guard.bare).toBe("LF");
  });

  test.each([70, 16_384, 50_000])("normalize: long messages in chunks of %i octets", (size) => {
    const { below, pick } = random(size);
    for (let round = 0; round < 10; round++) {
      let message = "";
      while (message.length < 100_000)
        message += "x".repeat(below(200)) + pick(["\r\n", "\r\n", "\r", "\n", "\r\r\n"]);
      const text = message.replaceAll(new RegExp(BARE, "g"), "\r\n");
      expect(pass("normalize", cut(Buffer.from(message), size)).text === text).toBe(true);
    }
  });
});

describe("what a chunk costs", () => {
  const bodies = ["\r", "\n", "\n\r", "x\n", "x\r", "x\r\n", "\r\n"];

  test.each(bodies)("normalize: a chunk of nothing but %j is pushed in one piece", (body) => {
    const chunks = [Buffer.alloc(50_000, body), Buffer.alloc(50_000, body)];
    // One more for the LF of a CR that ends the message.
    expect(pass("normalize", chunks).pushes).toBeLessThanOrEqual(chunks.length + 1);
  });

  test.each(["normalize", "reject", "accept"] as const)(
    "%s: a chunk without a bare newline is not copied",
    (policy) => {
      const chunk = Buffer.alloc(50_000, "a line\r\n");
      const guard = new NewlineGuard(policy);
      const pushed: Buffer[] = [];
      guard.pass(chunk, { push: (bytes) => pushed.push(bytes) });
      expect(pushed).toHaveLength(1);
      expect(pushed[0]).toBe(chunk);
    },
  );

  test("normalize: what is pushed holds no more memory than its octets", () => {
    const pushed: Buffer[] = [];
    new NewlineGuard("normalize").pass(Buffer.alloc(100_000, "a line\n"), {
      push: (bytes) => pushed.push(bytes),
    });
    const held = pushed.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    expect(held).toBe(pushed.reduce((sum, { length }) => sum + length, 0));
  });
});
