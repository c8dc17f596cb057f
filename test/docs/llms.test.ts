/** The pages for language models have every page, and their links lead somewhere. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { full, list, pages } from "../../docs/llms.js";
import { PAGES } from "../support/examples.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

test("llms.txt is the list of the index: `bun docs/llms.ts` writes it", () => {
  expect(read("docs/llms.txt")).toBe(list());
});

test("llms.txt has a title, a summary and a link to each page of the index", () => {
  expect(list()).toMatch(/^# bun-smtp\n\n> An SMTP .*\n\n/);
  const links = Array.from(list().matchAll(/\]\((?!https?:)([^)]+)\)/g), ([, link = ""]) => link);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((link) => !existsSync(join(ROOT, "docs", link)))).toEqual([]);
});

test("llms-full.txt has all pages, each once and whole", () => {
  expect(pages().toSorted()).toEqual([...PAGES].toSorted());
  const text = full();
  const marks = Array.from(text.matchAll(/^<!-- (\S+\.md) -->$/gm), ([, page]) => page);
  expect(marks).toEqual(pages());
  for (const page of PAGES) {
    const headings = read(page).match(/^#+ .*$/gm) ?? [];
    expect(headings.filter((heading) => !text.includes(heading))).toEqual([]);
  }
});

test("the links of llms-full.txt are paths from the root", () => {
  const text = full().replace(/^```[^]*?^```$/gm, "");
  const links = Array.from(text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g), ([, link = ""]) => link);
  expect(links.length).toBeGreaterThan(200);
  expect([...new Set(links)].filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
});

test("the build writes both", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  expect(scripts["build"]).toEndWith("&& bun docs/llms.ts");
});
