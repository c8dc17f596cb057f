/**
 * The options object of the application. It may be frozen, be an instance of a class, or have getters, so it is never
 * copied: a copy would lack inherited properties, and would not see later changes.
 */
import type { SMTPServerOptions } from "../types/index.js";

/** Options whose two lists are arrays, as in smtp-server after construction, because programs push to them. */
export type OptionsWithLists = SMTPServerOptions & { disabledCommands: string[]; authMethods: string[] };

/** Makes the two lists arrays, in the object itself if possible. */
export function withLists(options: SMTPServerOptions): OptionsWithLists {
  const lists = {
    authMethods: toList(options.authMethods),
    disabledCommands: toList(options.disabledCommands),
  };
  const isDone =
    Object.isExtensible(options) &&
    Object.entries(lists).every(
      ([name, list]) => Reflect.get(options, name) === list || setOption(options, name, list),
    );
  return (isDone ? options : layered(lists, options)) as OptionsWithLists;
}

function toList(value: string[] | string | null | undefined | false): string[] {
  return Array.isArray(value) ? value : value ? [value] : [];
}

/** Sets an option, even if the object or its class has only a getter for it. @returns whether it was set */
export function setOption(options: object, name: string, value: unknown): boolean {
  const own = { value, writable: true, enumerable: true, configurable: true };
  return Reflect.set(options, name, value) || Reflect.defineProperty(options, name, own);
}

/**
 * Combines two option objects without a copy: an option is read from the first object that has it, own or inherited, each
 * time it is needed. Setting an option changes the first object.
 */
export function layered<T extends object>(first: T, second: object): T {
  const isInSecond = (name: PropertyKey): boolean => !Reflect.has(first, name) && Reflect.has(second, name);
  return new Proxy(first, {
    get: (_, name) => Reflect.get(isInSecond(name) ? second : first, name) as unknown,
    set: (_, name, value) => Reflect.set(first, name, value),
    has: (_, name) => Reflect.has(first, name) || Reflect.has(second, name),
    ownKeys: () => [...new Set([...Reflect.ownKeys(first), ...Reflect.ownKeys(second)])],
    getOwnPropertyDescriptor: (_, name) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(isInSecond(name) ? second : first, name);
      // A proxy must not report a non-configurable property that its target does not have.
      return descriptor && { ...descriptor, configurable: true };
    },
  });
}
