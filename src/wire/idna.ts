import { domainToASCII, domainToUnicode as decode } from "node:url";
import { toLowerASCII } from "./text.js";

/** Octets of a label (RFC 1035 section 2.3.4). */
export const MAX_LABEL: number = 63;

const A_LABEL = /^xn--/i;

/** RFC 5890 section 2.3.2.1: 63 octets at most. `domainToUnicode` reads other characters as parts of a URL. */
const WELL_FORMED = /^[a-z0-9-]{1,63}$/i;

/**
 * Characters that make a label look like something else after NFKC folding, to a resolver or a person: ASCII other than
 * letters, digits and hyphens ("․" folds to a dot, "＠" to an at sign), the ideographic full stop, spaces, surrogates,
 * and all invisible characters except the two joiners, which some scripts need (RFC 5892).
 */
const MISLEADING = /[[\p{ASCII}--[A-Za-z0-9\-]]\u3002[[\p{Cc}\p{Cf}\p{Cs}\p{Z}]--[\u200c\u200d]]]/v;

/** RFC 5891 section 4.2.3: no hyphen at either end, and no combining mark at the start, as it would change the "@" or dot. */
const BAD_EDGE = /^[\-\p{M}]|-$/u;

const LEADING_MARK = /(?:^|\.)\p{M}/u;

/** The decoder puts this in place of invalid UTF-8, so different domains would become the same one. */
const REPLACEMENT = "\ufffd";

const NON_ASCII = /[^\x00-\x7f]/;

/** Octets of a label in the DNS: those of its A-label, or of its UTF-8 if IDNA has no A-label for it. */
export function octetsOf(label: string): number {
  return NON_ASCII.test(label) ? domainToASCII(label).length || Buffer.byteLength(label) : label.length;
}

/** Whether a label cannot be mistaken for another label, or for several. */
export function isSafeLabel(label: string): boolean {
  const folded = label.normalize("NFKC");
  return !BAD_EDGE.test(folded) && !MISLEADING.test(folded) && !folded.includes(REPLACEMENT);
}

/** Whether characters outside ASCII make a domain look like another. Its ASCII is not checked (lenient parsing). */
export function isMisleading(domain: string): boolean {
  return LEADING_MARK.test(domain) || MISLEADING.test(domain.replace(/[\x00-\x7f]+/g, "").normalize("NFKC"));
}

/**
 * Decodes an A-label (`xn--` in any case, RFC 5890) to its U-label, and returns any other label as it is.
 * @returns `undefined` if the A-label is invalid (it cannot be decoded, no encoder makes it, or it has over 63 octets),
 *   or if {@link isSafeLabel} refuses its U-label
 */
export function labelToUnicode(label: string): string | undefined {
  if (!A_LABEL.test(label)) return label;
  if (!WELL_FORMED.test(label)) return undefined;
  const unicode = decode(label);
  // RFC 5891 section 5.4: encoding the U-label must give the same A-label again.
  if (unicode === "" || domainToASCII(unicode) !== toLowerASCII(label)) return undefined;
  return isSafeLabel(unicode) ? unicode : undefined;
}

/** Decodes the A-labels of a domain; `undefined` if one of them is invalid. */
export function domainToUnicode(domain: string): string | undefined {
  const labels: string[] = [];
  for (const label of domain.split(".")) {
    const unicode = labelToUnicode(label);
    if (unicode === undefined) return undefined;
    labels.push(unicode);
  }
  return labels.join(".");
}
