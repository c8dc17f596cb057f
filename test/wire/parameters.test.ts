import { describe, expect, test } from "bun:test";
import { parseParameters } from "../../src/wire/parameters.js";

describe("parseParameters", () => {
  test.each<[string, Record<string, string | true> | false]>([
    ["", false],
    [" ", false],
    [" \t ", false],
    [" SIZE=1000", { SIZE: "1000" }],
    [" size=1000 body=8bitmime", { SIZE: "1000", BODY: "8bitmime" }],
    ["  SIZE=1 \t SMTPUTF8\t", { SIZE: "1", SMTPUTF8: true }],
    [" SIZE=1\tSMTPUTF8", { SIZE: "1", SMTPUTF8: true }],
    [" SIZE", { SIZE: true }],
    [" SIZE=", { SIZE: true }],
    [" X==", { X: "=" }],
    [" X=a=b=", { X: "a=b=" }],
    [" AUTH=<>", { AUTH: "<>" }],
    [" AUTH=e+3Dmc2@example.com", { AUTH: "e=mc2@example.com" }],
    [
      " ORCPT=rfc822;a+2Bb@example.com NOTIFY=SUCCESS,FAILURE",
      { ORCPT: "rfc822;a+b@example.com", NOTIFY: "SUCCESS,FAILURE" },
    ],
    [" ENVID=QQ314159", { ENVID: "QQ314159" }],
    [" ENVID=a+20b", { ENVID: "a b" }],
    [" ENVID=+C3+A9", { ENVID: "é" }],
    [" X=+c3+a9 Y=é", { X: "+c3+a9", Y: "é" }],
    [" x-y=1 1X=2 9 a-", { "X-Y": "1", "1X": "2", 9: true, "A-": true }],
    [" ORCPT=rfc822;a@b", { ORCPT: "rfc822;a@b" }],
    [" ORCPT=UTF-8;+C3+BC@b", { ORCPT: "UTF-8;ü@b" }],
    [" ORCPT=utf-8;\\x{FC}@b", { ORCPT: "utf-8;ü@b" }],
    [" ORCPT=utf-8;\\x{e9}\\x{4E2D}\\x{1F600}\\x{10FFFF}@b", { ORCPT: "utf-8;é中😀\u{10ffff}@b" }],
    [" ORCPT=utf-8;a\\x{2B}b\\x{3D}\\x{5C}\\x{20}c@b", { ORCPT: "utf-8;a+b=\\ c@b" }],
    [" ORCPT=utf-8;a\\x{5C}x{FC}@b", { ORCPT: "utf-8;a\\x{FC}@b" }],
    [" ORCPT=utf-8;ü@münchen.example", { ORCPT: "utf-8;ü@münchen.example" }],
    [" ORCPT=rfc822;a\\x{FC}@b", { ORCPT: "rfc822;a\\x{FC}@b" }],
    [" ORCPT=x-utf-8;\\x{FC}@b", { ORCPT: "x-utf-8;\\x{FC}@b" }],
    [" X=utf-8;\\x{FC}@b", { X: "utf-8;\\x{FC}@b" }],
    [" 2=b 1=a", { 1: "a", 2: "b" }],
  ])("%j is %j", (text, args) => {
    expect(parseParameters(text)).toEqual({ args });
  });

  test.each([
    [" SIZE=1 SIZE=2", "SIZE"],
    [" SIZE=1 BODY=7BIT size=1", "SIZE"],
    [" SIZE SIZE", "SIZE"],
    [" X= x", "X"],
    [" toString toString", "TOSTRING"],
  ])("%j has %s twice", (text, keyword) => {
    expect(parseParameters(text)?.duplicate).toBe(keyword);
  });

  test.each([
    ["no letter or digit at its start", " -A=1"],
    ["no keyword", " =x"],
    ["no keyword and no value", " ="],
    ["an at sign behind it", " SIZE=1 =@"],
    ["what shells know", " #$%=!@#"],
    ["an underscore", " x_y=1"],
    ["an escape", " +41=1"],
    ["punctuation", " X-FOO;1=2"],
    ["brackets", " <y>"],
    ["a long s", " \u017fize=1"],
    ["a dotless i", " \u0131=2"],
    ["a dot", " a.b"],
  ])("a keyword of %s is a syntax error", (_, text) => {
    expect(parseParameters(text)).toBeUndefined();
  });

  test.each([
    ["a plus alone", "a+b"],
    ["a plus at the end", "a+"],
    ["one digit", "a+4"],
    ["lower-case digits", "a+2b"],
    ["an equals sign", "a=b"],
    ["a character that is not ASCII", "aé"],
    ["only a half that is xtext", "+2B+"],
  ])("xtext with %s is a syntax error where the RFCs ask for xtext", (_, value) => {
    for (const keyword of ["ENVID", "envid", "AUTH", "ORCPT"]) {
      const type = /orcpt/i.test(keyword) ? "rfc822;" : "";
      expect(parseParameters(` ${keyword}=${type}${value}`)).toBeUndefined();
    }
    expect(parseParameters(` X=${value}`)?.args).toBeTruthy();
  });

  test.each([
    ["a backslash alone", "a\\b"],
    ["no digits", "\\x{}"],
    ["one digit", "\\x{9}"],
    ["no end", "\\x{FC"],
    ["no digits but letters", "\\x{XY}"],
    ["a surrogate", "\\x{D800}"],
    ["what is beyond U+10FFFF", "\\x{110000}"],
    ["seven digits", "\\x{0000FC}0\\x{00000FC}"],
    ["a line end", "\\x{0D}\\x{0A}"],
    ["a zero-width space", "\\x{200B}"],
    ["a NEL", "\\x{85}"],
    ["a plus alone", "a+b"],
    ["one digit behind a plus", "a+4"],
    ["octets that are not UTF-8", "a+FF"],
    ["an equals sign", "a=b"],
  ])("an ORCPT of type utf-8 with %s is a syntax error", (_, value) => {
    expect(parseParameters(` ORCPT=utf-8;${value}`)).toBeUndefined();
  });

  test("32 parameters are the most", () => {
    const parameters = (count: number): string =>
      Array.from({ length: count }, (_, index) => ` k${index}=v`).join("");
    expect(Object.keys(parseParameters(parameters(32))?.args || {})).toHaveLength(32);
    expect(parseParameters(parameters(32))?.tooMany).toBeUndefined();
    expect(parseParameters(parameters(33))?.tooMany).toBe(true);
    expect(parseParameters(" a".repeat(33))?.tooMany).toBe(true);
    expect(Object.keys(parseParameters(parameters(4_500))?.args || {}).length).toBeLessThanOrEqual(32);
  });

  test.each([
    ["a line end in xtext", " ENVID=a+0D+0Ab"],
    ["a NUL in xtext", " ENVID=+00"],
    ["a DEL in xtext", " ENVID=+7F"],
    ["a NEL in xtext", " ENVID=+C2+85"],
    ["a line separator in xtext", " ENVID=+E2+80+A8"],
    ["a zero-width space in xtext", " ENVID=+E2+80+8B"],
    ["xtext that is not UTF-8", " ENVID=+E9"],
    ["a NUL", " ENVID=\0"],
    ["a CR", " SIZE=1\rX"],
    ["a form feed", " SIZE=1\fX"],
    ["a C1 control", " X=\u0090"],
    ["a control in a keyword", " \x01X=1"],
    ["a no-break space", " SIZE=1\u00a0BODY=7BIT"],
    ["a paragraph separator", " X=a\u2029b"],
    ["a word joiner", " X\u2060=1"],
  ])("%s is a syntax error", (_, text) => {
    expect(parseParameters(text)).toBeUndefined();
  });

  test("names of Object.prototype are keywords like any other", () => {
    const parsed = parseParameters(" constructor=2 hasOwnProperty toString=3 valueOf");
    expect(Object.entries(parsed?.args ?? {})).toEqual([
      ["CONSTRUCTOR", "2"],
      ["HASOWNPROPERTY", true],
      ["TOSTRING", "3"],
      ["VALUEOF", true],
    ]);
    expect(parsed).not.toHaveProperty("duplicate");
    expect(Object.getPrototypeOf(parsed?.args)).toBe(Object.prototype);
  });

  test("only white space is none, however much", () => {
    expect(parseParameters(" ".repeat(16_000))).toEqual({ args: false });
  });
});
