/** Adjacent hex escapes, decoded together because they may be the octets of one UTF-8 character. */
const ESCAPES = /(?:\+[0-9A-F]{2})+/g;

/** RFC 3461 section 4: printable ASCII without "+" and "=", and escapes. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;

/** The same with the characters of RFC 6533 section 3 (QUCHAR) that are not ASCII. */
const UNITEXT = /^(?:[!-*,-<>-~\u0080-\uffff]|\+[0-9A-F]{2})*$/;

/** RFC 6533 section 3. */
const EMBEDDED_CHARACTER = /\\(?:x\{([0-9A-F]{2,6})\})?/gi;

const MAX_CODE_POINT = 0x10ffff;

/** Whether all of `value` is xtext (RFC 3461 section 4). */
export function isXtext(value: string): boolean {
  return XTEXT.test(value);
}

/**
 * Decodes xtext (RFC 3461 section 4): `+` and two upper-case hex digits stand for an octet of UTF-8. A `+` without them
 * stays as it is.
 * @returns `undefined` for invalid UTF-8. The result may contain control characters: check it
 */
export function decodeXtext(value: string): string | undefined {
  if (!value.includes("+")) return value;
  try {
    // Percent encoding is the same notation, and its decoder refuses invalid UTF-8.
    return value.replace(ESCAPES, (run) => decodeURIComponent(run.replaceAll("+", "%")));
  } catch {
    return undefined;
  }
}

/**
 * Decodes an address of type utf-8 (RFC 6533 section 3: utf-8-addr-xtext or utf-8-addr-unitext), in which `\x{…}`
 * is a character by its number.
 * @returns `undefined` for a syntax error. The result may contain control characters: check it
 */
export function decodeUnitext(value: string): string | undefined {
  if (!UNITEXT.test(value)) return undefined;
  const decoded = decodeXtext(value);
  if (!decoded?.includes("\\")) return decoded;
  let isWrong = false;
  const text = decoded.replace(EMBEDDED_CHARACTER, (_, digits: string | undefined) => {
    const point = parseInt(digits ?? "", 16);
    if (point <= MAX_CODE_POINT) return String.fromCodePoint(point);
    isWrong = true;
    return "";
  });
  return isWrong || !text.isWellFormed() ? undefined : text;
}
