/**
 * The self-signed certificate of a server without one. It is made in memory when TLS is first needed, so that the source
 * contains no private key. node:crypto can only read certificates, so a small DER writer (X.690) writes this one (X.509
 * v3, RFC 5280).
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { addressOctets } from "../wire/ip.js";

const concat = Buffer.concat;

/** One DER element: tag, length in its shortest form, content. */
function element(tag: number, ...content: Uint8Array[]): Buffer {
  const body = concat(content);
  if (body.length < 0x80) return concat([Buffer.of(tag, body.length), body]);
  const size = body.length < 0x100 ? 1 : 2;
  const length = Buffer.alloc(size);
  length.writeUIntBE(body.length, 0, size);
  return concat([Buffer.of(tag, 0x80 | size), length, body]);
}

/** Base 128, most significant group first. The high bit marks all groups but the last (X.690 8.19.2). */
function base128(value: number): number[] {
  const groups = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) groups.unshift((rest & 0x7f) | 0x80);
  return groups;
}

/** The DER elements that a certificate needs. Content up to 65 535 bytes. */
export const der = {
  /** DER leaves out a field that is false by default (X.690 11.5). */
  true: (): Buffer => element(0x01, Buffer.of(0xff)),
  /** An integer of zero or more: its bytes without leading zeros, the first below 0x80. */
  integer: (...bytes: number[]): Buffer => element(0x02, Buffer.from(bytes)),
  bitString: (bytes: Uint8Array, unusedBits = 0): Buffer => element(0x03, Buffer.of(unusedBits), bytes),
  octetString: (bytes: Uint8Array): Buffer => element(0x04, bytes),
  /** An object identifier in dotted form. */
  oid: (dotted: string): Buffer => {
    const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
    return element(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
  },
  utf8String: (text: string): Buffer => element(0x0c, Buffer.from(text)),
  sequence: (...items: Uint8Array[]): Buffer => element(0x30, ...items),
  set: (...items: Uint8Array[]): Buffer => element(0x31, ...items),
  /** RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
  time: (date: Date): Buffer => {
    const digits = date.toISOString().replace(/\.\d+|\D/g, "");
    return date.getUTCFullYear() < 2050
      ? element(0x17, Buffer.from(`${digits.slice(2)}Z`))
      : element(0x18, Buffer.from(`${digits}Z`));
  },
  /** Context tag `[n]` in front of whole elements. */
  explicit: (n: number, ...items: Uint8Array[]): Buffer => element(0xa0 | n, ...items),
  /** Context tag `[n]` in place of a primitive element's own tag. */
  implicit: (n: number, content: Uint8Array): Buffer => element(0x80 | n, content),
};

/** X.509 v3 extensions (RFC 5280 4.2.1) as the builder below takes them. */
export const extension = {
  /** A CA may sign certificates, but not those of another CA (path length 0). */
  basicConstraints: (ca: boolean): Buffer => {
    const constraints = ca ? der.sequence(der.true(), der.integer(0)) : der.sequence();
    return der.sequence(der.oid("2.5.29.19"), der.true(), der.octetString(constraints));
  },
  /** Bits of KeyUsage by number: 0 digitalSignature, 5 keyCertSign, 6 cRLSign. */
  keyUsage: (...bits: number[]): Buffer => {
    const octet = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0);
    // DER omits the zero bits at the end of a named bit list (X.690 11.2.2).
    const usage = der.bitString(Buffer.of(octet), 7 - Math.max(...bits));
    return der.sequence(der.oid("2.5.29.15"), der.true(), der.octetString(usage));
  },
  /** The purpose of the key. */
  extendedKeyUsage: (purpose: "serverAuth" | "clientAuth"): Buffer => {
    const oid = der.oid(`1.3.6.1.5.5.7.3.${purpose === "serverAuth" ? 1 : 2}`);
    return der.sequence(der.oid("2.5.29.37"), der.octetString(der.sequence(oid)));
  },
  /** Host names (A-labels) and IP addresses. */
  subjectAltName: (names: readonly string[]): Buffer => {
    const general = names.map((name) =>
      isIP(name) ? der.implicit(7, addressOctets(name)) : der.implicit(2, Buffer.from(name, "latin1")),
    );
    return der.sequence(der.oid("2.5.29.17"), der.octetString(der.sequence(...general)));
  },
};

/** The fields of a certificate. */
export interface CertificateFields {
  /** Common name of the subject, 1 to 64 characters. */
  subject: string;
  /** Common name of the issuer; for a self-signed certificate that of the subject. */
  issuer: string;
  /** The subject's public key. */
  publicKey: KeyObject;
  /** The issuer's private key, ECDSA P-256. */
  signingKey: KeyObject;
  notBefore: Date;
  notAfter: Date;
  /** DER extensions, see {@link extension}. */
  extensions: readonly Uint8Array[];
}

/** RFC 7468: lines of 64 characters. */
function pem(certificate: Buffer): string {
  const lines = certificate.toString("base64").replace(/.{1,64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

/** An X.509 v3 certificate in PEM, signed with ECDSA and SHA-256 (RFC 5280 4.1, RFC 5758 3.2). */
export function buildCertificate(fields: CertificateFields): string {
  const name = (commonName: string): Buffer =>
    der.sequence(der.set(der.sequence(der.oid("2.5.4.3"), der.utf8String(commonName))));
  const ecdsaWithSha256 = der.sequence(der.oid("1.2.840.10045.4.3.2"));
  const toBeSigned = der.sequence(
    der.explicit(0, der.integer(2)),
    // RFC 5280 4.1.2.2: positive, at most 20 octets. With a first octet of 0x40 it is positive and needs no padding.
    der.integer(0x40, ...randomBytes(15)),
    ecdsaWithSha256,
    name(fields.issuer),
    der.sequence(der.time(fields.notBefore), der.time(fields.notAfter)),
    name(fields.subject),
    fields.publicKey.export({ type: "spki", format: "der" }),
    der.explicit(3, der.sequence(...fields.extensions)),
  );
  const signature = der.bitString(sign("sha256", toBeSigned, fields.signingKey));
  return pem(der.sequence(toBeSigned, ecdsaWithSha256, signature));
}

/** A DNS label (RFC 5890 2.3.1). Underscores are allowed, because container platforms use them in host names. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Converts `name` for a certificate: a host name to A-labels in lower case, an IP address without brackets or zone.
 * @returns `undefined` for any other text, which must not get into the certificate
 */
function certifiableName(name: string): string | undefined {
  const bare = name.trim().replace(/^\[(?:IPv6:)?(.*)\]$/i, "$1");
  if (isIP(bare)) return bare.replace(/%.*/s, "");
  // Only for names that are not ASCII, because domainToASCII would turn "123" into the address 0.0.0.123.
  const ascii = /[^\0-\x7f]/.test(bare) ? domainToASCII(bare) : bare.toLowerCase();
  const host = ascii.replace(/\.$/, "");
  return host.length <= 253 && host.split(".").every((label) => LABEL.test(label)) ? host : undefined;
}

/** Upper bound of a common name in characters (RFC 5280 appendix A.1, ub-common-name). */
const MAX_COMMON_NAME = 64;

const DAY = 86_400_000;

/**
 * Makes a key and a self-signed certificate for TLS servers, both in PEM: ECDSA P-256, valid from a day ago until a year
 * from now. The subject alternative names are `name`, `localhost`, 127.0.0.1 and ::1. The common name is `name`, or
 * `localhost` if `name` is not valid there (empty, not a host name, or over 64 characters).
 *
 * @param name a host name in U-labels or A-labels, or an IP address
 */
export function selfSignedCertificate(name: string): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const host = certifiableName(name);
  const commonName = host !== undefined && host.length <= MAX_COMMON_NAME ? host : "localhost";
  const now = Date.now();
  const cert = buildCertificate({
    subject: commonName,
    issuer: commonName,
    publicKey,
    signingKey: privateKey,
    notBefore: new Date(now - DAY),
    notAfter: new Date(now + 365 * DAY),
    extensions: [
      // The certificate signs itself, and only a CA may sign certificates (RFC 5280 4.2.1.9).
      extension.basicConstraints(true),
      extension.keyUsage(0, 5),
      extension.extendedKeyUsage("serverAuth"),
      extension.subjectAltName([
        ...new Set([...(host === undefined ? [] : [host]), "localhost", "127.0.0.1", "::1"]),
      ]),
    ],
  });
  return { key: privateKey.export({ type: "pkcs8", format: "pem" }) as string, cert };
}
