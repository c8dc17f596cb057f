/**
 * Counts work instead of time. While {@link steps} runs, the primitives that go through octets, characters or
 * entries count as many steps as they go through, and each octet that is looked at by its index is one. What
 * one primitive does inside, a regular expression its backtracking, is not seen: test/bench/hostile.ts times that.
 */

/** Steps of one call, from its receiver, its arguments and its result. */
type Price = (receiver: never, args: never[], result: never) => number;
type Callable = (this: unknown, ...args: unknown[]) => unknown;
type Place = Record<string, Callable>;

let count = 0;
/** Not while a primitive runs: one that is made of others counts once. */
let isCounting = false;
/** What stands for a chunk, and the chunk. */
const chunks = new WeakMap<object, Buffer>();
/** The chunk, and what stands for it. */
const watched = new WeakMap<Buffer, Buffer>();

/** Octets of which each look counts. */
export function watch(bytes: Buffer): Buffer {
  const known = watched.get(bytes);
  if (known) return known;
  const proxy = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === "string" && key >= "0" && key < ":") count += 1;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? (value as Callable).bind(target) : value;
    },
  });
  chunks.set(proxy, bytes);
  watched.set(bytes, proxy);
  return proxy;
}
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  return (typeof value === "object" && value !== null && chunks.get(value)) || value;
}

/** What a primitive calls back is no part of it, and counts by itself. */
function counted(value: unknown): unknown {
  if (typeof value !== "function") return value;
  const callback = value as Callable;
  const counting: Callable = function (...args) {
    isCounting = true;
    try {
      return callback.apply(this, args);
    } finally {
      isCounting = false;
    }
  };
  return counting;
}

const octets = (_: never, __: never[], result: Uint8Array): number => result.length;
const made = (_: never, __: never[], text: string): number => text.length + 1;
const characters = (text: string): number => text.length;
const found = ({ length }: { length: number }, [, from = 0]: [unknown, number?], at: number): number =>
  (at < 0 ? length : at + 1) - from;
const visited = ({ length }: { length: number }, _: never[], at: unknown): number =>
  typeof at === "number" && at >= 0 ? at + 1 : length;
const subject = ({ sticky, lastIndex }: RegExp, [text]: [string]): number =>
  sticky ? Math.max(lastIndex, 1) : String(text).length;

const PRICES: readonly [object, Record<string, unknown>][] = [
  [Buffer, { concat: octets, from: octets, byteLength: () => 1 }],
  [
    Buffer.prototype,
    {
      subarray: () => 1,
      indexOf: found,
      copy: (_: never, __: never[], copied: number) => copied,
      set: (_: never, [source]: [Uint8Array]) => source.length,
      toString: made,
      compare: () => 1,
    },
  ],
  [
    String.prototype,
    {
      split: characters,
      replace: characters,
      replaceAll: characters,
      toLowerCase: characters,
      toUpperCase: characters,
      trim: characters,
      slice: made,
      indexOf: found,
      includes: characters,
      lastIndexOf: characters,
    },
  ],
  [RegExp.prototype, { test: subject, exec: subject }],
  [
    Array.prototype,
    {
      findIndex: visited,
      indexOf: visited,
      includes: visited,
      find: visited,
      some: visited,
      every: visited,
      map: visited,
      shift: visited,
      splice: visited,
    },
  ],
  [Map.prototype, { get: () => 1, set: () => 1, has: () => 1 }],
];

/** Puts a counting function in the place of each primitive. @returns what takes them away again */
function install(): () => void {
  const restore = PRICES.flatMap(([place, prices]) =>
    Object.entries(prices).map(([name, price]) => {
      const own = Object.getOwnPropertyDescriptor(place, name);
      const original = (place as Place)[name] as Callable;
      const counting: Callable = function (...given) {
        if (!isCounting) return original.apply(this, given);
        isCounting = false;
        try {
          const isOfBuffers = place === Buffer || place === Buffer.prototype;
          const args = (isOfBuffers ? given.map(bare) : given).map(counted);
          const isWatched =
            place === Buffer
              ? given.flat().some((value) => chunks.has(value as object))
              : watched.has(this as Buffer);
          const result = original.apply(this, args);
          count += Math.max((price as Price)(this as never, args as never[], result as never), 1);
          return isWatched && result instanceof Buffer ? watch(result) : result;
        } finally {
          isCounting = true;
        }
      };
      Object.defineProperty(place, name, { configurable: true, writable: true, value: counting });
      return () => {
        if (own) Object.defineProperty(place, name, own);
        else delete (place as Place)[name];
      };
    }),
  );
  return () => {
    for (const undo of restore) undo();
  };
}

/** Once for all that a file counts: what is compiled for one primitive is not for another in its place. */
let undo: (() => void) | undefined;
/** Gives the primitives back: call it after the last test of a file. */
export function restorePrimitives(): void {
  undo?.();
  undo = undefined;
}

/** One more step: an object that is made, a call of what the test hands over. */
export function step(): void {
  count += 1;
}

/** The steps of `run`. */
export function steps(run: () => void): number {
  undo ??= install();
  count = 0;
  isCounting = true;
  try {
    run();
    return count;
  } finally {
    isCounting = false;
  }
}

/**
 * Steps for twice the input over those for the input: 2 where work is linear, 4 where it goes with the square.
 * @param make gets a size and prepares the work; only what it returns is counted
 */
export function growth(make: (size: number) => () => void, size: number): number {
  // What is made once, at the first use, is not counted for the smaller one.
  steps(make(size));
  return steps(make(2 * size)) / steps(make(size));
}
