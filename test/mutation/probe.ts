/**
 * Loaded before all else by each process of a run, those that tests start too: puts instrumented texts in the place of
 * source files, ends a process whose mutant makes it loop, and writes down which mutants it reached.
 */
import { afterAll, afterEach, beforeEach } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Coverage, Orders, Reached } from "./suite.js";

const { source, instrumented, files, coverage, hitLimit } = JSON.parse(
  process.env["MUTATION"] ?? "",
) as Orders;

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
Bun.plugin({
  name: "mutants",
  setup(build) {
    // A test that loads a file once more appends a query to its path.
    build.onLoad(
      { filter: new RegExp(`^${quoted(source)}/(${files.map(quoted).join("|")})(\\?.*)?$`) },
      ({ path }) => ({
        contents: readFileSync(join(instrumented, relative(source, path.replace(/\?.*/, ""))), "utf8"),
        loader: "ts",
      }),
    );
  },
});

/** What the instrumented texts share; they count in `perTest` while there is a test. */
const shared: {
  hitCount?: number;
  currentTestId?: string | undefined;
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> };
} = {};
Object.assign(globalThis, { __stryker__: shared });

if (hitLimit !== undefined) {
  // Stryker throws here, which code that catches errors may take for one of its own.
  let hits = 0;
  Object.defineProperty(shared, "hitCount", {
    get: () => hits,
    set(count: number) {
      hits = count;
      if (hits > hitLimit) process.kill(process.pid, "SIGKILL");
    },
  });
}

/** How often each mutant was reached, and by which tests. */
function reached(): Record<string, Reached> {
  const all: Record<string, { hits: number; tests: number[]; outside: boolean }> = {};
  const { static: outside = {}, perTest = {} } = shared.mutantCoverage ?? {};
  for (const [test, counts] of [["", outside] as const, ...Object.entries(perTest)]) {
    for (const [id, count] of Object.entries(counts)) {
      const entry = (all[id] ??= { hits: 0, tests: [], outside: false });
      entry.hits += count;
      if (test === "") entry.outside = true;
      else entry.tests.push(Number(test));
    }
  }
  return all;
}

/** The number of the test that runs, from 1. */
let number = 0;

function write(): void {
  if (coverage === undefined) return;
  const found: Coverage = { tests: number, reached: reached() };
  writeFileSync(join(coverage, `${process.pid}.json`), JSON.stringify(found));
}
// `bun test` has no exit event, and a program that a test starts has no hooks of tests.
process.on("exit", write);
try {
  beforeEach(() => {
    shared.currentTestId = String(++number);
  });
  afterEach(() => {
    shared.currentTestId = undefined;
  });
  afterAll(write);
} catch {
  // It is such a program.
}
