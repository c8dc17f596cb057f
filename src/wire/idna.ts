import { domainToASCII, domainToUnicode as decode } from "node:url";
import { toLowerASCII } from "./text.js";

/** Octets of a label (RFC 1035 section 2.3.4). */
export const MAX_LABEL: number = 63;

const A_LABEL = /^xn--/i;

/** RFC 5890 section 2.3.2.1: 63 octets at most. Anything but letters, digits and hyphens a URL would take for its own. */
const WELL_FORMED = /^[a-z0-9-]{1,63}$/i;

/**
 * What a resolver or a reader takes for something else once compatibility forms are folded (NFKC): ASCII other than
 * letters, digits and hyphens ("․" folds to a dot, "＠" to an at sign), the ideographic full stop, spaces, surrogates,
 * and all invisible characters but the two joiners, which some scripts need (RFC 5892).
 */
const MISLEADING = /[[\p{ASCII}--[A-Za-z0-9\-]]\u3002[[\p{Cc}\p{Cf}\p{Cs}\p{Z}]--[\u200c\u200d]]]/v;

/** RFC 5891 section 4.2.3: hyphens at the ends, and a mark at the start, which is drawn upon the "@" or dot before it. */
const BAD_EDGE = /^[\-\p{M}]|-$/u;

const LEADING_MARK = /(?:^|\.)\p{M}/u;

/** Read in place of octets that were not UTF-8. Different domains would become one. */
const REPLACEMENT = "\ufffd";

const NON_ASCII = /[^\x00-\x7f]/;

/** Octets that a label has in the DNS: those of its A-label, and in UTF-8 where IDNA knows none. */
export function octetsOf(label: string): number {
  return NON_ASCII.test(label) ? domainToASCII(label).length || Buffer.byteLength(label) : label.length;
}

/** Whether a label can stand in a domain without being taken for another label, or for more than one. */
export function isSafeLabel(label: string): boolean {
  const folded = label.normalize("NFKC");
  return !BAD_EDGE.test(folded) && !MISLEADING.test(folded) && !folded.includes(REPLACEMENT);
}

/** Whether a domain whose ASCII is not looked at holds other characters that make it look like another address. */
export function isMisleading(domain: string): boolean {
  return LEADING_MARK.test(domain) || MISLEADING.test(domain.replace(/[\x00-\x7f]+/g, "").normalize("NFKC"));
}

/**
 * The U-label of an A-label (`xn--` in any case, RFC 5890); any other label as it is. `undefined` where IDNA knows no
 * such A-label (it stands for nothing, for what no encoder gives, or has over 63 octets), or {@link isSafeLabel}
 * refuses what it stands for.
 */
export function labelToUnicode(label: string): string | undefined {
  if (!A_LABEL.test(label)) return label;
  if (!WELL_FORMED.test(label)) return undefined;
  const unicode = decode(label);
  // RFC 5891 section 5.4: an A-label is what its U-label is encoded to, and nothing else is one.
  if (unicode === "" || domainToASCII(unicode) !== toLowerASCII(label)) return undefined;
  return isSafeLabel(unicode) ? unicode : undefined;
}

/** `domain` with U-labels for its A-labels, the other labels as they are; `undefined` where one is broken. */
export function domainToUnicode(domain: string): string | undefined {
  const labels: string[] = [];
  for (const label of domain.split(".")) {
    const unicode = labelToUnicode(label);
    if (unicode === undefined) return undefined;
    labels.push(unicode);
  }
  return labels.join(".");
}
