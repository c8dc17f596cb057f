import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { domainToASCII } from "node:url";
import { domainToUnicode, isSafeLabel, labelToUnicode } from "../../src/wire/idna.js";
import { random } from "../support/random.js";

// Some of these work for a second, longer on a busy machine.
setDefaultTimeout(120_000);

/** RFC 3492 section 7.1, those that fit into a label; basic code points are given in lower case. */
const SAMPLES: [string, string][] = [
  ["ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"],
  ["他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"],
  ["他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb"],
  ["pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a"],
  ["למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b"],
  ["यहलोगहिन्दीक्योंनहींबोलसकतेहैं", "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd"],
  ["なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"],
  ["почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbaDotcwatmq2g4l"],
  ["porquénopuedensimplementehablarenespañol", "PorqunopuedensimplementehablarenEspaol-fmd56a"],
  ["tạisaohọkhôngthểchỉnóitiếngviệt", "TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g"],
  ["3年b組金八先生", "3B-ww4c5e180e575a65lsy2b"],
  ["安室奈美恵-with-super-monkeys", "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n"],
  ["hello-another-way-それぞれの場所", "Hello-Another-Way--fc4qua05auwb3674vfr0b"],
  ["ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"],
  ["majiでkoiする5秒前", "MajiKoi5-783gue6qz075azm5e"],
  ["パフィーdeルンバ", "de-jg4avhby1noc0d"],
  ["そのスピードで", "d9juau41awczczp"],
];

describe("an A-label", () => {
  test.each(SAMPLES)("%s from %s, in any case", (unicode, encoded) => {
    for (const label of [`xn--${encoded}`, `XN--${encoded.toUpperCase()}`, `Xn--${encoded.toLowerCase()}`]) {
      expect(labelToUnicode(label)).toBe(unicode);
    }
  });

  test.each([
    ["münchen", "xn--mnchen-3ya"],
    ["faß", "xn--fa-hia"],
    ["ü", "xn--tda"],
    ["рф", "xn--p1ai"],
    ["😀😀", "xn--e28ha"],
    ["क\u094d\u200dष", "xn--11b2ezcw70k"],
  ])("%s from %s", (unicode, label) => {
    expect(labelToUnicode(label)).toBe(unicode);
  });

  test.each([
    ["an upper-case letter, which no encoder gives", "xn--mnchen-psa"],
    ["a capital sharp s", "xn--strae-301b"],
    ["a joiner between letters that do not join (RFC 5892)", "xn--tdaa279u"],
    ["an underscore", "xn--b_c-dma"],
    ["a fullwidth letter", "xn--x-yq0i"],
    ["a long s", "xn--a-uoa"],
    ["a path behind it", "xn--mnchen-3ya/a"],
    ["nothing", "xn--"],
    ["only a hyphen", "xn---"],
    ["plain ASCII with its delimiter", "xn--example-"],
    ["a digit missing", "xn--mnchen-3y"],
    ["a character that is no digit", "xn--mnchen-3_a"],
    ["a space", "xn--mnchen-3 a"],
    ["what is not ASCII already", "xn--münchen-3ya"],
    ["Kelvin for k", "xn--\u212ava"],
    ["a number without end", "xn--99999999999999999999"],
    ["a number far beyond U+10FFFF", "xn--999999b"],
    ["a code point beyond U+10FFFF", "xn--en32g"],
    ["two numbers that go beyond it together", "xn--dn32ge28h"],
    ["U+0080, a control character", "xn--a"],
    ["NEL", "xn--a-la"],
    ["a no-break space", "xn--x-3ba"],
    ["an ideographic space", "xn--x-43t"],
    ["a zero-width space", "xn--ab-f1t"],
    ["a right-to-left override", "xn--abc-4q0a"],
    ["a soft hyphen", "xn--ab-5da"],
    ["the ideographic full stop", "xn--ab-r13a"],
    ["a fullwidth full stop", "xn--ab-yu3n"],
    ["a fullwidth at sign", "xn--ab-iw3n"],
    ["a one-dot leader", "xn--pvg"],
    ["a digit with a full stop", "xn--tsh"],
    ["an account-of sign, which folds to a/c", "xn--z1g"],
    ["the replacement character", "xn--zn7c"],
    ["a mark at its start", "xn--lva"],
    ["a hyphen at its start", "xn----eha"],
    ["a hyphen at its end", "xn----dha"],
    ["an at sign", "xn--a@b-tda"],
    ["angle brackets", "xn--<a>-tda"],
    ["64 octets", `xn--${"a".repeat(60)}`],
    ["64 octets that can be decoded", domainToASCII(`${"a".repeat(56)}ü`)],
    ["very many octets", `xn--${"a".repeat(16_000)}`],
  ])("is refused with %s", (_, label) => {
    expect(labelToUnicode(label)).toBeUndefined();
    expect(domainToUnicode(`mx.${label}.example`)).toBeUndefined();
  });

  test("has its prefix at its start", () => {
    expect(labelToUnicode("Axn--mnchen-3ya")).toBe("Axn--mnchen-3ya");
  });

  test("with a surrogate is refused", () => {
    // Encoded as RFC 3492 would, if it allowed to: nothing but the alphabet of the digits is tried.
    const digits = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (const a of digits) {
      for (const b of digits) {
        for (const c of digits) {
          const unicode = labelToUnicode(`xn--${a}${b}${c}c`);
          if (unicode !== undefined) expect(unicode.isWellFormed()).toBeTrue();
        }
      }
    }
  });
});

describe("domainToUnicode", () => {
  test.each([
    ["example.com", "example.com"],
    ["Example.COM", "Example.COM"],
    ["xn--mnchen-3ya.DE", "münchen.DE"],
    ["XN--MNCHEN-3YA.xn--p1ai", "münchen.рф"],
    ["münchen.xn--p1ai", "münchen.рф"],
    ["a-xn--mnchen-3ya.de", "a-xn--mnchen-3ya.de"],
    ["xn-.de", "xn-.de"],
    ["localhost", "localhost"],
    ["", ""],
    [".", "."],
  ])("%j is %j", (domain, unicode) => {
    expect(domainToUnicode(domain)).toBe(unicode);
  });

  test("reads back what an encoder wrote", () => {
    const rng = random(3492);
    const alphabets = [
      "äöüßéçñabc",
      "абвгдежз",
      "αβγδεζη",
      "中国网络日本語",
      "ひらがな한국말",
      "1ü2é3-x",
    ].map((letters) => [...letters]);
    for (let round = 0; round < 1_000; round++) {
      const letters = rng.pick(alphabets);
      const label = `ü${Array.from({ length: 1 + rng.below(8) }, () => rng.pick(letters)).join("")}é`;
      expect(domainToUnicode(domainToASCII(`${label}.example`))).toBe(`${label}.example`);
    }
  });

  test("gives nothing unsafe, whatever the digits", () => {
    const rng = random(5891);
    const characters = [..."abcdefghijklmnopqrstuvwxyz0123456789-@<> ."];
    for (let round = 0; round < 20_000; round++) {
      const tail = Array.from({ length: 1 + rng.below(10) }, () => rng.pick(characters)).join("");
      const unicode = labelToUnicode(`xn--${tail}`);
      if (unicode === undefined) continue;
      expect(unicode).toMatch(/[^\x00-\x7f]/);
      expect(unicode).not.toMatch(/[\x00-\x20@<>.\x7f-\x9f\u200b\u2060\ufeff]|\s/);
      expect(unicode.isWellFormed()).toBeTrue();
    }
  });
});

test.each([
  ["example", true],
  ["EXAMPLE-1", true],
  ["münchen", true],
  ["नी\u200dल", true],
  ["😀", true],
  ["a_b", false],
  ["a.b", false],
  ["a\u3002b", false],
  ["a\uff61b", false],
  ["a\u2025b", false],
  ["a\u2066b", false],
  ["\u0301a", false],
  ["-ü", false],
  ["ü-", false],
  ["\uff0dü", false],
  ["\ud800", false],
])("isSafeLabel %j: %p", (label, safe) => {
  expect(isSafeLabel(label)).toBe(safe);
});
