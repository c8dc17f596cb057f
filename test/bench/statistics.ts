/** Medians, and how figures are written. */

/** Median, least and most of the rounds. */
export type Spread = readonly [median: number, least: number, most: number];

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

/** `undefined` where nothing was measured. */
export function spreadOf(values: readonly (number | undefined)[]): Spread | undefined {
  const numbers = values.filter((value) => value !== undefined);
  return numbers.length === 0 ? undefined : [median(numbers), Math.min(...numbers), Math.max(...numbers)];
}

/** Three significant digits. */
export function digits(value: number): string {
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3);
}

/** `median (least–most)`; nothing where nothing was measured. */
export function spreadText(spread: Spread | undefined): string {
  if (!spread) return "";
  const [middle, least, most] = spread;
  return `${digits(middle)} (${digits(least)}–${digits(most)})`;
}

/** What {@link spreadText} wrote. */
export function parseSpread(text: string): Spread | undefined {
  const [, middle, least, most] = /^([\d.]+) \(([\d.]+)–([\d.]+)\)$/.exec(text) ?? [];
  return middle === undefined ? undefined : [Number(middle), Number(least), Number(most)];
}
