import { describe, expect, test } from "bun:test";
import { decodeXtext } from "../../src/wire/xtext.js";
import { random } from "../support/random.js";

describe("decodeXtext", () => {
  test.each([
    ["", ""],
    ["plain", "plain"],
    ["e+3Dmc2@example.com", "e=mc2@example.com"],
    ["+2B", "+"],
    ["+2B2B", "+2B"],
    ["a+20b", "a b"],
    ["+41+42C+43", "ABCC"],
    ["+C3+A9", "é"],
    ["x+E4+B8+AD+E5+9B+BDy", "x中国y"],
    ["+F0+9F+98+80", "😀"],
    ["é+C3+A9", "éé"],
    ["+EF+BB+BFa", "\ufeffa"],
    ["+0D+0A", "\r\n"],
    ["+00", "\0"],
  ])("%j is %j", (value, decoded) => {
    expect(decodeXtext(value)).toBe(decoded);
  });

  test.each(["+", "++", "a+", "+4", "+4g", "+2b", "+aB", "+-1", "100%41", "a+b", "+é"])(
    "%j is no escape and stays",
    (value) => {
      expect(decodeXtext(value)).toBe(value);
    },
  );

  test.each([
    ["a lone lead octet", "+C3"],
    ["a lone continuation", "+A9"],
    ["Latin-1", "caf+E9"],
    ["a character cut by a literal", "+C3x+A9"],
    ["a character half escaped, half not", "+C3\ufffd"],
    ["an overlong slash", "+C0+AF"],
    ["an overlong NUL", "+C0+80"],
    ["a surrogate", "+ED+A0+80"],
    ["beyond U+10FFFF", "+F4+90+80+80"],
    ["no lead octet", "+FF"],
  ])("%s is not UTF-8", (_, value) => {
    expect(decodeXtext(value)).toBeUndefined();
  });

  test("whatever was encoded comes back", () => {
    const rng = random(3461);
    for (let round = 0; round < 500; round++) {
      const text = Array.from({ length: rng.below(20) }, () => rng.codePoint()).join("");
      const encoded = [...Buffer.from(text)]
        .map((octet) =>
          octet > 0x20 && octet < 0x7f && octet !== 0x2b && octet !== 0x3d && rng.below(2)
            ? String.fromCharCode(octet)
            : `+${octet.toString(16).toUpperCase().padStart(2, "0")}`,
        )
        .join("");
      expect(decodeXtext(encoded)).toBe(text);
    }
  });
});
