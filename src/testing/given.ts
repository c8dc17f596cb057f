/** Checks of what a test gives: a mistake is a TypeError that names the option, at once. */
import { inspect } from "node:util";

/** @throws TypeError for a value that is no object, or that has a field of another name */
export function checkFields(where: string, given: unknown, known: readonly string[]): void {
  if (typeof given !== "object" || given === null)
    throw new TypeError(`${where}: an object is wanted, not ${inspect(given)}`);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`${where}: there is no option "${unknown}"; there are ${known.join(", ")}`);
}

/** @throws TypeError that names the option unless the value is `undefined` or an integer of at least `least` */
export function checkInteger(name: string, value: unknown, least = 0, most = 0x7fffffff): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw new TypeError(`${name}: an integer from ${least} to ${most} is wanted, not ${inspect(value)}`);
}

/** A text that is equal, or a pattern that matches. */
export type Match = string | RegExp;

/** @throws TypeError that names the option unless the value is `undefined`, a text or a RegExp */
export function checkMatch(name: string, value: unknown): void {
  if (value === undefined || typeof value === "string" || value instanceof RegExp) return;
  throw new TypeError(`${name}: a string or a RegExp is wanted, not ${inspect(value)}`);
}

/** Whether a text is the one that is wanted, or matches the pattern. `g` makes no difference: `lastIndex` is not used. */
export function matches(wanted: Match, text: string): boolean {
  return typeof wanted === "string" ? wanted === text : text.search(wanted) >= 0;
}

/** {@link matches} for addresses and user names, which are the same in any case. */
export function matchesAddress(wanted: Match, address: string): boolean {
  return typeof wanted === "string"
    ? wanted.toLowerCase() === address.toLowerCase()
    : matches(wanted, address);
}
