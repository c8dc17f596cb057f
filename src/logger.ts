import { format, inspect } from "node:util";
import type { Logger } from "./types/index.js";
import { printable } from "./wire/text.js";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof LEVELS)[number];

/** A logger that has every method. */
export type FullLogger = Required<Logger>;

/** A log entry. `tnx` is its subject. An entry about a client also has the fields of a {@link LoggedClient}. */
export type LogEntry = Record<string, unknown> & { tnx: string };

/** The client that an entry is about. */
export interface LoggedClient {
  /** The session's id; missing before the client has a session. */
  readonly cid?: string;
  /** `session.remoteAddress`: "" on a unix socket. */
  readonly host: string;
  /** `session.remotePort`: 0 on a unix socket. */
  readonly port: number;
}

function ignore(): void {}

function logTo(
  write: (level: LogLevel, entry: object, text: string | undefined, args: unknown[]) => void,
): FullLogger {
  return Object.fromEntries(
    LEVELS.map((level) => [
      level,
      (entry: object, text?: string, ...args: unknown[]) => write(level, entry, text, args),
    ]),
  ) as unknown as FullLogger;
}

/** Drops every entry. */
export const silent: FullLogger = logTo(ignore);

const consoleLogger = logTo((level, entry, text, args) => {
  const { tnx, cid, host, port, err } = entry as Record<string, unknown>;
  const time = new Date().toISOString();
  // The address is before the text, where a client cannot write one: programs such as fail2ban ban the address they find.
  const isAboutClient = host && tnx !== "listen";
  const client = `${cid ? `[${String(cid)}] ` : ""}${isAboutClient ? `[${String(host)}]:${String(port)} ` : ""}`;
  const line = printable(
    `[${time}] ${level.toUpperCase().padEnd(5)} ${client}${format(text ?? "", ...args)}`,
  );
  const details = err === undefined || level === "info" ? "" : indented(inspect(err));
  (level === "error" || level === "fatal" ? console.error : console.log)(line + details);
});

/** Indents each line, because an error's message may contain text of a client that looks like a line of the log. */
function indented(lines: string): string {
  return lines
    .split("\n")
    .map((line) => `\n    ${printable(line)}`)
    .join("");
}

/**
 * Makes the logger for the option `logger`.
 * @param option `true` for the console, an object with any of the six methods, a falsy value for no log
 * @param component added to every entry as `component` (option `component`)
 */
export function makeLogger(option: Logger | boolean | null | undefined, component: string): FullLogger {
  if (!option) return silent;
  const target = option === true ? consoleLogger : option;
  return logTo((level, entry, text, args) => {
    target[level]?.({ component, ...entry }, text, ...args);
  });
}

/**
 * Writes a log entry. Every entry of the library goes through this function: it escapes the characters that a terminal
 * would act on, in the arguments and in the text fields. An application's logger may lack the method.
 */
export function log(logger: Logger, level: LogLevel, entry: object, text: string, ...args: unknown[]): void {
  if (logger === silent) return;
  // A logger that throws must not affect the mail.
  try {
    logger[level]?.(printableFields(entry), text, ...args.map(printableText));
  } catch (error) {
    console.error(error);
  }
}

/** Escapes text fields. An error in `err` stays as it is: programs compare its message, and JSON and `inspect` escape it. */
function printableFields(entry: object): object {
  return Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, printableText(value)]));
}

function printableText(value: unknown): unknown {
  return typeof value === "string" ? printable(value) : value;
}
