import { runInNewContext } from "node:vm";
import type { HookFunction } from "./names.js";

/**
 * The original `Function.prototype.toString`, kept because programs may replace it later. A tracing tool that was loaded
 * first may have replaced it already, with one that returns the source of the function inside a wrapper. Then the
 * original comes from a new realm.
 */
const toSource: () => string = isNative(Function.prototype.toString)
  ? Function.prototype.toString
  : runInNewContext("Function.prototype.toString");

function isNative(toString: () => string): boolean {
  try {
    return toString.call(toString).includes("[native code]");
  } catch {
    return false;
  }
}

/**
 * Words that let a function reach any parameter, and the text that replaces a source that cannot be read. They count
 * even in comments, strings and templates: only a parser could skip those, and a mistake of it would accept mail before
 * the check.
 */
const REACHING = /\barguments\b|(?<!\.\s*)\beval\b|\[native code\]/;

/**
 * Matches a function up to the end of its parameter list, if the list has only names, patterns, numbers and simple
 * strings. None of these can contain the parenthesis that ends the list. Other lists (with a call, a comment, a
 * template …) do not match.
 */
const PLAIN =
  /^(?:async\b\s*)?(?:function\b\s*)?\*?\s*[#$\p{ID_Continue}]*\s*\(((?:[$\p{ID_Continue}\s.,:=[\]{}]|"[^"\\\n]*"|'[^'\\\n]*')*)\)/u;
/** An arrow function whose only parameter has no parentheses. */
const ARROW = /^(?:async\b\s*)?([$\p{ID_Continue}]+)\s*=>/u;

const counts = new WeakMap<HookFunction, number>();

/**
 * Whether a hook may call its callback: it declares the callback, may reach it in another way, or has a source that cannot
 * be read. In doubt the result is `true`, and the server waits for the callback: an answer may be late, but never early.
 *
 * @param parameters number of the hook's arguments with the callback
 */
export function mayReachCallback(hook: HookFunction, parameters: number): boolean {
  let count = counts.get(hook);
  if (count === undefined) {
    count = reachableParameters(hook);
    counts.set(hook, count);
  }
  return count >= parameters;
}

/** @returns how many parameters a function can reach; `Infinity` if that is not certain */
function reachableParameters(hook: HookFunction): number {
  try {
    const source = toSource.call(hook);
    const list = REACHING.test(withoutEscapes(source))
      ? undefined
      : (PLAIN.exec(source) ?? ARROW.exec(source))?.[1];
    const names = list === undefined ? undefined : withoutPatterns(list);
    if (names === undefined || /[.=]/.test(names)) return Infinity;
    // The larger of the two counts, because a program may have redefined `length`.
    return Math.max(hook.length, names.split(",").filter((name) => name.trim() !== "").length);
  } catch {
    // A Proxy may throw at any access.
    return Infinity;
  }
}

/** `\u0061rguments` is `arguments`. */
function withoutEscapes(source: string): string {
  return source.replace(/\\u(?:00|\{0*)([\da-f]{2})\}?/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}

/**
 * Replaces each pattern of a parameter list by a name. A default inside a pattern, as in `({ username = "" })`, cannot
 * reach another parameter.
 */
function withoutPatterns(list: string): string {
  let names = list.replace(/"[^"]*"|'[^']*'/g, "string");
  for (let before = ""; before !== names;) {
    before = names;
    names = names.replace(/\{[^{}[\]]*\}|\[[^{}[\]]*\]/g, "pattern");
  }
  return names;
}
