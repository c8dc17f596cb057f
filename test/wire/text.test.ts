import { describe, expect, test } from "bun:test";
import { clean, copyOf, hasControl, toLowerASCII, toUpperASCII } from "../../src/wire/text.js";

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
