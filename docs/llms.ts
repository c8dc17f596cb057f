/**
 * Writes the pages for language models: llms.txt, a list of all pages (https://llmstxt.org), and llms-full.txt, which
 * has them in one file. `bun run build` runs it; llms.txt is in the repository and in the package, llms-full.txt in neither: it
 * is as large as all pages together.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT: string = new URL("..", import.meta.url).pathname;
const INDEX = "docs/index.md";
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** Links of a page to other files, as paths from the root; blocks of code have none. */
function linksOf(page: string): string[] {
  const text = read(page).replace(/^```[^]*?^```$/gm, "");
  return Array.from(text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g), ([, link = ""]) =>
    join(dirname(page), link),
  );
}

/** All pages: the README, those of the index in its order, then those that only other pages lead to. */
export function pages(): string[] {
  const found = new Set(["README.md", INDEX, ...linksOf(INDEX)].filter((path) => path.endsWith(".md")));
  for (const page of found) {
    for (const link of linksOf(page)) {
      if (link.endsWith(".md") && link.startsWith("docs/") && existsSync(join(ROOT, link))) found.add(link);
    }
  }
  return [...found];
}

/** The list: the first paragraph of the index as the summary, and its sections that have links. */
export function list(): string {
  const [head = "", ...sections] = read(INDEX).split(/^(?=## )/m);
  const [title = "", summary = ""] = head.split("\n\n");
  const linked = sections.filter((section) => /^- \[/m.test(section)).map((section) => section.trimEnd());
  const plain = summary.replaceAll("\n", " ");
  return `${[title, `> ${plain}`, ...linked].join("\n\n")}\n`;
}

/** All pages, one after the other. Links become paths from the root, as the marks between the pages have them. */
export function full(): string {
  return pages()
    .map((page) => {
      const text = read(page).replace(
        /(\]\()(?!https?:|#)([^)\s]+)(?=\))/g,
        (_, start: string, link: string) => {
          return start + join(dirname(page), link);
        },
      );
      return `<!-- ${page} -->\n\n${text.trim()}\n`;
    })
    .join("\n");
}

if (import.meta.main) {
  writeFileSync(join(ROOT, "docs/llms.txt"), list());
  writeFileSync(join(ROOT, "docs/llms-full.txt"), full());
}
