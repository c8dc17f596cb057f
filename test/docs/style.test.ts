/** What makes pages hard to read: wide tables, long pages, and words that a reader has to think about. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PAGES } from "../support/examples.js";
import { withoutBlocks } from "../support/markdown.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** Characters in a row of a table, as the source has it. */
const WIDTH = { guide: 160, reference: 220 };

test.each(PAGES)("the tables of %s fit", (page) => {
  const limit = page.includes("/reference/") ? WIDTH.reference : WIDTH.guide;
  const wide = withoutBlocks(read(page))
    .split("\n")
    .filter((line) => line.startsWith("|") && line.length > limit)
    .map((line) => `${line.length}: ${line.replace(/ {2,}/g, " ")}`);
  expect(wide).toEqual([]);
});

/** Words of a page without its code. Pages that are not here may have {@link MOST_WORDS}. */
const WORDS: Readonly<Record<string, number>> = {
  "README.md": 800,
  "docs/performance.md": 1500,
};
const MOST_WORDS = 2500;

test.each(PAGES)("%s is no longer than it may be", (page) => {
  const words = withoutBlocks(read(page)).match(/[\p{L}\p{N}]\S*/gu) ?? [];
  // The tables of results are looked up, not read.
  if (page !== "docs/benchmark.md") expect(words.length).toBeLessThan(WORDS[page] ?? MOST_WORDS);
});

/** What to write instead is behind each. A mail address may have any name in it. */
const AVOIDED: readonly [pattern: RegExp, instead: string][] = [
  [/\b(?:no|some|any)body\b(?![@.])/i, "no client, a client, any client; or name who it is"],
  [/\bwhoever\b/i, "a client that"],
  [/\bWho (?:do|does|is|has|may|can|cannot|records)\b[^?\n]*[.,]/, "a client that, those who"],
  [/\blikewise\b/i, "the same, too, also"],
  [/\banew\b/i, "again, new"],
  [/[,.`] for one\b(?! of| that| with|'s| use)|\bfor one[.;:)]/i, "for example, such as"],
  [/\b(?:of|is|are) yours\b/i, "your; up to you"],
  [/\bcan not\b(?! only)/i, "cannot"],
  [/\bmakes? no sense\b/i, "is invalid"],
  [/\bfor ever\b/i, "forever"],
  [/\b(?:go|goes|went|gone|going) away\b/i, "disconnect, end"],
  [/\bstrangers?\b|\bvisitors?\b|\bguests?\b/i, "clients"],
  [/\b(?:is|are|was|were|be) told (?:of|so|about)\b/i, "gets, sees, reports"],
  [/\b(?:client|sender|peer)s? (?:can |must |may |will )?hears?\b/i, "gets"],
  [/\bow(?:es?|ed|ing)\b/i, "has to, gets, still needs"],
  [/\bproves? to know\b/i, "proves that it knows"],
  [/\bnobody's business\b|\bfront door\b|\bturn about\b|\bgood order\b/i, "say it plainly"],
  [/\b(?:either|which|two|both|Web|Node) faces?\b/i, "side"],
];

/** A reply of smtp-server, to the letter, and the user of that name. */
const KEPT = /Can not kill Mom|-u nobody/g;

/** The lines of a text that have such a word, with the word to write. */
function avoidedIn(text: string): string[] {
  return text
    .replace(KEPT, "")
    .split("\n")
    .flatMap((line, index) =>
      AVOIDED.filter(([pattern]) => pattern.test(line)).map(
        ([pattern, instead]) => `${index + 1}: "${pattern.exec(line)?.[0]}": ${instead}`,
      ),
    );
}

const files = (pattern: string): string[] =>
  [...new Bun.Glob(pattern).scanSync(ROOT)].filter(
    (file) => !file.includes("node_modules/") && file !== "test/docs/style.test.ts",
  );

describe.each([
  ["the pages", PAGES],
  ["the programs of docs/", files("docs/**/*.{ts,js,html}")],
  ["src/", files("src/**/*.{ts,cjs,cts,wat}")],
  ["test/", files("test/**/*.{ts,md}")],
  ["the transcripts", files("test/transcripts/**/*.smtp")],
])("%s", (_, paths) => {
  test("have words that are read once", () => {
    expect(paths.length).toBeGreaterThan(5);
    const found = paths.flatMap((path) => avoidedIn(read(path)).map((line) => `${path}:${line}`));
    expect(found).toEqual([]);
  });
});

test("the words are found, in any form", () => {
  const bad = [
    "Nobody waits.",
    "its tag, PostgreSQL for one.",
    "a function of yours",
    "It can not.",
    "Who has it.",
  ];
  expect(bad.filter((line) => avoidedIn(line).length === 0)).toEqual([]);
  const good = [
    "<nobody@b.test>",
    "a port for one of them",
    "code: 'Can not kill Mom'",
    "Who waits for whom?",
  ];
  expect(good.flatMap(avoidedIn)).toEqual([]);
});
