import { describe, expect, test } from "bun:test";
import { parsePathCommand, type PathCommand } from "../../src/wire/address.js";
import { random } from "../support/random.js";
import { titled } from "../support/titled.js";

const LOCAL_64 = "l".repeat(64);
const LONGEST_DOMAIN = `${"d".repeat(63)}.${"d".repeat(63)}.${"d".repeat(61)}`;

/** The address that a path gives in both commands, or `undefined` where both refuse it. */
function address(path: string, lenient = false): string | undefined {
  const mail = parsePathCommand(`MAIL FROM:${path}`, "MAIL FROM", lenient);
  expect(parsePathCommand(`RCPT TO:${path}`, "RCPT TO", lenient)).toEqual(mail);
  if (mail) expect(mail).toEqual({ address: mail.address, args: false });
  return mail?.address;
}

/** Taken as they are. */
const GOOD = [
  // RFC 5321: Dot-string @ Domain
  "a@b",
  "user@example.com",
  "User.Name@Example.COM",
  "a.b.c.d@e.f.g.h",
  "user+tag=x@example.com",
  "!#$%&'*+-/=?^_`{|}~@example.com",
  "0@1",
  "-@example.com",
  "-oQ/tmp@example.com",
  "postmaster@example.com",
  "a@localhost",
  "a@a-b.c-d.example",
  "a@a--b.example",
  "a@1.2.3.4",
  "a@3com.example",
  "bounces+SRS=abc=XY=example.org=user@example.com",
  "a%b@example.com",
  "a!b@example.com",
  // Quoted-string
  '"a"@b',
  '""@b',
  '"a b"@b',
  '" "@b',
  '"a@b"@c',
  '"@"@b',
  '"a>b"@c',
  '"<a@b>"@c',
  '"a:b,c;d"@e',
  '"a..b"@c',
  '".a."@b',
  '"a\\"b"@c',
  '"a\\\\"@b',
  '"a\\ b"@c',
  '"\\a\\b"@c',
  '"a\\"@b>"@c',
  '"a> SIZE=1 X="@b',
  '"@r,@s:t@u"@b',
  '"é ü"@b',
  // RFC 6531
  "ü@example.com",
  "用户@example.com",
  "δοκιμή@παράδειγμα.δοκιμή",
  "user@münchen.example",
  "user@MÜNCHEN.example",
  "अजय@डाटा.भारत",
  "ölçü.ı@istanbul.example",
  "😀@example.com",
  "a@😀.example",
  "a\u200d\u200cb@c",
  "a@नी\u200dल.example",
  "a@❤\ufe0f.example",
  // Address literals
  "a@[127.0.0.1]",
  "a@[0.0.0.0]",
  "a@[255.255.255.255]",
  "a@[IPv6:::]",
  "a@[IPv6:::1]",
  "a@[IPv6:2001:db8::1]",
  "a@[IPv6:1:2:3:4:5:6:7:8]",
  "a@[IPv6:::ffff:192.0.2.1]",
  '"a b"@[192.0.2.1]',
  // Lengths: 254 octets are the most, a local part may have more than 64
  `${LOCAL_64}@example.com`,
  `${"l".repeat(65)}@example.com`,
  `${"l".repeat(242)}@example.com`,
  `${"ü".repeat(121)}@example.com`,
  `${LOCAL_64}@${LONGEST_DOMAIN}`,
  `"${"l".repeat(240)}"@example.com`,
  `a@${"d.".repeat(125)}dd`,
  `a@${"d".repeat(63)}`,
  `${"l".repeat(100)}@${"d".repeat(63)}.example`,
  // 63 octets are the most for a label, those of its A-label
  `a@${"ü".repeat(54)}.example`,
  `a@${"中".repeat(50)}.example`,
];

/** Taken, and given in another form. */
const GIVEN: [path: string, address: string][] = [
  // Source routes
  ["<@relay.example:a@b>", "a@b"],
  ["<@r1.example,@r2.example:a@b>", "a@b"],
  ['<@r:"a:b"@c>', '"a:b"@c'],
  ["<@r:a@[IPv6:::1]>", "a@[IPv6:::1]"],
  ["<@[192.0.2.1]:a@b>", "a@b"],
  ["<@bücher.example:a@b>", "a@b"],
  [`<${"@r,".repeat(200)}@r:a@b>`, "a@b"],
  // A-labels
  ["<a@xn--mnchen-3ya.example>", "a@münchen.example"],
  ["<a@XN--MNCHEN-3YA.example>", "a@münchen.example"],
  ["<a@Xn--Mnchen-3ya.Example>", "a@münchen.Example"],
  ["<a@mx.xn--p1ai>", "a@mx.рф"],
  ["<ü@bücher.xn--p1ai>", "ü@bücher.рф"],
  ["<xn--mnchen-3ya@xn--mnchen-3ya>", "xn--mnchen-3ya@münchen"],
  ["<a@xn--i-7iq.example>", "a@i❤.example"],
  // RFC 5952
  ["<a@[ipv6:2001:DB8::A]>", "a@[IPv6:2001:db8::a]"],
  ["<a@[IPV6:2001:0db8:0000:0000:0000:0000:0000:0001]>", "a@[IPv6:2001:db8::1]"],
  ["<a@[IPv6:1:0:0:4:0:0:0:8]>", "a@[IPv6:1:0:0:4::8]"],
  ["<a@[IPv6:0:0:0:0:0:0:0:0]>", "a@[IPv6:::]"],
  ["<a@[IPv6:1::3:4:5:6:7:8]>", "a@[IPv6:1:0:3:4:5:6:7:8]"],
  ["<a@[IPv6:::FFFF:192.0.2.1]>", "a@[IPv6:::ffff:192.0.2.1]"],
  ["<a@[IPv6:::ffff:c000:201]>", "a@[IPv6:::ffff:192.0.2.1]"],
  ["<a@[IPv6:::192.0.2.1]>", "a@[IPv6:::c000:201]"],
  // Space around the path
  [" <a@b>", "a@b"],
  ["   <a@b>", "a@b"],
  ["\t<a@b>\t", "a@b"],
  ["<a@b> ", "a@b"],
];

/** Refused, and whether the lenient parser takes them nevertheless. */
const BAD: [path: string, lenient?: "lenient"][] = [
  // No path
  [""],
  [" "],
  ["a@b", "lenient"],
  ["<a@b"],
  ["<a@\uff20>"],
  ["a@b>"],
  ["<a@b>>"],
  ["<<a@b>>"],
  ["<a@b>x"],
  ["<a@b>SIZE=1"],
  ["<a@b>,<c@d>"],
  ["Joe <a@b>"],
  ["(comment)<a@b>"],
  ["<a@b\\>", "lenient"],
  ["< a@b>"],
  ["<a@b >"],
  ["< >"],
  ["<a>b@c>"],
  ["<a<b@c>"],
  ["<a@b<c>"],
  ["<a b@c>"],
  ["<a@b c>"],
  // No mailbox
  ["<a>"],
  ["<@>"],
  ["<a@>"],
  ["<@b>"],
  ["<a@b@c>"],
  ["<a@@b>"],
  ["<@a@b>"],
  ["<postmaster@>"],
  ["<admin>"],
  // Routes
  ["<@r:>"],
  ["<@r:@b>"],
  ["<@r,s:a@b>"],
  ["<@r,@s>"],
  ["<@r,:a@b>"],
  ["<@:a@b>"],
  ["<@r;a@b>"],
  ["<@r, @s:a@b>"],
  ["<@r:@s:a@b>"],
  ["<@r\x01:a@b>"],
  ['<@"r":a@b>'],
  // Specials of RFC 5322 that are not quoted
  ["<a,b@example.com>", "lenient"],
  ["<a;b@example.com>", "lenient"],
  ["<a:b@example.com>", "lenient"],
  ["<a(b)@example.com>", "lenient"],
  ["<(a)b@example.com>", "lenient"],
  ["<a[b]@example.com>", "lenient"],
  ["<a\\b@example.com>", "lenient"],
  ["<a\\,b@example.com>", "lenient"],
  ["<:@example.com>", "lenient"],
  // Half-quoted: obs-local-part of RFC 5322, which SMTP does not have
  ['<"a".b@c>', "lenient"],
  ['<a."b"@c>', "lenient"],
  ['<a."b c".d@e>', "lenient"],
  ['<"a"."b c"@d>', "lenient"],
  // Dots in the local part
  ["<.a@b>", "lenient"],
  ["<a.@b>", "lenient"],
  ["<a..b@c>", "lenient"],
  ["<.@b>", "lenient"],
  ['<"a"..b@c>', "lenient"],
  ['<"a".@b>', "lenient"],
  // Quotes
  ['<"a@b>', "lenient"],
  ['<a"@b>', "lenient"],
  ['<a"b@c>', "lenient"],
  ['<a"b"@c>', "lenient"],
  ['<"a"b@c>', "lenient"],
  ['<"a""b"@c>', "lenient"],
  ['<"a\\"@b>', "lenient"],
  ['<"a"b"@c>', "lenient"],
  ['<"a b@c>'],
  ['<a" "b@c>'],
  ['<"a\\" @b>'],
  ['<"a>b@c>'],
  ['<"a@b@c>'],
  ['<"a" @b>'],
  ['<"a\tb"@c>'],
  ['<"a\\\tb"@c>'],
  ['<"a\\\0"@b>'],
  ['<"a\u2028b"@c>'],
  ['<"a\u00a0b"@c>'],
  ['<"a\u200bb"@c>'],
  // Domains
  ["<a@.b>", "lenient"],
  ["<a@b.>", "lenient"],
  ["<a@b..c>", "lenient"],
  ["<a@.>", "lenient"],
  ["<a@-b>", "lenient"],
  ["<a@b->", "lenient"],
  ["<a@-froot.example>", "lenient"],
  ["<a@b.-c>", "lenient"],
  ["<a@b-.c>", "lenient"],
  ["<a@->", "lenient"],
  ["<a@b_c.example>", "lenient"],
  ["<a@b:25>", "lenient"],
  ["<a@b,c>", "lenient"],
  ["<a@b/c>", "lenient"],
  ["<a@b%c>", "lenient"],
  ["<a@b!c>", "lenient"],
  ["<a@b'c>", "lenient"],
  ["<a@b;c>", "lenient"],
  ["<a@b\\c>", "lenient"],
  ["<a@$(id).example>", "lenient"],
  ["<a@`id`.example>", "lenient"],
  ["<a@(b)>", "lenient"],
  ['<a@"b">', "lenient"],
  ['<a@b"c>', "lenient"],
  // Address literals
  ["<a@[]>", "lenient"],
  ["<a@[1.2.3]>", "lenient"],
  ["<a@[1.2.3.4.5]>", "lenient"],
  ["<a@[1.2.3.256]>", "lenient"],
  ["<a@[01.2.3.4]>", "lenient"],
  ["<a@[1.2.3.4>", "lenient"],
  ["<a@1.2.3.4]>", "lenient"],
  ["<a@[1.2.3.4].b>", "lenient"],
  ["<a@[::1]>", "lenient"],
  ["<a@[IPv6:]>", "lenient"],
  ["<a@[IPv6:1.2.3.4]>", "lenient"],
  ["<a@[IPv6:::1::]>", "lenient"],
  ["<a@[IPv6:12345::]>", "lenient"],
  ["<a@[IPv6:1:2:3:4:5:6:7:8:9]>", "lenient"],
  ["<a@[IPv6:fe80::1%eth0]>", "lenient"],
  ["<a@[IPv4:1.2.3.4]>", "lenient"],
  ["<a@[tag:content]>", "lenient"],
  ["<a@[example.com]>", "lenient"],
  ["<a@[1.2.3.4 ]>"],
  // Internationalised domains
  ["<a@xn--.example>", "lenient"],
  ["<a@xn--example-.com>", "lenient"],
  ["<a@xn--a.example>", "lenient"],
  ["<a@xn--mnchen-psa.de>", "lenient"],
  ["<a@xn--tdaa279u.example>", "lenient"],
  ["<a@xn--mnchen-3y.example>", "lenient"],
  ["<a@xn--ü.example>", "lenient"],
  ["<a@xn--ab-yu3n.example>", "lenient"],
  ["<a@xn--abc-4q0a.example>", "lenient"],
  [`<a@xn--${"a".repeat(60)}.example>`, "lenient"],
  ["<a@b\u3002example>"],
  ["<a@b\uff0eexample>"],
  ["<a@b\uff61example>"],
  ["<a@b\u2024example>"],
  ["<a@b\uff20example>"],
  ["<a@b\uff0fexample>"],
  ["<a@b\u2100.example>"],
  ["<a@evil\uff20good.example>"],
  ["<a@evil\ufe6bgood.example>"],
  ["<a_b@evil_\uff20good.example>"],
  ["<a@b_c\u2024example>"],
  ["<a@b_c\u200e>"],
  ["<a@b_c.\u0301d>"],
  ["<a@b\u202ec.example>"],
  ["<a@b\u00adc.example>"],
  ["<a@\u0301b.example>"],
  ["<a@b\ufffd.example>", "lenient"],
  ["<b\ufffd@example>", "lenient"],
  ['<"\ufffd"@example>', "lenient"],
  // What forges lines or hides
  ["<a\0@b>"],
  ["<a@b\0>"],
  ["<a\r@b>"],
  ["<a\n@b>"],
  ["<a\x1b@b>"],
  ["<a\x7f@b>"],
  ["<a\u0080@b>"],
  ["<a\u0085@b>"],
  ["<a@b\u009f>"],
  ["<a\t@b>"],
  ["<a\u00a0@b>"],
  ["<a@b\u3000c>"],
  ["<a@b\u2028c>"],
  ["<a\u200bb@c>"],
  ["<a@b\u200bc>"],
  ["<a\u2060@b>"],
  ["<a@b\ufeff>"],
  ["<\ufeffa@b>"],
  ["<a@b\u180e\u200b>"],
  ["\u00a0<a@b>"],
  ["<a@b>\u00a0"],
  ["<a@b>\0"],
  ["<a@b> \r"],
  // Lengths
  [`<a@${"d".repeat(64)}>`, "lenient"],
  [`<a@${"d".repeat(64)}.example>`, "lenient"],
  [`<a@mx.${"d".repeat(64)}.example>`, "lenient"],
  [`<a_b@${"D".repeat(62)}-d>`, "lenient"],
  [`<"a b"@mx.${"d".repeat(64)}>`, "lenient"],
  [`<a@${"ü".repeat(58)}.example>`, "lenient"],
  [`<a@${"\u200d".repeat(22)}.example>`, "lenient"],
  [`<${"l".repeat(243)}@example.com>`, "lenient"],
  [`<${"ü".repeat(122)}@example.com>`, "lenient"],
  [`<"${"l".repeat(241)}"@example.com>`, "lenient"],
  [`<a@${"d.".repeat(126)}d>`, "lenient"],
  [`<a@${"中".repeat(85)}>`, "lenient"],
  [`<${"a".repeat(16_000)}@b>`, "lenient"],
  [`<a@${"b".repeat(16_000)}>`, "lenient"],
  [`<a@${"xn--tda.".repeat(2_000)}b>`, "lenient"],
];

describe("a path", () => {
  test.each(titled(GOOD))("%s is taken as it is", (_, text) => {
    expect(address(`<${text}>`)).toBe(text);
    expect(address(`<${text}>`, true)).toBe(text);
  });

  test.each(GIVEN)("%j is %j", (path, given) => {
    expect(address(path)).toBe(given);
  });

  test.each(titled(BAD.map(([path]) => path)))("%s is refused", (_, path) => {
    expect(address(path)).toBeUndefined();
  });
});

describe("lenient parsing", () => {
  const taken = BAD.filter(([, lenient]) => lenient).map(([path]) => path);
  const refused = BAD.filter(([, lenient]) => !lenient).map(([path]) => path);

  test.each(titled(taken))("takes %s", (_, path) => {
    const given = address(path, true);
    expect(given).toBeString();
    expect(given?.split("@")).toHaveLength(2);
  });

  test.each(titled(refused))("refuses %s", (_, path) => {
    expect(address(path, true)).toBeUndefined();
  });

  test.each([
    ["MAIL FROM:a@b.c SIZE=10", { address: "a@b.c", args: { SIZE: "10" } }],
    ["mail from: a@b.c\tBODY=8BITMIME X", { address: "a@b.c", args: { BODY: "8BITMIME", X: true } }],
    ["MAIL FROM:a@b.c SIZE=1 SIZE=2", { address: "a@b.c", duplicate: "SIZE", args: { SIZE: "2" } }],
    ["MAIL FROM:", undefined],
    ["MAIL FROM: SIZE=10", undefined],
    ["MAIL FROM:postmaster", undefined],
    ["MAIL FROM:a@b.c SIZE=+01", undefined],
    ["MAIL FROM:a@b.c> SIZE=10", undefined],
    ["MAIL FROM:Joe a@b.c", undefined],
  ])("%s has no brackets", (line, parsed) => {
    expect(parsePathCommand(line, "MAIL FROM", true)).toEqual(parsed as PathCommand | undefined);
    expect(parsePathCommand(line, "MAIL FROM", false)).toBeUndefined();
  });

  test.each([
    ["<user.@example.com>", "user.@example.com"],
    ["<@r:.a@b_c>", ".a@b_c"],
    ["<a.@xn--mnchen-3ya.example>", "a.@münchen.example"],
    ["<a@XN--MNCHEN-3YA.b_c>", "a@münchen.b_c"],
    ["<a@xn--example-.com>", "a@xn--example-.com"],
    ["<a@xn--mnchen-3ya.xn--a>", "a@xn--mnchen-3ya.xn--a"],
    ["<a@xn--mnchen-psa.de>", "a@xn--mnchen-psa.de"],
    ["<a@xn--ab-iw3n.example>", "a@xn--ab-iw3n.example"],
    ["<a@b_c.नी\u200dल>", "a@b_c.नी\u200dल"],
    ["<a@b_c.MÜNCHEN>", "a@b_c.MÜNCHEN"],
    ["<a@[IPv6:2001:DB8::1]>", "a@[IPv6:2001:DB8::1]"],
    ['<"a@b"@c_d>', '"a@b"@c_d'],
    ['<"a"."b@c"@d>', '"a"."b@c"@d'],
    // Without brackets
    ["a@b.c", "a@b.c"],
    [" a@b.c ", "a@b.c"],
    ["user.@b_c", "user.@b_c"],
    ['"a b"@c', '"a b"@c'],
    ["@r,@s:a@b", "a@b"],
    ["a@xn--mnchen-3ya.example", "a@münchen.example"],
  ])("%s is %s", (path, given) => {
    expect(address(path, true)).toBe(given);
  });
});

describe.each([false, true])("with lenient %p", (lenient) => {
  const mail = (path: string) => parsePathCommand(`MAIL FROM:${path}`, "MAIL FROM", lenient)?.address;
  const rcpt = (path: string) => parsePathCommand(`RCPT TO:${path}`, "RCPT TO", lenient)?.address;

  test("only a sender can be null", () => {
    expect(["<>", " <>", "<> "].map(mail)).toEqual(["", "", ""]);
    expect(["<>", " <>", "<> "].map(rcpt)).toEqual([undefined, undefined, undefined]);
    expect(['<""@b>'].map(mail)).toEqual(['""@b']);
    expect(["<>x", "<> <>x>\0", "<@r:>", '<"">'].map(mail)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("only a recipient can be postmaster without a domain", () => {
    const paths = ["<postmaster>", "<Postmaster>", "<POSTMASTER>", "<@r:postmaster>"];
    expect(paths.map(rcpt)).toEqual(["postmaster", "Postmaster", "POSTMASTER", "postmaster"]);
    expect(paths.map(mail)).toEqual([undefined, undefined, undefined, undefined]);
    expect(["postmaster", " Postmaster "].map(rcpt)).toEqual(
      lenient ? ["postmaster", "Postmaster"] : [undefined, undefined],
    );
    const others = [
      "<postmaste>",
      "<postmasters>",
      '<"postmaster">',
      '"postmaster"',
      "postmaster>",
      "postmasters",
      "<po\u017ftmaster>",
      "<postmaster>x",
    ];
    expect(others.map(rcpt)).toEqual(others.map(() => undefined));
  });
});

describe("the command around the path", () => {
  test.each([
    "MAIL FROM:<a@b>",
    "mail from:<a@b>",
    "MaIl FrOm: <a@b>",
    "MAIL FROM :<a@b>",
    "MAIL FROM\t: \t <a@b> \t",
  ])("%j is one", (line) => {
    expect(parsePathCommand(line, "MAIL FROM", false)).toEqual({ address: "a@b", args: false });
  });

  test.each(["RCPT TO:<a@b>", "rcpt to:<a@b>", "RCPT TO :<a@b>", "RCPT TO\t: \t <a@b> \t"])(
    "%j is one",
    (line) => {
      expect(parsePathCommand(line, "RCPT TO", false)).toEqual({ address: "a@b", args: false });
    },
  );

  test.each(
    titled([
      "",
      "<a@b>",
      "MAIL",
      "MAIL FROM",
      "MAIL FROM:",
      "MAIL FROM<a@b>",
      "MAIL FROM <a@b>",
      "MAIL  FROM:<a@b>",
      "MAIL\tFROM:<a@b>",
      "MAILFROM:<a@b>",
      " MAIL FROM:<a@b>",
      "MAIL TO:<a@b>",
      "RCPT TO:<a@b>",
      "SEND FROM:<a@b>",
      "XMAIL FROM:<a@b>",
      "MAIL FROM::<a@b>",
      "MAIL FROM:x:<a@b>",
      "MAIL\nMAIL FROM:<a@b>",
      "MA\u0131L FROM:<a@b>",
      `MAIL FROM${" ".repeat(16_000)}<a@b>`,
    ]),
  )("%s is none", (_, line) => {
    expect(parsePathCommand(line, "MAIL FROM", false)).toBeUndefined();
    expect(parsePathCommand(line, "MAIL FROM", true)).toBeUndefined();
  });

  test.each<[string, PathCommand | undefined]>([
    ["MAIL FROM:<a@b> SIZE=1000 BODY=8BITMIME", { address: "a@b", args: { SIZE: "1000", BODY: "8BITMIME" } }],
    ["MAIL FROM:<>\tSIZE=1", { address: "", args: { SIZE: "1" } }],
    ['MAIL FROM:<"> X=1"@b> Y', { address: '"> X=1"@b', args: { Y: true } }],
    ["MAIL FROM:<a@b> AUTH=<>", { address: "a@b", args: { AUTH: "<>" } }],
    ["MAIL FROM:<a@b> SIZE=1 size=2", { address: "a@b", args: { SIZE: "2" }, duplicate: "SIZE" }],
    ["MAIL FROM:<a@b> ENVID=+0D+0A", undefined],
    ["MAIL FROM:<a..b@c> SIZE=1 SIZE=2", undefined],
    ["MAIL FROM:<> =", undefined],
    ["MAIL FROM:<a@b> #$%=!@#", undefined],
    ["MAIL FROM:<a@b> -A=1", undefined],
    ["MAIL FROM:<a@b> AUTH=<hey+A>", undefined],
  ])("%j gives its parameters", (line, parsed) => {
    expect(parsePathCommand(line, "MAIL FROM", false)).toEqual(parsed);
  });
});

describe("a hostile line of the greatest length", () => {
  test.each([
    ["an open quote", `<"${"a".repeat(16_000)}`],
    ["quoted pairs", `<"${"\\a".repeat(8_000)}`],
    ["quoted words", `<${'"a".'.repeat(4_000)}@b>`],
    ["dots", `<${"a.".repeat(8_000)}`],
    ["at signs", `<${"a@".repeat(8_000)}>`],
    ["a route without an end", `<${"@r,".repeat(5_000)}`],
    ["brackets", `<${"<".repeat(16_000)}`],
    ["hyphens", `<${"a".repeat(200)}@${"a-".repeat(8_000)}>`],
  ])("of %s is refused", (_, path) => {
    expect(address(path)).toBeUndefined();
    if (!path.endsWith(">")) expect(address(path, true)).toBeUndefined();
  });
});

describe("random", () => {
  test("quoted local parts come back as sent", () => {
    const rng = random(5321);
    for (let round = 0; round < 2_000; round++) {
      const text = Array.from({ length: rng.below(20) }, () => rng.pick([..." @<>:,.;[]=+aZ0é世"]));
      const escaped = text.map((character) =>
        rng.below(4) ? character : rng.pick(['\\"', "\\\\", `\\${character}`]),
      );
      const sent = `"${escaped.join("")}"@mx.example`;
      const parsed = parsePathCommand(`RCPT TO:<${sent}> NOTIFY=NEVER`, "RCPT TO", rng.below(2) === 1);
      expect(parsed).toEqual({ address: sent, args: { NOTIFY: "NEVER" } });
    }
  });

  test("lines never give an address or a parameter that forges or hides", () => {
    const rng = random(6531);
    const pieces = [...'aA.-_@"\\<>:,[] \t\0\r\u0085\u200b\u00a0\u2028ü中\ufffd=+'].concat([
      "1.2.3.4",
      "IPv6:",
      "::1",
      "xn--",
      "xn--mnchen-3ya",
      "+0D",
      "+C2+85",
      "SIZE=1",
      "postmaster",
      "@r:",
      "@c.d>",
      "> ",
    ]);
    let taken = 0;
    for (let round = 0; round < 30_000; round++) {
      const body = Array.from({ length: 1 + rng.below(8) }, () => rng.pick(pieces)).join("");
      const lenient = rng.below(2) === 1;
      const command = rng.pick(["MAIL FROM", "RCPT TO"] as const);
      const parsed = parsePathCommand(`${command}:<${body}@c.d>`, command, lenient);
      if (parsed === undefined) continue;
      taken++;
      for (const text of [parsed.address, ...Object.entries(parsed.args || {}).flat()]) {
        expect(String(text)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff\u2028\u2029]/);
      }
      if (/^(?:postmaster)?$/i.test(parsed.address)) continue;
      // With the quoted words taken out, one "@" is left, and no ">", "<" or space.
      const bare = lenient ? parsed.address : parsed.address.replace(/"(?:[^"\\]|\\.)*"/g, "q");
      expect(bare).toMatch(lenient ? /^.+@[^@]+$/ : /^[^\s"<>@]+@[^\s"<>@]+$/);
    }
    expect(taken).toBeGreaterThan(1_000);
  });
});
