/**
 * The figures of a whole run. `--save` writes them into the tables of docs/benchmark.md, and the charts are drawn from
 * these tables: the page is the only copy.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { rowsOf } from "../support/markdown.js";
import { parseSpread, type Spread } from "./statistics.js";

const PAGE = new URL("../../docs/benchmark.md", import.meta.url);

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
export function readRows(page: string = readFileSync(PAGE, "utf8")): Row[] {
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

/** Puts a text between the marks `<!-- name -->` and `<!-- /name -->` of the page. */
export function save(texts: Readonly<Record<string, string>>): void {
  let page = readFileSync(PAGE, "utf8");
  for (const [name, text] of Object.entries(texts)) {
    const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [page.indexOf(start), page.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`The page has no place for ${name}`);
    page = `${page.slice(0, from + start.length)}\n\n${text}\n\n${page.slice(to)}`;
  }
  writeFileSync(PAGE, page);
}
