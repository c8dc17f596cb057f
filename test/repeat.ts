/**
 * Runs the tests again and again, several runs at once: a test that waits for time, or for what another process or
 * file leaves alone, fails in one of them. Ends with 1 if a run failed.
 *
 *   bun test/repeat.ts [runs] [at once] [arguments of bun test …]       default: 60 3
 */
/** Milliseconds of a test: what a busy machine needs is no failure, only what hangs is. */
const TIMEOUT = 300_000;

const [runs = "60", atOnce = "3", ...args] = process.argv.slice(2);
if (![runs, atOnce].every((count) => /^[1-9]\d*$/.test(count))) {
  console.error("bun test/repeat.ts [runs] [at once] [arguments of bun test …]");
  process.exit(2);
}
const total = Number(runs);
let started = 0;
let passed = 0;
let failed = 0;

/** What a failed run printed, less the tests that passed. */
function failures(output: string): string {
  const lines = output.split("\n");
  return lines.filter((line) => line !== "" && !/^\((?:pass|skip|todo)\)/.test(line)).join("\n");
}

async function repeat(): Promise<void> {
  while (started < total) {
    const nth = ++started;
    const began = performance.now();
    const run = Bun.spawn([process.execPath, "test", `--timeout=${TIMEOUT}`, ...args], {
      cwd: `${import.meta.dir}/..`,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, errors, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
    if (code === 0) passed += 1;
    else failed += 1;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`run ${nth}: ${code === 0 ? "passed" : `failed with ${code}`} in ${seconds} s`);
    if (code !== 0) console.log(failures(out + errors));
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, repeat));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
