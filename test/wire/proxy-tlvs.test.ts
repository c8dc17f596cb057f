import { describe, expect, test } from "bun:test";
import type { ProxyInfo } from "../../src/index.js";
import { crc32c } from "../../src/wire/crc32c.js";
import { ProxyHeaderReader } from "../../src/wire/proxy-header.js";

/** What HAProxy 2.6 sent with `send-proxy-v2-ssl-cn` and all of its `proxy-v2-options`. */
const FROM_HAPROXY = Buffer.from(
  "0d0a0d0a000d0a515549540a2111008b7f0000017f000001aeb88ed9030004ab88d3cf010004736d74700200076d782e7465" +
    "737405000f3132372e302e302e313a34343732382000520700000000210007544c5376312e3322000b636c69656e742e7465" +
    "7374250005454332353624001165636473612d776974682d534841323536230016544c535f4145535f3235365f47434d5f53" +
    "4841333834",
  "hex",
);
/** The same for a client without a certificate, and with TLS 1.2. HAProxy says 0, verified, of it too. */
const WITHOUT_CERTIFICATE = Buffer.from(
  "0d0a0d0a000d0a515549540a211100847f0000017f000001aec68ed903000474093958010004736d74700200076d782e7465" +
    "737405000f3132372e302e302e313a343437343220004b0100000000210007544c5376312e32250005454332353624001165" +
    "636473612d776974682d53484132353623001d45434448452d45434453412d4145533235362d47434d2d534841333834",
  "hex",
);

const ALPN = 0x01;
const AUTHORITY = 0x02;
const CRC32C = 0x03;
const NOOP = 0x04;
const UNIQUE_ID = 0x05;
const SSL = 0x20;
const NETNS = 0x30;
const AWS = 0xea;

const IPV4 = Buffer.from("cb007105c633640110e10019", "hex"); // 203.0.113.5:4321 → 198.51.100.1:25
const LENGTH = 14;
const TLVS = 16 + IPV4.length;

function tlv(type: number, value: string | Buffer = "", length?: number): Buffer {
  const octets = Buffer.from(value);
  const head = Buffer.from([type, 0, 0]);
  head.writeUInt16BE(length ?? octets.length, 1);
  return Buffer.concat([head, octets]);
}

/** A header of version 2, TCP over IPv4. */
function header(...tlvs: Buffer[]): Buffer {
  const block = Buffer.concat([IPV4, ...tlvs]);
  const fixed = Buffer.from("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0", "latin1");
  fixed.writeUInt16BE(block.length, LENGTH);
  return Buffer.concat([fixed, block]);
}

/** Puts the right checksum into the TLV that begins at `at`. */
function signed(octets: Buffer, at = TLVS): Buffer {
  octets.writeUInt32BE(0, at + 3);
  octets.writeUInt32BE(crc32c(octets), at + 3);
  return octets;
}

/** The value of SSL. */
function ssl(flags: number, verify: number, ...tlvs: Buffer[]): Buffer {
  const head = Buffer.alloc(5, flags);
  head.writeUInt32BE(verify, 1);
  return Buffer.concat([head, ...tlvs]);
}

/** What is read, with the octets behind it; the reason of a refusal; `undefined` for half a header. */
function read(...pieces: Buffer[]): ProxyInfo | string | undefined {
  const reader = new ProxyHeaderReader();
  for (const piece of pieces) {
    const result = reader.push(piece);
    if (result) return result.type === "invalid" ? result.reason : result.info;
  }
  return undefined;
}

/** The same, whole, octet by octet and cut in two at every place: it must not depend on it. */
function readAll(octets: Buffer): ProxyInfo | string | undefined {
  const whole = read(octets);
  expect(read(...Array.from(octets, (octet) => Buffer.of(octet)))).toEqual(whole);
  for (let at = 1; at < octets.length; at++) {
    expect(read(octets.subarray(0, at), octets.subarray(at))).toEqual(whole);
  }
  return whole;
}

test("HAProxy's header, whole, octet by octet and cut at every place", () => {
  expect(readAll(FROM_HAPROXY)).toEqual({
    version: 2,
    uniqueId: "127.0.0.1:44728",
    authority: "mx.test",
    alpn: "smtp",
    ssl: {
      verified: true,
      version: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      commonName: "client.test",
      clientCertificate: true,
    },
    tlvs: new Map([
      [CRC32C, [Buffer.from("ab88d3cf", "hex")]],
      [ALPN, [Buffer.from("smtp")]],
      [AUTHORITY, [Buffer.from("mx.test")]],
      [UNIQUE_ID, [Buffer.from("127.0.0.1:44728")]],
      [SSL, [FROM_HAPROXY.subarray(FROM_HAPROXY.indexOf("200052", "hex") + 3)]],
    ]),
  });
  expect(readAll(WITHOUT_CERTIFICATE)).toMatchObject({
    ssl: {
      verified: false,
      version: "TLSv1.2",
      cipher: "ECDHE-ECDSA-AES256-GCM-SHA384",
      commonName: undefined,
      clientCertificate: false,
    },
  });
});

describe("accepted", () => {
  const certificate = Buffer.from("3003020101", "hex");
  const table: [name: string, octets: Buffer, info: Partial<ProxyInfo>][] = [
    ["no TLV", header(), { version: 2, tlvs: new Map() }],
    ["a host name of UTF-8", header(tlv(AUTHORITY, "grüße.test")), { authority: "grüße.test" }],
    ["a host name behind a byte order mark", header(tlv(AUTHORITY, "\ufeffmx")), { authority: "\ufeffmx" }],
    ["ALPN", header(tlv(ALPN, "smtp")), { alpn: "smtp" }],
    [
      "an empty host name",
      header(tlv(AUTHORITY)),
      { authority: undefined, tlvs: new Map([[AUTHORITY, [Buffer.alloc(0)]]]) },
    ],
    ["a unique id of 128 octets", header(tlv(UNIQUE_ID, "i".repeat(128))), { uniqueId: "i".repeat(128) }],
    [
      "a unique id that is no text",
      header(tlv(UNIQUE_ID, Buffer.of(0xff, 0))),
      { uniqueId: undefined, tlvs: new Map([[UNIQUE_ID, [Buffer.of(0xff, 0)]]]) },
    ],
    ["a host name with a control character", header(tlv(AUTHORITY, "mx\r\n.test")), { authority: undefined }],
    [
      "padding and types of others, as often as they come",
      header(tlv(NOOP), tlv(AWS, "a"), tlv(NOOP, "pad"), tlv(AWS, "b"), tlv(NETNS, "net"), tlv(0xff)),
      {
        tlvs: new Map([
          [NOOP, [Buffer.of(), Buffer.from("pad")]],
          [AWS, [Buffer.from("a"), Buffer.from("b")]],
          [NETNS, [Buffer.from("net")]],
          [0xff, [Buffer.of()]],
        ]),
      },
    ],
    ["padding of zeros", header(Buffer.alloc(73)), { tlvs: new Map() }],
    [
      "padding of zeros behind a value that ends in one",
      header(tlv(AWS, "\0"), tlv(NOOP), Buffer.alloc(5)),
      {
        tlvs: new Map([
          [AWS, [Buffer.of(0)]],
          [NOOP, [Buffer.of()]],
        ]),
      },
    ],
    ["as many as there may be", header(...Array<Buffer>(256).fill(tlv(NOOP))), { version: 2 }],
    ["a checksum", signed(header(tlv(CRC32C, "0000"))), { version: 2 }],
    [
      "a checksum at the end",
      signed(header(tlv(ALPN, "\x03\0"), tlv(CRC32C, "0000")), TLVS + 5),
      { alpn: undefined },
    ],
    ["SSL that says there is none", header(tlv(SSL, ssl(0, 0))), { ssl: undefined }],
    [
      "SSL with nothing more",
      header(tlv(SSL, ssl(1, 0))),
      { ssl: { verified: false, clientCertificate: false } },
    ],
    [
      "a certificate that was verified, of this connection or of one that it resumes",
      header(tlv(SSL, ssl(5, 0, tlv(0x22, "ann")))),
      { ssl: { verified: true, commonName: "ann", clientCertificate: true } },
    ],
    [
      "a certificate that was not",
      header(tlv(SSL, ssl(3, 0x80000000, tlv(0x22, "ann")))),
      { ssl: { verified: false, commonName: "ann", clientCertificate: true } },
    ],
    [
      "the certificate itself",
      header(tlv(SSL, ssl(3, 0, tlv(0x28, certificate)))),
      { ssl: { verified: true, clientCertificate: certificate } },
    ],
    [
      "a common name that is no UTF-8",
      header(tlv(SSL, ssl(3, 0, tlv(0x22, Buffer.of(0x4d, 0xfc))))),
      { ssl: { verified: true, commonName: undefined, clientCertificate: true } },
    ],
    [
      "types inside of SSL that stand outside of it",
      header(tlv(0x22, "ann"), tlv(SSL, ssl(3, 0))),
      { ssl: { verified: true, clientCertificate: true } },
    ],
  ];
  test.each(table)("%s", (_, octets, info) => {
    expect(octets.length > 500 ? read(octets) : readAll(octets)).toMatchObject(info);
  });
});

describe("refused", () => {
  const cut = (octets: Buffer): Buffer => octets.subarray(0, -1);
  const table: [name: string, octets: Buffer, reason: string][] = [
    ["one octet", header(Buffer.of(ALPN)), "malformed TLV"],
    ["two octets", header(Buffer.of(ALPN, 0)), "malformed TLV"],
    ["a length over the end", header(tlv(ALPN, "smtp", 5)), "malformed TLV"],
    ["the longest length", header(tlv(ALPN, "smtp", 0xffff)), "malformed TLV"],
    ["a length over the end, of a type of others", header(tlv(AWS, "", 1)), "malformed TLV"],
    ["an octet behind the last", header(tlv(ALPN, "smtp"), Buffer.of(NOOP)), "malformed TLV"],
    ["too many", header(...Array<Buffer>(257).fill(tlv(NOOP))), "malformed TLV"],
    ["SSL without its head", header(tlv(SSL)), "malformed SSL TLV"],
    ["SSL with half of its head", header(tlv(SSL, cut(ssl(1, 0)))), "malformed SSL TLV"],
    ["an octet inside of SSL", header(tlv(SSL, ssl(1, 0, Buffer.of(0x21)))), "malformed SSL TLV"],
    [
      "a TLV of SSL that is longer than SSL, and not than the header",
      header(tlv(SSL, ssl(1, 0, tlv(0x21, "TLSv1.3", 10))), tlv(NOOP, "room enough")),
      "malformed SSL TLV",
    ],
    [
      "too many inside of SSL",
      header(tlv(SSL, ssl(1, 0, ...Array<Buffer>(257).fill(tlv(NOOP))))),
      "malformed SSL TLV",
    ],
    ...[0x21, 0x22, 0x23, 0x28].map((type): [string, Buffer, string] => [
      `0x${type.toString(16)} twice inside of SSL`,
      header(tlv(SSL, ssl(3, 0, tlv(type, "a"), tlv(type, "a")))),
      "malformed SSL TLV",
    ]),
    ...[ALPN, AUTHORITY, UNIQUE_ID].map((type): [string, Buffer, string] => [
      `${type} twice`,
      header(tlv(type, "a"), tlv(NOOP), tlv(type, "a")),
      "repeated TLV",
    ]),
    ["SSL twice", header(tlv(SSL, ssl(1, 0)), tlv(SSL, ssl(1, 0))), "repeated TLV"],
    ["two checksums", signed(header(tlv(CRC32C, "0000"), tlv(CRC32C, "0000"))), "repeated TLV"],
    ["a unique id of 129 octets", header(tlv(UNIQUE_ID, "i".repeat(129))), "unique id too long"],
    ["a wrong checksum", header(tlv(CRC32C, "\x01\x02\x03\x04")), "wrong checksum"],
    ["a checksum of three octets", header(tlv(CRC32C, "000")), "wrong checksum"],
    ["an empty checksum", header(tlv(CRC32C)), "wrong checksum"],
    ["a checksum of five octets", signed(header(tlv(CRC32C, "00000"))), "wrong checksum"],
  ];
  test.each(table)("%s", (_, octets, reason) => {
    expect(octets.length > 500 ? read(octets) : readAll(octets)).toBe(reason);
  });

  test("what the checksum covers, if one bit of it changes", () => {
    // Behind the signature, command and family, which say whether there is anything to check.
    for (let at = LENGTH; at < FROM_HAPROXY.length; at++) {
      // That it is a checksum is not covered by it.
      if (at === TLVS) continue;
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(FROM_HAPROXY);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        const result = read(Buffer.concat([changed, Buffer.alloc(5000)]));
        expect([at, bit, result]).toEqual([at, bit, expect.any(String)]);
      }
    }
  });
});

test.each<[string, Buffer, ProxyInfo]>([
  ["version 1", Buffer.from("PROXY TCP4 203.0.113.5 198.51.100.1 4321 25\r\n"), { version: 1 }],
  ["version 1, UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n"), { version: 1 }],
  [
    "LOCAL, whatever its block",
    changed(header(tlv(CRC32C, "0000"), tlv(UNIQUE_ID, "id")), 12, 0x20),
    { version: 2 },
  ],
  ["UNSPEC, whatever its block", changed(header(tlv(UNIQUE_ID, "id")), 13, 0x00), { version: 2 }],
])("%s has a version alone", (_, octets, info) => expect(readAll(octets)).toStrictEqual(info));

function changed(octets: Buffer, at: number, octet: number): Buffer {
  octets[at] = octet;
  return octets;
}

test("what is kept does not keep what came in the same read", () => {
  const packet = Buffer.concat([FROM_HAPROXY, Buffer.alloc(100_000)]);
  const info = read(packet) as ProxyInfo;
  packet.fill(0);
  for (const [value] of info.tlvs?.values() ?? []) expect(value?.buffer.byteLength).toBeLessThan(10_000);
  expect(info.tlvs?.get(ALPN)).toEqual([Buffer.from("smtp")]);
});
