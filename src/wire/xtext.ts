/** A run of hex escapes: octets next to each other may be parts of one UTF-8 character. */
const ESCAPES = /(?:\+[0-9A-F]{2})+/g;

/**
 * Decodes xtext (RFC 3461 section 4): `+` and two upper-case hex digits stand for an octet, and the
 * octets are read as UTF-8. What is no such escape (`+` alone, lower-case hex) stays as it is.
 * Gives `undefined` where the octets are not UTF-8. The result may hold control characters: check it.
 */
export function decodeXtext(value: string): string | undefined {
  if (!value.includes("+")) return value;
  try {
    // Percent decoding is the same notation, and refuses whatever is not well-formed UTF-8.
    return value.replace(ESCAPES, (run) => decodeURIComponent(run.replaceAll("+", "%")));
  } catch {
    return undefined;
  }
}
