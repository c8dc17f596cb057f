import type { Case } from "./cases.js";

/** A difference from smtp-server 3.21.6 that is meant. docs/guide/migrating-from-smtp-server.md has them all. */
interface Difference {
  readonly reason: string;
  /** The line at which the two part. */
  readonly line: RegExp;
  /** Only in these conversations. */
  readonly of?: RegExp;
}

const DIFFERENCES: readonly Difference[] = [
  {
    reason: "RFC 2034 3: an enhanced status code also on the 500 for LHLO in SMTP",
    line: /^LHLO/,
    of: /^enhanced/,
  },
  {
    reason: "RFC 4954 4: a line inside of an exchange is no command, whatever it looks like",
    line: /^MAIL FROM/,
    of: /^auth$/,
  },
  {
    reason: "RFC 5321 4.1.2: a quoted local part may have spaces",
    line: /<"a b"@c\.d>/,
  },
  {
    reason: "RFC 5321 4.5.3.1.3: a path may have 256 octets",
    line: /<a{252}@b>/,
  },
  {
    reason: "RFC 5321 4.1.2: a source route without an address is no null reverse-path",
    line: /<@r:>/,
  },
];

/** Why the two differ at this line, if that is meant. */
export function reasonFor(line: string, { name }: Case): string | undefined {
  return DIFFERENCES.find((difference) => difference.line.test(line) && (difference.of?.test(name) ?? true))
    ?.reason;
}
