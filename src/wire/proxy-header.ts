/**
 * The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): a load balancer sends this header before
 * anything else, with the address of the client.
 */
import { isIPv4, isIPv6 } from "node:net";
import { ByteBuffer } from "./byte-buffer.js";
import type { ProxyInfo } from "../types/index.js";
import { normalizeAddress } from "./ip.js";
import { readTLVs } from "./proxy-tlvs.js";

/** The longest version 1 line, CRLF included (section 2.1). */
export const MAX_V1_LENGTH = 107;

/** Most octets of addresses and TLVs after the 16 fixed octets of version 2. HAProxy and the clouds send about 100. */
export const MAX_V2_LENGTH = 4096;

/** One end of the client's connection to the proxy. A unix socket has the address "" and the port 0. */
export interface ProxyEndpoint {
  /** Canonical, see `normalizeAddress`. */
  address: string;
  port: number;
}

/** A complete header. */
export interface ProxyHeader {
  type: "header";
  /** The client. Missing in LOCAL, UNKNOWN and UNSPEC headers: then the TCP peer is the client. */
  source?: ProxyEndpoint;
  /** What the client connected to. Missing like `source`. */
  destination?: ProxyEndpoint;
  /** LOCAL of version 2: the proxy itself is the client, usually for a health check. */
  local: boolean;
  /** What the header says besides the addresses. */
  info: ProxyInfo;
  /** What came after the header: SMTP, or TLS. */
  rest: Buffer;
}

/** The octets are not a PROXY header, so the connection must be dropped. */
export interface InvalidProxyHeader {
  type: "invalid";
  /** For the log, so it contains nothing that the peer sent. */
  reason: string;
}

/** `undefined`: more is needed. */
type Parsed = ProxyHeader | InvalidProxyHeader | undefined;

/**
 * Reads a PROXY header from the first bytes of a connection, however they are cut. It refuses at the first byte that
 * cannot be part of a valid header. It holds at most 16 + {@link MAX_V2_LENGTH} octets between two calls.
 */
export class ProxyHeaderReader {
  #held: ByteBuffer | undefined;

  /**
   * Takes the next bytes.
   *
   * @param chunk kept without a copy until the header is complete
   * @returns the header, the reason to refuse it, or `undefined` if more bytes are needed. Do not call it again after
   * one of the first two.
   */
  push(chunk: Buffer): ProxyHeader | InvalidProxyHeader | undefined {
    this.#held?.append(chunk);
    const bytes = this.#held?.bytes ?? chunk;
    const parsed = bytes[0] === SIGNATURE[0] ? parseV2(bytes) : parseV1(bytes);
    if (parsed !== undefined) this.#held = undefined;
    else this.#held ??= new ByteBuffer(chunk);
    return parsed;
  }
}

function invalid(reason: string): InvalidProxyHeader {
  return { type: "invalid", reason };
}

const FAMILIES: ReadonlyMap<string, (address: string) => boolean> = new Map([
  ["TCP4", isIPv4],
  // No zone: it is valid only on the machine that wrote it.
  ["TCP6", (address) => isIPv6(address) && !address.includes("%")],
]);

const UNKNOWN = "PROXY UNKNOWN";
const V1_BEGINNINGS: readonly string[] = [
  ...Array.from(FAMILIES.keys(), (family) => `PROXY ${family} `),
  UNKNOWN,
];

/** Decimal without leading zeros (section 2.1); at most five digits, so that the number is exact. */
const PORT = /^(?:0|[1-9]\d{0,4})$/;

function parseV1(bytes: Buffer): Parsed {
  const text = bytes.toString("latin1", 0, MAX_V1_LENGTH);
  if (!V1_BEGINNINGS.some((beginning) => beginning.startsWith(text) || text.startsWith(beginning))) {
    return invalid("neither version 1 nor version 2");
  }
  const end = text.search(/[\r\n]/);
  const ending = end < 0 ? "" : text.slice(end, end + 2);
  if (ending === "" || ending === "\r") {
    return text.length < MAX_V1_LENGTH ? undefined : invalid("line too long");
  }
  if (ending !== "\r\n") return invalid("CR or LF alone");
  const line = text.slice(0, end);
  const rest = bytes.subarray(end + 2);
  // The rest of an UNKNOWN line means nothing (section 2.1).
  const info: ProxyInfo = { version: 1 };
  if (line === UNKNOWN || line.startsWith(`${UNKNOWN} `)) return { type: "header", local: false, info, rest };
  const [, family = "", source = "", destination = "", sourcePort = "", destinationPort = "", ...more] =
    line.split(" ");
  const isAddress = FAMILIES.get(family);
  if (isAddress === undefined || more.length > 0) return invalid("malformed line");
  if (!isAddress(source) || !isAddress(destination)) return invalid("malformed address");
  if (![sourcePort, destinationPort].every((port) => PORT.test(port) && Number(port) <= 65535)) {
    return invalid("malformed port");
  }
  return {
    type: "header",
    source: { address: normalizeAddress(source), port: Number(sourcePort) },
    destination: { address: normalizeAddress(destination), port: Number(destinationPort) },
    local: false,
    info,
    rest,
  };
}

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const FIXED_LENGTH = 16;

/** Lengths of the address block by family: UNSPEC, INET, INET6, UNIX. Both addresses, then both ports. */
const BLOCK_LENGTHS: readonly number[] = [0, 12, 36, 216];
const UNIX_ENDPOINT: ProxyEndpoint = { address: "", port: 0 };
/** UNSPEC, STREAM, DGRAM. */
const TRANSPORTS = 3;

function parseV2(bytes: Buffer): Parsed {
  const begun = Math.min(bytes.length, SIGNATURE.length);
  if (bytes.compare(SIGNATURE, 0, begun, 0, begun) !== 0) return invalid("neither version 1 nor version 2");

  const command = bytes[12];
  if (command === undefined) return undefined;
  if (command >> 4 !== 2) return invalid("unknown version");
  if ((command & 0x0f) > 1) return invalid("unknown command");
  const local = (command & 0x0f) === 0;

  const protocol = bytes[13];
  if (protocol === undefined) return undefined;
  const family = protocol >> 4;
  const transport = protocol & 0x0f;
  // LOCAL: "discard the protocol block including the family which is ignored" (section 2.2).
  if (!local && (family >= BLOCK_LENGTHS.length || transport >= TRANSPORTS)) return invalid("unknown family");
  const addressed = !local && family !== 0 && transport !== 0;

  if (bytes.length < FIXED_LENGTH) return undefined;
  const length = bytes.readUInt16BE(14);
  if (length > MAX_V2_LENGTH) return invalid("header too long");
  if (addressed && length < (BLOCK_LENGTHS[family] ?? 0)) return invalid("short address block");
  if (bytes.length < FIXED_LENGTH + length) return undefined;

  const header = bytes.subarray(0, FIXED_LENGTH + length);
  const rest = bytes.subarray(header.length);
  // Without a known family the start of the TLVs is unknown, and a LOCAL block must be ignored (section 2.2).
  if (!addressed) return { type: "header", local, info: { version: 2 }, rest };
  const info = readTLVs(header, FIXED_LENGTH + (BLOCK_LENGTHS[family] ?? 0));
  if (typeof info === "string") return invalid(info);
  const [source, destination] = endpoints(family, header.subarray(FIXED_LENGTH));
  return { type: "header", source, destination, local, info, rest };
}

function endpoints(family: number, block: Buffer): [source: ProxyEndpoint, destination: ProxyEndpoint] {
  // The paths of unix sockets belong to the proxy's machine and say nothing about the client.
  if (family === 3) return [{ ...UNIX_ENDPOINT }, { ...UNIX_ENDPOINT }];
  const size = family === 1 ? 4 : 16;
  const text = (start: number): string => {
    const address = block.subarray(start, start + size);
    if (size === 4) return address.join(".");
    return normalizeAddress(address.toString("hex").replace(/.{4}(?=.)/g, "$&:"));
  };
  return [
    { address: text(0), port: block.readUInt16BE(2 * size) },
    { address: text(size), port: block.readUInt16BE(2 * size + 2) },
  ];
}
