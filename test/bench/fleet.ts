/**
 * The example fleet under fire: while clients send, each fault once a round. In the end each message that was
 * answered 250 is in the mailbox, octet for octet, and none there is other than it was sent. Prints the counts.
 * `bun fleet.ts [--rounds 20] [--only <pattern>]`
 *
 * As root of Linux it runs in namespaces of its own, so that it can cut the network between the NATS servers and give
 * one of them a small disk; else it leaves these faults out.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fleet, type FleetOptions, type Machine, missing } from "../../docs/examples/fleet/machines.js";
import { type Counts, Load } from "../interop/fleet/load.js";
import { expectBound, finish, flag, option } from "./harness.js";

const CLIENTS = 8;
const only = new RegExp(option("only", ""));
/** It also is what the server takes for its limit, and the queue must fit. */
const SMALL_DISK = "512m";

const lacks = missing();
if (lacks.length > 0) {
  console.error(lacks.join("\n"));
  process.exit(1);
}

const isRoot = process.getuid?.() === 0;
if (isRoot && process.env["FLEET_NAMESPACES"] === undefined) {
  // What is made in them, interfaces, mounts and processes, is gone with this program.
  const unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const child = Bun.spawn([...unshare, process.execPath, ...process.argv.slice(1)], {
    env: { ...process.env, FLEET_NAMESPACES: "1" },
    stdio: ["inherit", "inherit", "inherit"],
  });
  process.exit(await child.exited);
}

function run(command: string): void {
  const { exitCode, stderr } = Bun.spawnSync(command.split(" "));
  if (exitCode !== 0) throw new Error(`${command}: ${stderr}`);
}

const folder = mkdtempSync(join(tmpdir(), "bun-smtp-fleet-"));
const smallDisk = join(folder, "small");
const place: FleetOptions["place"] = isRoot
  ? (nth) => ({
      host: `10.77.0.${nth}`,
      prefix: ["ip", "netns", "exec", `n${nth}`],
      ...(nth === 3 && { store: smallDisk }),
    })
  : undefined;

if (isRoot) {
  mkdirSync("/run/netns", { recursive: true });
  mkdirSync(smallDisk);
  const network = [
    "mount -t tmpfs none /run/netns",
    `mount -t tmpfs -o size=${SMALL_DISK} none ${smallDisk}`,
    "ip link set lo up",
    "ip link add fleet type bridge",
    "ip address add 10.77.0.254/24 dev fleet",
    "ip link set fleet up",
  ];
  for (const nth of [1, 2, 3]) {
    network.push(
      `ip netns add n${nth}`,
      `ip link add v${nth} type veth peer name eth0 netns n${nth}`,
      `ip link set v${nth} master fleet up`,
      `ip -n n${nth} address add 10.77.0.${nth}/24 dev eth0`,
      `ip -n n${nth} link set eth0 up`,
      `ip -n n${nth} link set lo up`,
    );
  }
  for (const command of network) run(command);
}

const fleet = new Fleet({
  folder,
  mailboxes: ["you", "me"],
  deliverers: 2,
  perAddress: 1000,
  env: { ACK_WAIT: "5", BACK_OFF: "200" },
  ...(place && { place }),
});
const mailbox = join(fleet.mail, "you");
const load = new Load(fleet.port);

/** The NATS server that leads the queue, once one does. */
async function leader(): Promise<Machine> {
  for (;;) {
    const machine = await fleet.leader();
    if (machine?.isRunning) return machine;
    await Bun.sleep(200);
  }
}

/** Kills a program, lets the others go on without it, and starts it again. */
async function kill(machine: Machine, seconds: number): Promise<void> {
  await machine.stop("SIGKILL");
  await Bun.sleep(seconds * 1000);
  await machine.start();
}

const pick = <T>(list: readonly T[], round: number): T => list[round % list.length] as T;

const faults: Record<string, (round: number) => Promise<void>> = {
  async "NATS leader killed"() {
    await kill(await leader(), 5);
  },
  async "receiver killed"(round) {
    await kill(pick(fleet.receivers, round), 1);
  },
  async "HAProxy killed"() {
    await kill(fleet.haproxy, 0.5);
  },
  async "deliverer killed"(round) {
    await kill(pick(fleet.deliverers, round), 1);
  },
  async "receivers restarted"() {
    const before = load.unwelcome;
    await fleet.restartReceivers();
    refused += load.unwelcome - before;
  },
  ...(isRoot && {
    async "NATS leader cut off"() {
      // From its peers, not from its clients: it must not acknowledge what it cannot replicate.
      const { name } = await leader();
      const peers = [1, 2, 3].filter((nth) => name !== `n${nth}`);
      for (const nth of peers) run(`ip -n ${name} route add blackhole 10.77.0.${nth}/32`);
      await Bun.sleep(10_000);
      for (const nth of peers) run(`ip -n ${name} route del blackhole 10.77.0.${nth}/32`);
    },
    async "disk full"() {
      const filler = join(smallDisk, "filler");
      try {
        for (let size = 128; size > 0; size >>= 1) {
          for (;;) writeFileSync(filler, Buffer.alloc(size << 20), { flag: "a" });
        }
      } catch {
        // ENOSPC, the last piece is there in part.
      }
      await load.more(30, 60_000);
      rmSync(filler);
      // JetStream has turned itself off on this server.
      const [, , third] = fleet.nats;
      await third?.stop("SIGKILL");
      await third?.start();
      try {
        await fleet.whole(30_000);
      } catch {
        // What the full disk cut short it cannot read. An empty disk it can fill from the others.
        emptied++;
        await third?.stop("SIGKILL");
        rmSync(join(smallDisk, "jetstream"), { recursive: true });
        await third?.start();
      }
    },
  }),
};

let refused = 0;
/** How often the server with the full disk had to begin with an empty one. */
let emptied = 0;
const rounds = flag("rounds", 20);
const times: Record<string, number[]> = {};
await fleet.start();
let counts: Counts | undefined;
rounds: for (let round = 0; round < rounds; round++) {
  for (const [name, fault] of Object.entries(faults)) {
    if (!only.test(name)) continue;
    // One fault at a time: with three replicas, a second one before the first is repaired may lose messages.
    await fleet.whole();
    load.start(CLIENTS);
    await load.more(20, 60_000);
    const fire = fault(round);
    // How long the first message takes that is sent after the fault.
    await Bun.sleep(100);
    const seconds = await load.one();
    (times[name] ??= []).push(seconds);
    await fire;
    await load.more(20, 60_000);
    await load.stop();
    counts = await load.check(mailbox, 60_000);
    if (counts.lost + counts.damaged > 0) {
      console.log(`after "${name}":`, JSON.stringify(counts), load.lost);
      break rounds;
    }
  }
  console.log(`round ${round + 1}:`, JSON.stringify({ ...counts, refusedByRestarts: refused }));
}

console.log("\nSeconds until the next message had its 250, median and most:");
for (const [name, list] of Object.entries(times)) {
  const sorted = list.toSorted((a, b) => a - b);
  console.log(`  ${name}: ${sorted[sorted.length >> 1]?.toFixed(1)}, ${sorted.at(-1)?.toFixed(1)}`);
}
console.log(`  disks that were full and had to be emptied: ${emptied}`);
const unstored = fleet.receivers.flatMap(({ output }) => output.match(/acknowledged, and not stored/g) ?? []);
console.log(`  acknowledgements of messages that were not in the stream: ${unstored.length}`);
for (const { name, state } of await fleet.streams())
  console.log(`  stream ${name}: ${state.messages} messages are left`);

expectBound("no message that was answered is lost", counts?.lost === 0);
expectBound("no message is damaged", counts?.damaged === 0);
expectBound("restarts refuse no connection", refused === 0);
await fleet[Symbol.asyncDispose]();
if (isRoot) run(`umount ${smallDisk}`);
if (counts?.lost === 0 && counts.damaged === 0) rmSync(folder, { recursive: true, force: true });
else console.error(`What is left is in ${folder}`);
finish();
