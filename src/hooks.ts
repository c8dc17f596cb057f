import type { SMTPErrorLike } from "./types.js";

/** How many parameters each hook has, the callback among them. */
export const HOOKS = {
  onConnect: 2,
  onSecure: 3,
  onAuth: 3,
  onMailFrom: 3,
  onRcptTo: 3,
  onData: 3,
  onClose: 2,
} as const;
export type HookName = keyof typeof HOOKS;

export type HookFunction = (...args: never[]) => unknown;

/** What the caller makes of a hook's answer. Exactly one of the first two runs, once. */
export interface HookOutcome<T> {
  /** The hook answered: `error` is what it refused with, if it did. */
  answered(error: SMTPErrorLike | undefined, value: unknown): T;
  /** The hook threw, or rejected, without an answer. */
  crashed(): T;
  /** Every throw and every rejection that is no answer, also a late one: nothing is swallowed. */
  report(error: unknown): void;
}

/**
 * Calls an application's hook. It answers by its callback or by the promise it returns, see
 * {@link answersByPromise}; the first answer wins and later ones are ignored.
 *
 * @param takes parameters of this hook with the callback, from {@link HOOKS}
 * @returns what `answered` or `crashed` gave: at once where the hook answered at once, else a promise of it
 */
export function callHook<T>(
  hook: HookFunction,
  owner: object,
  args: readonly unknown[],
  takes: number,
  outcome: HookOutcome<T>,
): T | Promise<T> {
  let result: { value: T } | undefined;
  let later: PromiseWithResolvers<T> | undefined;
  const settle = (make: () => T): void => {
    if (result) return;
    result = { value: make() };
    later?.resolve(result.value);
  };
  const callback = (error?: unknown, value?: unknown): void => {
    settle(() => {
      // Fields of an application's answer may be getters that throw: the client is owed a reply all the same.
      try {
        return outcome.answered(asError(error), value);
      } catch (problem) {
        outcome.report(problem);
        return outcome.crashed();
      }
    });
  };
  const crash = (error: unknown): void => {
    outcome.report(error);
    settle(() => outcome.crashed());
  };
  try {
    const returned: unknown = Reflect.apply(hook, owner, [...args, callback]);
    if (isThenable(returned)) {
      if (answersByPromise(hook, takes)) {
        returned.then(
          (value) => callback(undefined, value),
          (error: unknown) => callback(error || new Error()),
        );
      } else {
        returned.then(undefined, crash);
      }
    }
  } catch (error) {
    crash(error);
  }
  if (result) return result.value;
  later = Promise.withResolvers<T>();
  return later.promise;
}

/** A truthy value that is no Error refuses with the default text. */
function asError(error: unknown): SMTPErrorLike | undefined {
  if (!error) return undefined;
  return isError(error) ? error : new Error();
}

/** Errors of another realm, and objects that look like one, count too: they carry a message and a responseCode. */
export function isError(value: unknown): value is SMTPErrorLike {
  return (
    Error.isError(value) ||
    (typeof value === "object" && value !== null && "message" in value && typeof value.message === "string")
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    "then" in value &&
    typeof value.then === "function"
  );
}

const shapes = new WeakMap<HookFunction, boolean>();

/**
 * Whether the promise that a hook returns is its answer: only if it declares at least one parameter and
 * not the callback. What may reach the callback in another way (no parameter, a rest or default
 * parameter, `arguments`) counts as declaring it: else a wrapper would accept before its check is done.
 */
export function answersByPromise(hook: HookFunction, takes: number): boolean {
  if (hook.length === 0 || hook.length >= takes) return false;
  let byPromise = shapes.get(hook);
  if (byPromise === undefined) {
    byPromise = !mayReachCallback(Function.prototype.toString.call(hook));
    shapes.set(hook, byPromise);
  }
  return byPromise;
}

function mayReachCallback(source: string): boolean {
  const code = withoutLiterals(source);
  return /\barguments\b/.test(code) || /\.\.\.|=/.test(outermost(parameters(code)));
}

/** Comments gone, strings and templates emptied, so that only code is judged. */
function withoutLiterals(source: string): string {
  return source.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g,
    (literal) => (literal.startsWith("/") ? " " : '""'),
  );
}

/** The text of the parameter list. A lone arrow parameter without parentheses has neither rest nor default. */
function parameters(code: string): string {
  const arrow = code.indexOf("=>");
  const open = code.indexOf("(", computedNameEnd(code));
  if (open < 0 || (arrow >= 0 && arrow < open)) return "";
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (code[i] === "(") depth += 1;
    else if (code[i] === ")" && --depth === 0) return code.slice(open + 1, i);
  }
  return code.slice(open + 1);
}

/** Behind a method's computed name, `["on" + name()](a) {}`, whose parentheses are no parameter list. */
function computedNameEnd(code: string): number {
  const start = /^\s*(?:async\s*)?\*?\s*\[/.exec(code);
  if (!start) return 0;
  let depth = 0;
  for (let i = start[0].length - 1; i < code.length; i++) {
    if (code[i] === "[") depth += 1;
    else if (code[i] === "]" && --depth === 0) return i;
  }
  return 0;
}

/** What stands outside of brackets: a default inside a destructured parameter is not one of the parameter. */
function outermost(list: string): string {
  let depth = 0;
  let outside = "";
  for (const char of list) {
    if ("([{".includes(char)) depth += 1;
    else if (")]}".includes(char)) depth -= 1;
    else if (depth === 0) outside += char;
  }
  return outside;
}
