/** A source of repeatable "random" values. */
export interface Random {
  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number;
  /** One of `items`. */
  pick<T>(items: readonly T[]): T;
  /** A character of any Unicode plane, controls included, no surrogate; every second one is ASCII. */
  codePoint(): string;
}

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function random(seed: number): Random {
  let state = seed | 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  return {
    below,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
    codePoint() {
      const code = below(2) ? below(0x80) : below(2) ? below(0xd800) : 0xe000 + below(0x102000);
      return String.fromCodePoint(code);
    },
  };
}
