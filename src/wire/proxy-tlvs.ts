/** The TLVs (type, length, value) after the addresses in a PROXY header of version 2 (proxy-protocol.txt section 2.2). */
import type { ProxyInfo, ProxyTLSInfo } from "../types/index.js";
import { crc32c } from "./crc32c.js";
import { hasControl } from "./text.js";

/** TLV types (section 2.2). */
const ALPN = 0x01;
const AUTHORITY = 0x02;
const CRC32C = 0x03;
const UNIQUE_ID = 0x05;
const SSL = 0x20;
/** TLV types inside SSL (section 2.2.6). */
const SSL_VERSION = 0x21;
const SSL_CN = 0x22;
const SSL_CIPHER = 0x23;
const SSL_CLIENT_CERT = 0x28;

/** Bits of the first octet of SSL. */
const CLIENT_SSL = 0x01;
const CLIENT_CERT = 0x02 | 0x04;

/** Type and length. */
const HEAD_LENGTH = 3;
/** Flags and the result of the verification. */
const SSL_HEAD_LENGTH = 5;
const MAX_UNIQUE_ID = 128;

/** Each TLV takes an object, so a header full of empty TLVs would take far more memory than it has octets. */
const MAX_TLVS = 256;

type TLVs = Map<number, Buffer[]>;

/** Why a header is refused. It goes to the log, so it contains nothing that the peer sent. */
export type Fault = string;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the TLVs of a header.
 *
 * @param header the whole header, from the signature to the last TLV
 * @param start index of the first TLV, after the addresses
 * @returns a text if the header must be refused
 */
export function readTLVs(header: Buffer, start: number): ProxyInfo | Fault {
  // Copied, because the session keeps the values and would keep the whole read in memory.
  const tlvs = split(Buffer.from(header.subarray(start)));
  if (tlvs === undefined) return "malformed TLV";
  if ([ALPN, AUTHORITY, CRC32C, UNIQUE_ID, SSL].some((type) => isRepeated(tlvs, type))) return "repeated TLV";
  if (tlvs.has(CRC32C) && !isIntact(header, start)) return "wrong checksum";
  if ((first(tlvs, UNIQUE_ID)?.length ?? 0) > MAX_UNIQUE_ID) return "unique id too long";
  const ssl = readSSL(first(tlvs, SSL));
  if (ssl === "malformed") return "malformed SSL TLV";
  return {
    version: 2,
    uniqueId: text(tlvs, UNIQUE_ID),
    authority: text(tlvs, AUTHORITY),
    alpn: text(tlvs, ALPN),
    ssl,
    tlvs,
  };
}

/** @returns the values by type; `undefined` if one is longer than the rest of the header, or if there are too many */
function split(octets: Buffer): TLVs | undefined {
  const tlvs: TLVs = new Map();
  // Some senders pad with zeros, which need not be whole TLVs. No type is 0.
  const length = octets.findLastIndex((octet) => octet !== 0) + 1;
  let at = 0;
  for (let count = 0; at < length; count++) {
    if (count === MAX_TLVS || at + HEAD_LENGTH > octets.length) return undefined;
    const end = at + HEAD_LENGTH + octets.readUInt16BE(at + 1);
    if (end > octets.length) return undefined;
    const type = octets[at] as number;
    const value = octets.subarray(at + HEAD_LENGTH, end);
    const others = tlvs.get(type);
    if (others) others.push(value);
    else tlvs.set(type, [value]);
    at = end;
  }
  return tlvs;
}

/** A repeated TLV is refused: a program that reads the first and one that reads the last would see different clients. */
function isRepeated(tlvs: TLVs, type: number): boolean {
  return (tlvs.get(type)?.length ?? 0) > 1;
}

function first(tlvs: TLVs, type: number): Buffer | undefined {
  return tlvs.get(type)?.[0];
}

/**
 * @returns `undefined` also for invalid UTF-8 and control characters: the client chooses its host name and common name,
 * and proxies pass them on unchecked
 */
function text(tlvs: TLVs, type: number): string | undefined {
  try {
    const read = utf8.decode(first(tlvs, type));
    return read === "" || hasControl(read) ? undefined : read;
  } catch {
    return undefined;
  }
}

/** Whether the checksum is right: that of the header with zeros in its own place (section 2.2.3). The header must have one. */
function isIntact(header: Buffer, start: number): boolean {
  let at = start;
  while (header[at] !== CRC32C) at += HEAD_LENGTH + header.readUInt16BE(at + 1);
  if (header.readUInt16BE(at + 1) !== 4) return false;
  const value = at + HEAD_LENGTH;
  const sum = crc32c(header.subarray(0, value), new Uint8Array(4), header.subarray(value + 4));
  return sum === header.readUInt32BE(value);
}

/** @returns `undefined` for a client without TLS */
function readSSL(value: Buffer | undefined): ProxyTLSInfo | "malformed" | undefined {
  if (value === undefined) return undefined;
  if (value.length < SSL_HEAD_LENGTH) return "malformed";
  const tlvs = split(value.subarray(SSL_HEAD_LENGTH));
  const known = [SSL_VERSION, SSL_CN, SSL_CIPHER, SSL_CLIENT_CERT];
  if (tlvs === undefined || known.some((type) => isRepeated(tlvs, type))) return "malformed";
  const flags = value[0] as number;
  if ((flags & CLIENT_SSL) === 0) return undefined;
  const hasCertificate = (flags & CLIENT_CERT) !== 0;
  return {
    // HAProxy sends 0 (verified) for a client without a certificate too.
    verified: hasCertificate && value.readUInt32BE(1) === 0,
    version: text(tlvs, SSL_VERSION),
    cipher: text(tlvs, SSL_CIPHER),
    commonName: text(tlvs, SSL_CN),
    clientCertificate: first(tlvs, SSL_CLIENT_CERT) ?? hasCertificate,
  };
}
