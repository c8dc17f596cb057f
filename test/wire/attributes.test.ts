import { describe, expect, test } from "bun:test";
import { parseAttributes } from "../../src/wire/attributes.js";

const XCLIENT = new Set(["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"]);
const XFORWARD = new Set(["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"]);
const UNAVAILABLE = new Set(["[UNAVAILABLE]", "[TEMPUNAVAIL]"]);

const SYNTAX = "Error: Bad command parameter syntax";
const ADDRESS = `${SYNTAX}. Invalid address`;
const HOSTNAME = `${SYNTAX}. Invalid hostname`;

const attributes = (args: string, allowed = XCLIENT): Record<string, string | false> | string => {
  const parsed = parseAttributes(args, allowed, UNAVAILABLE);
  return "error" in parsed ? parsed.error : Object.fromEntries(parsed.attributes);
};

describe("XCLIENT", () => {
  const accepted: [args: string, attributes: Record<string, string | false>][] = [
    // XCLIENT_README: Postfix, nginx
    ["NAME=spike.porcupine.org ADDR=168.100.189.2", { NAME: "spike.porcupine.org", ADDR: "168.100.189.2" }],
    [
      "PROTO=ESMTP HELO=client.test ADDR=127.0.0.1 LOGIN=user NAME=[UNAVAILABLE]",
      { PROTO: "ESMTP", HELO: "client.test", ADDR: "127.0.0.1", LOGIN: "user", NAME: false },
    ],
    [
      "ADDR=1.2.3.4 PORT=25 DESTADDR=5.6.7.8 DESTPORT=587",
      { ADDR: "1.2.3.4", PORT: "25", DESTADDR: "5.6.7.8", DESTPORT: "587" },
    ],
    ["  name=MX.Test \t addr=1.2.3.4  ", { NAME: "MX.Test", ADDR: "1.2.3.4" }],
    // addresses
    ["ADDR=IPV6:2001:DB8::0:1", { ADDR: "2001:db8::1" }],
    ["ADDR=ipv6:::1", { ADDR: "::1" }],
    ["ADDR=2001:db8::1", { ADDR: "2001:db8::1" }],
    ["ADDR=IPV6:::ffff:1.2.3.4", { ADDR: "1.2.3.4" }],
    ["DESTADDR=IPV6:2001:DB8::2", { DESTADDR: "2001:db8::2" }],
    // not available
    ["ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL] PORT=[unavailable]", { ADDR: false, NAME: false, PORT: false }],
    [
      "LOGIN=[UNAVAILABLE] HELO=[UNAVAILABLE] PROTO=[UNAVAILABLE]",
      { LOGIN: false, HELO: false, PROTO: false },
    ],
    ["NAME=+5BUNAVAILABLE+5D", { NAME: false }],
    // empty: LOGIN= logs out
    ["LOGIN=", { LOGIN: "" }],
    ["ADDR= NAME= PORT=", { ADDR: "", NAME: "", PORT: "" }],
    // xtext
    ["LOGIN=user+40example.com", { LOGIN: "user@example.com" }],
    ["LOGIN=a+2Bb+3Dc+20d", { LOGIN: "a+b=c d" }],
    ["LOGIN=j+C3+BCrgen", { LOGIN: "jürgen" }],
    ["NAME=mx+2Etest ADDR=1+2E2.3.4", { NAME: "mx.test", ADDR: "1.2.3.4" }],
    ["LOGIN=user+plus", { LOGIN: "user+plus" }],
    // ports and names at their limits
    ["PORT=0", { PORT: "0" }],
    ["PORT=65535", { PORT: "65535" }],
    ["NAME=host_1.isp.test.", { NAME: "host_1.isp.test." }],
    [`NAME=${"a".repeat(63)}.test`, { NAME: `${"a".repeat(63)}.test` }],
    // what smtp-server does not look at either
    ["PROTO=HTTP HELO=[1.2.3.4]", { PROTO: "HTTP", HELO: "[1.2.3.4]" }],
    // the first of two counts
    ["ADDR=1.2.3.4 ADDR=5.6.7.8 addr=9.9.9.9", { ADDR: "1.2.3.4" }],
    ["ADDR=[UNAVAILABLE] ADDR=5.6.7.8", { ADDR: false }],
  ];
  test.each(accepted)("%s", (args, expected) => {
    expect(attributes(args)).toEqual(expected);
  });

  const refused: [args: string, error: string][] = [
    ["", SYNTAX],
    [" \t ", SYNTAX],
    ["ADDR", SYNTAX],
    ["=", SYNTAX],
    ["=1.2.3.4", SYNTAX],
    ["ADDR:1.2.3.4", SYNTAX],
    ["ADDR =1.2.3.4", SYNTAX],
    ["ADDR= 1.2.3.4", SYNTAX],
    ["ADDR=1.2.3.4,NAME=x", SYNTAX],
    ["LOGIN=a=b", SYNTAX],
    ["LOGIN==", SYNTAX],
    ["IDENT=x", SYNTAX],
    ["SOURCE=LOCAL", SYNTAX],
    ["__proto__=x", SYNTAX],
    ["ADDR:DEFAULT=1.2.3.4", SYNTAX],
    ["ADDR=localhost", ADDRESS],
    ["ADDR=1.2.3", ADDRESS],
    ["ADDR=1.2.3.256", ADDRESS],
    ["ADDR=010.2.3.4", ADDRESS],
    ["ADDR=1.2.3.4:25", ADDRESS],
    ["ADDR=[1.2.3.4]", ADDRESS],
    ["ADDR=IPV6:", ADDRESS],
    ["ADDR=IPV6:IPV6:::1", ADDRESS],
    ["ADDR=1IPV6:.2.3.4", ADDRESS],
    ["ADDR=IPV6:[UNAVAILABLE]", ADDRESS],
    ["ADDR=[NONE]", ADDRESS],
    ["DESTADDR=mx.test", ADDRESS],
    ["PORT=65536", SYNTAX],
    ["PORT=-1", SYNTAX],
    ["PORT=1e3", SYNTAX],
    ["PORT=0x19", SYNTAX],
    ["PORT=25.0", SYNTAX],
    ["PORT=000025", SYNTAX],
    ["PORT=+2025", SYNTAX],
    ["PORT=٢٥", SYNTAX],
    ["DESTPORT=smtp", SYNTAX],
    ["NAME=a..b", HOSTNAME],
    ["NAME=.", HOSTNAME],
    ["NAME=-a", HOSTNAME],
    ["NAME=a+20b", HOSTNAME],
    ["NAME=<script>", HOSTNAME],
    ["NAME=1::2", HOSTNAME],
    [`NAME=${"a".repeat(64)}.test`, HOSTNAME],
    [`NAME=${"a.".repeat(127)}a`, HOSTNAME],
    // xtext that is not UTF-8
    ["LOGIN=+FF", SYNTAX],
    ["LOGIN=+C3", SYNTAX],
    ["HELO=+C0+8A", SYNTAX],
    ["HELO=+ED+A0+80", SYNTAX],
    // one that is wrong refuses all, wherever it stands and though its name came before
    ["ADDR=1.2.3.4 NAME=a..b", HOSTNAME],
    ["NAME=a..b ADDR=1.2.3.4", HOSTNAME],
    ["ADDR=1.2.3.4 LOGIN=user BOGUS=1", SYNTAX],
    ["ADDR=1.2.3.4 ADDR=bogus", ADDRESS],
    ["ADDR=1.2.3.4 trailing", SYNTAX],
  ];
  test.each(refused)("%s is refused", (args, error) => {
    expect(attributes(args)).toBe(error);
  });

  test("no control character in any value, raw or encoded", () => {
    for (const name of XCLIENT) {
      for (const control of [0x00, 0x07, 0x0a, 0x0b, 0x0c, 0x0d, 0x1b, 0x1f, 0x7f]) {
        const hex = control.toString(16).toUpperCase().padStart(2, "0");
        expect(attributes(`${name}=a+${hex}b`)).toBe(SYNTAX);
        expect(attributes(`${name}=+${hex}`)).toBe(SYNTAX);
        expect(attributes(`${name}=a${String.fromCharCode(control)}b`)).toBe(SYNTAX);
        expect(attributes(`${name}=a ${name}=+${hex}`)).toBeString();
      }
      expect(attributes(`${name}=a+0D+0AMAIL`)).toBe(SYNTAX);
      expect(attributes(`${name}=a+C2+85b`)).toBe(SYNTAX); // NEL, of the C1 controls
    }
  });

  test("lower-case hex is no escape", () => {
    expect(attributes("LOGIN=a+0d+0ab")).toEqual({ LOGIN: "a+0d+0ab" });
  });
});

describe("XFORWARD", () => {
  // XFORWARD_README, and what Postfix sends for mail from its own machine
  const accepted: [args: string, attributes: Record<string, string | false>][] = [
    [
      "NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP",
      { NAME: "spike.porcupine.org", ADDR: "168.100.189.2", PROTO: "ESMTP" },
    ],
    [
      "NAME=localhost ADDR=127.0.0.1 PORT=[UNAVAILABLE] HELO=client.test IDENT=4XyZ SOURCE=LOCAL",
      {
        NAME: "localhost",
        ADDR: "127.0.0.1",
        PORT: false,
        HELO: "client.test",
        IDENT: "4XyZ",
        SOURCE: "LOCAL",
      },
    ],
  ];
  test.each(accepted)("%s", (args, expected) => {
    expect(attributes(args, XFORWARD)).toEqual(expected);
  });

  test.each(["LOGIN=user", "DESTADDR=1.2.3.4", "ADDR=1.2.3.4 LOGIN=user"])("%s is refused", (args) => {
    expect(attributes(args, XFORWARD)).toBe(SYNTAX);
  });

  test("only the values named mean not available", () => {
    expect(parseAttributes("NAME=[TEMPUNAVAIL]", XFORWARD, new Set(["[UNAVAILABLE]"]))).toEqual({
      error: HOSTNAME,
    });
  });
});
