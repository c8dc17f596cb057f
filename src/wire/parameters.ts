import type { SMTPAddressArgs } from "../types/index.js";
import { CONTROL, toUpperASCII } from "./text.js";
import { decodeXtext } from "./xtext.js";

/** The parameters of a MAIL or RCPT command. */
export interface Parameters {
  /** Keyword in upper case → decoded value, or `true` for a keyword alone; `false` where there are none. */
  args: SMTPAddressArgs | false;
  /** A keyword that was given more than once, if there is one. The command must then be refused. */
  duplicate?: string;
}

/**
 * What neither an address nor a parameter may hold: control characters, white space other than the
 * space, zero-width characters (U+200B, U+2060, U+FEFF). The zero-width joiners are text in some scripts.
 */
export const INVISIBLE: RegExp = new RegExp(`${CONTROL.source}|[^\\S ]|[\\u200b\\u2060]`);

/**
 * Parses ESMTP parameters (RFC 5321 section 4.1.2), `text` being what follows the path: keywords are
 * given in upper case, a value is all after the first `=`, decoded from xtext (RFC 3461); `KEY=` is
 * `KEY`, and `=value` is passed over. `undefined` for a syntax error: see {@link INVISIBLE}, or a value
 * that is not UTF-8.
 */
export function parseParameters(text: string): Parameters | undefined {
  const parsed: Parameters = { args: false };
  const spaced = text.replaceAll("\t", " ");
  if (INVISIBLE.test(spaced)) return undefined;
  for (const parameter of spaced.split(" ")) {
    const equals = parameter.indexOf("=");
    const keyword = toUpperASCII(equals < 0 ? parameter : parameter.slice(0, equals));
    if (keyword === "") continue;
    const value = equals < 0 ? "" : decodeVisible(parameter.slice(equals + 1));
    if (value === undefined) return undefined;
    // A plain object, as programs expect: no word in upper case is special to it.
    const args = (parsed.args ||= {});
    if (Object.hasOwn(args, keyword)) parsed.duplicate = keyword;
    args[keyword] = value || true;
  }
  return parsed;
}

/** Decodes xtext; `undefined` also where it hides what the line itself may not hold. */
function decodeVisible(value: string): string | undefined {
  const decoded = decodeXtext(value);
  return decoded !== undefined && decoded !== value && INVISIBLE.test(decoded) ? undefined : decoded;
}
