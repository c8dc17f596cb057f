/**
 * The figures of a whole run. `--save` writes them into the tables of docs/benchmark.md. The charts and the table of
 * docs/performance.md are made from these tables: the page is the only copy.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { rowsOf } from "../support/markdown.js";
import { digits, parseSpread, type Spread } from "./statistics.js";

const pageURL = (name: string): URL => new URL(`../../docs/${name}`, import.meta.url);

/** What the rounds of one server gave in one figure. */
export interface Row {
  figure: string;
  server: string;
  value: Spread;
  unit: string;
  /** Microseconds of the server's CPU for each message or session; missing for memory. */
  cpu: Spread | undefined;
}

/** The rows of the table of figures. */
export function readRows(page: string = readFileSync(pageURL("benchmark.md"), "utf8")): Row[] {
  return rowsOf(page)
    .filter(({ heading }) => heading === "Figures")
    .map(({ cells: [figure = "", server = "", value = "", unit = "", cpu = ""] }) => {
      const spread = parseSpread(value);
      if (!spread) throw new Error(`${figure}, ${server}: ${value} is not a figure`);
      return { figure, server, value: spread, unit, cpu: parseSpread(cpu) };
    });
}

/** A table as Prettier would write it. Columns whose heading begins with a colon are set right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const names = head.map((name) => name.replace(/^:/, ""));
  const widths = names.map((name, column) =>
    Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const isRight = (column: number): boolean => head[column]?.startsWith(":") ?? false;
  const line = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) =>
      isRight(column) ? (cells[column] ?? "").padStart(width) : (cells[column] ?? "").padEnd(width),
    );
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, column) =>
    isRight(column) ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
  );
  return [line(names), line(rule), ...rows.map(line)].join("\n");
}

/** Puts texts between the marks `<!-- name -->` and `<!-- /name -->` of a page of docs/. */
export function save(name: string, texts: Readonly<Record<string, string>>): void {
  let page = readFileSync(pageURL(name), "utf8");
  for (const [mark, text] of Object.entries(texts)) {
    const [start, end] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
    const [from, to] = [page.indexOf(start), page.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${name} has no place for ${mark}`);
    page = `${page.slice(0, from + start.length)}\n\n${text}\n\n${page.slice(to)}`;
  }
  writeFileSync(pageURL(name), page);
}

/** The figures that docs/performance.md shows as a table. */
const SUMMARY: readonly [what: string, figure: string, by: "value" | "cpu", unit: string][] = [
  ["4 kB messages a second, 20 clients", "kept, 4 kB, 20 clients", "value", ""],
  ["CPU for a 4 kB message", "kept, 4 kB, 20 clients", "cpu", " µs"],
  ["messages of 10 MB, 4 clients", "10 MB, 4 clients", "value", " MB/s"],
  ["CPU for a STARTTLS session", "STARTTLS, sessions", "cpu", " µs"],
  ["memory of an idle connection", "10000 idle connections", "value", " kB"],
];

/** That table. */
export function summaryOf(rows: readonly Row[]): string {
  const servers = ["bun-smtp", "smtp-server (bun)", "smtp-server (node)", "bare loop"];
  const cells = SUMMARY.map(([what, figure, by, unit]) => [
    what,
    ...servers.map((server) => {
      const spread = rows.find((row) => row.figure === figure && row.server === server)?.[by];
      return spread ? `${digits(spread[0])}${unit}` : "–";
    }),
  ]);
  return table(["figure", ...servers.map((server) => `:${server}`)], cells);
}
