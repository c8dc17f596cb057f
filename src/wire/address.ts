import { isIPv4, isIPv6 } from "node:net";
import { normalizeAddress } from "./ip.js";
import { INVISIBLE, parseParameters, type Parameters } from "./parameters.js";
import { domainToUnicode, isMisleading, isSafeLabel, MAX_LABEL, octetsOf } from "./idna.js";

/** A parsed MAIL or RCPT command. */
export interface PathCommand extends Parameters {
  /** `local@domain`; the empty string for the null reverse-path; `postmaster` without a domain, as the client wrote it. */
  address: string;
}

/** RFC 5321 section 4.5.3.1.3: octets of a path with its "<" and ">". So a domain of 255 octets never fits. */
const MAX_PATH = 256;

type PathVerb = "MAIL FROM" | "RCPT TO";

/** Text before the path: what nearly all clients send, and every form that is accepted. */
const HEADS = {
  "MAIL FROM": { plain: "MAIL FROM:<", any: /MAIL FROM[ \t]*:[ \t]*/iy },
  "RCPT TO": { plain: "RCPT TO:<", any: /RCPT TO[ \t]*:[ \t]*/iy },
};

// Each part matches in one way only, so the time stays linear in the length of a hostile line.
const HOST = String.raw`[^\s\x00-\x1f\x7f-\x9f\u200b\u2060"<>,:@]+`;
const ROUTE = `(?:@${HOST}(?:,@${HOST})*:)?`;
const QUOTED = String.raw`"[^"\\]*(?:\\.[^"\\]*)*"`;
const ATOM = String.raw`[^\s"(),.:;<>@[\\\]]+`;
const LOOSE_WORD = String.raw`(?:[^\s"<>@.]+|${QUOTED})`;
const LOOSE_PATH = String.raw`${ROUTE}(?:${LOOSE_WORD}(?:\.${LOOSE_WORD})*@[^\s"<>@]+|[^\s<>@]+@[^\s<>@]+)`;
const LABEL = String.raw`[a-z0-9\u0080-\uffff]+(?:-+[a-z0-9\u0080-\uffff]+)*`;

const PLAIN_ATOM = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LDH_LABEL = "(?!xn--)[a-z0-9]+(?:-+[a-z0-9]+)*";

/** What nearly all clients send: ASCII atoms and letter-digit-hyphen labels, which need no further checks. */
const PLAIN_PATH = new RegExp(
  String.raw`<${PLAIN_ATOM}(?:\.${PLAIN_ATOM})*@${LDH_LABEL}(?:\.${LDH_LABEL})*>`,
  "iy",
);

/** RFC 5321 section 4.1.2 and RFC 6531 section 3.3: atoms with dots between them, or one quoted string. */
const PATH = new RegExp(String.raw`<${ROUTE}(?:${ATOM}(?:\.${ATOM})*|${QUOTED})@[^\s"<>@]+>`, "y");

/** Lenient parsing accepts this if {@link PATH} does not match. */
const LENIENT_PATH = new RegExp(`<${LOOSE_PATH}>`, "y");

/** A path without "<" and ">", which some devices send. */
const LENIENT_BARE_PATH = new RegExp(String.raw`${LOOSE_PATH}(?![^ \t])`, "y");

const NULL_PATH = /<>/y;

/** RFC 5321 section 4.1.1.3: the recipient that needs no domain. */
const POSTMASTER = new RegExp(`<${ROUTE}postmaster>`, "iy");
const LENIENT_POSTMASTER = /postmaster(?![^ \t])/iy;

const DOMAIN = new RegExp(String.raw`^${LABEL}(?:\.${LABEL})*$`, "i");

const INTERNATIONAL = /xn--|[^\x00-\x7f]/i;

/** The decoder puts this in place of invalid UTF-8, so different mailboxes would become the same one. */
const REPLACEMENT = "\ufffd";

/**
 * Parses a MAIL or RCPT command (RFC 5321 sections 4.1.1.2, 4.1.1.3 and 4.1.2, RFC 6531, RFC 3461).
 * Drops source routes, keeps quoted local parts as sent, decodes A-labels to U-labels (RFC 5890), and writes IPv6
 * literals as RFC 5952 does.
 *
 * @param line the whole command line without its CRLF, decoded from UTF-8
 * @param lenient require only one unquoted "@" with something on both sides; brackets are optional. Characters that
 *   could forge a header or log line, or make a domain look like another, are refused even then
 * @returns `undefined` for a syntax error, which gets 501
 */
export function parsePathCommand(line: string, command: PathVerb, lenient: boolean): PathCommand | undefined {
  const { plain, any } = HEADS[command];
  const start = line.startsWith(plain) ? plain.length - 1 : endOf(any, line, 0);
  if (start === undefined) return undefined;
  const path = plainPath(line, start) ?? anyPath(line, start, command, lenient);
  if (path === undefined) return undefined;
  const { address, end } = path;
  if (end === line.length) return { address, args: false };
  if (line[end] !== " " && line[end] !== "\t") return undefined;
  const parameters = parseParameters(line.slice(end));
  return parameters && { address, ...parameters };
}

/** A parsed path: its address, and the index after it. */
interface Path {
  address: string;
  end: number;
}

function plainPath(line: string, start: number): Path | undefined {
  const end = endOf(PLAIN_PATH, line, start);
  if (end === undefined || end - start > MAX_PATH) return undefined;
  const address = line.slice(start + 1, end - 1);
  // An address of at most 63 characters cannot have a label that is too long.
  if (
    address.length > MAX_LABEL &&
    !address
      .slice(address.lastIndexOf("@") + 1)
      .split(".")
      .every(isShort)
  )
    return undefined;
  return { address, end };
}

function anyPath(line: string, start: number, command: PathVerb, lenient: boolean): Path | undefined {
  const end = endOfPath(line, start, command, lenient);
  if (end === undefined) return undefined;
  const brackets = line[start] === "<" ? 1 : 0;
  const to = end - brackets;
  // Skip a source route. Only a route starts with "@".
  const from = line[start + brackets] === "@" ? line.indexOf(":", start) + 1 : start + brackets;
  const at = line.lastIndexOf("@", to - 1);
  const address =
    at < from ? line.slice(from, to) : mailbox(line.slice(from, at), line.slice(at + 1, to), lenient);
  return address === undefined || INVISIBLE.test(address) ? undefined : { address, end };
}

function endOfPath(line: string, start: number, command: PathVerb, lenient: boolean): number | undefined {
  const isMail = command === "MAIL FROM";
  const end = endOf(PATH, line, start) ?? endOf(isMail ? NULL_PATH : POSTMASTER, line, start);
  if (end !== undefined || !lenient) return end;
  return (
    endOf(LENIENT_PATH, line, start) ??
    endOf(LENIENT_BARE_PATH, line, start) ??
    (isMail ? undefined : endOf(LENIENT_POSTMASTER, line, start))
  );
}

/** Index after the match of a sticky pattern at `start`. `test` is used because `exec` would make an array for each line. */
function endOf(pattern: RegExp, line: string, start: number): number | undefined {
  pattern.lastIndex = start;
  return pattern.test(line) ? pattern.lastIndex : undefined;
}

/** The address of a mailbox; `undefined` if its domain or its length is not allowed. */
function mailbox(local: string, domain: string, lenient: boolean): string | undefined {
  if (lenient) return isMisleading(domain) ? undefined : `${local}@${domainToUnicode(domain) ?? domain}`;
  if (Buffer.byteLength(local) + Buffer.byteLength(domain) + "<@>".length > MAX_PATH) return undefined;
  if (local.includes(REPLACEMENT)) return undefined;
  const checked = domain.startsWith("[") ? checkLiteral(domain) : checkDomain(domain);
  return checked && `${local}@${checked}`;
}

function checkDomain(domain: string): string | undefined {
  if (!DOMAIN.test(domain)) return undefined;
  if (!INTERNATIONAL.test(domain)) return domain.split(".").every(isShort) ? domain : undefined;
  const unicode = domainToUnicode(domain);
  return unicode?.split(".").every((label) => isShort(label) && isSafeLabel(label)) ? unicode : undefined;
}

/** RFC 1035 section 2.3.4, RFC 5890 section 2.3.2.1. */
function isShort(label: string): boolean {
  return octetsOf(label) <= MAX_LABEL;
}

/** RFC 5321 section 4.1.3, with the address in canonical form. */
function checkLiteral(domain: string): string | undefined {
  const [, ipv6, content = ""] = /^\[(IPv6:)?(.*)\]$/i.exec(domain) ?? [];
  if (ipv6 === undefined) return isIPv4(content) ? domain : undefined;
  // A zone (RFC 4007) is valid on one host only.
  if (!isIPv6(content) || content.includes("%")) return undefined;
  const address = normalizeAddress(content);
  return `[IPv6:${isIPv4(address) ? "::ffff:" : ""}${address}]`;
}
