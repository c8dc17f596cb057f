/** A control character: C0, DEL or C1. C1 is included because many parsers end a line at NEL (U+0085). */
export const CONTROL: RegExp = /[\x00-\x1f\x7f-\x9f]/;

const EACH_CONTROL = new RegExp(CONTROL, "g");

const LOWER = /[a-z]/;
const UPPER = /[A-Z]/;
const NON_ASCII = /[^\x00-\x7f]/;

/** Whether `text` has a control character (C0, DEL, C1), which no name, reply or parameter may carry. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

/** Replaces each control character with a space, so that the text stays one line of a reply, log or header. */
export function clean(text: string): string {
  return CONTROL.test(text) ? text.replace(EACH_CONTROL, " ") : text;
}

/**
 * Characters that change how a terminal or a log viewer shows other text: control characters, the line and paragraph
 * separators, and the marks that change the direction of text (Unicode's Bidi_Control).
 */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const EACH_UNPRINTABLE = new RegExp(UNPRINTABLE, "g");
const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Escapes each such character as a JavaScript string would: `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return UNPRINTABLE.test(text) ? text.replace(EACH_UNPRINTABLE, escape) : text;
}

function escape(character: string): string {
  const code = character.charCodeAt(0);
  const hex = code.toString(16);
  return (
    SHORT_ESCAPES[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`)
  );
}

/**
 * Converts only a-z to upper case. `toUpperCase` would turn "ı" into "I" and "ſ" into "S", so a word that is not
 * ASCII could become a keyword.
 */
export function toUpperASCII(text: string): string {
  if (!LOWER.test(text)) return text;
  return NON_ASCII.test(text)
    ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
    : text.toUpperCase();
}

/**
 * Converts only A-Z to lower case. `toLowerCase` would turn the Kelvin sign U+212A into "k", so an address or name
 * that is not ASCII could become another one that is.
 */
export function toLowerASCII(text: string): string {
  if (!UPPER.test(text)) return text;
  return NON_ASCII.test(text)
    ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    : text.toLowerCase();
}

/** Shared buffer for short copies: a new Buffer for each copy takes three times as long (330 ns instead of 100). */
const SCRATCH = Buffer.allocUnsafeSlow(1024);
/** Longest text in characters whose UTF-8 always fits into `SCRATCH`. */
const SCRATCH_TEXT = 256;

/** Copies a well-formed text. A substring of a line would keep the whole line in memory. */
export function copyOf(text: string): string {
  if (text.length > SCRATCH_TEXT) return Buffer.from(text).toString();
  return SCRATCH.toString("utf8", 0, SCRATCH.write(text));
}
