/**
 * Mutation testing: changes the source in each small way that Stryker knows, and runs the tests that reach the change. A
 * mutant that no test fails for is a promise that no test holds.
 * `bun test/mutation/main.ts [--workers 2] [--near] [--recheck] [--verbose] [file[:line[-line]] or folder of src/ …]`;
 * docs/contributing.md explains it.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, setPriority } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { instrument, type Mutant } from "./mutants.js";
import { pageOf, percentage, type Score, scoresIn, shown, total } from "./scores.js";
import { Copy, type Ending, type Pick, provide, ROOT, type TestFile, testFiles } from "./suite.js";
import { SURVIVORS } from "./survivors.js";

const LEAST_OF_A_FILE = 90;
const LEAST_OF_ALL = 95;
/** So often may a test file fail without a mutant, or in different tests with one. */
const MAX_FAILURES = 3;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workers: { type: "string", default: String(Math.min(2, availableParallelism())) },
    // All tests for judged survivors too, which else meet only those near their file.
    recheck: { type: "boolean", default: false },
    // Only the tests near a file, for a first look.
    near: { type: "boolean", default: false },
    // Which test found each mutant.
    verbose: { type: "boolean", default: false },
  },
});
setPriority(10);

// ---- what to mutate ------------------------------------------------------------------------------------

const SOURCE = join(ROOT, "src");
const allFiles = [...new Bun.Glob("**/*.ts").scanSync(SOURCE)].sort();

/** What an argument means: the files of a path from here, from the project or from `src/`, and lines of a file. */
function meant(argument: string): { files: readonly string[]; from: number; to: number } {
  const [, name = argument, from = "1", to = from] = /^(.*):(\d+)(?:-(\d+))?$/.exec(argument) ?? [];
  const path = [resolve(name), join(ROOT, name), join(SOURCE, name)].find(
    (path) => existsSync(path) && !relative(SOURCE, path).startsWith(".."),
  );
  if (path === undefined) throw new Error(`${name}: no file or folder of src/`);
  const inside = relative(SOURCE, path);
  const files = statSync(path).isFile()
    ? [inside]
    : allFiles.filter((file) => inside === "" || file.startsWith(`${inside}/`));
  return { files, from: Number(from), to: name === argument ? Infinity : Number(to) };
}
const parts = (positionals.length === 0 ? [SOURCE] : positionals).map(meant);
const chosen = [...new Set(parts.flatMap(({ files }) => files))].sort();
/** Whether each file is taken from its first line to its last, with all tests. */
const isWhole = parts.every(({ to }) => to === Infinity) && !flags.near;
const isChosen = ({ file, line }: Mutant): boolean =>
  parts.some(({ files, from, to }) => files.includes(file) && from <= line && line <= to);

const targets = (
  await instrument(chosen.map((file) => ({ file, text: readFileSync(join(SOURCE, file), "utf8") })))
)
  .map((target) => ({ ...target, mutants: target.mutants.filter(isChosen) }))
  .filter(({ mutants }) => mutants.length > 0);
provide(targets);
const copies = Array.from({ length: Number(flags.workers) }, (_, at) => new Copy(`copy-${at}`));

/** Each copy takes one after the other, until none is left. */
async function each<T>(items: readonly T[], work: (item: T, copy: Copy) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    copies.map(async (copy) => {
      for (const item of rest) await work(item, copy);
    }),
  );
}

const FAR = 0.1;
/** A guess how likely a test finds a mutant of a file, for a start: `test/` mirrors `src/`. */
function nearness(test: string, file: string): number {
  if (test === `test/${file.replace(/\.ts$/, ".test.ts")}`) return 0.9;
  return file.includes("/") && dirname(test) === `test/${dirname(file)}` ? 0.5 : FAR;
}

// ---- which test reaches which mutant -------------------------------------------------------------------

const started = performance.now();
const tests: TestFile[] = [];
/** Test files that cannot be used. */
const broken = new Set<string>();
const files = targets.map(({ file }) => file);
const usable = testFiles().filter((path) => !flags.near || files.some((file) => nearness(path, file) > FAR));
await each(usable, async (path, copy) => {
  let run = await copy.try(path, files);
  // Once more, for one that fails now and then.
  if (typeof run === "string") run = await copy.try(path, files);
  if (typeof run !== "string") tests.push(run);
  else {
    broken.add(path);
    console.error(`${path} is left out, for it fails without a mutant:\n${run.slice(-2000)}`);
  }
});
const seconds = (): string => ((performance.now() - started) / 1000).toFixed(0);
const mutantCount = targets.reduce((sum, { mutants }) => sum + mutants.length, 0);
console.log(
  `${mutantCount} mutants in ${targets.length} files; ${tests.length} test files tried in ${seconds()} s`,
);

// ---- the mutants ---------------------------------------------------------------------------------------

type Verdict = "killed" | "timedOut" | "survived";
const verdicts = new Map<Mutant, Verdict>();
/** What a test file has cost for a source file, in milliseconds, and how many mutants it has found. */
const record = new Map<string, { spent: number; kills: number }>();
const unsteady = new Map<string, number>();

function recordOf(test: string, file: string): { spent: number; kills: number } {
  const key = `${test} ${file}`;
  let entry = record.get(key);
  if (!entry) record.set(key, (entry = { spent: 0, kills: nearness(test, file) }));
  return entry;
}

/** The milliseconds that tests cost for each mutant that they find: the lowest price goes first. */
function price({ file, milliseconds }: Pick, source: string): number {
  const { spent, kills } = recordOf(file.path, source);
  return (milliseconds + spent) / kills;
}

const sound = new Set<string>();
const failures = new Map<string, number>();
/** Whether tests pass under the same conditions as with a mutant: else a failure with one says nothing. */
async function areSound(pick: Pick, ending: Ending, source: string, copy: Copy): Promise<boolean> {
  const { path } = pick.file;
  const key = `${path} ${pick.names}`;
  // What takes too long may have had too little of the processor, and that changes.
  const isLate = ending.how === "stopped" || ending.output.includes("timed out after");
  if (sound.has(key) && !isLate) return true;
  const { how } = await copy.attack(pick, source, "none");
  if (how === "passed") sound.add(key);
  else if (pick.names === undefined) {
    const count = (failures.get(path) ?? 0) + 1;
    failures.set(path, count);
    if (count === MAX_FAILURES) broken.add(path);
  }
  return how === "passed";
}

/** How tests found a mutant, if they did. Failures that depend on time differ; one that is seen twice counts. */
async function strike(pick: Pick, { file, id }: Mutant, copy: Copy): Promise<Ending | undefined> {
  const seen = new Set<string>();
  while (seen.size < MAX_FAILURES) {
    const ending = await copy.attack(pick, file, id);
    if (ending.how === "passed") break;
    if (ending.how === "stopped" || seen.has(ending.where)) return ending;
    seen.add(ending.where);
  }
  if (seen.size > 0) unsteady.set(pick.file.path, (unsteady.get(pick.file.path) ?? 0) + 1);
  return undefined;
}

const judgementOf = ({ file, inside, change }: Mutant): string | undefined =>
  SURVIVORS[file]?.find((entry) => entry.in === inside && entry.change === change)?.why;

async function verdictOf(mutant: Mutant, copy: Copy): Promise<Verdict> {
  const { file, id } = mutant;
  const isJudged = (judgementOf(mutant) !== undefined && !flags.recheck) || flags.near;
  const reaching = tests
    .filter(({ path }) => !isJudged || nearness(path, file) > FAR)
    .map((test) => test.reaching(id))
    .filter((pick) => pick !== undefined);
  for (const some of reaching.sort((one, other) => price(one, file) - price(other, file))) {
    const { path, whole } = some.file;
    if (broken.has(path)) continue;
    const entry = recordOf(path, file);
    const start = performance.now();
    let ending = await strike(some, mutant, copy);
    entry.spent += performance.now() - start;
    if (ending && !(await areSound(some, ending, file, copy))) {
      // Perhaps tests that need others before them.
      const isPart = some.names !== undefined && (await areSound(whole, ending, file, copy));
      ending = isPart ? await strike(whole, mutant, copy) : undefined;
    }
    if (!ending) continue;
    entry.kills++;
    if (flags.verbose)
      console.log(`  ${file}:${mutant.line} ${mutant.change}\n    ${ending.how} in ${path}: ${ending.where}`);
    return ending.how === "stopped" ? "timedOut" : "killed";
  }
  return "survived";
}

/** Survivors without a judgement, printed as entries for survivors.ts. */
function printOpen(file: string, mutants: readonly Mutant[]): void {
  const open = mutants.filter(
    (mutant) => verdicts.get(mutant) === "survived" && judgementOf(mutant) === undefined,
  );
  if (open.length === 0) return;
  console.log(`  ${JSON.stringify(file)}: [`);
  for (const { line, inside, change, id } of open) {
    const unreached = tests.some((test) => test.hits(id) > 0) ? "" : ", which no test reaches";
    console.log(`    // line ${line}${unreached}`);
    console.log(`    { in: ${JSON.stringify(inside)}, change: ${JSON.stringify(change)}, why: "" },`);
  }
  console.log("  ],");
}

const scores: Score[] = [];
/** Says what became of a file, as soon as all of its mutants are done. */
function finish(file: string, mutants: readonly Mutant[]): void {
  const count = (verdict: Verdict, judged?: boolean): number =>
    mutants.filter(
      (mutant) =>
        verdicts.get(mutant) === verdict &&
        (judged === undefined || judged === (judgementOf(mutant) !== undefined)),
    ).length;
  const score = {
    file,
    mutants: mutants.length,
    killed: count("killed"),
    timedOut: count("timedOut"),
    survived: count("survived", false),
    judged: count("survived", true),
  };
  scores.push(score);
  const { killed, timedOut, survived, judged } = score;
  console.log(
    `${shown(score).padStart(5)} %  ${file}: ${mutants.length} mutants, ${killed} killed, ${timedOut} timed out, ${survived} survived, ${judged} judged; ${seconds()} s`,
  );
  printOpen(file, mutants);
}
await each(
  targets.flatMap(({ mutants }) => mutants),
  async (mutant, copy) => {
    verdicts.set(mutant, await verdictOf(mutant, copy));
    const all = targets.find(({ file }) => file === mutant.file)?.mutants ?? [];
    if (all.every((one) => verdicts.has(one))) finish(mutant.file, all);
  },
);

// ---- what it comes to ----------------------------------------------------------------------------------

const faults: string[] = [];
for (const { file, mutants } of targets) {
  const survivors = mutants.filter((mutant) => verdicts.get(mutant) === "survived");
  const open = survivors.filter((mutant) => judgementOf(mutant) === undefined);
  if (open.length > 0) faults.push(`${file}: ${open.length} survivors are not judged`);
  for (const entry of isWhole ? (SURVIVORS[file] ?? []) : []) {
    if (!survivors.some(({ inside, change }) => entry.in === inside && entry.change === change))
      faults.push(`${file}: judged, but killed or gone: ${entry.in}: ${entry.change}`);
  }
}
for (const score of scores) {
  if (percentage(score) < LEAST_OF_A_FILE)
    faults.push(`${score.file}: ${shown(score)} %, want ${LEAST_OF_A_FILE}`);
}
for (const file of Object.keys(SURVIVORS)) {
  if (!allFiles.includes(file)) faults.push(`${file}: has judged survivors, but is no file of src/`);
}
const sum = total(scores);
if (percentage(sum) < LEAST_OF_ALL) faults.push(`all: ${shown(sum)} %, want ${LEAST_OF_ALL}`);
for (const test of broken) faults.push(`${test} fails without a mutant`);

if (isWhole) {
  const page = join(import.meta.dir, "scores.md");
  const before = existsSync(page) ? scoresIn(readFileSync(page, "utf8")) : [];
  const kept = before.filter(({ file }) => allFiles.includes(file) && !chosen.includes(file));
  writeFileSync(page, pageOf([...scores, ...kept]));
}

if (flags.verbose) {
  for (const [key, { spent, kills }] of [...record].toSorted(([, one], [, other]) => other.spent - one.spent))
    console.log(`${(spent / 1000).toFixed(1).padStart(7)} s  ${Math.floor(kills)} found  ${key}`);
}
for (const [test, times] of unsteady)
  console.log(`${test} failed in one way and then in none or another, ${times} times`);
console.log(
  `\n${shown(sum)} % of ${sum.mutants - sum.judged} in ${seconds()} s, ${Math.round((sum.mutants * 60_000) / (performance.now() - started))} mutants a minute`,
);
for (const fault of faults) console.log(`✗ ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);
