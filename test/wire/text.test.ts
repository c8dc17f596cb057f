import { describe, expect, test } from "bun:test";
import { clean, copyOf, hasControl, printable, toLowerASCII, toUpperASCII } from "../../src/wire/text.js";

const CONTROLS = [...Array(0x20).keys(), ...Array.from({ length: 0x21 }, (_, index) => 0x7f + index)].map(
  (code) => String.fromCharCode(code),
);

describe("control characters", () => {
  test.each(CONTROLS)("%j is one", (control) => {
    expect(hasControl(control)).toBeTrue();
    expect(hasControl(`text${control}text`)).toBeTrue();
    expect(clean(`${control}a${control}${control}b${control}`)).toBe(" a  b ");
  });

  test.each(["", " ", "OK: message queued", "\x20\x7e", "\xa0", "Grüße, 世界 😀", "\u200d\u2028"])(
    "%j has none",
    (text) => {
      expect(hasControl(text)).toBeFalse();
      expect(clean(text)).toBe(text);
    },
  );

  test("a reply smuggled into a text stays one line", () => {
    expect(clean("no such user\r\n250 OK")).toBe("no such user  250 OK");
    expect(clean("a\u0085b")).toBe("a b");
  });

  test("one call does not change the answer of the next", () => {
    expect([1, 2, 3].map(() => hasControl("ab\r"))).toEqual([true, true, true]);
    expect([1, 2, 3].map(() => clean("ab\r"))).toEqual(["ab ", "ab ", "ab "]);
  });
});

describe("printable", () => {
  test.each(CONTROLS)("%j is escaped, and JavaScript reads it back", (control) => {
    expect(printable(control)).toMatch(/^\\(?:x[0-9a-f]{2}|[rnt])$/);
    const read = { "\\n": "\n", "\\r": "\r", "\\t": "\t" }[printable(control)];
    expect(read ?? String.fromCharCode(parseInt(printable(control).slice(2), 16))).toBe(control);
  });
  test.each([
    ["\n\r\t\0", "\\n\\r\\t\\x00"],
    ["a\u2028b\u2029", "a\\u2028b\\u2029"],
    ["\u202a\u202b\u202c\u202d\u202e", "\\u202a\\u202b\\u202c\\u202d\\u202e"],
    ["\u2066\u2067\u2068\u2069", "\\u2066\\u2067\\u2068\\u2069"],
    ["\u061c\u200e\u200f", "\\u061c\\u200e\\u200f"],
    ["", ""],
    [
      "\\x1b Grüße, 世界 😀 \u00a0\u200b\u200d\u2027\u202f\u2065",
      "\\x1b Grüße, 世界 😀 \u00a0\u200b\u200d\u2027\u202f\u2065",
    ],
  ])("%j is %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
    expect(printable(shown)).toBe(shown);
  });
});

test.each([
  ["mail", "MAIL"],
  ["MaIl", "MAIL"],
  ["", ""],
  ["x-1_y", "X-1_Y"],
  ["ma\u0131l", "MA\u0131L"],
  ["r\u017fet", "R\u017fET"],
  ["\ufb01x", "\ufb01X"],
  ["grüße", "GRüßE"],
])("toUpperASCII %j is %j", (text, upper) => {
  expect(toUpperASCII(text)).toBe(upper);
});

test.each([
  ["MAIL", "mail"],
  ["MaIl", "mail"],
  ["", ""],
  ["X-1_Y", "x-1_y"],
  ["\u212aIM", "\u212aim"],
  ["\u0130X", "\u0130x"],
  ["GRÜßE", "grÜße"],
])("toLowerASCII %j is %j", (text, lower) => {
  expect(toLowerASCII(text)).toBe(lower);
});

test.each([
  "",
  "a",
  "grüße",
  "\u212a😀",
  "é".repeat(256),
  "中".repeat(256),
  "😀".repeat(128),
  "中".repeat(257),
  "x".repeat(16_000),
])("copyOf %j is the same", (text) => {
  expect(copyOf(text)).toBe(text);
});
