// Bootstring parameters, RFC 3492 section 5.
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const INITIAL_N = 0x80;

const PREFIX = "xn--";
const A_LABEL = /^xn--/i;

/** RFC 5890 section 2.3.2.1. The 63 octets also bound the decoder, whose cost is the square of the length. */
const WELL_FORMED = /^[\x00-\x7f]{1,63}$/;

const MAX_CODE_POINT = 0x10ffff;

/**
 * What no label may hold once compatibility forms are folded (NFKC), for a resolver or a reader takes
 * it for something else: ASCII other than letters, digits and hyphens ("․" folds to a dot, "＠" to an
 * at sign), the ideographic full stop, the replacement character, spaces, surrogates, and all invisible
 * characters but the two joiners, which some scripts need (RFC 5892). RFC 5891 section 4.2.3 adds
 * hyphens at the ends, and a mark at the start, which would be drawn upon the "@" or dot before it.
 */
const UNSAFE =
  /^[\-\p{M}]|-$|[[\p{ASCII}--[A-Za-z0-9\-]]\u3002\ufffd[[\p{Cc}\p{Cf}\p{Cs}\p{Z}]--[\u200c\u200d]]]/v;

/** Whether a label can stand in a domain without being taken for another label, or for more than one. */
export function isSafeLabel(label: string): boolean {
  return !UNSAFE.test(label.normalize("NFKC"));
}

/** Value of a basic code point as a digit: a-z are 0 to 25, 0-9 are 26 to 35; others have none. */
function digitValue(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return code - 0x61;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 26;
  return BASE;
}

/** RFC 3492 section 6.1. */
function adapt(delta: number, points: number, first: boolean): number {
  let rest = first ? Math.floor(delta / DAMP) : delta >> 1;
  rest += Math.floor(rest / points);
  let k = 0;
  for (; rest > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) rest = Math.floor(rest / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}

/** RFC 3492 section 6.2: the code points that `encoded` (lower case, without its prefix) stands for. */
function decode(encoded: string): number[] | undefined {
  const basics = Math.max(0, encoded.lastIndexOf("-"));
  const points = Array.from({ length: basics }, (_, index) => encoded.charCodeAt(index));
  let n = INITIAL_N;
  let i = 0;
  let bias = INITIAL_BIAS;
  for (let index = basics > 0 ? basics + 1 : 0; index < encoded.length;) {
    const before = i;
    for (let weight = 1, k = BASE; ; k += BASE) {
      // Past the end charCodeAt gives NaN, which is no digit either.
      const digit = digitValue(encoded.charCodeAt(index++));
      if (digit === BASE) return undefined;
      i += digit * weight;
      const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX);
      if (digit < threshold) break;
      weight *= BASE - threshold;
    }
    const length = points.length + 1;
    bias = adapt(i - before, length, before === 0);
    n += Math.floor(i / length);
    if (n > MAX_CODE_POINT) return undefined;
    i %= length;
    points.splice(i++, 0, n);
  }
  return points;
}

/**
 * The U-label of an A-label (`xn--` in any case, RFC 5890); any other label as it is. `undefined` where
 * an A-label is broken, over 63 octets long, stands for plain ASCII, or for what {@link isSafeLabel} refuses.
 */
export function labelToUnicode(label: string): string | undefined {
  if (!A_LABEL.test(label)) return label;
  if (!WELL_FORMED.test(label)) return undefined;
  const points = decode(label.slice(PREFIX.length).toLowerCase());
  if (points === undefined || !points.some((point) => point >= INITIAL_N)) return undefined;
  const unicode = String.fromCodePoint(...points);
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
