import { inspect } from "node:util";
import type { SMTPAddressArgs } from "../types/index.js";
import { isEhloLine } from "../wire/command.js";
import { toUpperASCII } from "../wire/text.js";
import { mechanismsFor } from "./auth.js";
import type { Client } from "./client.js";
import { mayUse, XCLIENT_NAMES, XFORWARD_NAMES } from "./xclient.js";

/** EHLO keywords that an option `hide…` of the same name hides, in the order of the reply. */
const HIDEABLE: readonly { keyword: string; hidden(client: Client): unknown }[] = [
  { keyword: "PIPELINING", hidden: ({ settings }) => settings.raw.hidePIPELINING },
  { keyword: "8BITMIME", hidden: ({ settings }) => settings.raw.hide8BITMIME },
  { keyword: "SMTPUTF8", hidden: ({ settings }) => settings.raw.hideSMTPUTF8 },
  { keyword: "ENHANCEDSTATUSCODES", hidden: ({ settings }) => settings.hideEnhancedStatusCodes },
  { keyword: "DSN", hidden: ({ settings }) => settings.hideDSN },
];

/** The server's own lines of an EHLO reply after the first (RFC 5321 4.1.1.1). */
export function ownKeywords(client: Client): string[] {
  const { settings, session } = client;
  const { raw } = settings;
  const lines: string[] = [];
  for (const { keyword, hidden } of HIDEABLE) if (!hidden(client)) lines.push(keyword);
  if (client.supports("AUTH") && !session.user) {
    const mechanisms = mechanismsFor(client);
    if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(" ")}`);
  }
  if (!session.secure && client.canUpgrade && client.supports("STARTTLS") && !raw.hideSTARTTLS)
    lines.push("STARTTLS");
  if (session.secure && !settings.hideRequireTLS) lines.push("REQUIRETLS");
  if (Number.isFinite(settings.size)) lines.push(raw.hideSize ? "SIZE" : `SIZE ${settings.size}`);
  if (mayUse(client, "XCLIENT")) lines.push(`XCLIENT ${[...XCLIENT_NAMES].join(" ")}`);
  if (mayUse(client, "XFORWARD")) lines.push(`XFORWARD ${[...XFORWARD_NAMES].join(" ")}`);
  if (client.supports("BDAT") && !raw.hideCHUNKING) {
    lines.push("CHUNKING");
    if (!settings.hideBinaryMIME) lines.push("BINARYMIME");
  }
  if (Number.isFinite(settings.maxRecipients)) lines.push(`LIMITS RCPTMAX=${settings.maxRecipients}`);
  return lines;
}

/** The keywords of onHelo if it adds none. */
export const NO_KEYWORDS: readonly string[] = [];

/**
 * Reads the `keywords` of onHelo's answer.
 * @throws TypeError for a line that is not valid in an EHLO reply
 */
export function addedKeywords(answer: unknown): readonly string[] {
  const isObject = typeof answer === "object" && answer !== null && "keywords" in answer;
  const keywords: unknown = isObject ? answer.keywords : undefined;
  if (keywords === undefined || keywords === null) return NO_KEYWORDS;
  if (!Array.isArray(keywords))
    throw new TypeError(`onHelo: keywords must be an array, got ${show(keywords)}`);
  // Not by its own map, which skips gaps.
  return Array.from(keywords, (line: unknown, index) => {
    if (typeof line === "string" && isEhloLine(line)) return line;
    throw new TypeError(
      `onHelo: keywords[${index}] must be a keyword of letters, digits and hyphens, and parameters of printable ` +
        `ASCII after one space each (RFC 5321 4.1.1.1), 500 characters at most, got ${show(line)}`,
    );
  });
}

function show(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 100 });
}

/**
 * The parameters that RFCs define, with their command and their extensions. Any other parameter is accepted at both
 * commands if onHelo adds a keyword of the same name, because the application knows its own extensions.
 */
export const PARAMETERS: Readonly<
  Record<string, { readonly of: "MAIL" | "RCPT"; readonly by: readonly string[] }>
> = {
  /** RFC 1870 */
  SIZE: { of: "MAIL", by: ["SIZE"] },
  /** RFC 6152, RFC 3030 */
  BODY: { of: "MAIL", by: ["8BITMIME", "BINARYMIME"] },
  /** RFC 6531 */
  SMTPUTF8: { of: "MAIL", by: ["SMTPUTF8"] },
  /** RFC 8689 */
  REQUIRETLS: { of: "MAIL", by: ["REQUIRETLS"] },
  /** RFC 4954 */
  AUTH: { of: "MAIL", by: ["AUTH"] },
  /** RFC 3461 */
  RET: { of: "MAIL", by: ["DSN"] },
  ENVID: { of: "MAIL", by: ["DSN"] },
  NOTIFY: { of: "RCPT", by: ["DSN"] },
  ORCPT: { of: "RCPT", by: ["DSN"] },
  /** RFC 2852 */
  BY: { of: "MAIL", by: ["DELIVERBY"] },
  /** RFC 4865 */
  HOLDFOR: { of: "MAIL", by: ["FUTURERELEASE"] },
  HOLDUNTIL: { of: "MAIL", by: ["FUTURERELEASE"] },
  /** RFC 6710 */
  "MT-PRIORITY": { of: "MAIL", by: ["MT-PRIORITY"] },
  /** RFC 7293 */
  RRVS: { of: "RCPT", by: ["RRVS"] },
  /** RFC 3885 */
  MTRK: { of: "MAIL", by: ["MTRK"] },
  /** RFC 3865 */
  SOLICIT: { of: "MAIL", by: ["NO-SOLICITING"] },
  /** RFC 4141 */
  CONPERM: { of: "MAIL", by: ["CONPERM"] },
  CONNEG: { of: "RCPT", by: ["CONNEG"] },
  /** RFC 1845 */
  TRANSID: { of: "MAIL", by: ["CHECKPOINT"] },
};

/** @returns the first parameter that belongs to no extension in the EHLO reply (RFC 5321 4.1.1.11) */
export function unexplained(
  client: Client,
  verb: "MAIL" | "RCPT",
  args: SMTPAddressArgs,
): string | undefined {
  // The reply to HELO has no extensions.
  const isExtended = client.session.openingCommand !== "HELO";
  const own = isExtended ? namesOf(ownKeywords(client)) : [];
  // After the login the EHLO reply has no AUTH, but the AUTH parameter is still allowed (RFC 4954 5).
  if (client.session.user) own.push("AUTH");
  const added = namesOf(client.keywords);
  return Object.keys(args).find((parameter) => {
    const known = Object.hasOwn(PARAMETERS, parameter) ? PARAMETERS[parameter] : undefined;
    if (!known) return !added.includes(parameter);
    return known.of !== verb || !known.by.some((name) => own.includes(name) || added.includes(name));
  });
}

/** The names of the extensions in these lines, in upper case. */
function namesOf(keywords: readonly string[]): string[] {
  return keywords.map((line) => toUpperASCII(line.split(" ", 1)[0] as string));
}
