/**
 * All figures in one table, and how they stand to the aims.
 * `bun run bench [--only <pattern>] [--rounds 5] [--quick] [--no-pin]`; docs/performance.md explains it.
 */
import { parseArgs } from "node:util";
import { aims, isMet, standing } from "./aims.js";
import { figures } from "./figures/index.js";
import { take, type Result, type Spread } from "./figure.js";
import { stopLoad } from "./load.js";
import { missing } from "./peers.js";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    "no-pin": { type: "boolean", default: false },
  },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 3 : 5));
const only = new RegExp(flags.only, "i");

/** Three digits that count. */
function digits(value: number): string {
  if (Number.isNaN(value)) return "";
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3);
}
function spread(value: Spread | undefined): string {
  return value ? `${digits(value.median)} (${digits(value.min)}–${digits(value.max)})` : "";
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
    const { server, value, cpu, busy } = result;
    console.log(row([figure.name, server, spread(value), figure.unit, spread(cpu), digits(busy)]));
  }
}
await stopLoad();

const standings = aims.flatMap((aim) => {
  const is = standing(aim, results);
  return is === undefined ? [] : [{ aim, is, met: isMet(aim, is) }];
});
if (standings.length > 0) {
  console.log(`\n${row(["ratio", "is", "aim", ""])}\n${row(["---", "--:", "---", "---"])}`);
  for (const { aim, is, met } of standings)
    console.log(row([aim.what, is.toFixed(2), `${aim.bound} ${aim.aim}`, met ? "met" : "missed"]));
}
