/** The longest host name in text form (RFC 1035 section 2.3.4), a final dot included. */
const MAX_HOSTNAME = 253;

/**
 * One to 63 letters, digits, hyphens and underscores, with no hyphen at either end (RFC 1123 section 2.1). The RFC
 * does not allow underscores, but PTR records of real providers have them.
 */
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/**
 * Whether a text is a host name: labels separated by dots, with an optional final dot. DNS labels can hold any octet,
 * so a PTR record or an XCLIENT NAME is checked before it is used in replies and logs.
 *
 * @param name in ASCII; U-labels are refused
 */
export function isHostname(name: string): boolean {
  if (name.length > MAX_HOSTNAME) return false;
  const labels = (name.endsWith(".") ? name.slice(0, -1) : name).split(".");
  return labels.every((label) => LABEL.test(label));
}
