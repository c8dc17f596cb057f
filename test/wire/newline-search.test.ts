import { describe, expect, test } from "bun:test";
import { forgetChunk, nextBare } from "../../src/wire/newline-search.js";
import { random } from "../support/random.js";

/** What the search gives, octet by octet as RFC 5321 2.3.8 says it. */
function slowly(chunk: Buffer, from: number): number {
  for (let at = from; at < chunk.length; at++) {
    if (chunk[at] === 13 && chunk[at + 1] === 10) at++;
    else if (chunk[at] === 13 || chunk[at] === 10) return at;
  }
  return chunk.length;
}

/** Every place where the search stops, and what it should have been. */
function stops(chunk: Buffer): [number[], number[]] {
  const all = (next: (chunk: Buffer, from: number) => number): number[] => {
    const found: number[] = [];
    for (let at = 0; at < chunk.length; at++) found.push((at = next(chunk, at)));
    return found;
  };
  const found = all(nextBare);
  forgetChunk();
  return [found, all(slowly)];
}

describe("the search for bare newlines", () => {
  test("each pair and triple of octets around CR and LF, at each place of a few words", () => {
    const octets = [0, 9, 10, 11, 12, 13, 14, 32, 0x7f, 0x80, 0x8a, 0x8d, 0xff];
    const triples = octets.flatMap((a) => octets.flatMap((b) => octets.map((c) => [a, b, c] as const)));
    for (const triple of triples) {
      for (const place of [0, 1, 5, 6, 7, 8, 14, 15, 16, 21]) {
        const chunk = Buffer.alloc(24, "x");
        chunk.set(triple, place);
        const [found, wanted] = stops(chunk.subarray(0, place + triple.length));
        expect(found).toEqual(wanted);
      }
    }
  });

  test.each([16_383, 16_384, 16_385, 16_391, 16_392, 32_767, 32_768, 32_769, 40_000])(
    "random lines in %i octets, over the edges of blocks",
    (length) => {
      const { below, pick } = random(length);
      const line = (): string =>
        "x".repeat(below(100)) + pick(["\r\n", "\r\n", "\r\n", "\r", "\n", "\t", "\r\r\n"]);
      for (let round = 0; round < 10; round++) {
        let text = "";
        while (text.length < length) text += line();
        const [found, wanted] = stops(Buffer.from(text.slice(0, length)));
        expect(found).toEqual(wanted);
      }
    },
  );

  test("a CRLF that two blocks share is still a CRLF", () => {
    for (let place = 16_376; place < 16_392; place++) {
      const chunk = Buffer.alloc(20_000, "x");
      chunk.write("\r\n", place);
      expect(stops(chunk)[0]).toEqual([20_000]);
    }
  });

  test("a bare newline behind a CRLF that two blocks share is found", () => {
    const chunk = Buffer.alloc(20_000, "x");
    chunk.write("\r\n\n", 16_383);
    expect(stops(chunk)[0]).toEqual([16_385, 20_000]);
  });

  test("a chunk may be searched from any place, also before the last one", () => {
    const chunk = Buffer.alloc(20_000, "x");
    chunk.write("\n", 5);
    expect([nextBare(chunk, 17_000), nextBare(chunk, 0)]).toEqual([20_000, 5]);
    forgetChunk();
  });

  test("octets of an earlier chunk in memory do not count", () => {
    nextBare(Buffer.alloc(64, "\n"), 0);
    forgetChunk();
    for (let length = 0; length < 40; length++) {
      const [found] = stops(Buffer.from("x".repeat(length) + "\r"));
      expect(found).toEqual([length]);
    }
  });
});
