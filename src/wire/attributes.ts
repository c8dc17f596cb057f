/**
 * The arguments of XCLIENT and XFORWARD: `NAME=value` pairs in xtext, as Postfix's XCLIENT_README and
 * XFORWARD_README have them. Parsed and checked here as a whole, applied by the command.
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

/** What a value must be, beyond being free of control characters: gives the value to keep, or the error. */
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
 * Parses the arguments of an XCLIENT or XFORWARD command. Each value is decoded first and checked then: no
 * control character in any; ADDR and DESTADDR an IP address (`IPV6:` before an IPv6 one), given in canonical
 * form; PORT and DESTPORT 0 to 65535; NAME a host name. An empty value is accepted for any of them, as
 * smtp-server does. The first of two equal names counts, the second is still checked.
 *
 * @param args what follows the verb
 * @param allowed the names the command takes, in upper case; any other is an error
 * @param unavailable the values that mean "not known", in upper case, such as `[UNAVAILABLE]`
 * @returns all attributes by name in upper case, `false` for one that is not known; or the text of the 501
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
