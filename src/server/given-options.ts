/**
 * The object of options that the application gave. It may be frozen, a class instance, or have getters, so it is never
 * copied: a copy has own enumerable properties alone, and as they were at that moment.
 */
import type { SMTPServerOptions } from "../types/index.js";

/** Options with smtp-server's two lists, which are arrays from construction on; programs push to them. */
export type OptionsWithLists = SMTPServerOptions & { disabledCommands: string[]; authMethods: string[] };

/** Makes arrays of the two lists, in the object itself where that can be done. */
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

/** Sets an option, also where the object or its class has a getter alone. Gives whether that could be done. */
export function setOption(options: object, name: string, value: unknown): boolean {
  const own = { value, writable: true, enumerable: true, configurable: true };
  return Reflect.set(options, name, value) || Reflect.defineProperty(options, name, own);
}

/**
 * The options of one object over those of another: each is read where it stands, when it is read, by getters and
 * inherited ones too. What is set is set on the first.
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
      // A proxy may not call a property fixed that is not in its target.
      return descriptor && { ...descriptor, configurable: true };
    },
  });
}
