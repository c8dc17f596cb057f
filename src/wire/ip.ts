/**
 * IP addresses: one canonical text for each, and lists of trusted ones. Addresses of peers, PROXY headers, XCLIENT and
 * options are compared only here.
 */
import { isIP, isIPv4, isIPv6 } from "node:net";
import type { TrustOption } from "../types/index.js";

/** The bits before the IPv4 part of an IPv4-mapped IPv6 address, `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
const MAPPED_BITS = 96;

/**
 * Converts an address to its canonical text: an IPv4-mapped address, dotted or in hex, becomes IPv4; IPv6 is written as
 * RFC 5952 says (lower case, no leading zeros, the longest run of zeros as `::`) and keeps its zone.
 *
 * @param address from a socket, a header or an option; space around it is ignored
 * @returns the canonical text; "" for `undefined` (a unix socket); text that is not an IP address, in lower case
 */
export function normalizeAddress(address: string | undefined): string {
  const text = (address ?? "").trim().toLowerCase();
  if (!text.includes(":")) return text;
  // A dual-stack listener reports nearly every client in this form, so it gets a fast path.
  const tail = text.startsWith("::ffff:") ? text.slice(7) : "";
  if (isIPv4(tail)) return tail;
  if (!isIPv6(text)) return text;
  const zone = text.indexOf("%");
  const value = addressValue(text);
  if (isMapped(value)) return dotted(value);
  return compressed(value) + (zone < 0 ? "" : text.slice(zone));
}

/**
 * Whether `useProxy`, `useXClient` or `useXForward` trusts a peer. Addresses are compared by value, so `127.0.0.1`,
 * `::ffff:127.0.0.1` and `::ffff:7f00:1` are equal. Zones are ignored, because Bun's sockets do not report them. A
 * prefix shorter than that of `::ffff:0:0/96` contains IPv6 addresses only, so `::/0` does not trust IPv4 clients.
 *
 * @param option `true` trusts every peer, a list those in it; anything else, even a string, trusts none
 * @param address the peer's address; "" is a unix socket, which only `true` and `*` trust
 */
export function isTrusted(option: TrustOption | undefined | null, address: string): boolean {
  if (option === true) return true;
  if (!Array.isArray(option)) return false;
  const list: readonly unknown[] = option;
  if (list.includes("*")) return true;
  if (isIP(address) === 0) return false;
  const value = addressValue(address);
  return rangesOf(list).some((range) => range !== undefined && holds(range, value));
}

/**
 * Checks a trust option for the constructor. Wrong are a value that is neither a boolean nor an array, and an entry
 * that can never match: not a string, not an address (host names are not looked up), or a CIDR range whose prefix
 * length is missing, malformed or too long.
 *
 * @param option the value of `useProxy`, `useXClient` or `useXForward`
 * @returns the problem, to follow the option's name and a colon in a TypeError; `undefined` if the option is valid
 */
export function trustListProblem(option: unknown): string | undefined {
  // Any falsy value means that the option is not given.
  if (!option || option === true) return undefined;
  if (!Array.isArray(option)) return `must be true, false or an array of addresses, got a ${typeof option}`;
  for (const entry of option as readonly unknown[]) {
    if (entry === "*") continue;
    const range = parseRange(entry);
    if (typeof range === "string") return range;
  }
  return undefined;
}

/** A CIDR range: the addresses that share their first `bits` bits with `first`. */
interface Range {
  first: bigint;
  bits: number;
}

function holds(range: Range, value: bigint): boolean {
  if (range.bits < MAPPED_BITS && isMapped(value)) return false;
  return (range.first ^ value) >> BigInt(128 - range.bits) === 0n;
}

/** An entry of a list with its parsed range. */
interface Parsed {
  entry: unknown;
  range: Range | undefined;
}

const parsedLists = new WeakMap<readonly unknown[], Parsed[]>();

/** The ranges of a list. An entry is parsed again only if the application has replaced it since. */
function rangesOf(list: readonly unknown[]): (Range | undefined)[] {
  const parsed = parsedLists.get(list) ?? [];
  parsedLists.set(list, parsed);
  parsed.length = list.length;
  return list.map((entry, index) => {
    const known = parsed[index];
    if (known !== undefined && known.entry === entry) return known.range;
    const result = parseRange(entry);
    const range = typeof result === "string" ? undefined : result;
    parsed[index] = { entry, range };
    return range;
  });
}

/** Parses an address or CIDR range. @returns a text that says what is wrong with an invalid entry */
function parseRange(entry: unknown): Range | string {
  if (typeof entry !== "string") return `entry ${String(entry)} is not a string`;
  const text = entry.trim();
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = isIP(address);
  if (family === 0) return `entry ${JSON.stringify(entry)} is neither "*" nor an IP address nor a CIDR range`;
  const max = family === 4 ? 32 : 128;
  const prefix = slash < 0 ? String(max) : text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > max) {
    return `entry ${JSON.stringify(entry)} has a prefix length that is not 0 to ${max}`;
  }
  return { first: addressValue(address), bits: 128 - max + Number(prefix) };
}

/** The 4 or 16 octets of a valid address in network order. An IPv4-mapped address has 16 if it is written as IPv6. */
export function addressOctets(address: string): Buffer {
  const octets = Buffer.from(addressValue(address).toString(16).padStart(32, "0"), "hex");
  return isIPv4(address) ? octets.subarray(12) : octets;
}

/** A valid address as a 128-bit number; IPv4 in its IPv4-mapped form. */
function addressValue(address: string): bigint {
  if (isIPv4(address)) return (0xffffn << 32n) | BigInt(`0x${dottedToHex(address).join("")}`);
  const [bare = ""] = address.split("%");
  const dots = bare.includes(".") ? bare.lastIndexOf(":") + 1 : bare.length;
  const hex = bare.slice(0, dots) + dottedToHex(bare.slice(dots)).join(":");
  // Half of nothing is an empty group: one of the zeros that "::" stands for.
  const [head = [], tail = []] = hex.split("::").map((half) => half.split(":"));
  const zeros = new Array<string>(8 - head.length - tail.length).fill("0");
  return BigInt(`0x${[...head, ...zeros, ...tail].map((group) => group.padStart(4, "0")).join("")}`);
}

/** `1.2.3.4` → `["0102", "0304"]`; "" → `[]`. */
function dottedToHex(address: string): string[] {
  if (address === "") return [];
  const hex = address.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return [hex.slice(0, 2).join(""), hex.slice(2).join("")];
}

function isMapped(value: bigint): boolean {
  return value >> 32n === 0xffffn;
}

/** The last 32 bits. */
function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
}

/** The text of RFC 5952 section 4. */
function compressed(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  let start = 0;
  let length = 0;
  for (let from = 0; from < 8; from++) {
    const to = groups.findIndex((group, i) => i >= from && group !== "0");
    const zeros = (to < 0 ? 8 : to) - from;
    if (zeros > length) [start, length] = [from, zeros];
  }
  // Section 4.2.2: a single group of zeros is not shortened.
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}
