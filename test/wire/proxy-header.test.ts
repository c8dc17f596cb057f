import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { allocatedBy } from "../support/allocations.js";
import { MAX_V1_LENGTH, ProxyHeaderReader } from "../../src/wire/proxy-header.js";

// Some of these work for a second, longer on a busy machine.
setDefaultTimeout(120_000);

// The cases follow the PROXY specification and the tests of HAProxy, Postfix, Envoy, Netty, Undertow, Traffic Server,
// aiosmtpd and go-proxyproto. Where those differ (Postfix takes leading zeros in octets, Envoy no unix sockets, Traffic
// Server no UNSPEC) the specification counts.

interface Read {
  /** "1.2.3.4:123", or "-" for a header that names no client. */
  source: string;
  destination: string;
  local: boolean;
  rest: string;
}

/** Gives the pieces to a reader; what comes after the header is what SMTP or TLS would see. */
function read(pieces: Iterable<Buffer>): Read | string | undefined {
  const reader = new ProxyHeaderReader();
  let header: Read | undefined;
  let first: string | undefined;
  for (const piece of pieces) {
    first ??= piece.toString("latin1", 0, 1);
    if (header !== undefined) {
      header.rest += piece.toString("latin1");
      continue;
    }
    const result = reader.push(piece);
    if (result?.type === "invalid") return result.reason;
    if (result === undefined) continue;
    expect(result.type).toBe("header");
    expect(result.info.version).toBe(first === "P" ? 1 : 2);
    const [source, destination] = [result.source, result.destination].map((end) =>
      end === undefined ? "-" : `${end.address} ${end.port}`,
    ) as [string, string];
    header = { source, destination, local: result.local, rest: result.rest.toString("latin1") };
  }
  return header;
}

function* split(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Calls `check` with the bytes whole, byte by byte and cut in two at every place. */
function everySplit(bytes: Buffer, check: (read: Read | string | undefined, how: string) => void): void {
  check(read([bytes]), "whole");
  check(read(split(bytes, 1)), "byte by byte");
  for (let at = 1; at < bytes.length; at++) {
    check(read([bytes.subarray(0, at), bytes.subarray(at)]), `cut at ${at}`);
  }
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const PROXY = 0x21;
const LOCAL = 0x20;

/** A version 2 header; `length` is what it claims to be, of the block given if left out. */
function v2(command: number, family: number, block: string | Buffer = "", length?: number): Buffer {
  const payload = typeof block === "string" ? Buffer.from(block.replace(/ /g, ""), "hex") : block;
  const fixed = Buffer.from(`${SIGNATURE}00000000`, "hex");
  fixed[12] = command;
  fixed[13] = family;
  fixed.writeUInt16BE(length ?? payload.length, 14);
  return Buffer.concat([fixed, payload]);
}

const IPV4 = "c0a80001 c0a8000b dc04 01bb"; // 192.168.0.1:56324 → 192.168.0.11:443
const IPV6 = "20010db885a3000000008a2e03707334 10500000000000000005 0600300c326b dc04 01bb";
const path = (text: string): Buffer => Buffer.concat([latin1(text), Buffer.alloc(108 - text.length)]);
const UNIX = Buffer.concat([path("/var/run/src.sock"), path("/var/run/dst.sock")]);
const tlv = (type: number, value: string | Buffer): Buffer => {
  const head = Buffer.from([type, value.length >> 8, value.length & 0xff]);
  return Buffer.concat([head, Buffer.from(value)]);
};
const withTLVs = (block: string, ...tlvs: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(block.replace(/ /g, ""), "hex"), ...tlvs]);
const SSL = Buffer.concat([Buffer.from("0100000000", "hex"), tlv(0x21, "TLSv1.3"), tlv(0x22, "client.test")]);

const SPEC4 = ["192.168.0.1 56324", "192.168.0.11 443"] as const;
const SPEC6 = ["2001:db8:85a3::8a2e:370:7334 56324", "1050::5:600:300c:326b 443"] as const;
const NO_CLIENT = ["-", "-"] as const;
const UNIX_ENDS = [" 0", " 0"] as const;
const LONGEST6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

const accepted: [name: string, header: string | Buffer, ends: readonly [string, string], local?: boolean][] =
  [
    ["v1: the specification's example", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", SPEC4],
    [
      "v1: TCP4 at its longest",
      "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
      ["255.255.255.255 65535", "255.255.255.255 65535"],
    ],
    ["v1: TCP4 at its shortest", "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", ["0.0.0.0 0", "0.0.0.0 0"]],
    ["v1: port 0 and 65535", "PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\n", ["1.2.3.4 0", "5.6.7.8 65535"]],
    [
      "v1: TCP6 at its longest",
      `PROXY TCP6 ${LONGEST6} ${LONGEST6} 65535 65535\r\n`,
      [`${LONGEST6} 65535`, `${LONGEST6} 65535`],
    ],
    ["v1: TCP6 at its shortest", "PROXY TCP6 :: :: 0 0\r\n", [":: 0", ":: 0"]],
    [
      "v1: TCP6 in full",
      "PROXY TCP6 2001:0db8:85a3:0000:0000:8a2e:0370:7334 1050:0:0:0:5:600:300c:326b 56324 443\r\n",
      SPEC6,
    ],
    [
      "v1: TCP6 in upper case",
      "PROXY TCP6 2001:0DB8:0:0:0:0:0:1 FC:00:00:00:4:3:2:1 50000 443\r\n",
      ["2001:db8::1 50000", "fc::4:3:2:1 443"],
    ],
    [
      "v1: TCP6 compressed",
      "PROXY TCP6 1:2:3::4 5:6::7:8 65535 1234\r\n",
      ["1:2:3::4 65535", "5:6::7:8 1234"],
    ],
    [
      "v1: IPv4-mapped in TCP6",
      "PROXY TCP6 ::ffff:1.2.3.4 ::FFFF:4.3.2.1 123 321\r\n",
      ["1.2.3.4 123", "4.3.2.1 321"],
    ],
    ["v1: IPv4-mapped in hex", "PROXY TCP6 ::ffff:7f00:1 ::1 123 321\r\n", ["127.0.0.1 123", "::1 321"]],
    ["v1: UNKNOWN alone", "PROXY UNKNOWN\r\n", NO_CLIENT],
    ["v1: UNKNOWN and a space", "PROXY UNKNOWN \r\n", NO_CLIENT],
    ["v1: UNKNOWN with addresses", "PROXY UNKNOWN 1.2.3.4 5.6.7.8 444 555\r\n", NO_CLIENT],
    ["v1: UNKNOWN with ports out of range", "PROXY UNKNOWN 127.0.0.1 127.0.0.1 99999 99999\r\n", NO_CLIENT],
    ["v1: UNKNOWN with nonsense", "PROXY UNKNOWN  whatever\t\xff\0 PROXY\r\n", NO_CLIENT],
    ["v1: UNKNOWN at 107 octets", `PROXY UNKNOWN ${LONGEST6} ${LONGEST6} 65535 65535\r\n`, NO_CLIENT],

    ["v2: TCP4", v2(PROXY, 0x11, IPV4), SPEC4],
    ["v2: UDP4", v2(PROXY, 0x12, IPV4), SPEC4],
    ["v2: TCP4, all zeros", v2(PROXY, 0x11, Buffer.alloc(12)), ["0.0.0.0 0", "0.0.0.0 0"]],
    [
      "v2: TCP4, all ones",
      v2(PROXY, 0x11, Buffer.alloc(12, 255)),
      ["255.255.255.255 65535", "255.255.255.255 65535"],
    ],
    [
      "v2: TCP4, line ends as addresses",
      v2(PROXY, 0x11, "0d0a0d0a 0d0a0d0a 0d0a 0d0a"),
      ["13.10.13.10 3338", "13.10.13.10 3338"],
    ],
    ["v2: TCP6", v2(PROXY, 0x21, IPV6), SPEC6],
    ["v2: UDP6", v2(PROXY, 0x22, IPV6), SPEC6],
    ["v2: TCP6, all zeros", v2(PROXY, 0x21, Buffer.alloc(36)), [":: 0", ":: 0"]],
    [
      "v2: TCP6, all ones",
      v2(PROXY, 0x21, Buffer.alloc(36, 255)),
      [`${LONGEST6} 65535`, `${LONGEST6} 65535`],
    ],
    [
      "v2: IPv4-mapped in TCP6",
      v2(PROXY, 0x21, `00000000000000000000ffff01020304 00000000000000000000ffff04030201 007b 0141`),
      ["1.2.3.4 123", "4.3.2.1 321"],
    ],
    ["v2: unix stream", v2(PROXY, 0x31, UNIX), UNIX_ENDS],
    ["v2: unix datagram", v2(PROXY, 0x32, UNIX), UNIX_ENDS],
    ["v2: unix stream without names", v2(PROXY, 0x31, Buffer.alloc(216)), UNIX_ENDS],
    ["v2: UNSPEC", v2(PROXY, 0x00), NO_CLIENT],
    ["v2: UNSPEC with a block", v2(PROXY, 0x00, IPV6), NO_CLIENT],
    ["v2: UNSPEC family over STREAM", v2(PROXY, 0x01, IPV4), NO_CLIENT],
    ["v2: UNSPEC family over DGRAM", v2(PROXY, 0x02), NO_CLIENT],
    ["v2: INET over UNSPEC", v2(PROXY, 0x10, IPV4), NO_CLIENT],
    ["v2: INET6 over UNSPEC, short block", v2(PROXY, 0x20, IPV4), NO_CLIENT],
    ["v2: UNIX over UNSPEC, no block", v2(PROXY, 0x30), NO_CLIENT],
    ["v2: LOCAL", v2(LOCAL, 0x00), NO_CLIENT, true],
    ["v2: LOCAL with TCP4 addresses", v2(LOCAL, 0x11, IPV4), NO_CLIENT, true],
    ["v2: LOCAL with TCP6 addresses", v2(LOCAL, 0x21, IPV6), NO_CLIENT, true],
    ["v2: LOCAL with TCP4 and no block", v2(LOCAL, 0x11), NO_CLIENT, true],
    ["v2: LOCAL with an unknown family", v2(LOCAL, 0xff, "0102"), NO_CLIENT, true],
    ["v2: LOCAL of a cloud balancer, one TLV", v2(LOCAL, 0x00, "00 0004 0a0b0c0d"), NO_CLIENT, true],
    ["v2: TCP4 and ALPN", v2(PROXY, 0x11, withTLVs(IPV4, tlv(1, "h2"))), SPEC4],
    [
      "v2: TCP4 and AWS's TLVs",
      v2(PROXY, 0x11, withTLVs(IPV4, tlv(0xea, "\x01vpce-0123456789abcdef0"), tlv(4, Buffer.alloc(36)))),
      SPEC4,
    ],
    [
      "v2: TCP6 and SSL, authority, unique id",
      v2(PROXY, 0x21, withTLVs(IPV6, tlv(2, "mx.test"), tlv(5, "id"), tlv(0x20, SSL))),
      SPEC6,
    ],
    ["v2: TCP4 padded to 84 octets", v2(PROXY, 0x11, withTLVs(IPV4, Buffer.alloc(72))), SPEC4],
    ["v2: unix stream and a TLV", v2(PROXY, 0x31, Buffer.concat([UNIX, tlv(4, "")])), UNIX_ENDS],
    [
      "v2: a header in a TLV",
      v2(PROXY, 0x11, withTLVs(IPV4, tlv(4, v2(PROXY, 0x11, "01010101 02020202 0001 0002")))),
      SPEC4,
    ],
    ["v2: a TLV of 256 octets", v2(PROXY, 0x11, withTLVs(IPV4, tlv(4, Buffer.alloc(256)))), SPEC4],
    ["v2: at the bound", v2(PROXY, 0x11, withTLVs(IPV4, Buffer.alloc(4096 - 12))), SPEC4],
  ];

// `at`: how many octets are enough to know.
const refused: [name: string, bytes: string | Buffer, at?: number][] = [
  ["SMTP", "EHLO client.test\r\n", 1],
  ["lower case SMTP", "helo x\r\n", 1],
  ["QUIT", "QUIT\r\n", 1],
  ["HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1],
  ["an HTTP request that begins alike", "PROPFIND / HTTP/1.1\r\n", 4],
  ["a TLS ClientHello", Buffer.from("16030100ff0100", "hex"), 1],
  ["a NUL", "\0", 1],
  ["LF", "\n", 1],
  ["CRLF and SMTP", "\r\nEHLO x\r\n", 3],
  ["a space before", " PROXY TCP4 1.2.3.4 5.6.7.8 444 555\r\n", 1],
  ["a byte order mark before", "\xef\xbb\xbfPROXY UNKNOWN\r\n", 1],

  ["v1: lower case", "proxy TCP4 1.2.3.4 5.6.7.8 444 555\r\n", 1],
  ["v1: another verb", "PING TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", 2],
  ["v1: a longer verb", "PROXYS TCP4 1.2.3.4 5.6.7.8 444 555\r\n", 6],
  ["v1: a comma", "PROXY, TCP4 1.2.3.4 5.6.7.8 444 555\r\n", 6],
  ["v1: another letter", "PROXZ TCP4 192.0.2.1 198.51.100.1 50000 443\r\n", 5],
  ["v1: nothing but the verb", "PROXY\r\n", 6],
  ["v1: the verb and a space", "PROXY \r\n", 7],
  ["v1: the verb and LF", "PROXY \n", 7],
  ["v1: a tab after the verb", "PROXY\tTCP4 1.2.3.4 5.6.7.8 444 555\r\n", 6],
  ["v1: two spaces after the verb", "PROXY  TCP4 1.2.3.4 5.6.7.8 444 555\r\n", 7],
  ["v1: an unknown family", "PROXY NONSENSE 1.2.3.4 5.6.7.8 444 555\r\n", 7],
  ["v1: TCP", "PROXY TCP 1.2.3.4 5.6.7.8 444 555\r\n", 10],
  ["v1: TCP1", "PROXY TCP1 192.0.2.1 198.51.100.1 50000 443\r\n", 10],
  ["v1: TCP46", "PROXY TCP46 1.2.3.4 5.6.7.8 444 555\r\n", 11],
  ["v1: UDP4", "PROXY UDP4 192.0.2.1 198.51.100.1 50000 443\r\n", 8],
  ["v1: tcp4 in lower case", "PROXY tcp4 1.2.3.4 5.6.7.8 444 555\r\n", 7],
  ["v1: unknown in lower case", "PROXY unknown\r\n", 7],
  ["v1: UNKNOWN cut short", "PROXY UNKNOW\r\n", 13],
  ["v1: UNKNOWN made longer", "PROXY UNKNOWNS\r\n"],
  ["v1: no fields", "PROXY TCP4\r\n", 11],
  ["v1: no fields but a space", "PROXY TCP4 \r\n"],
  ["v1: one address", "PROXY TCP4 1.2.3.4\r\n"],
  ["v1: one address and ports", "PROXY TCP4 1.2.3.4 444 555\r\n"],
  ["v1: no ports", "PROXY TCP6 fc:00:00:00:1:2:3:4 fc:00:00:00:4:3:2:1\r\n"],
  ["v1: one port", "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n"],
  ["v1: an empty port", "PROXY TCP4 192.0.2.1 198.51.100.1 50000 \r\n"],
  ["v1: a field too many", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 123\r\n"],
  ["v1: a space at the end", "PROXY TCP4 192.0.2.1 198.51.100.1 50000 443 \r\n"],
  ["v1: two spaces before the source", "PROXY TCP4  1.2.3.4 5.6.7.8 444 555\r\n"],
  ["v1: two spaces before the destination", "PROXY TCP4 1.2.3.4  5.6.7.8 444 555\r\n"],
  ["v1: two spaces before the source port", "PROXY TCP4 1.2.3.4 5.6.7.8  444 555\r\n"],
  ["v1: two spaces before the destination port", "PROXY TCP4 1.2.3.4 5.6.7.8 444  555\r\n"],
  ["v1: a tab", "PROXY TCP4 1.2.3.4\t5.6.7.8 444 555\r\n"],
  ["v1: a NUL", "PROXY TCP4 1.2.3.4\0 5.6.7.8 444 555\r\n"],
  ["v1: LF alone", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\nEHLO x\r\n", 46],
  ["v1: CR alone", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\rEHLO x\r\n", 47],
  ["v1: CR CR LF", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\r\n", 47],
  ["v1: LF CR", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n\r", 46],
  ["v1: UNKNOWN and LF alone", "PROXY UNKNOWN\nEHLO x\r\n", 14],
  ["v1: UNKNOWN, a line end in what is ignored", "PROXY UNKNOWN a\nb\r\n", 16],
  ["v1: UNKNOWN, a CR in what is ignored", "PROXY UNKNOWN a\rb\r\n", 17],
  [
    "v1: IPv6 addresses in TCP4",
    "PROXY TCP4 fe80::56ee:75ff:fe44:85bc fe80::5ec5:d4ff:fede:66d8 444 555\r\n",
  ],
  ["v1: IPv4 addresses in TCP6", "PROXY TCP6 1.2.3.4 5.6.7.8 444 555\r\n"],
  ["v1: an IPv4 source in TCP6", "PROXY TCP6 1.2.3.4 fc:00:00:00:4:3:2:1 123 321\r\n"],
  ["v1: an IPv4 destination in TCP6", "PROXY TCP6 fc:00:00:00:1:2:3:4 4.3.2.1 123 321\r\n"],
  ["v1: IPv4-mapped in TCP4", "PROXY TCP4 ::ffff:1.2.3.4 ::ffff:4.3.2.1 123 321\r\n"],
  ["v1: an IPv4-mapped destination in TCP4", "PROXY TCP4 1.2.3.4 ::ffff:4.3.2.1 123 321\r\n"],
  ["v1: an octet of 256", "PROXY TCP4 256.2.3.4 5.6.7.8 444 555\r\n"],
  ["v1: zeros before octets of the source", "PROXY TCP4 01.02.03.04 4.3.2.1 123 321\r\n"],
  ["v1: zeros before octets of the destination", "PROXY TCP4 1.2.3.4 005.006.007.008 444 555\r\n"],
  ["v1: three octets", "PROXY TCP4 1.2.3 5.6.7.8 444 555\r\n"],
  ["v1: five octets", "PROXY TCP4 1.2.3.4.5 5.6.7.8 444 555\r\n"],
  ["v1: a letter in an octet", "PROXY TCP4 1.2.3.4 5d.6.7.8 444 555\r\n"],
  ["v1: hexadecimal octets", "PROXY TCP4 0x1.2.3.4 5.6.7.8 444 555\r\n"],
  ["v1: a number for an address", "PROXY TCP4 16909060 84281096 444 555\r\n"],
  ["v1: a name for an address", "PROXY TCP4 localhost localhost 444 555\r\n"],
  ["v1: a prefix length", "PROXY TCP4 1.2.3.4/32 5.6.7.8 444 555\r\n"],
  ["v1: brackets", "PROXY TCP6 [::1] [::1] 444 555\r\n"],
  ["v1: a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 444 555\r\n"],
  ["v1: g in an address", "PROXY TCP6 2020:dead::000g 2021:cafe::0002 444 555\r\n"],
  ["v1: seven groups", "PROXY TCP6 1:2:3:4:5:6:7 ::1 444 555\r\n"],
  ["v1: nine groups", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 444 555\r\n"],
  ["v1: :: twice", "PROXY TCP6 1::2::3 ::1 444 555\r\n"],
  ["v1: a group of five digits", "PROXY TCP6 12345::1 ::1 444 555\r\n"],
  ["v1: source port 65536", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 10200\r\n"],
  ["v1: destination port 65536", "PROXY TCP6 2020:dead::0001 2021:cafe::0002 10000 65536\r\n"],
  ["v1: a port of six digits", "PROXY TCP4 1.2.3.4 4.3.2.1 123456 321\r\n"],
  ["v1: zeros before the source port", "PROXY TCP4 1.2.3.4 4.3.2.1 0123 321\r\n"],
  ["v1: zeros before the destination port", "PROXY TCP4 1.2.3.4 4.3.2.1 123 0321\r\n"],
  ["v1: port 00", "PROXY TCP4 1.2.3.4 4.3.2.1 00 0\r\n"],
  ["v1: a negative port", "PROXY TCP4 1.2.3.4 5.6.7.8 444 -555\r\n"],
  ["v1: a port with a sign", "PROXY TCP4 1.2.3.4 5.6.7.8 +444 555\r\n"],
  ["v1: a hexadecimal port", "PROXY TCP4 1.2.3.4 5.6.7.8 0x1 555\r\n"],
  ["v1: a port with a fraction", "PROXY TCP4 1.2.3.4 5.6.7.8 444 5.5\r\n"],
  ["v1: digits of another script", "PROXY TCP4 1.2.3.4 5.6.7.8 444 \u00b2\r\n"],
  ["v1: UNKNOWN at 108 octets", `PROXY UNKNOWN ${LONGEST6} ${LONGEST6} 65535 65535 \r\n`, 107],
  ["v1: 107 octets and no end", `PROXY UNKNOWN ${"*".repeat(MAX_V1_LENGTH - 14)}`, 107],
  ["v1: 107 octets and half an end", `PROXY UNKNOWN ${"*".repeat(MAX_V1_LENGTH - 15)}\r\n`, 107],
  ["v1: spaces without end", `PROXY TCP4 1.2.3.4 2.3.4.5 100 100${" ".repeat(256)}`, 107],
  ["v1: a port without end", `PROXY TCP4 192.168.0.1 192.168.0.11 56324 ${"0".repeat(70)}443\r\n`, 107],

  ["v2: the end of the signature", Buffer.from(SIGNATURE.slice(4), "hex"), 3],
  ["v2: QUIP for QUIT", Buffer.from("0d0a0d0a000d0a515549500a20000000", "hex"), 11],
  ["v2: version 1", v2(0x11, 0x11, IPV4), 13],
  ["v2: version 3", v2(0x31, 0x11, IPV4), 13],
  ["v2: version 0", v2(0x01, 0x11, IPV4), 13],
  ["v2: version 2 of the first draft", v2(0x02, 0x11, IPV4), 13],
  ["v2: command 2", v2(0x22, 0x11, IPV4), 13],
  ["v2: command 15", v2(0x2f, 0x00), 13],
  ["v2: version and command 0xff", v2(0xff, 0x21, IPV6), 13],
  ["v2: family 4", v2(PROXY, 0x41, IPV4), 14],
  ["v2: family 15", v2(PROXY, 0xf1, IPV4), 14],
  ["v2: transport 3", v2(PROXY, 0x13, IPV4), 14],
  ["v2: UNSPEC over transport 3", v2(PROXY, 0x03), 14],
  ["v2: family and transport 0xff", v2(PROXY, 0xff, IPV6), 14],
  ["v2: TCP4 without a block", v2(PROXY, 0x11), 16],
  ["v2: TCP4, 11 octets", v2(PROXY, 0x11, IPV4, 11), 16],
  ["v2: UDP4, 11 octets", v2(PROXY, 0x12, IPV4, 11), 16],
  ["v2: TCP4, length 0 and a block all the same", v2(PROXY, 0x11, IPV4, 0), 16],
  ["v2: TCP6, 35 octets", v2(PROXY, 0x21, IPV6, 35), 16],
  ["v2: TCP6 with an IPv4 block", v2(PROXY, 0x21, IPV4), 16],
  ["v2: unix stream, 215 octets", v2(PROXY, 0x31, UNIX, 215), 16],
  ["v2: unix datagram with an IPv4 block", v2(PROXY, 0x32, IPV4), 16],
  // As HAProxy has it; aiosmtpd skips what it cannot read.
  ["v2: TCP4 and a TLV that is cut off", v2(PROXY, 0x11, withTLVs(IPV4, latin1("fake_tlv"))), 36],
  ["v2: TCP4 and one more octet", v2(PROXY, 0x11, withTLVs(IPV4, latin1("x"))), 29],
  ["v2: over the bound", v2(PROXY, 0x11, withTLVs(IPV4, Buffer.alloc(4097 - 12))), 16],
  ["v2: over the bound, UNSPEC", v2(PROXY, 0x00, "", 4097), 16],
  ["v2: over the bound, LOCAL", v2(LOCAL, 0x00, "", 65535), 16],
];

test("the table is not smaller than it was", () => {
  const all = [...accepted, ...refused].map(([, bytes]) =>
    Buffer.from(bytes as string, "latin1").toString("hex"),
  );
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(140);
});

describe("accepted", () => {
  // SMTP that talks first, the beginning of a ClientHello, another header.
  const RESTS = ["", "E", "\r\n", "EHLO client.test\r\n", "\x16\x03\x01\x02\0\x01", "PROXY UNKNOWN\r\n"];

  test.each(accepted)("%s", (...[, header, [source, destination], local = false]) => {
    const bytes = typeof header === "string" ? latin1(header) : header;
    for (const rest of RESTS) {
      expect(read([Buffer.concat([bytes, latin1(rest)])])).toEqual({ source, destination, local, rest });
    }
    // The many thousand places in a padded header are all alike.
    if (bytes.length > 1000) {
      expect(read(split(bytes, 1))).toEqual({ source, destination, local, rest: "" });
      expect(read([bytes.subarray(0, -1)])).toBeUndefined();
      return;
    }
    everySplit(Buffer.concat([bytes, latin1("QUIT\r\n")]), (result) => {
      expect(result).toEqual({ source, destination, local, rest: "QUIT\r\n" });
    });
    for (let length = 1; length < bytes.length; length++) {
      expect(read([bytes.subarray(0, length)])).toBeUndefined();
    }
  });
});

describe("refused", () => {
  test.each(refused)("%s", (...[, input, at]) => {
    const bytes = typeof input === "string" ? latin1(input) : input;
    const bound = Math.min(bytes.length, 2 * MAX_V1_LENGTH);
    everySplit(bytes.subarray(0, bound), (result) => expect(result).toBeString());
    everySplit(Buffer.concat([bytes, latin1("\r\n")]).subarray(0, bound), (result) =>
      expect(result).toBeString(),
    );
    if (at === undefined) return;
    expect(read([bytes.subarray(0, at)])).toBeString();
    if (at > 1) expect(read([bytes.subarray(0, at - 1)])).toBeUndefined();
  });

  test("the reason holds nothing of what was sent", () => {
    for (const [, input] of refused) {
      const reason = read([typeof input === "string" ? latin1(input) : input]);
      expect(reason).toMatch(/^[A-Za-z0-9 ]+$/);
      expect(reason).not.toContain("555");
    }
  });
});

test("each octet of what is fixed counts", () => {
  const v1 = latin1("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
  const fixed: [Buffer, number[]][] = [
    [v1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 22, 35, 41, 45, 46]],
    [v2(PROXY, 0x11, IPV4), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
  ];
  for (const [header, places] of fixed) {
    for (const place of places) {
      for (let octet = 0; octet < 256; octet++) {
        if (octet === header[place]) continue;
        const changed = Buffer.from(header);
        changed[place] = octet;
        expect(read([changed, latin1("\r\n")])).toBeString();
      }
    }
  }
});

test("no change of one octet makes it throw or name anything but an address", () => {
  for (const [, header] of accepted) {
    const bytes = typeof header === "string" ? latin1(header) : header.subarray(0, 300);
    for (let place = 0; place < bytes.length; place++) {
      for (const octet of [0x00, 0x09, 0x0a, 0x0d, 0x20, 0x25, 0x2d, 0x30, 0x3a, 0x7f, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[place] = octet;
        const result = read([changed]);
        if (typeof result === "object") expect(result.source).toMatch(/^(?:-|[0-9a-f:.]* \d{1,5})$/);
      }
    }
  }
});

test("a header that comes octet by octet is copied in proportion to its length", () => {
  const cost = (length: number): number => {
    const header = Buffer.alloc(16 + length);
    Buffer.from("\r\n\r\n\0\r\nQUIT\n\x20\x00", "latin1").copy(header);
    header.writeUInt16BE(length, 14);
    return allocatedBy(() => {
      const reader = new ProxyHeaderReader();
      const results = Array.from(header, (_, at) => reader.push(header.subarray(at, at + 1)));
      expect(results.at(-1)).toMatchObject({ type: "header", local: true });
    });
  };
  expect(cost(2000)).toBeLessThan(8 * 2016);
  expect(cost(4000)).toBeLessThan(2.2 * cost(2000));
});
