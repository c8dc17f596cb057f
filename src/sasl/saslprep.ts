/**
 * SASLprep (RFC 4013): gives names and passwords that look the same one form. It implements the mapping, NFKC and all
 * prohibited characters. It omits the checks of right-to-left text and of characters unknown to Unicode 3.2, because these
 * only refuse texts and change none.
 */

/** RFC 3454 table C.1.2, spaces other than ASCII's. */
const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;

/** Table B.1: characters that are mapped to nothing. */
const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/g;

/** Tables C.2.1 to C.9: general categories, and the characters that no category covers. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** @returns the prepared form; `undefined` for a text with prohibited characters, or if nothing is left */
export function saslprep(text: string): string | undefined {
  const prepared = text.replace(SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  return prepared === "" || PROHIBITED.test(prepared) ? undefined : prepared;
}
