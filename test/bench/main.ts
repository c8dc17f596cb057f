/**
 * All figures in one table, and how they stand to the aims.
 * `bun run bench [--only <pattern>] [--rounds 5] [--quick] [--pin none|apart|together]`; docs/performance.md explains it.
 */
import { parseArgs } from "node:util";
import { aims, isMet, standing } from "./aims.js";
import { figures } from "./figures/index.js";
import { take, type Result, type Sample } from "./figure.js";
import { median, othersSinceStart } from "./harness.js";
import { stopLoad } from "./load.js";
import { missing } from "./peers.js";

// harness.ts reads `--pin`, figure.ts `--quick`: they are here for their names to be checked.
const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    pin: { type: "string" },
  },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 3 : 5));
const only = new RegExp(flags.only, "i");

/** Three digits that count. */
function digits(value: number): string {
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3);
}
/** Median, and from the least to the most; nothing where nothing was measured. */
function spread(values: readonly (number | undefined)[]): string {
  const numbers = values.filter((value) => value !== undefined);
  if (numbers.length === 0) return "";
  return `${digits(median(numbers))} (${digits(Math.min(...numbers))}–${digits(Math.max(...numbers))})`;
}
function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

for (const what of missing()) console.error(`left out, because it is not installed: ${what}`);

console.log(row(["figure", "server", "median (min–max)", "unit", "µs CPU each", "busy"]));
console.log(row(["---", "---", "--:", "---", "--:", "--:"]));
const results: Result[] = [];
for (const figure of figures.filter(({ name }) => only.test(name))) {
  for (const result of await take(figure, rounds)) {
    results.push(result);
    const { server, samples } = result;
    const of = (key: keyof Sample): string => spread(samples.map((sample) => sample[key]));
    console.log(row([figure.name, server, of("value"), figure.unit, of("cpu"), of("busy")]));
  }
}
await stopLoad();

const standings = aims
  .map((aim) => ({ aim, ratios: standing(aim, results), bare: standing(aim, results, "bare loop") }))
  .filter(({ ratios }) => ratios.length > 0);
if (standings.length > 0) {
  console.log(`\n${row(["ratio", "is", "aim", "result", "a bare loop's"])}`);
  console.log(row(["---", "--:", "---", "---", "--:"]));
}
for (const { aim, ratios, bare } of standings) {
  const result = isMet(aim, median(ratios)) ? "met" : "missed";
  const best = bare.length > 0 ? digits(median(bare)) : "";
  console.log(row([aim.what, spread(ratios), `${aim.bound} ${aim.aim}`, result, best]));
}
console.log(`\nOther programs had ${Math.round(othersSinceStart() * 100)} % of the processors meanwhile.`);
