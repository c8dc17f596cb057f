/**
 * `bun run fuzz [--seconds 60] [--seed 1] [--sessions N]`: sessions from the seed on, until the time is over.
 * Ends with 1 if there were findings; each is printed with the command that plays its session again.
 */
import { heapStats } from "bun:jsc";
import { checkSeed } from "./check.js";

function flag(name: string, byDefault: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? byDefault : Number(process.argv[at + 1]);
}

// The hooks of the sessions are late and wrong on purpose.
process.emitWarning = () => {};

/** After so many there is enough to do. */
const MAX_FINDINGS = 10;
const MAX_REPLIES = 100_000;
const REPORT_EVERY = 10_000;
/** Sessions after which caches are full and code is compiled. */
const WARM_UP = 3000;
/** The heap may have so many objects more than after those, however many sessions there were since: replies are kept. */
const MAX_LEFT = 10_000;

const seed = flag("seed", 1);
const sessions = flag("sessions", Infinity);
const until = performance.now() + flag("seconds", sessions === Infinity ? 60 : Infinity) * 1000;
const since = performance.now();
const replies = new Set<string>();
let count = 0;
let bytes = 0;
let found = 0;
let objectsAtFirst: number | undefined;

for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    const text = error instanceof Error ? error.stack : String(error);
    tell(`${event}, in this session or just before it: ${text}`);
  });
}

function tell(finding: string): void {
  found += 1;
  console.log(`\nFINDING: bun run fuzz --sessions 1 --seed ${seed + count}\n${finding}`);
}

function report(): void {
  const seconds = (performance.now() - since) / 1000;
  const figures = [
    `${count} sessions`,
    `${bytes} bytes`,
    `${replies.size} distinct replies`,
    `${found} findings`,
    `${Math.round(count / seconds)} sessions/s`,
    `${Math.round(process.memoryUsage.rss() / 1e6)} MB`,
  ];
  console.log(figures.join(", "));
}

/** Objects on the heap, once the last session's are gone. */
async function countObjects(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await Bun.sleep(5);
    Bun.gc(true);
  }
  return heapStats().objectCount;
}

async function checkMemory(): Promise<void> {
  if (objectsAtFirst === undefined) return;
  const more = (await countObjects()) - objectsAtFirst;
  console.log(`memory: ${more} objects more than after ${WARM_UP} sessions`);
  if (more > MAX_LEFT) {
    found += 1;
    console.log(`\nFINDING: memory does not return\n${JSON.stringify(heapStats().objectTypeCounts)}`);
  }
}

for (; count < sessions && performance.now() < until && found < MAX_FINDINGS; count++) {
  if (count === WARM_UP) objectsAtFirst = await countObjects();
  const outcome = await checkSeed(seed + count);
  bytes += outcome.bytes;
  for (const reply of outcome.replies) if (replies.size < MAX_REPLIES) replies.add(reply);
  if (outcome.finding) tell(outcome.finding);
  if (count > 0 && count % REPORT_EVERY === 0) report();
}
report();
await checkMemory();
process.exit(found > 0 ? 1 : 0);
