/** The longest host name in text form (RFC 1035 section 2.3.4), a final dot included. */
const MAX_HOSTNAME = 253;

/**
 * One to 63 letters, digits, hyphens and underscores, hyphens not at the ends (RFC 1123 section 2.1). The
 * underscore is no host name character, but PTR records of real providers have it.
 */
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/**
 * Whether a text has the form of a host name: labels separated by dots, one dot at the end allowed. DNS labels
 * can hold any octet, so a PTR record or an XCLIENT NAME is asked this before it goes into replies and logs.
 *
 * @param name the name in ASCII; a name in U-labels is none
 */
export function isHostname(name: string): boolean {
  if (name.length > MAX_HOSTNAME) return false;
  const labels = (name.endsWith(".") ? name.slice(0, -1) : name).split(".");
  return labels.every((label) => LABEL.test(label));
}
