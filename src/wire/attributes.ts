/**
 * The arguments of XCLIENT and XFORWARD: `NAME=value` pairs in xtext (Postfix's XCLIENT_README and XFORWARD_README).
 * All are parsed and checked before the command applies any of them.
 */
import { isIP } from "node:net";
import { isHostname } from "./hostname.js";
import { normalizeAddress } from "./ip.js";
import { hasControl, toUpperASCII } from "./text.js";
import { decodeXtext } from "./xtext.js";

const BAD_SYNTAX = "Error: Bad command parameter syntax";
const INVALID_ADDRESS = `${BAD_SYNTAX}. Invalid address`;
const INVALID_HOSTNAME = `${BAD_SYNTAX}. Invalid hostname`;

type Checked = { value: string | false } | { error: string };

/** Checks a value that has no control characters. Returns the value to keep, or the error. */
type Check = (value: string) => Checked;

const address: Check = (value) => {
  const bare = value.replace(/^IPV6:/i, "");
  return isIP(bare) === 0 ? { error: INVALID_ADDRESS } : { value: normalizeAddress(bare) };
};

const port: Check = (value) =>
  /^\d{1,5}$/.test(value) && Number(value) <= 65535 ? { value } : { error: BAD_SYNTAX };

const hostname: Check = (value) => (isHostname(value) ? { value } : { error: INVALID_HOSTNAME });

const CHECKS: ReadonlyMap<string, Check> = new Map([
  ["ADDR", address],
  ["DESTADDR", address],
  ["PORT", port],
  ["DESTPORT", port],
  ["NAME", hostname],
]);

/**
 * Parses the arguments of an XCLIENT or XFORWARD command. Each value is decoded and then checked: none may have control
 * characters; ADDR and DESTADDR must be an IP address (an IPv6 one may have the prefix `IPV6:`) and become canonical;
 * PORT and DESTPORT must be 0 to 65535; NAME must be a host name. As in smtp-server, any value may be empty. If a name
 * is repeated, the first value counts, and the others are checked too.
 *
 * @param args the text after the verb
 * @param allowed the command's attribute names in upper case; any other is an error
 * @param unavailable the values that mean "unknown", in upper case, such as `[UNAVAILABLE]`
 * @returns the attributes by name in upper case, `false` for an unknown value; or the text of the 501
 */
export function parseAttributes(
  args: string,
  allowed: ReadonlySet<string>,
  unavailable: ReadonlySet<string>,
): { attributes: Map<string, string | false> } | { error: string } {
  const attributes = new Map<string, string | false>();
  for (const argument of args.split(/[ \t]+/)) {
    if (argument === "") continue;
    const [key = "", encoded, ...more] = argument.split("=", 3);
    const name = toUpperASCII(key);
    if (encoded === undefined || more.length > 0 || !allowed.has(name)) return { error: BAD_SYNTAX };
    const text = decodeXtext(encoded);
    if (text === undefined || hasControl(text)) return { error: BAD_SYNTAX };
    const value = unavailable.has(toUpperASCII(text)) ? false : text;
    const checked: Checked = (value ? CHECKS.get(name)?.(value) : undefined) ?? { value };
    if ("error" in checked) return checked;
    if (!attributes.has(name)) attributes.set(name, checked.value);
  }
  return attributes.size > 0 ? { attributes } : { error: BAD_SYNTAX };
}
