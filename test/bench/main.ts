/**
 * All figures in one table, and how they stand to the aims.
 * `bun run bench [--only <pattern>] [--rounds 5] [--quick] [--pin none|apart|together] [--save]` measures;
 * `bun run bench --charts` draws the charts again from what was saved. docs/performance.md explains it.
 */
import { parseArgs } from "node:util";
import { aims, isMet, standing } from "./aims.js";
import { writeCharts } from "./charts.js";
import { figures } from "./figures/index.js";
import { take, type Result, type Sample } from "./figure.js";
import { othersSinceStart } from "./harness.js";
import { stopLoad } from "./load.js";
import { missing } from "./peers.js";
import { readRows, save, summaryOf, table } from "./results.js";
import { digits, median, spreadOf, spreadText } from "./statistics.js";

// harness.ts reads `--pin`, figure.ts `--quick`: they are here for their names to be checked.
const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    pin: { type: "string" },
    save: { type: "boolean", default: false },
    charts: { type: "boolean", default: false },
  },
});
/** Makes what the pages show of the figures that were saved. */
function show(): void {
  const rows = readRows();
  writeCharts(rows);
  save("performance.md", { summary: summaryOf(rows) });
}
if (flags.charts) {
  show();
  process.exit(0);
}
if (flags.save && (flags.only || flags.quick)) {
  console.error("--save keeps whole runs: leave --only and --quick out");
  process.exit(1);
}
const rounds = Number(flags.rounds ?? (flags.quick ? 3 : 5));
const only = new RegExp(flags.only, "i");

for (const what of missing()) console.error(`left out, because it is not installed: ${what}`);

const HEAD = ["figure", "server", ":median (min–max)", "unit", ":µs CPU each", ":busy"];
const rows: string[][] = [];
const results: Result[] = [];
console.log(table(HEAD, []));
for (const figure of figures.filter(({ name }) => only.test(name))) {
  for (const result of await take(figure, rounds)) {
    results.push(result);
    const { server, samples } = result;
    const of = (key: keyof Sample) => spreadOf(samples.map((sample) => sample[key]));
    const busy = of("busy");
    const cells = [spreadText(of("value")), figure.unit, spreadText(of("cpu")), busy ? digits(busy[0]) : ""];
    rows.push([figure.name, server, ...cells]);
    console.log(`| ${rows.at(-1)?.join(" | ")} |`);
  }
}
await stopLoad();

const standings = aims
  .map((aim) => ({ aim, ratios: standing(aim, results), bare: standing(aim, results, "bare loop") }))
  .filter(({ ratios }) => ratios.length > 0)
  .map(({ aim, ratios, bare }) => {
    const result = isMet(aim, median(ratios)) ? "met" : "missed";
    const best = bare.length > 0 ? digits(median(bare)) : "";
    return [aim.what, spreadText(spreadOf(ratios)), `${aim.bound} ${aim.aim}`, result, best];
  });
const STANDINGS = ["ratio", ":is", "aim", "result", ":a bare loop's"];
if (standings.length > 0) console.log(`\n${table(STANDINGS, standings)}`);
console.log(`\nOther programs had ${Math.round(othersSinceStart() * 100)} % of the processors meanwhile.`);
if (flags.save) {
  save("benchmark.md", { figures: table(HEAD, rows), aims: table(STANDINGS, standings) });
  show();
}
