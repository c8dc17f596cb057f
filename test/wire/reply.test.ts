import { expect, test } from "bun:test";
import { formatReply } from "../../src/wire/reply.js";

/** The enhanced status code that comes of the one an application asks for (RFC 3463 2). */
const TABLE: [code: number, asked: string, sent: string][] = [
  [550, "5.7.1", "550 5.7.1 no"],
  [450, "4.7.25", "450 4.7.25 no"],
  [550, "5.10.1", "550 5.10.1 no"],
  [550, "5.x5.7.1", "550 5.1.1 no"],
  [250, "2.6.0", "250 2.6.0 no"],
  [550, "5.7.1\r\n250 OK\r\n", "550 5.1.1 no"],
  [550, "5.7.1 \0", "550 5.1.1 no"],
  [550, "5.7", "550 5.1.1 no"],
  [550, "5.7.1000", "550 5.1.1 no"],
  [550, "", "550 5.1.1 no"],
  // RFC 2034 3: of the same class as the reply.
  [550, "4.7.1", "550 5.1.1 no"],
];
for (const [code, enhanced, sent] of TABLE) {
  test(`${code} with the enhanced status code ${JSON.stringify(enhanced)}`, () => {
    expect(formatReply({ code, text: "no", enhanced }, true)).toBe(`${sent}\r\n`);
    expect(formatReply({ code, text: "no", enhanced }, false)).toBe(`${code} no\r\n`);
  });
}

test("no line of a reply has a control character in it, whatever its text has", () => {
  const text = ["one\r\n250 evil", "two\0\x1b[2J", "three\x85\n"];
  expect(formatReply({ code: 250, text }, false)).toBe(
    "250-one  250 evil\r\n250-two  [2J\r\n250 three  \r\n",
  );
  for (const line of text)
    expect(formatReply({ code: 250, text: line }, true)).toMatch(/^250 2\.0\.0 [ -~]*\r\n$/);
});
