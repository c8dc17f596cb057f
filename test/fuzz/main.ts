/** `bun run fuzz [--seconds 60] [--seed 1] [--sessions N]`: sessions from the seed on, until the time is over. */
import { checkSeed } from "./check.js";

function flag(name: string, byDefault: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? byDefault : Number(process.argv[at + 1]);
}

/** After so many there is enough to do. */
const MAX_FINDINGS = 10;
const REPORT_EVERY = 10_000;

const seed = flag("seed", 1);
const sessions = flag("sessions", Infinity);
const until = performance.now() + flag("seconds", sessions === Infinity ? 60 : Infinity) * 1000;
const since = performance.now();
const replies = new Set<string>();
let count = 0;
let bytes = 0;
let found = 0;

for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    found += 1;
    console.log(
      `\nFINDING ${event} near seed ${seed + count}: ${error instanceof Error ? error.stack : String(error)}`,
    );
  });
}

function report(): void {
  const seconds = (performance.now() - since) / 1000;
  const rss = Math.round(process.memoryUsage.rss() / 1e6);
  const figures = [
    `${count} sessions`,
    `${bytes} bytes`,
    `${replies.size} distinct replies`,
    `${found} findings`,
  ];
  console.log(`${figures.join(", ")}, ${Math.round(count / seconds)} sessions/s, ${rss} MB`);
}

for (; count < sessions && performance.now() < until && found < MAX_FINDINGS; count++) {
  const outcome = await checkSeed(seed + count);
  bytes += outcome.bytes;
  for (const reply of outcome.replies) if (replies.size < 100_000) replies.add(reply);
  for (const finding of outcome.findings) {
    found += 1;
    console.log(`\nFINDING ${finding}`);
  }
  if (count > 0 && count % REPORT_EVERY === 0) report();
}
report();
process.exit(found > 0 ? 1 : 0);
