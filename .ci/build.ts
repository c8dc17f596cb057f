/**
 * Makes dist/: what is published instead of src/.
 *
 *   bun .ci/build.ts           dist/ alone
 *   bun .ci/build.ts publish   lets package.json lead there, and shortens the pages: `prepack` runs it
 *   bun .ci/build.ts restore   brings both back: `postpack` runs it
 *
 * A clone needs no build, since its package.json leads to src/. What is published is a third of its size: the code in
 * three files without comments, the declarations that the public ones need, and the pages for a program's author.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { $ } from "bun";
import { publishedFiles, publishedPage } from "./pages.js";
import { shorten } from "./shorten.js";

const ROOT = dirname(import.meta.dir);
const MANIFEST = join(ROOT, "package.json");
const DIST = join(ROOT, "dist");
/** The manifest and the pages of the clone, kept while those that are published are in their place. */
const KEPT = join(DIST, "clone.json");
type Kept = Record<string, { clone: string; published: string }>;
/** Entry points with declarations for `require`. */
const ENTRIES = ["index", "testing/index"];

function fail(line: string): never {
  console.error(line);
  process.exit(1);
}

async function run(...command: string[]): Promise<void> {
  const child = Bun.spawn(command, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  if ((await child.exited) !== 0) fail(`Failed: ${command.join(" ")}`);
}

/** The files that a declaration imports, and those that these import. */
function reachable(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, to = ""] of readFileSync(file, "utf8").matchAll(/(?:from |import |import\()"(\.[^"]+)\.js"/g))
    reachable(join(dirname(file), `${to}.d.ts`), found);
  return found;
}

async function build(): Promise<void> {
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  if (!existsSync(tsc)) fail("The compiler is missing: run bun install first");
  rmSync(DIST, { recursive: true, force: true });

  const declarations = join(DIST, "declarations");
  await run(tsc, "-p", "src/tsconfig.json", "--outDir", declarations);
  for (const entry of ["index.d.ts", "testing.d.ts"]) {
    for (const file of reachable(join(declarations, entry)))
      cpSync(file, file.replace(declarations, DIST), { recursive: true });
  }
  rmSync(declarations, { recursive: true });

  const bundle = [process.execPath, "build", "--outdir=dist", "--root=src"];
  await run(
    ...bundle,
    "--target=bun",
    "--splitting",
    "--chunk-naming=[name]-[hash].[ext]",
    "src/index.ts",
    "src/testing.ts",
  );
  const bundled = [...new Bun.Glob("*.js").scanSync({ cwd: DIST, absolute: true })];
  nameAsExported(bundled);
  for (const file of bundled) await shorten(file);
  await run(
    ...bundle,
    "--target=node",
    "--format=cjs",
    "--entry-naming=[dir]/[name].cjs",
    "src/lib/tls-options.cjs",
  );
  for (const file of ["lib/absent.cjs", "lib/tls-options.d.cts"]) copy(file);
  for (const entry of ENTRIES) {
    copy(`${entry}.cjs`);
    copy(`${entry}.d.cts`);
    // TypeScript before 5.3 does not know `with`.
    const text = readFileSync(join(ROOT, `src/${entry}.d.cts`), "utf8");
    writeFileSync(join(DIST, `${entry}.assert.d.cts`), text.replaceAll(" with {", " assert {"));
  }
  await buildCatcher();
}

/**
 * Where several entry points share a class, Bun names it `SMTPServer2` because one of them exports `SMTPServer`
 * (oven-sh/bun#42552). Here each has the name under which it is exported.
 */
function nameAsExported(files: readonly string[]): void {
  const code = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
  const exports = [...code.values()].flatMap((text) => [...text.matchAll(/^ {2}(\w+)2 as (\w+),?$/gm)]);
  const names = exports.flatMap(([, name, exported = ""]) => (name === exported ? [exported] : []));
  if (names.length === 0) return;
  const numbered = new RegExp(`\\b(${names.join("|")})2\\b`, "g");
  for (const [file, text] of code) writeFileSync(file, text.replace(numbered, "$1"));
}

/** The program that `bunx bun-smtp` starts, without what only its readers need. */
async function buildCatcher(): Promise<void> {
  const from = join(ROOT, "docs/examples/catcher");
  const to = join(DIST, "catcher");
  const external = ["--external=bun-smtp", "--external=bun-smtp/testing"];
  const options = ["--target=bun", "--minify-identifiers", `--outdir=${to}`];
  await run(process.execPath, "build", join(from, "main.ts"), ...external, ...options);
  writeFileSync(
    join(to, "cli.js"),
    readFileSync(join(from, "cli.js"), "utf8").replace("./main.ts", "./main.js"),
  );
  cpSync(join(from, "page"), join(to, "page"), { recursive: true });
  for (const script of new Bun.Glob("*.js").scanSync({ cwd: join(to, "page"), absolute: true }))
    writeFileSync(
      script,
      await $`${process.execPath} build ${script} --no-bundle --target=browser --minify`.text(),
    );
}

function copy(file: string): void {
  mkdirSync(dirname(join(DIST, file)), { recursive: true });
  cpSync(join(ROOT, "src", file), join(DIST, file));
}

/** The manifest with dist/ where it has src/, and without what leads a clone's TypeScript to src/. */
function publishedManifest(text: string): string {
  return text
    .replace(/^ *"types@>=5": .*\n/gm, "")
    .replace(/"\.\/src\/(.*)\.ts"/g, '"./dist/$1.js"')
    .replace(/\bdocs\/examples\/catcher\/(?:cli\.js|main\.ts)/g, "dist/catcher/cli.js")
    .replaceAll('"./src/', '"./dist/');
}

/** Puts the texts of the repository back, where nothing else was written since. */
function restore(): void {
  if (!existsSync(KEPT)) return;
  for (const [file, { clone, published }] of Object.entries(JSON.parse(readFileSync(KEPT, "utf8")) as Kept)) {
    const path = join(ROOT, file);
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (text === published) replace(file, clone);
    else if (text !== clone) console.error(`${file} was changed after it was packed: left as it is`);
  }
  rmSync(KEPT);
}

/** Writes what is published over the manifest and the pages, and keeps what they were. */
function publish(): void {
  const text = readFileSync(MANIFEST, "utf8");
  const kept: Kept = { "package.json": { clone: text, published: publishedManifest(text) } };
  const files = publishedFiles(ROOT, (JSON.parse(text) as { files: string[] }).files);
  for (const file of files) {
    if (!/\.(?:md|txt)$/.test(file)) continue;
    const page = readFileSync(join(ROOT, file), "utf8");
    kept[file] = { clone: page, published: publishedPage(file, page, files) };
  }
  replace(relative(ROOT, KEPT), JSON.stringify(kept));
  for (const [file, { published }] of Object.entries(kept)) replace(file, published);
}

/** Writes a file as a whole, so that one of the two texts is there whenever this is cut off. */
function replace(file: string, text: string): void {
  const whole = join(DIST, "whole.tmp");
  writeFileSync(whole, text);
  renameSync(whole, join(ROOT, file));
}

// After a `publish` that was cut off, what to publish from is what was kept.
restore();
const [task] = process.argv.slice(2);
if (task !== "restore") await build();
if (task === "publish") publish();
