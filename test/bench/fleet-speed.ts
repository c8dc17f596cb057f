/**
 * What the example fleet takes: 4 kB messages of Postfix's `smtp-source` through HAProxy and two receivers into a
 * stream with three replicas, all on this machine. Prints messages a second, and the CPU and the disk writes of each
 * part for a message. Deliverers do not run.
 * `bun fleet-speed.ts [--messages 20000] [--clients 50] [--size 4096] [--sync always]`
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { find, Fleet, type Machine, missing } from "../../docs/examples/fleet/machines.js";
import { flag, option } from "./harness.js";

const CLOCK_TICKS = 100;
const smtpSource = find("smtp-source");
const lacks = missing();
if (smtpSource === undefined) lacks.push("smtp-source is not installed (Debian: apt-get install postfix)");
if (lacks.length > 0) {
  console.error(lacks.join("\n"));
  process.exit(1);
}

const messages = flag("messages", 20_000);
const clients = flag("clients", 50);
const size = flag("size", 4096);
const sync = option("sync", "");
const folder = mkdtempSync(join(tmpdir(), "bun-smtp-fleet-"));
const fleet = new Fleet({
  folder,
  mailboxes: ["you"],
  deliverers: 0,
  perAddress: 10_000,
  ...(sync && { jetstream: `, sync_interval: ${sync}` }),
});

interface Usage {
  /** Seconds. */
  cpu: number;
  /** Octets that went to the disk's queue. */
  written: number;
}

function usageOf(machines: readonly Machine[]): Usage {
  const total = { cpu: 0, written: 0 };
  for (const pid of machines.flatMap((machine) => machine.pids)) {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    total.cpu += (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    const written = /^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "latin1"))?.[1];
    total.written += Number(written ?? 0);
  }
  return total;
}

async function send(count: number): Promise<number> {
  const since = performance.now();
  const args = ["-s", clients, "-m", count, "-l", size, "-f", "me@example.com", "-t", "you@example.com"];
  const child = Bun.spawn([smtpSource ?? "", ...args.map(String), `127.0.0.1:${fleet.port}`], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) !== 0) throw new Error("smtp-source failed");
  return (performance.now() - since) / 1000;
}

await fleet.start();
await send(Math.min(messages, 5000)); // the just-in-time compiler has its work
const parts: Record<string, readonly Machine[]> = {
  HAProxy: [fleet.haproxy],
  receivers: fleet.receivers,
  "NATS servers": fleet.nats,
  "NATS leader": [await fleet.leader()].filter((machine) => machine !== undefined),
};
const before = Object.values(parts).map(usageOf);
const seconds = await send(messages);
const after = Object.values(parts).map(usageOf);

console.log(
  `${messages} messages of ${size} octets, ${clients} clients${sync && `, sync_interval ${sync}`}:`,
);
console.log(`  ${Math.round(messages / seconds)} messages a second`);
for (const [at, name] of Object.keys(parts).entries()) {
  const cpu = ((after[at]?.cpu ?? 0) - (before[at]?.cpu ?? 0)) / messages;
  const written = ((after[at]?.written ?? 0) - (before[at]?.written ?? 0)) / messages;
  console.log(`  ${name}: ${Math.round(cpu * 1e6)} µs CPU, ${Math.round(written)} octets to disk a message`);
}
const { messages: stored = 0 } = (await fleet.streams()).find(({ name }) => name === "MAIL")?.state ?? {};
console.log(`  ${stored} messages are in the stream`);
await fleet[Symbol.asyncDispose]();
rmSync(folder, { recursive: true, force: true });
