/**
 * The pages as they are published. The package has those that a program's author needs; the others, the tests and the
 * sources stay in the repository, and no link may lead to them:
 *
 * - A sentence, a list item or a row of a table is left out if all its links lead to pages that are not published:
 *   it only says where to read on. A heading above nothing goes with it.
 * - Any other link to what is not published becomes its text, and an image goes.
 */
import { dirname, join } from "node:path";

/** The files that the package has of a folder: those of the manifest's `files`, and the README. */
export function publishedFiles(root: string, files: readonly string[]): Set<string> {
  const found = new Set(["README.md"]);
  for (const pattern of files) {
    const glob = new Bun.Glob(pattern.replace(/^!/, ""));
    for (const file of glob.scanSync(root)) found[pattern.startsWith("!") ? "delete" : "add"](file);
  }
  return found;
}

/** A link or an image to a file, not to a web page or a place on its own page. */
const LINK = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\((?!https?:|#)([^)#\s]+)[^)\s]*\)/g;
const CODE = /(^```[^]*?^```$)/m;

/**
 * @param page its path from the root
 * @param text what it says in the repository
 */
export function publishedPage(page: string, text: string, files: ReadonlySet<string>): string {
  const isAbsent = (link: string): boolean => !files.has(join(dirname(page), link));
  const blocks = text.split(CODE).flatMap((part) => (CODE.test(part) ? [part] : part.split(/\n{2,}/)));
  const kept = blocks.map((block) => (CODE.test(block) ? block : withoutAbsent(block, isAbsent)).trim());
  return `${withoutEmptySections(kept.filter((block) => block !== "")).join("\n\n")}\n`;
}

/** @param block a paragraph, a list, a table or a heading */
function withoutAbsent(block: string, isAbsent: (link: string) => boolean): string {
  const lines = block.split("\n").flatMap((line) => {
    const left = partsOf(line)
      .filter((part) => !onlyReadsOn(part, isAbsent))
      .join("")
      .replace(LINK, (all, mark: string, label: string, link: string) =>
        isAbsent(link) ? (mark ? "" : label) : all,
      );
    return /^\s*(?:[-*]|\d+\.)?\s*$/.test(left) ? [] : [left.trimEnd()];
  });
  return lines.join("\n");
}

/** A row of a table, or the sentences of a line, each with the space behind it. */
function partsOf(line: string): string[] {
  return line.startsWith("|") ? [line] : line.split(/(?<=[.!?] )(?=["[`*\p{Lu}])/u);
}

function onlyReadsOn(part: string, isAbsent: (link: string) => boolean): boolean {
  const links = Array.from(part.matchAll(LINK), ([, , , link = ""]) => link);
  return links.length > 0 && links.every((link) => isAbsent(link) && link.endsWith(".md"));
}

/** Leaves out each heading that no text follows before the next of its level, from the last to the first. */
function withoutEmptySections(blocks: readonly string[]): string[] {
  return blocks.reduceRight<string[]>((after, block) => {
    const isEmpty =
      levelOf(block) > 0 && (after[0] === undefined || (levelOf(after[0]) || Infinity) <= levelOf(block));
    return isEmpty ? after : [block, ...after];
  }, []);
}

/** 1 to 6 for a heading, 0 for other blocks. */
const levelOf = (block: string): number => /^#+(?= )/.exec(block)?.[0].length ?? 0;
