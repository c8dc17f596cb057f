import type { SMTPErrorLike } from "../types/index.js";

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

/** How a hook ended: it accepted with a value, refused with an error, or crashed (and the error was reported). */
export type HookResult =
  | { readonly type: "accepted"; readonly value: unknown }
  | { readonly type: "refused"; readonly error: SMTPErrorLike }
  | { readonly type: "crashed" };

/**
 * Calls an application's hook. It answers by its callback or by the promise it returns, see
 * {@link answersByPromise}; the first answer wins and later ones are ignored.
 *
 * @param takes parameters of this hook with the callback, from {@link HOOKS}
 * @param then what the caller makes of the answer; runs once
 * @param report gets every throw and every rejection that is no answer, also a late one: nothing is swallowed
 */
export function callHook<T>(
  hook: HookFunction,
  owner: object,
  args: readonly unknown[],
  takes: number,
  then: (result: HookResult) => T,
  report: (error: unknown) => void,
): HookCall<T> {
  const call = new HookCall(then, report);
  try {
    const returned: unknown = Reflect.apply(hook, owner, [...args, call.callback]);
    if (isThenable(returned)) call.follow(returned, answersByPromise(hook, takes));
  } catch (error) {
    call.crash(error);
  }
  return call;
}

/** One call of a hook, and what came of it. */
export class HookCall<T> {
  readonly #then: (result: HookResult) => T;
  readonly #report: (error: unknown) => void;
  #answered = false;
  #value: T | undefined;
  #later: PromiseWithResolvers<T> | undefined;

  constructor(then: (result: HookResult) => T, report: (error: unknown) => void) {
    this.#then = then;
    this.#report = report;
  }

  /** What the hook answers by. */
  readonly callback = (error?: unknown, value?: unknown): void => {
    if (this.#answered) return;
    // Fields of an application's answer may be getters that throw: the client is owed a reply all the same.
    try {
      this.#settle(error ? { type: "refused", error: asError(error) } : { type: "accepted", value });
    } catch (problem) {
      this.#answered = false;
      this.crash(problem);
    }
  };

  /** @param isAnswer whether what the promise brings is the answer, or only its rejection is of interest */
  follow(promise: PromiseLike<unknown>, isAnswer: boolean): void {
    if (!isAnswer) return void promise.then(undefined, (error: unknown) => this.crash(error));
    promise.then(
      (value) => this.callback(undefined, value),
      (error: unknown) => this.callback(error || new Error()),
    );
  }

  crash(error: unknown): void {
    this.#report(error);
    if (!this.#answered) this.#settle({ type: "crashed" });
  }

  /** What `then` gave: at once where the hook has answered, else a promise of it. */
  get outcome(): T | Promise<T> {
    if (this.#answered) return this.#value as T;
    this.#later = Promise.withResolvers<T>();
    return this.#later.promise;
  }

  #settle(result: HookResult): void {
    this.#answered = true;
    this.#value = this.#then(result);
    this.#later?.resolve(this.#value);
  }
}

/** A truthy value that is no Error refuses with the default text. */
function asError(error: unknown): SMTPErrorLike {
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
