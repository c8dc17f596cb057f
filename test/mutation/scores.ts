/** The committed table of scores. */

/** What became of the mutants of a file. */
export interface Score {
  readonly file: string;
  readonly mutants: number;
  readonly killed: number;
  readonly timedOut: number;
  /** Survivors that can change an outcome, as far as is known. */
  readonly survived: number;
  /** Survivors that change no outcome. */
  readonly judged: number;
}

const HEADING = ["file", "mutants", "killed", "timed out", "survived", "judged", "score"];
const COUNTS = ["mutants", "killed", "timedOut", "survived", "judged"] as const;

/** How many percent of the mutants that can change an outcome were found; 100 where there are none. */
export function percentage({ mutants, killed, timedOut, judged }: Score): number {
  return mutants === judged ? 100 : (100 * (killed + timedOut)) / (mutants - judged);
}

/** The scores together. */
export function total(scores: readonly Score[]): Score {
  const sum = (key: (typeof COUNTS)[number]): number => scores.reduce((all, score) => all + score[key], 0);
  return {
    file: "all",
    mutants: sum("mutants"),
    killed: sum("killed"),
    timedOut: sum("timedOut"),
    survived: sum("survived"),
    judged: sum("judged"),
  };
}

/** Reads the page that {@link pageOf} writes. */
export function scoresIn(page: string): Score[] {
  return [...page.matchAll(/^\| (\S+\.ts) .*$/gm)].map(([row, file = ""]) => {
    const [, , ...cells] = row.split("|").map((cell) => cell.trim());
    const [mutants = 0, killed = 0, timedOut = 0, survived = 0, judged = 0] = cells.map(Number);
    return { file, mutants, killed, timedOut, survived, judged };
  });
}

/** The page, formatted as Prettier would. */
export function pageOf(scores: readonly Score[]): string {
  const sorted = scores.toSorted((one, other) => (one.file < other.file ? -1 : 1));
  const rows = [...sorted, total(scores)].map((score) => [
    score.file,
    ...COUNTS.map((key) => String(score[key])),
    `${shown(score)} %`,
  ]);
  const widths = HEADING.map((name, at) =>
    Math.max(...[HEADING, ...rows].map((row) => (row[at] ?? name).length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(" | ")} |`;
  const rule = widths.map((width, at) => (at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return `# Mutation scores

Written by \`bun test/mutation/main.ts\`; [contributing](../../docs/contributing.md#mutation-testing) explains it. The score is the share of mutants killed or timed out among those that can change an outcome: all but the judged ones, which [survivors.ts](survivors.ts) lists with the reason.

${[line(HEADING), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n")}
`;
}

/** A percentage with one digit behind the point, never rounded up: 94.97 is not 95. */
export function shown(score: Score): string {
  return (Math.floor(percentage(score) * 10) / 10).toFixed(1);
}
