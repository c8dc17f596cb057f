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

// RFC 3463 and 5248, in the choice of smtp-server; the last for codes that have none there.
test.each([
  [235, "2.7.0"],
  [251, "2.1.5"],
  [252, "2.1.5"],
  [420, "4.4.2"],
  [421, "4.4.2"],
  [450, "4.2.1"],
  [451, "4.3.0"],
  [452, "4.2.2"],
  [454, "4.7.0"],
  [500, "5.5.2"],
  [501, "5.5.4"],
  [502, "5.5.1"],
  [503, "5.5.1"],
  [504, "5.5.4"],
  [521, "5.3.2"],
  [523, "5.3.4"],
  [530, "5.7.0"],
  [535, "5.7.8"],
  [538, "5.7.0"],
  [550, "5.1.1"],
  [551, "5.1.6"],
  [552, "5.2.2"],
  [553, "5.1.3"],
  [554, "5.6.0"],
  [555, "5.5.4"],
  [556, "5.1.10"],
  [557, "5.7.1"],
  [558, "5.2.3"],
  [250, "2.0.0"],
  [459, "4.0.0"],
  [599, "5.0.0"],
])("%d has the enhanced status code %s", (code, enhanced) => {
  expect(formatReply({ code, text: "text" }, true)).toBe(`${code} ${enhanced} text\r\n`);
});

test("a reply without a text ends behind its code, a challenge behind its space", () => {
  expect(formatReply({ code: 250, text: "" }, false)).toBe("250\r\n");
  expect(formatReply({ code: 334, text: "" }, true)).toBe("334 \r\n");
});

test("no line of a reply has a control character in it, whatever its text has", () => {
  const text = ["one\r\n250 evil", "two\0\x1b[2J", "three\x85\n"];
  expect(formatReply({ code: 250, text }, false)).toBe(
    "250-one  250 evil\r\n250-two  [2J\r\n250 three  \r\n",
  );
  for (const line of text)
    expect(formatReply({ code: 250, text: line }, true)).toMatch(/^250 2\.0\.0 [ -~]*\r\n$/);
});
