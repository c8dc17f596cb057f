import { runInNewContext } from "node:vm";
import type { HookFunction } from "./names.js";

/**
 * Reads the source of a function. Kept from the start, because programs replace it later. A tracing tool that was
 * loaded before this file may have replaced it already, with one that gives the source of the function inside a
 * wrapper: a fresh realm has the original.
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
 * Words of a source that may reach any parameter, or that stands for one that cannot be read. They count in comments,
 * strings and templates too: telling those from code takes a parser, and an error would accept mail before its check.
 */
const REACHING = /\barguments\b|(?<!\.\s*)\beval\b|\[native code\]/;

/**
 * A function up to the end of its parameters, if these are made of names, patterns, numbers and simple strings. None of
 * them can hide the parenthesis that ends the list. Any other list (a call, a comment, a template …) does not match.
 */
const PLAIN =
  /^(?:async\b\s*)?(?:function\b\s*)?\*?\s*[#$\p{ID_Continue}]*\s*\(((?:[$\p{ID_Continue}\s.,:=[\]{}]|"[^"\\\n]*"|'[^'\\\n]*')*)\)/u;
/** An arrow function whose only parameter has no parentheses. */
const ARROW = /^(?:async\b\s*)?([$\p{ID_Continue}]+)\s*=>/u;

const counts = new WeakMap<HookFunction, number>();

/**
 * Whether a hook may call its callback: it declares it, or it may get at it in another way, or its source cannot be
 * read. In doubt the answer is yes, and the hook is waited for: an answer may be late, never early.
 *
 * @param parameters how many the hook is called with, its callback included
 */
export function mayReachCallback(hook: HookFunction, parameters: number): boolean {
  let count = counts.get(hook);
  if (count === undefined) {
    count = reachableParameters(hook);
    counts.set(hook, count);
  }
  return count >= parameters;
}

/** @returns how many of its parameters a function can get at, `Infinity` unless it is certain */
function reachableParameters(hook: HookFunction): number {
  try {
    const source = toSource.call(hook);
    const list = REACHING.test(withoutEscapes(source))
      ? undefined
      : (PLAIN.exec(source) ?? ARROW.exec(source))?.[1];
    const names = list === undefined ? undefined : withoutPatterns(list);
    if (names === undefined || /[.=]/.test(names)) return Infinity;
    // Both are asked: a program may have redefined `length`.
    return Math.max(hook.length, names.split(",").filter((name) => name.trim() !== "").length);
  } catch {
    // A Proxy may throw whatever it is asked.
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
 * A list whose patterns are names. A default inside of a pattern, as in `({ username = "" })`, cannot get at another
 * parameter.
 */
function withoutPatterns(list: string): string {
  let names = list.replace(/"[^"]*"|'[^']*'/g, "string");
  for (let before = ""; before !== names;) {
    before = names;
    names = names.replace(/\{[^{}[\]]*\}|\[[^{}[\]]*\]/g, "pattern");
  }
  return names;
}
