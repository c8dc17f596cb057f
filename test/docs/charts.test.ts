/** The charts show the figures of the page, and the pictures are well-formed and light or dark. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chartsOf } from "../bench/charts.js";
import { readRows, summaryOf, table } from "../bench/results.js";
import { parseSpread, spreadOf, spreadText } from "../bench/statistics.js";
import { HOOKS } from "../../src/hooks/names.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const rows = readRows();

test("each chart is the one that `bun run bench --charts` draws from docs/benchmark.md", () => {
  const charts = chartsOf(rows);
  const files = [...new Bun.Glob("docs/charts/*").scanSync(ROOT)].toSorted();
  expect(files).toEqual([...charts.keys()].map((file) => `docs/charts/${file}`).toSorted());
  for (const [file, svg] of charts) expect(read(`docs/charts/${file}`)).toBe(svg);
});

test("a bar is as long as its figure", () => {
  const svg = chartsOf(rows).get("cpu-4-kb.svg") ?? "";
  const widths = Array.from(svg.matchAll(/<rect [^>]* width="([\d.]+)"/g), ([, width]) => Number(width));
  const figures = rows
    .filter(({ figure }) => figure === "kept, 4 kB, 20 clients")
    .map(({ cpu = [NaN] }) => cpu[0]);
  expect(widths).toHaveLength(5);
  const scale = (widths[0] ?? NaN) / (figures[0] ?? NaN);
  widths.forEach((width, index) => expect(width / scale).toBeCloseTo(figures[index] ?? NaN, 1));
});

test("performance.md, the README and the comparison say the figures of benchmark.md", () => {
  const of = (figure: string, server: string) =>
    rows.find((row) => row.figure === figure && row.server === server);
  expect(read("docs/performance.md")).toContain(`\n${summaryOf(rows)}\n`);
  for (const server of ["bun-smtp", "smtp-server (bun)"]) {
    const idle = `${(of("10000 idle connections", server)?.value[0] ?? NaN).toFixed(1)} kB`;
    expect(read("README.md")).toContain(idle);
    expect(read("docs/comparison.md")).toContain(idle);
    const cpu = of("kept, 4 kB, 20 clients", server)?.cpu?.[0] ?? NaN;
    expect(read("docs/comparison.md")).toContain(`${Math.round(cpu)} µs`);
  }
});

describe("a spread", () => {
  test("is read as it is written", () => {
    expect(spreadText(spreadOf([19, 17.25, 1234]))).toBe("19.0 (17.3–1234)");
    expect(parseSpread("19.0 (17.3–1234)")).toEqual([19, 17.3, 1234]);
    expect(parseSpread("")).toBeUndefined();
    expect(spreadText(spreadOf([undefined]))).toBe("");
  });
});

test("a table is written as Prettier writes it", () => {
  expect(table(["a", ":bb"], [["long", "1"]])).toBe("| a    |  bb |\n| ---- | --: |\n| long |   1 |");
});

test.each([...new Bun.Glob("docs/{charts,images}/*.svg").scanSync(ROOT)])("%s", (file) => {
  const svg = read(file);
  expect(svg).toContain("(prefers-color-scheme: dark)");
  expect(svg).toMatch(/<title>[^<]+<\/title>/);
  // Each element is closed, and no text has a bare < or &.
  const open: string[] = [];
  const rest = svg.replace(/<(\/?)([a-z]+)(?: [\w:-]+="[^"<&]*")*(\/?)>/g, (_, end, name: string, empty) => {
    if (end) expect(open.pop()).toBe(name);
    else if (!empty) open.push(name);
    return "";
  });
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/<|&(?!lt;|gt;|amp;)/);
});

test("the diagram of the hooks has all of them, in their order", () => {
  const said = Array.from(read("docs/images/hooks.svg").matchAll(/>(on[A-Z]\w*)</g), ([, hook]) => hook);
  expect(said).toEqual(Object.keys(HOOKS) as typeof said);
});
