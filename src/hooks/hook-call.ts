import type { SMTPErrorLike } from "../types/index.js";
import { hasFailed, hasNotAnswered, isMistaken, neverAnswers, warnOnce } from "./mistakes.js";
import { HOOKS, type HookFunction, type HookName } from "./names.js";
import { mayReachCallback } from "./reaches-callback.js";

/** The result of a hook: it accepted with a value, refused with an error, or crashed. A crash is already reported. */
export type HookResult =
  | { readonly type: "accepted"; readonly value: unknown }
  | { readonly type: "refused"; readonly error: SMTPErrorLike }
  | { readonly type: "crashed" };

export const CRASHED: HookResult = { type: "crashed" };

/** The client that a hook is called for. Its methods do not throw. */
export interface HookCaller {
  /** The server: the value of `this` in a hook. */
  readonly owner: object;
  /** Neither side has closed the connection, so an answer still matters. */
  readonly isOpen: boolean;
  /** Reports every throw, and every rejection that is not an answer, even after the answer. */
  hookFailed(name: HookName, error: unknown): void;
  /** Logs what is probably a mistake in a hook. @param error the hook's error, if it has one */
  hookWarning(text: string, error?: unknown): void;
  /** Whether an error is the reason of `session.signal`: a hook that stops with it has not failed. */
  isEnding(error: unknown): boolean;
}

/**
 * Calls a hook of the application. A hook that may reach its callback answers by the callback only, see
 * {@link mayReachCallback}. Any other hook answers by the promise that it returns, and crashes if it returns none. A
 * throw is a crash, and so is the rejection of a callback hook. The first answer counts; later ones are ignored. onClose
 * needs no answer.
 *
 * @param args the arguments without the callback
 * @param then called with the result; if it throws, called a second time with a crash
 * @param isAwaited called when the promise of a callback hook is fulfilled without an answer. If it returns `false`,
 *   no warning is given, because the answer no longer matters
 */
export function callHook<T>(
  caller: HookCaller,
  name: HookName,
  hook: HookFunction,
  args: readonly unknown[],
  then: (result: HookResult) => T,
  isAwaited?: () => boolean,
): HookCall<T> {
  const call = new HookCall(caller, name, then);
  try {
    const returned: unknown = Reflect.apply(hook, caller.owner, [...args, call.callback]);
    if (isThenable(returned)) call.follow(returned, hook, isAwaited);
    else if (!call.isAnswered && name !== "onClose" && !mayReachCallback(hook, HOOKS[name].length)) {
      const error = neverAnswers(name, returned);
      warnOnce(caller.owner, error.message);
      call.crash(error);
    }
  } catch (error) {
    call.crash(error);
  }
  return call;
}

/** One call of a hook with its result. The callback never throws into the hook. */
export class HookCall<T> {
  readonly #caller: HookCaller;
  readonly #name: HookName;
  readonly #then: (result: HookResult) => T;
  #answered = false;
  /** The value that `then` returned, or in `#failure` the error of its second throw. */
  #value: T | undefined;
  #failure: { readonly error: unknown } | undefined;
  #later: PromiseWithResolvers<T> | undefined;

  constructor(caller: HookCaller, name: HookName, then: (result: HookResult) => T) {
    this.#caller = caller;
    this.#name = name;
    this.#then = then;
  }

  get isAnswered(): boolean {
    return this.#answered;
  }

  /** The last argument of the hook. */
  readonly callback = (error?: unknown, value?: unknown): void => {
    if (this.#answered) return;
    let result: HookResult;
    try {
      result = error ? { type: "refused", error: asError(error) } : { type: "accepted", value };
    } catch (problem) {
      // Fields of the application's error may be getters that throw.
      return this.crash(problem);
    }
    this.#settle(result);
  };

  /** Waits for the returned promise: it is the answer of a hook that cannot reach its callback. */
  follow(returned: PromiseLike<unknown>, hook: HookFunction, isAwaited?: () => boolean): void {
    const name = this.#name;
    // A foreign thenable may be fulfilled with another promise; `resolve` waits for that one too.
    const promise = Promise.resolve(returned);
    if (name !== "onClose" && !mayReachCallback(hook, HOOKS[name].length)) {
      promise.then(
        (value) => {
          const mistake = isMistaken(name, value);
          if (mistake !== undefined) this.#warn(mistake);
          this.callback(undefined, value);
        },
        (error: unknown) => {
          const failure = hasFailed(name, error);
          if (failure !== undefined && !this.#caller.isEnding(error)) {
            warnOnce(this.#caller.owner, failure);
            this.#caller.hookWarning(failure, error);
          }
          this.callback(error || new Error());
        },
      );
      return;
    }
    promise.then(
      () => {
        if (name === "onClose" || this.#answered || !this.#caller.isOpen || isAwaited?.() === false) return;
        this.#warn(hasNotAnswered(name, hook));
      },
      (error: unknown) => this.crash(error),
    );
  }

  #warn(text: string): void {
    if (warnOnce(this.#caller.owner, text)) this.#caller.hookWarning(text);
  }

  crash(error: unknown): void {
    this.#caller.hookFailed(this.#name, error);
    if (!this.#answered) this.#settle(CRASHED);
  }

  /**
   * The value that `then` returned, or a promise of it if the hook has not answered yet.
   * @throws (or rejects with) the error of the second throw of `then`
   */
  get outcome(): T | Promise<T> {
    if (this.#failure) throw this.#failure.error;
    if (this.#answered) return this.#value as T;
    this.#later = Promise.withResolvers<T>();
    return this.#later.promise;
  }

  /**
   * `then` reads options and fields of the answer, which may be getters that throw. The client needs a reply even so.
   */
  #settle(result: HookResult): void {
    this.#answered = true;
    try {
      this.#value = this.#then(result);
      this.#later?.resolve(this.#value);
    } catch (error) {
      if (result !== CRASHED) {
        this.#caller.hookFailed(this.#name, error);
        return this.#settle(CRASHED);
      }
      this.#failure = { error };
      this.#later?.reject(error);
    }
  }
}

/** A truthy value that is not an Error refuses with the default code and text. */
function asError(error: unknown): SMTPErrorLike {
  return isError(error) ? error : new Error();
}

/** Accepts errors of other realms, and any object with a text `message`, which may have a `responseCode` too. */
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
