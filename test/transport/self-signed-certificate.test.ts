import { describe, expect, spyOn, test } from "bun:test";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { connect, createServer, type SecureVersion } from "node:tls";
import type { AddressInfo } from "node:net";
import {
  buildCertificate,
  der,
  extension,
  selfSignedCertificate,
} from "../../src/transport/self-signed-certificate.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const LOCAL = "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1";
const long = `${"a".repeat(60)}.${"b".repeat(60)}.example`;
const longest = `${`${"a".repeat(63)}.`.repeat(3)}${"b".repeat(61)}`;

describe("DER", () => {
  const table: [string, Buffer, string][] = [
    ["a short length", der.octetString(Buffer.alloc(0x7f)), `047f${"00".repeat(0x7f)}`],
    ["a length of one octet", der.octetString(Buffer.alloc(0x80)), `048180${"00".repeat(0x80)}`],
    ["the longest of them", der.octetString(Buffer.alloc(0xff)), `0481ff${"00".repeat(0xff)}`],
    ["a length of two octets", der.octetString(Buffer.alloc(0x100)), `04820100${"00".repeat(0x100)}`],
    ["an OID with an arc over 127", der.oid("1.2.840.10045.4.3.2"), "06082a8648ce3d040302"],
    ["an OID with an arc of 128", der.oid("2.5.128"), "0603558100"],
    ["UTCTime", der.time(new Date("2049-12-31T23:59:59.999Z")), `170d${hex(Buffer.from("491231235959Z"))}`],
    [
      "GeneralizedTime",
      der.time(new Date("2050-01-01T00:00:00Z")),
      `180f${hex(Buffer.from("20500101000000Z"))}`,
    ],
    ["a bit string", der.bitString(Buffer.of(0x80), 7), "03020780"],
    ["key usage: trailing zero bits left out", extension.keyUsage(0, 5), "300e0603551d0f0101ff040403020284"],
    [
      "a CA that may sign no other CA",
      extension.basicConstraints(true),
      "30120603551d130101ff040830060101ff020100",
    ],
    ["no CA", extension.basicConstraints(false), "300c0603551d130101ff04023000"],
    ["key usage of a CA", extension.keyUsage(5, 6), "300e0603551d0f0101ff040403020106"],
  ];
  test.each(table)("%s", (_, bytes, expected) => expect(hex(bytes)).toBe(expected));
});

describe("the self-signed certificate", () => {
  const { key, cert } = selfSignedCertificate("mx.example.com");
  const x509 = new X509Certificate(cert);

  test("belongs to its key and signs itself", () => {
    expect(x509.verify(createPublicKey(key))).toBe(true);
    expect(x509.checkIssued(x509)).toBe(true);
    expect(x509.ca).toBe(true);
    expect(x509.issuer).toBe("CN=mx.example.com");
    expect(x509.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  });

  test("is for TLS servers of its name and of this machine", () => {
    expect(x509.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    for (const name of ["mx.example.com", "localhost"]) expect(x509.checkHost(name)).toBe(name);
    for (const address of ["127.0.0.1", "::1"]) expect(x509.checkIP(address)).toBe(address);
    expect(x509.checkHost("other.example.com")).toBeUndefined();
  });

  test("is PEM with lines of 64 characters", () => {
    expect(cert).toMatch(
      /^-----BEGIN CERTIFICATE-----\n(?:[\w+/]{64}\n)+[\w+/]{1,64}={0,2}\n-----END CERTIFICATE-----\n$/,
    );
  });

  test("holds from a day ago for a year", () => {
    const now = spyOn(Date, "now").mockReturnValue(Date.parse("2026-06-01T12:00:00.999Z"));
    const { validFrom, validTo } = new X509Certificate(selfSignedCertificate("a").cert);
    now.mockRestore();
    expect(new Date(validFrom)).toEqual(new Date("2026-05-31T12:00:00Z"));
    expect(new Date(validTo)).toEqual(new Date("2027-06-01T12:00:00Z"));
  });

  test("has a serial number of its own, positive and of 16 octets", () => {
    const serials = Array.from(
      { length: 32 },
      () => new X509Certificate(selfSignedCertificate("a").cert).serialNumber,
    );
    expect(new Set(serials).size).toBe(32);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  // RFC 5280 appendix A.1: a common name has 64 characters at most, and may not be empty.
  const names: [name: string, commonName: string, subjectAltName: string][] = [
    ["MX.Example.com", "mx.example.com", `DNS:mx.example.com, ${LOCAL}`],
    ["mx.example.com.", "mx.example.com", `DNS:mx.example.com, ${LOCAL}`],
    [" mx.example.com ", "mx.example.com", `DNS:mx.example.com, ${LOCAL}`],
    ["bücher.example", "xn--bcher-kva.example", `DNS:xn--bcher-kva.example, ${LOCAL}`],
    ["my_host-1", "my_host-1", `DNS:my_host-1, ${LOCAL}`],
    ["123", "123", `DNS:123, ${LOCAL}`],
    ["localhost", "localhost", LOCAL],
    [`${"a".repeat(62)}.x`, `${"a".repeat(62)}.x`, `DNS:${"a".repeat(62)}.x, ${LOCAL}`],
    [`${"a".repeat(62)}.xy`, "localhost", `DNS:${"a".repeat(62)}.xy, ${LOCAL}`],
    [long, "localhost", `DNS:${long}, ${LOCAL}`],
    [longest, "localhost", `DNS:${longest}, ${LOCAL}`],
    [`${longest}b`, "localhost", LOCAL],
    ["a".repeat(64), "localhost", LOCAL],
    ["a.".repeat(200), "localhost", LOCAL],
    ["", "localhost", LOCAL],
    ["  ", "localhost", LOCAL],
    ["a b", "localhost", LOCAL],
    ["a\0.example", "localhost", LOCAL],
    ["evil,DNS:other.example", "localhost", LOCAL],
    ["*.example.com", "localhost", LOCAL],
    ["-a.example", "localhost", LOCAL],
    ["日本\u202e.example", "localhost", LOCAL],
    ["192.0.2.1", "192.0.2.1", `IP Address:192.0.2.1, ${LOCAL}`],
    ["[192.0.2.1]", "192.0.2.1", `IP Address:192.0.2.1, ${LOCAL}`],
    ["2001:db8::ff:0:1", "2001:db8::ff:0:1", `IP Address:2001:DB8:0:0:0:FF:0:1, ${LOCAL}`],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1", `IP Address:0:0:0:0:0:FFFF:C000:201, ${LOCAL}`],
    ["::", "::", `IP Address:0:0:0:0:0:0:0:0, ${LOCAL}`],
    ["1::", "1::", `IP Address:1:0:0:0:0:0:0:0, ${LOCAL}`],
    ["[IPv6:2001:db8::1]", "2001:db8::1", `IP Address:2001:DB8:0:0:0:0:0:1, ${LOCAL}`],
    ["mx[1]", "localhost", LOCAL],
    ["[192.0.2]1", "localhost", LOCAL],
    ["fe80::1%eth0", "fe80::1", `IP Address:FE80:0:0:0:0:0:0:1, ${LOCAL}`],
  ];
  test.each(names)("for the name %j", (name, commonName, subjectAltName) => {
    const made = selfSignedCertificate(name);
    const certificate = new X509Certificate(made.cert);
    expect(certificate.subject).toBe(`CN=${commonName}`);
    expect(certificate.subjectAltName).toBe(subjectAltName);
    expect(certificate.verify(createPublicKey(made.key))).toBe(true);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as SecureVersion[])(
    "a %s client that trusts it connects",
    async (version) => {
      const server = createServer({ key, cert }, (socket) => socket.end("220 hi"));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const client = connect({
        port: (server.address() as AddressInfo).port,
        host: "127.0.0.1",
        servername: "mx.example.com",
        ca: cert,
        minVersion: version,
        maxVersion: version,
      });
      client.on("data", (data) => resolve(String(data))).on("error", reject);
      try {
        expect(await promise).toBe("220 hi");
        expect(client.authorized).toBe(true);
      } finally {
        client.destroy();
        server.close();
      }
    },
  );
});

test("dates on both sides of 2050 in one certificate", () => {
  const { key } = selfSignedCertificate("a.example");
  const cert = buildCertificate({
    subject: "a.example",
    issuer: "a.example",
    publicKey: createPublicKey(key),
    signingKey: createPrivateKey(key),
    notBefore: new Date("2049-12-31T00:00:00Z"),
    notAfter: new Date("2050-01-02T03:04:05Z"),
    extensions: [extension.basicConstraints(false)],
  });
  const x509 = new X509Certificate(cert);
  expect(new Date(x509.validFrom)).toEqual(new Date("2049-12-31T00:00:00Z"));
  expect(new Date(x509.validTo)).toEqual(new Date("2050-01-02T03:04:05Z"));
  expect(x509.ca).toBe(false);
});
