import type { Logger } from "../../src/index.js";

/** A log entry without its component and session id, with its level, and its text with the arguments in place. */
export type Entry = Record<string, unknown>;

/** A logger with these levels, and the entries that it got. */
export function recorder(levels: readonly string[] = ["trace", "debug", "info", "warn", "error", "fatal"]): {
  logger: Logger;
  entries: Entry[];
} {
  const entries: Entry[] = [];
  const method =
    (level: string) =>
    ({ component, cid, err, ...fields }: Entry, format = "", ...args: unknown[]): void => {
      void [component, cid];
      const text = String(format).replace(/%s/g, () => String(args.shift()));
      entries.push({ level, ...fields, ...(err ? { err: (err as Error).message } : {}), text });
    };
  return { logger: Object.fromEntries(levels.map((level) => [level, method(level)])) as Logger, entries };
}
