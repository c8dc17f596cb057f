/** Copies of the project in a temporary folder, and test files that run in them. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Instrumented } from "./mutants.js";

export const ROOT: string = join(import.meta.dir, "../..");

/** A process that holds more than this many octets is taken for one that loops. */
const MAX_MEMORY = 2 ** 31;
const PAGE = 4096;
/** Linux takes 128 kB for one argument of a program. */
const MAX_PATTERN = 100_000;

/** What the probe in each process is to do. */
export interface Orders {
  /** The `src/` of the copy, and the folder with instrumented texts for these files of it. */
  readonly source: string;
  readonly instrumented: string;
  readonly files: readonly string[];
  /** The folder to write the coverage to. */
  readonly coverage?: string;
  /** How often the active mutant may be reached. */
  readonly hitLimit?: number;
}

/** How a mutant is reached by a process. */
export interface Reached {
  /** How often. */
  readonly hits: number;
  /** The tests that do, by number from 1. */
  readonly tests: readonly number[];
  /** Whether it is reached outside of tests too: while files are loaded, or by a program that a test starts. */
  readonly outside: boolean;
}

/** What a process reached. */
export interface Coverage {
  /** The number of tests that it ran. */
  readonly tests: number;
  /** By the mutants' ids. */
  readonly reached: Readonly<Record<string, Reached>>;
}

/** How tests ended. */
export interface Ending {
  /** `stopped`: one took too long, took too much memory, or the mutant looped. */
  readonly how: "passed" | "failed" | "stopped";
  /** The first test that failed, or the error outside of tests. */
  readonly where: string;
  /** What was printed. */
  readonly output: string;
}

/** Tests of a file that are to run. */
export interface Pick {
  readonly file: TestFile;
  /** The pattern for their names; `undefined` for the whole file. */
  readonly names: string | undefined;
  /** What they are expected to take, and the slowest of them. */
  readonly milliseconds: number;
  readonly slowest: number;
}

/** A test file, and what it does without a mutant. */
export class TestFile {
  readonly path: string;
  readonly #milliseconds: number;
  readonly #tests: readonly Test[];
  readonly #reached: ReadonlyMap<string, Reached>;

  constructor(path: string, milliseconds: number, tests: readonly Test[], reached: Map<string, Reached>) {
    this.path = path;
    this.#milliseconds = milliseconds;
    this.#tests = tests;
    this.#reached = reached;
  }

  get whole(): Pick {
    return {
      file: this,
      names: undefined,
      milliseconds: this.#milliseconds,
      slowest: Math.max(0, ...this.#tests.map(({ milliseconds }) => milliseconds)),
    };
  }

  hits(id: string): number {
    return this.#reached.get(id)?.hits ?? 0;
  }

  /** The tests that reach a mutant; `undefined` where there is none. */
  reaching(id: string): Pick | undefined {
    const reached = this.#reached.get(id);
    if (!reached) return undefined;
    const picked = reached.tests
      .map((number) => this.#tests[number - 1])
      .filter((test) => test !== undefined);
    // Any test may see what is reached outside of tests.
    const isPart = picked.length === reached.tests.length && picked.length <= this.#tests.length / 2;
    if (reached.outside || !isPart) return this.whole;
    const names = `^(?:${picked.map(({ pattern }) => pattern).join("|")})$`;
    if (names.length > MAX_PATTERN) return this.whole;
    const time = (tests: readonly Test[]): number => tests.reduce((sum, test) => sum + test.milliseconds, 0);
    return {
      file: this,
      names,
      milliseconds: this.#milliseconds - time(this.#tests) + time(picked),
      slowest: Math.max(...picked.map(({ milliseconds }) => milliseconds)),
    };
  }
}

interface Test {
  /** Matches its name, and perhaps those of others: signs are not looked at. */
  readonly pattern: string;
  readonly milliseconds: number;
}

/** The tests that ran, in their order, by the report of `bun test`. */
function testsIn(report: string): Test[] {
  const tests: Test[] = [];
  const suites: string[] = [];
  const tags = /<(\/?)(testsuite|testcase|skipped)\b(?: name="([^"]*)")?(?:[^>]*? time="([\d.]+)")?/g;
  for (const [, end, tag, name = "", time] of report.matchAll(tags)) {
    if (tag === "skipped") tests.pop();
    else if (tag === "testsuite" && end) suites.pop();
    else if (tag === "testsuite") suites.push(name);
    else if (!end) {
      const words = [...suites.slice(1), name].join(" ").replace(/&#?\w+;/g, "&");
      tests.push({ pattern: words.replace(/[^A-Za-z0-9 ]+/g, "[^]*"), milliseconds: Number(time) * 1000 });
    }
  }
  return tests;
}

/** The temporary folder; gone when the process ends. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), "mutation-")));
const instrumented = join(folder, "instrumented");
const probe = join(folder, "probe.ts");
cpSync(join(import.meta.dir, "probe.ts"), probe);
const running = new Set<number>();
process.on("exit", () => {
  for (const pid of running) stop(pid);
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

/** Ends a process and all that it started. */
function stop(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}

/** Makes instrumented texts available to all copies. */
export function provide(files: readonly Instrumented[]): void {
  for (const { file, text } of files) {
    mkdirSync(dirname(join(instrumented, file)), { recursive: true });
    writeFileSync(join(instrumented, file), text);
  }
}

/** The test files of the root suite, relative to the project. */
export function testFiles(): string[] {
  const apart = /node_modules|^test\/(interop|bench|mutation)\//;
  return [...new Bun.Glob("test/**/*.test.ts").scanSync(ROOT)].filter((file) => !apart.test(file)).sort();
}

/** A copy of the project as it is now, with what is not committed yet. It runs one test file at a time. */
export class Copy {
  readonly #root: string;
  readonly #scratch: string;

  constructor(name: string) {
    this.#root = join(folder, name);
    this.#scratch = join(folder, `${name}-tmp`);
    const list = Bun.spawnSync(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: ROOT,
    });
    if (!list.success) throw new Error(`git ls-files: ${list.stderr}`);
    for (const file of new Set(list.stdout.toString().split("\0"))) {
      // A file that is deleted but not committed so is still in the list.
      if (file !== "" && existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(this.#root, file));
    }
    cpSync(join(ROOT, "node_modules"), join(this.#root, "node_modules"), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }

  /** Runs a test file without a mutant. Gives what it printed where it fails. */
  async try(path: string, files: readonly string[]): Promise<TestFile | string> {
    const coverage = mkdtempSync(join(folder, "coverage-"));
    const report = join(coverage, "report.xml");
    const options = ["--reporter=junit", `--reporter-outfile=${report}`];
    const start = performance.now();
    const { how, output } = await this.#run(path, options, { files, coverage }, 60_000);
    const milliseconds = performance.now() - start;
    if (how !== "passed") return output;
    const tests = testsIn(readFileSync(report, "utf8"));
    const reached = new Map<string, Reached>();
    const counts = readdirSync(coverage).filter((name) => name.endsWith(".json"));
    for (const name of counts) {
      const coverageOf = JSON.parse(readFileSync(join(coverage, name), "utf8")) as Coverage;
      // Without names for the numbers of tests, the whole file will run.
      if (coverageOf.tests > 0 && coverageOf.tests !== tests.length) tests.length = 0;
      for (const [id, { hits, tests, outside }] of Object.entries(coverageOf.reached)) {
        const before = reached.get(id);
        reached.set(id, {
          hits: hits + (before?.hits ?? 0),
          tests: [...tests, ...(before?.tests ?? [])],
          outside: outside || (before?.outside ?? false),
        });
      }
    }
    rmSync(coverage, { recursive: true });
    return new TestFile(path, milliseconds, tests, reached);
  }

  /** Runs tests with one mutant; with one that does not exist to see whether they pass at all. */
  async attack(pick: Pick, source: string, id: string): Promise<Ending> {
    const { file, names, milliseconds, slowest } = pick;
    // The silence before the first test is that of the loading, which is not known apart.
    const silence = Math.min(10_000, Math.max(2000, 10 * slowest)) + Math.min(5000, milliseconds);
    const orders = { files: [source], hitLimit: 1000 + 100 * file.hits(id) };
    const options = names === undefined ? [] : [`--test-name-pattern=${names}`];
    return await this.#run(file.path, options, orders, silence, id);
  }

  /**
   * Runs a test file until its first failure.
   *
   * @param silence milliseconds without a word of a test that has ended
   * @param id the active mutant
   */
  async #run(
    path: string,
    options: readonly string[],
    orders: Omit<Orders, "source" | "instrumented">,
    silence: number,
    id?: string,
  ): Promise<Ending> {
    rmSync(this.#scratch, { recursive: true, force: true });
    mkdirSync(this.#scratch);
    const mutation: Orders = { source: join(this.#root, "src"), instrumented, ...orders };
    const child = Bun.spawn(
      [process.execPath, "test", "--bail", `--timeout=${Math.round(silence)}`, ...options, `./${path}`],
      {
        cwd: this.#root,
        env: {
          ...process.env,
          TMPDIR: this.#scratch,
          BUN_OPTIONS: `--preload=${probe}`,
          BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
          MUTATION: JSON.stringify(mutation),
          ...(id !== undefined && { __STRYKER_ACTIVE_MUTANT__: id }),
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        // A group of its own, so that what the tests start ends with them.
        detached: true,
      },
    );
    const { pid } = child;
    running.add(pid);
    const output: string[] = [];
    let heard = performance.now();
    const listen = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) {
        output.push(decoder.decode(chunk, { stream: true }));
        heard = performance.now();
      }
    };
    // Tests have limits of their own, up to minutes, and watches in their process would be timers that they see.
    const watch = setInterval(() => {
      if (performance.now() - heard > silence || memoryOf(pid) > MAX_MEMORY) stop(pid);
    }, 50);
    const listening = Promise.all([listen(child.stdout), listen(child.stderr)]);
    const code = await child.exited;
    clearInterval(watch);
    stop(pid);
    running.delete(pid);
    await listening;
    const text = output.join("");
    const test = /^\(fail\) (.*?)(?: \[[\d.]+ms\])?$/m.exec(text)?.[1];
    return {
      how: child.signalCode === "SIGKILL" ? "stopped" : code === 0 ? "passed" : "failed",
      where: test ?? /^error: .*/m.exec(text)?.[0] ?? "",
      output: text,
    };
  }
}

/** The octets of memory that a process holds, where the system says so. */
function memoryOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE;
  } catch {
    return 0;
  }
}
