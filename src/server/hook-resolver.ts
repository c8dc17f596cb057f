import { HOOKS, type HookFunction, type HookName } from "../hooks/names.js";
import type { SMTPServerOptions } from "../types/index.js";

/** A server whose hooks are options, assigned properties or overridden methods. */
export type HookOwner = { readonly options: SMTPServerOptions } & Record<HookName, unknown>;

/**
 * Finds the hook to call. An application sets a hook by option, by assigning `server.onData = …`, or by
 * overriding the method in a subclass, at any time; the last change wins.
 */
export class HookResolver {
  readonly #owner: HookOwner;
  readonly #base: Record<HookName, unknown>;
  readonly #accepting: ReadonlySet<unknown>;
  /** The hook options at the last look, to see which have changed. */
  readonly #adopted: Partial<Record<HookName, unknown>> = {};

  /**
   * @param base the methods to use if the application has no hook
   * @param accepting those of them that accept everything, so that they need not be called
   */
  constructor(owner: HookOwner, base: Record<HookName, unknown>, accepting: ReadonlySet<unknown>) {
    this.#owner = owner;
    this.#base = base;
    this.#accepting = accepting;
    for (const name of Object.keys(HOOKS) as HookName[]) this.#adopt(name);
  }

  /** @returns `undefined` if everything is accepted */
  get(name: HookName): HookFunction | undefined {
    this.#adopt(name);
    const hook = this.#owner[name];
    const chosen = typeof hook === "function" ? hook : this.#base[name];
    return this.#accepting.has(chosen) ? undefined : (chosen as HookFunction);
  }

  /** Assigns a hook option that has changed to the server. */
  #adopt(name: HookName): void {
    const option: unknown = this.#owner.options[name];
    if (option === this.#adopted[name]) return;
    const own = Object.getOwnPropertyDescriptor(this.#owner, name)?.value as unknown;
    if (typeof option === "function") Object.assign(this.#owner, { [name]: option });
    else if (own !== undefined && own === this.#adopted[name]) Reflect.deleteProperty(this.#owner, name);
    this.#adopted[name] = option;
  }
}
