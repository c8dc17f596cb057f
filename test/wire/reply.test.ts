import { expect, test } from "bun:test";
import { formatReply } from "../../src/wire/reply.js";

/** The enhanced status code that comes of the one an application asks for (RFC 3463 2). */
const TABLE: [code: number, asked: string, sent: string][] = [
  [550, "5.7.1", "550 5.7.1 no"],
  [450, "4.7.25", "450 4.7.25 no"],
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
