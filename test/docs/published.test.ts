/** The pages as the package has them: no link leads out of it, and what is left reads well. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { publishedFiles, publishedPage } from "../../.ci/pages.js";
import { PAGES } from "../support/examples.js";
import { anchorsOf, withoutBlocks } from "../support/markdown.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const files = publishedFiles(ROOT, (JSON.parse(read("package.json")) as { files: string[] }).files);
const pages = [...files].filter((file) => /\.(md|txt)$/.test(file)).sort();
const texts = new Map(pages.map((page) => [page, publishedPage(page, read(page), files)]));

test("are those for a program's author", () => {
  expect(pages).toEqual(expect.arrayContaining(["README.md", "docs/index.md", "docs/guide/tls.md"]));
  expect(PAGES.filter((page) => /\/(guide|reference)\//.test(page) && !files.has(page))).toEqual([
    "docs/guide/scaling.md",
  ]);
  for (const page of ["docs/contributing.md", "docs/benchmark.md", "docs/examples/mx.md"])
    expect(pages).not.toContain(page);
});

test.each(pages)("each link of %s leads to one of them, or to a file that is published", (page) => {
  const links = withoutBlocks(texts.get(page) ?? "").matchAll(/\]\((?!https?:)([^)\s]+)/g);
  const dead = Array.from(links, ([, link = ""]) => link).filter((link) => {
    const [to = "", anchor] = link.split("#");
    const target = to === "" ? page : join(dirname(page), to);
    return !files.has(target) || (anchor !== undefined && !anchorsOf(texts.get(target) ?? "").has(anchor));
  });
  expect(dead).toEqual([]);
});

test.each(pages)("%s has no heading above nothing, no list or table without items", (page) => {
  const text = texts.get(page) ?? "";
  expect(text).not.toMatch(/^(#+) .*\n+(?:\1 |(?!\1)##? |$(?![^]))/m);
  expect(withoutBlocks(text)).not.toMatch(/:\n\n(?:#|[A-Z])|^\|[-| :]+\|\n(?!\|)/m);
  expect(text).not.toMatch(/\n{3}|[^\n]$/);
  expect(publishedPage(page, text, files)).toBe(text);
});

test("a page that links to none of the others is published as it is", () => {
  expect(texts.get("docs/guide/tls.md")).toBe(read("docs/guide/tls.md"));
  expect(texts.get("docs/reference/session.md")).toBe(read("docs/reference/session.md"));
});

describe("what leads elsewhere", () => {
  const some = new Set(["docs/a.md", "docs/here.md", "docs/is.svg"]);
  const published = (text: string): string => publishedPage("docs/a.md", `${text}\n`, some).trimEnd();

  test.each([
    [
      "a sentence goes",
      "One. [Gone](gone.md) has more. Two, see [here](here.md).",
      "One. Two, see [here](here.md).",
    ],
    [
      "the last sentence goes",
      "Bun 1.4.5 does, e.g. this. The example [x](x/gone.md#a) shows it.",
      "Bun 1.4.5 does, e.g. this.",
    ],
    [
      "a sentence with another link stays",
      "See [here](here.md) or [`gone`](gone.md).",
      "See [here](here.md) or `gone`.",
    ],
    ["a paragraph goes", "A\n\nSee [gone](gone.md) and [that](../that.md).\n\nB", "A\n\nB"],
    ["an item goes", "- [gone](gone.md): what\n- [here](here.md): what", "- [here](here.md): what"],
    [
      "a row goes",
      "| a | b |\n| - | - |\n| x | [gone](gone.md) |\n| y | [here](here.md) |",
      "| a | b |\n| - | - |\n| y | [here](here.md) |",
    ],
    ["a section goes", "# A\n\nB\n\n## C\n\n### D\n\n[Gone](gone.md).\n\n## E\n\nF", "# A\n\nB\n\n## E\n\nF"],
    ["a last section goes", "# A\n\nB\n\n## C\n\n- [Gone](gone.md)", "# A\n\nB"],
    ["a link to a file becomes its text", "- [The reader](../src/reader.ts) reads.", "- The reader reads."],
    ["an image goes", "A\n\n![is](is.svg)\n\n![Gone](gone.png)\n\nB", "A\n\n![is](is.svg)\n\nB"],
    [
      "a web page stays",
      "[A](https://a.example/gone.md), [B](#b)",
      "[A](https://a.example/gone.md), [B](#b)",
    ],
    ["code stays", "```md\n[gone](gone.md)\n\n\n# A\n```", "```md\n[gone](gone.md)\n\n\n# A\n```"],
  ])("%s", (_, text, expected) => {
    expect(published(text)).toBe(expected);
  });
});
