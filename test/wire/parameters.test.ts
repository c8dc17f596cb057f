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
    [" SIZE", { SIZE: true }],
    [" SIZE=", { SIZE: true }],
    [" X==", { X: "=" }],
    [" X=a=b=", { X: "a=b=" }],
    [" =x", false],
    [" = SIZE=1 =", { SIZE: "1" }],
    [" AUTH=<>", { AUTH: "<>" }],
    [" AUTH=e+3Dmc2@example.com", { AUTH: "e=mc2@example.com" }],
    [
      " ORCPT=rfc822;a+2Bb@example.com NOTIFY=SUCCESS,FAILURE",
      { ORCPT: "rfc822;a+b@example.com", NOTIFY: "SUCCESS,FAILURE" },
    ],
    [" ENVID=QQ314159", { ENVID: "QQ314159" }],
    [" ENVID=a+20b", { ENVID: "a b" }],
    [" ENVID=+C3+A9", { ENVID: "é" }],
    [" ENVID=+c3+a9", { ENVID: "+c3+a9" }],
    [" ENVID=é", { ENVID: "é" }],
    [" +41=1", { "+41": "1" }],
    [" X-FOO;1=2 <y>", { "X-FOO;1": "2", "<Y>": true }],
    [" \u017fize=1 \u0131=2", { "\u017fIZE": "1", "\u0131": "2" }],
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
    ["a control in what is passed over", " =\x01"],
    ["a no-break space", " SIZE=1\u00a0BODY=7BIT"],
    ["a paragraph separator", " X=a\u2029b"],
    ["a word joiner", " X\u2060=1"],
  ])("%s is a syntax error", (_, text) => {
    expect(parseParameters(text)).toBeUndefined();
  });

  test("names of Object.prototype are keywords like any other", () => {
    const parsed = parseParameters(" __proto__=1 constructor=2 hasOwnProperty toString=3 valueOf");
    expect(Object.entries(parsed?.args ?? {})).toEqual([
      ["__PROTO__", "1"],
      ["CONSTRUCTOR", "2"],
      ["HASOWNPROPERTY", true],
      ["TOSTRING", "3"],
      ["VALUEOF", true],
    ]);
    expect(parsed).not.toHaveProperty("duplicate");
    expect(Object.getPrototypeOf(parsed?.args)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["__PROTO__"]).toBeUndefined();
  });

  test("thousands of parameters are all there", () => {
    const count = 3_000;
    const args = parseParameters(
      ` ${Array.from({ length: count }, (_, index) => `k${index}=v`).join(" ")}`,
    )?.args;
    expect(Object.keys(args || {})).toHaveLength(count);
    expect(parseParameters(" a".repeat(8_000))?.duplicate).toBe("A");
    expect(parseParameters(" ".repeat(16_000))).toEqual({ args: false });
  });
});
