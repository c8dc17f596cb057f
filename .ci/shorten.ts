/**
 * Shortens what a bundle calls its arguments, variables and private fields: a sixth of its size when packed.
 *
 * What a user sees stays: the lines, and the names of functions, classes and methods, which stack traces,
 * `constructor.name` and `inspect` show. Bun's `--keep-names` does not keep those (oven-sh/bun#25332), and a bundle
 * without lines prints thousands of characters above each uncaught error.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { $ } from "bun";

/** Functions and classes of a module, with those that a variable holds. */
const TOP_LEVEL =
  /^(?:(?:async )?function\*? |class |(?:var|let|const) (?=[\w$]+ = (?:async |function|class|[\w$]+ =>|\(.*\) =>)))([\w$]+)/gm;
/** A private method where it is declared. */
const PRIVATE_METHOD = /^ +(?:static )?(?:async )?(?:[gs]et )?\*?#(\w+)\(/gm;
/** Stands for the `#` of a private method, since only private names of properties are shortened. */
const MARK = "private__";
const EXPORT = /^export \{([^}]*)\};?\n?/gm;

const namesIn = (list: string): string[] => list.split(/[\s,]+/).filter(Boolean);

/** Shortens the names of a file that Bun has bundled without any minification. */
export async function shorten(file: string): Promise<void> {
  const code = readFileSync(file, "utf8");
  const exported = Array.from(code.matchAll(EXPORT), ([, list = ""]) => namesIn(list)).flat();
  const names = Array.from(code.matchAll(TOP_LEVEL), ([, name = ""]) => name);
  // The minifier keeps names that are exported, so these are while it works.
  const kept = names.filter((name) => !exported.includes(name));
  const methods = new Set(Array.from(code.matchAll(PRIVATE_METHOD), ([, name = ""]) => name));
  const marked = code.replace(/#(\w+)/g, (all, name: string) => (methods.has(name) ? MARK + name : all));
  writeFileSync(file, `${marked}\nexport { ${kept.join(", ")} };\n`);

  const short =
    await $`${process.execPath} build ${file} --no-bundle --target=bun --minify-identifiers`.text();
  const isKept = (list: string): boolean => namesIn(list).join() === kept.join();
  const text = short.replaceAll(MARK, "#").replace(EXPORT, (all, list: string) => (isKept(list) ? "" : all));
  // The first line tells Bun that there is nothing left to transpile.
  writeFileSync(file, `// @bun\n${text.trim()}\n`);
}
