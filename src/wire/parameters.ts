import type { SMTPAddressArgs } from "../types/index.js";
import { CONTROL, toUpperASCII } from "./text.js";
import { decodeUnitext, decodeXtext, isXtext } from "./xtext.js";

/** The parameters of a MAIL or RCPT command. */
export interface Parameters {
  /** Keyword in upper case → decoded value, or `true` without a value; `false` if the command has no parameters. */
  args: SMTPAddressArgs | false;
  /** A keyword that was given more than once. The command must then be refused. */
  duplicate?: string;
  /** The command has more than 32 parameters and must be refused; `args` has the first 32. */
  tooMany?: true;
}

/**
 * Characters that neither an address nor a parameter may contain: control characters, white space other than the space,
 * and zero-width characters (U+200B, U+2060, U+FEFF). The zero-width joiners are allowed, because some scripts need them.
 */
export const INVISIBLE: RegExp = new RegExp(`${CONTROL.source}|[^\\S ]|[\\u200b\\u2060]`);

/** All of ESMTP has about 20 keywords. Each parameter takes many times its octets in memory, with every recipient. */
const MAX_PARAMETERS = 32;

/** RFC 5321 section 4.1.2. */
const KEYWORD = /^[A-Z0-9][A-Z0-9-]*$/;

/** Keywords whose value must be xtext (RFC 3461 section 4, RFC 4954 section 5). */
const XTEXT_KEYWORDS: ReadonlySet<string> = new Set(["ENVID", "ORCPT", "AUTH"]);

/** RFC 6533 section 3. */
const UTF8_ADDRESS = /^utf-8;/i;

/**
 * Parses ESMTP parameters (RFC 5321 section 4.1.2). A keyword is returned in upper case. Its value is everything after
 * the first `=`, decoded from xtext (RFC 3461); an ORCPT of type utf-8 is also decoded from `\x{…}` (RFC 6533). `KEY=`
 * means the same as `KEY`.
 *
 * @param text the rest of the line after the path
 * @returns `undefined` for a syntax error: a malformed keyword, an {@link INVISIBLE} character, a value that is not
 *   UTF-8, or an ENVID, ORCPT or AUTH that is not xtext
 */
export function parseParameters(text: string): Parameters | undefined {
  const parsed: Parameters = { args: false };
  const spaced = text.includes("\t") ? text.replaceAll("\t", " ") : text;
  if (INVISIBLE.test(spaced)) return undefined;
  let count = 0;
  for (let at = 0, end = 0; at < spaced.length; at = end + 1) {
    end = spaced.indexOf(" ", at);
    if (end < 0) end = spaced.length;
    if (end === at) continue;
    if (++count > MAX_PARAMETERS) return { ...parsed, tooMany: true };
    const parameter = spaced.slice(at, end);
    const equals = parameter.indexOf("=");
    const keyword = toUpperASCII(equals < 0 ? parameter : parameter.slice(0, equals));
    if (!KEYWORD.test(keyword)) return undefined;
    const value = equals < 0 ? "" : decodeValue(keyword, parameter.slice(equals + 1));
    if (value === undefined) return undefined;
    // A plain object, as programs expect. It is safe, because no property of Object.prototype is in upper case.
    const args = (parsed.args ||= {});
    if (Object.hasOwn(args, keyword)) parsed.duplicate = keyword;
    args[keyword] = value || true;
  }
  return parsed;
}

/** Decodes a value; `undefined` also if its escapes hide a character that is not allowed in the line itself. */
function decodeValue(keyword: string, value: string): string | undefined {
  const decoded = decodeSyntax(keyword, value);
  return decoded !== undefined && decoded !== value && INVISIBLE.test(decoded) ? undefined : decoded;
}

function decodeSyntax(keyword: string, value: string): string | undefined {
  if (keyword === "ORCPT" && UTF8_ADDRESS.test(value)) return decodeUnitext(value);
  return XTEXT_KEYWORDS.has(keyword) && !isXtext(value) ? undefined : decodeXtext(value);
}
