/** The MIME reader of bun-smtp/testing: what it decodes, and that no mail holds it up. */
import { describe, expect, test } from "bun:test";
import { decodeWords, header, parseMail } from "../../src/testing/mime.js";
import { random } from "../support/random.js";

const mail = (...lines: string[]) => parseMail(Buffer.from(lines.join("\r\n"), "latin1"));

describe("headers", () => {
  test("are unfolded, found in any case, and their first one counts", () => {
    const { headers } = mail("SUBJECT: one", "\ttwo", "Subject: other", "no header", ":", "", "text");
    expect(headers).toEqual([
      { name: "SUBJECT", value: "one\ttwo" },
      { name: "Subject", value: "other" },
    ]);
    expect(header(headers, "subject")).toBe("one\ttwo");
    expect(header(headers, "From")).toBe("");
  });

  test("are UTF-8 where they are not ASCII", () => {
    expect(parseMail(Buffer.from("Subject: Grüße\r\n\r\n")).headers[0]?.value).toBe("Grüße");
  });

  test("may have white space before their colon and none behind it", () => {
    expect(mail("a \t: b", "c:d").headers).toEqual([
      { name: "a", value: "b" },
      { name: "c", value: "d" },
    ]);
  });

  test("are read in the first 256 KiB of a head", () => {
    const value = "x".repeat(256 * 1024 - "a: ".length);
    expect(mail(`a: ${value}x`).headers).toEqual([{ name: "a", value }]);
  });

  test("end with the head; a mail may have none, or no body", () => {
    expect(mail("a: b", "", "c: d")).toMatchObject({ headers: [{ name: "a", value: "b" }], text: "c: d" });
    expect(mail("", "a: b", "")).toMatchObject({ headers: [], text: "a: b\n" });
    expect(mail("a: b")).toMatchObject({ headers: [{ name: "a", value: "b" }], text: "" });
    expect(mail("")).toEqual({ headers: [], text: "", html: "", attachments: [] });
  });
});

// RFC 2047 section 8, and what else is seen.
test.each([
  ["=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"],
  ["=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"],
  ["=?iso-8859-1?b?T2xsZSBK5HJuZWZvcnM=?=", "Olle Järnefors"],
  ["(=?ISO-8859-1?Q?a?= b)", "(a b)"],
  ["(=?ISO-8859-1?Q?a?= \t =?ISO-8859-1?Q?b?=)", "(ab)"],
  ["=?ISO-8859-1?Q?a_?= =?ISO-8859-2?Q?_b?=", "a  b"],
  ["=?utf-8?B?w?= =?utf-8?B?w7w=?=", "ü"],
  ["=?UTF-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"],
  ["=?utf-8*de?Q?=C3=BC?=", "ü"],
  ["=?koi8-r?B?8NLJ18XU?=", "Привет"],
  ["=?shift_jis?B?k/qWew==?=", "日本"],
  ["=?nonsense?Q?=C3=BC?=", "ü"],
  ["=?utf-8?X?a?= =?utf-8?Q?a b?= =?a", "=?utf-8?X?a?= =?utf-8?Q?a b?= =?a"],
])("the encoded-words of %j", (text, decoded) => {
  expect(decodeWords(text)).toBe(decoded);
});

describe("a part", () => {
  test.each([
    ["7bit", "utf-8", "a=20b\r\n", "a=20b\n"],
    ["8BIT", "utf-8", "\xc3\xbc", "ü"],
    ["8bit", "iso-8859-15", "\xa4", "€"],
    ["quoted-printable", "utf-8", "=C3=bc=20=\r\nx= \r\ny=zz=", "ü xy=zz="],
    ["quoted-printable", "utf-8", "facade \xc3\xbc=41", "facade üA"],
    ["Base64", "utf-8", "w7w\r\n=", "ü"],
    ["7bit", "us-ascii", "\xc3\xbc", "ü"],
    ["7bit", "ascii", "\xc3\xbc", "ü"],
  ])("in %s and %s is %j", (encoding, charset, body, text) => {
    const head = [`Content-Type: Text/Plain; charset="${charset}"`, `Content-Transfer-Encoding: ${encoding}`];
    expect(mail(...head, "", body).text).toBe(text);
  });

  test.each([
    ['attachment; filename="a \\"b\\".txt"', 'a "b".txt'],
    ["attachment; filename=a.txt; x=y", "a.txt"],
    ["attachment ;filename = a.txt", "a.txt"],
    ["inline; filename=a.txt", "a.txt"],
    ['attachment; filename="=?utf-8?Q?=C3=BC.txt?="', "ü.txt"],
    ["attachment; filename=u.txt; filename*=UTF-8''%c3%bc.txt", "ü.txt"],
    ["attachment; filename*1*=%bc; filename*0*=utf-8''%c3; filename*2=\".txt\"", "ü.txt"],
    ["attachment; filename*=iso-8859-1'de'%fc.txt", "ü.txt"],
    ["attachment; filename*0*=utf-8''a; filename*1*=b'c'd", "ab'c'd"],
    ["attachment; filename*0=100%25; filename*1=.txt", "100%25.txt"],
    ["attachment; filename*1=.txt; filename*=utf-8''a", "a.txt"],
    [
      Array.from("abcdefghijkl", (letter, n) => `; filename*${n}=${letter}`)
        .toReversed()
        .join(""),
      "abcdefghijkl",
    ],
    ['attachment; filename="../../etc/passwd"', ".._.._etc_passwd"],
    ["attachment; filename*=utf-8''a%0d%0ab%e2%80%aegpj.exe", "abgpj.exe"],
    ["attachment; filename*=\"utf-8''a\nb%2etxt\"", "ab.txt"],
    ["attachment", ""],
  ])("with %j is an attachment", (disposition, name) => {
    const { attachments, text } = mail(`Content-Disposition: ${disposition}`, "", "x");
    expect(attachments).toEqual([{ name, type: "text/plain", contentId: "", content: Buffer.from("x") }]);
    expect(text).toBe("");
  });
});

test.each(["logo", "<logo", "logo>", "x <logo>", "<logo> x"])("the Content-ID %j is none", (id) => {
  expect(mail("Content-Type: image/png", `Content-ID: ${id}`, "", "").attachments[0]?.contentId).toBe("");
});

test("space behind a media type is no part of it", () => {
  expect(mail("Content-Type: text/html ; charset=utf-8", "", "<b>").html).toBe("<b>");
});

test("what is no multipart has no parts, whatever its boundary", () => {
  expect(mail("Content-Type: text/plain; boundary=b", "", "--b", "", "x", "--b--").text).toBe(
    "--b\n\nx\n--b--",
  );
});

describe("multipart", () => {
  test("is read at any depth, from its first boundary to its last", () => {
    const { text, html, attachments } = mail(
      'Content-Type: multipart/mixed; boundary="b"',
      "",
      "for old programs",
      "--b",
      "Content-Type: multipart/alternative; boundary=bb",
      "",
      "--bb",
      "",
      "text",
      "--bb \t",
      "Content-Type: text/html",
      "",
      "<b>html</b>",
      "--bb--",
      "--b",
      "Content-Type: image/png; name=a.png",
      "Content-ID: <logo>",
      "Content-Transfer-Encoding: base64",
      "",
      "AAEC",
      "--b",
      "Content-Type: message/rfc822",
      "",
      "Subject: inner",
      "",
      "--b--",
      "after",
    );
    expect({ text, html }).toEqual({ text: "text", html: "<b>html</b>" });
    expect(attachments).toEqual([
      { name: "a.png", type: "image/png", contentId: "logo", content: Buffer.from([0, 1, 2]) },
      { name: "", type: "message/rfc822", contentId: "", content: Buffer.from("Subject: inner\r\n") },
    ]);
  });

  test("without its end, or with parts that are empty, gives what is there", () => {
    const type = "Content-Type: multipart/mixed; boundary=b";
    expect(mail(type, "", "--b", "", "one", "--b", "", "two").text).toBe("one\ntwo");
    expect(mail(type, "", "--b", "--b", "", "", "--b--")).toMatchObject({ text: "", attachments: [] });
    expect(mail("Content-Type: multipart/mixed", "", "--", "", "x").attachments).toHaveLength(1);
    expect(mail(type, "", "--b", "", "one", "--b").text).toBe("one");
    const inner = "Content-Type: multipart/mixed; boundary=c";
    expect(mail(type, "", "--b", "", "one", "--b", inner, "", "no part", "--b--").text).toBe("one");
  });

  test("may have space behind its last boundary", () => {
    const type = "Content-Type: multipart/mixed; boundary=b";
    expect(mail(type, "", "--b", "", "one", "--b-- ", "", "after").text).toBe("one");
  });

  // It is one of 200 itself.
  test("gives its first 199 parts", () => {
    const parts = Array.from({ length: 250 }, (_, n) => `--b\r\n\r\n${n + 1}`);
    const { text } = mail("Content-Type: multipart/mixed; boundary=b", "", ...parts, "--b--");
    expect(text.split("\n")).toEqual(Array.from({ length: 199 }, (_, n) => String(n + 1)));
  });
});

describe("no mail holds the reader up:", () => {
  const MANY = 200_000;
  const nested = Array.from(
    { length: 2000 },
    (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}`,
  );
  // Each of these would take minutes if its time grew with the square of its size.
  test.each<[string, string]>([
    ["parts", `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\n\r\n".repeat(MANY)}`],
    ["parts in parts", nested.join("\r\n")],
    ["half a boundary", `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"\r\n--bx".repeat(MANY)}`],
    ["headers", "a: b\r\n".repeat(MANY)],
    ["one header", `Subject: ${"x".repeat(20 * MANY)}`],
    ["encoded-words", `Subject: ${"=?utf-8?Q?a?= ".repeat(MANY)}`],
    ["half encoded-words", `Subject: ${"=?a".repeat(MANY)}`],
    ["space behind an encoded-word", `Subject: =?utf-8?Q?a?=${" ".repeat(MANY)}x`],
    ["parameters", `Content-Type: a/b${";a=b".repeat(MANY)}`],
    ["half parameters", `Content-Type: a/b${'; "a\\'.repeat(MANY)}`],
    ["space between parameters", `Content-Type: a/b;${" ".repeat(MANY)}`],
    ["soft line breaks", `Content-Transfer-Encoding: quoted-printable\r\n\r\n${"= ".repeat(MANY)}`],
  ])("%s", (_, source) => {
    // Not the time on the wall: other processes may have the core meanwhile.
    const before = process.cpuUsage();
    parseMail(Buffer.from(source));
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000);
  });

  test("whatever it is made of, nothing is thrown", () => {
    const { pick } = random(7);
    const pieces = [
      "Content-Type: multipart/mixed; boundary=b\r\n",
      "Content-Type: text/html; charset=utf-16\r\n",
      "Content-Transfer-Encoding: base64\r\n",
      "Content-Transfer-Encoding: quoted-printable\r\n",
      "Content-Disposition: attachment; filename*0*=x''%\r\n",
      "\r\n--b",
      "--b--",
      "\r\n",
      "=?utf-8?B?/?=",
      "=",
      "%",
      "\xff",
      ";",
      '"',
    ];
    for (let run = 0; run < 2000; run++) {
      const source = Array.from({ length: 12 }, () => pick(pieces)).join("");
      expect(() => parseMail(Buffer.from(source, "latin1"))).not.toThrow();
    }
  });
});

describe("parts in parts", () => {
  /** A text inside of so many multiparts. */
  const nested = (depth: number): string =>
    Array.from({ length: depth }).reduce<string>(
      (inner, _, level) =>
        `Content-Type: multipart/mixed; boundary="b${level}"\r\n\r\n--b${level}\r\n${inner}\r\n--b${level}--`,
      "Content-Type: text/plain\r\n\r\ninside",
    );

  test("are read to a depth of 8", () => {
    expect(parseMail(Buffer.from(nested(8))).text).toBe("inside");
  });

  test("are not read below it", () => {
    expect(parseMail(Buffer.from(nested(9))).text).not.toBe("inside");
  });
});
