import type { SMTPErrorLike } from "../types/index.js";
import { hasNotAnswered, neverAnswers, warnOnce } from "./mistakes.js";
import { HOOKS, type HookFunction, type HookName } from "./names.js";
import { mayReachCallback } from "./reaches-callback.js";

/** How a hook ended: it accepted with a value, refused with an error, or crashed (and the error was reported). */
export type HookResult =
  | { readonly type: "accepted"; readonly value: unknown }
  | { readonly type: "refused"; readonly error: SMTPErrorLike }
  | { readonly type: "crashed" };

const CRASHED: HookResult = { type: "crashed" };

/** The client that a hook is called for. Its methods do not throw. */
export interface HookCaller {
  /** The server: the value of `this` in a hook. */
  readonly owner: object;
  /** Neither side has closed, so that an answer matters. */
  readonly isOpen: boolean;
  /** Gets every throw and every rejection that is no answer, late ones too: nothing is swallowed. */
  hookFailed(name: HookName, error: unknown): void;
  /** Logs that a hook has probably forgotten its callback. */
  hookWarning(text: string): void;
}

/**
 * Calls a hook of the application. One that may reach its callback answers by the callback alone, see
 * {@link mayReachCallback}; one that cannot answers by the promise that it returns, and crashes if it returns none.
 * A throw, or the rejection of a callback hook, is a crash. The first answer wins, and later ones are ignored.
 * onClose needs no answer.
 *
 * @param args of the hook, without its callback
 * @param then what the caller makes of the answer. It runs once; if it throws, once more with a crash
 * @param isAwaited whether the answer still matters when the hook's promise is fulfilled without one
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

/** One call of a hook, and what came of it. Nothing here throws into the hook. */
export class HookCall<T> {
  readonly #caller: HookCaller;
  readonly #name: HookName;
  readonly #then: (result: HookResult) => T;
  #answered = false;
  /** What `then` gave, or the error of the second time that it threw. */
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

  /** What the hook answers by. */
  readonly callback = (error?: unknown, value?: unknown): void => {
    if (this.#answered) return;
    let result: HookResult;
    try {
      result = error ? { type: "refused", error: asError(error) } : { type: "accepted", value };
    } catch (problem) {
      // Fields of an application's error may be getters that throw.
      return this.crash(problem);
    }
    this.#settle(result);
  };

  /** Takes the promise that the hook returned as its answer if it cannot reach the callback. */
  follow(returned: PromiseLike<unknown>, hook: HookFunction, isAwaited?: () => boolean): void {
    const name = this.#name;
    // One that is fulfilled with a promise must not answer before that.
    const promise = Promise.resolve(returned);
    if (name !== "onClose" && !mayReachCallback(hook, HOOKS[name].length)) {
      promise.then(
        (value) => this.callback(undefined, value),
        (error: unknown) => this.callback(error || new Error()),
      );
      return;
    }
    promise.then(
      () => {
        if (name === "onClose" || this.#answered || !this.#caller.isOpen || isAwaited?.() === false) return;
        const text = hasNotAnswered(name, hook);
        if (warnOnce(this.#caller.owner, text)) this.#caller.hookWarning(text);
      },
      (error: unknown) => this.crash(error),
    );
  }

  crash(error: unknown): void {
    this.#caller.hookFailed(this.#name, error);
    if (!this.#answered) this.#settle(CRASHED);
  }

  /**
   * What `then` gave: at once where the hook has answered, else a promise of it.
   * @throws or rejects with what `then` threw the second time
   */
  get outcome(): T | Promise<T> {
    if (this.#failure) throw this.#failure.error;
    if (this.#answered) return this.#value as T;
    this.#later = Promise.withResolvers<T>();
    return this.#later.promise;
  }

  /**
   * `then` reads options and fields of the answer. They may be getters that throw; the client still needs a
   * reply.
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
