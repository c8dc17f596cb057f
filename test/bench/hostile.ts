/**
 * What hostile clients cost: for each pattern of hostile/patterns.ts the server's memory and CPU for the octets
 * that it was sent, and how long an honest client waits for its NOOP meanwhile. Prints the table of
 * docs/tests.md, and exits with 1 where a bound does not hold.
 *
 *   bun test/bench/hostile.ts [--only <pattern>] [--short] [--pin none]
 *
 * The server has a core to itself, the attackers another, so far as this machine lets them. What else it does
 * shows in clocks on the wall, so that none is read: what is measured is the server's own CPU time.
 *
 * - Memory is the peak of resident memory above what was resident after ordinary mail and a collection, as the
 *   kernel notes it. Octets are those that the server was handed: what lies in the kernel's buffers cost nothing yet.
 * - CPU is that of all threads of the server from the first octet until it has nothing left to do, for each octet
 *   on the wire. It is set beside that of ordinary mail, sent to a server of the same run just before.
 * - A wait is the CPU time of the server's thread between the sending of a NOOP and the end of the turn that
 *   answers it: on a core of its own that is the wait itself. NOOPs are sent at random moments, and not only after
 *   the reply to the one before: else a long wait would count as one, however many it would have hit.
 *
 * Noise only adds to these. A pattern that is over a bound is measured three times, each time in a new process,
 * and the least of each figure counts: what is over a bound three times is no noise.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { expectBound, finish, MB, othersSinceStart, start, type Server } from "./harness.js";
import type { Attack } from "./hostile/attacker.js";
import { HONEST, type Pattern, patterns } from "./hostile/patterns.js";
import { ours } from "./peers.js";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    short: { type: "boolean", default: false },
    // harness.ts reads it.
    pin: { type: "string" },
  },
});
const only = new RegExp(flags.only, "i");

/** NOOPs of each measurement, some 1.5 milliseconds apart. */
const NOOPS = flags.short ? 500 : 1500;
/** Milliseconds of the server's CPU that an attack has before it is measured, and at most so many on the wall. */
const WARM = { cpu: flags.short ? 200 : 500, wall: 2000 };
/** Milliseconds of CPU, the server's and the clients', in which they send what is held in memory. */
const FILLING = flags.short ? 3000 : 6000;
/** Milliseconds after which who sleeps has nothing to do. */
const IDLE = 200;
/** How often it is looked whether they sleep, meanwhile. */
const LOOKS = 20;
/** Octets that all of them send then. */
const HELD = (flags.short ? 8 : 16) * MB;
/** Octets of ordinary mail that are set beside it. */
const MAIL = 4 * MB;
const HOLDERS = 200;
const MANY = 8;
const ATTEMPTS = 3;

/** Octets that the server may keep for each that it was sent, and besides for each connection. */
const MEMORY = { octet: 4, connection: 64 * 1024 };
/** Times an honest octet's CPU. */
const CPU = 10;
/** Milliseconds that 99 of 100 NOOPs wait at most, beside one hostile client and beside {@link MANY}. */
const WAIT = { one: 5, many: 20 };

/** Times its bound. What is so far above it is measured once, and nothing else of it. */
const HOPELESS = 40;

/** What each packet has on the wire besides its octets: Ethernet 38 with preamble and gap, IPv4 20, TCP 32. */
const PACKET = 90;
const SEGMENT = 1448;
/** Packets of a connection that carry nothing: SYN, ACK, FIN, ACK. */
const CONNECTION = 4;

/** What the server was handed. */
interface Read {
  connections: number;
  reads: number;
  octets: number;
}
interface Cost {
  memory: number;
  cpu: number;
  /** 99th percentiles in milliseconds: alone, beside one, beside many. */
  alone: number;
  one: number;
  many: number;
}

/** Octets on the wire: a client that sends little in each packet sends more than its octets. */
function wire({ connections, reads, octets }: Read): number {
  return octets + PACKET * (Math.max(reads, octets / SEGMENT) + CONNECTION * connections);
}
function less(now: Read, before: Read): Read {
  return {
    connections: now.connections - before.connections,
    reads: now.reads - before.reads,
    octets: now.octets - before.octets,
  };
}

const attacker = await start("attacker", [process.execPath, "hostile/attacker.ts"], {}, "attacker");
const readBy = (server: Server): Promise<Read> => server.ask<Read>("read");

/** Lets clients do what they do for so long, and ends them. Gives what the server read, and its CPU seconds. */
async function attack(
  server: Server,
  attack: Omit<Attack, "port">,
  work: () => Promise<unknown>,
): Promise<{ read: Read; cpu: number }> {
  const { sockets } = await server.ask<{ sockets: number }>("stats");
  const before = await readBy(server);
  const cpu = server.cpu();
  await attacker.ask(JSON.stringify({ ...attack, port: server.port }));
  await work();
  const result = { read: less(await readBy(server), before), cpu: server.cpu() - cpu };
  await attacker.ask("stop");
  while ((await server.ask<{ sockets: number }>("stats")).sockets > sockets) await Bun.sleep(10);
  return result;
}

const reference = await ours({ measures: true }, "reference", "attacked");
const ordinary = { pattern: HONEST.name, clients: MANY, octets: MAIL / MANY };
await attack(reference, ordinary, () => done(reference));

/** Nanoseconds of CPU of an octet of ordinary mail, at this moment. */
async function honestOctet(): Promise<number> {
  const { read, cpu } = await attack(reference, ordinary, () => done(reference));
  return (cpu * 1e9) / wire(read);
}

/**
 * Waits until the clients have sent what they are to send, or had their time for it, and the server has done all
 * of it. On a busy machine one that gets no CPU is not done: both have to sleep, in all of the looks.
 */
async function done(server: Server): Promise<void> {
  const cpu = (): number => (server.cpu() + attacker.cpu()) * 1000;
  const until = cpu() + FILLING;
  let isHushed = false;
  for (let asleep = 0; asleep < LOOKS; asleep++) {
    await Bun.sleep(IDLE / LOOKS);
    if (!isHushed && cpu() > until) {
      isHushed = true;
      await attacker.ask("hush");
    }
    if (!sleeps(server) || !sleeps(attacker)) asleep = -1;
  }
}
/** Waits until the server had work enough for its compiler. */
async function warm(server: Server): Promise<void> {
  const cpu = server.cpu() + WARM.cpu / 1000;
  for (const until = performance.now() + WARM.wall; performance.now() < until && server.cpu() < cpu;) {
    await Bun.sleep(IDLE / LOOKS);
  }
}
/** None of its threads runs or waits for a processor: not that of the server, nor one of its compiler or collector. */
function sleeps({ pid }: Server): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8").split(") ")[1]?.[0] !== "R";
    } catch {
      // It has ended since.
      return true;
    }
  });
}

/** A new server that has had ordinary mail, so far as it takes any. */
async function fresh({ name, settings = {} }: Pattern): Promise<Server> {
  const server = await ours({ ...settings, measures: true }, name, "attacked");
  if (!settings.waits && !settings.stops) {
    const { useProxy, lmtp = false } = settings.options ?? {};
    const header = useProxy ? "PROXY UNKNOWN\r\n" : "";
    await attack(server, { ...ordinary, header, lmtp }, () => done(server));
  }
  return server;
}

/** How the clients of a pattern speak to its server. */
function dialect({ name, settings, header, opening }: Pattern): Pick<Attack, "pattern" | "header" | "lmtp"> {
  const { useProxy, lmtp = false } = settings?.options ?? {};
  // One without an opening begins with a header of its own.
  return { pattern: name, lmtp, header: useProxy && !header && opening ? "PROXY UNKNOWN\r\n" : "" };
}

async function memoryOf(pattern: Pattern): Promise<number> {
  const server = await fresh(pattern);
  try {
    const { rss } = await server.ask<{ rss: number }>("collect");
    server.resetPeak();
    const clients = pattern.holders ?? HOLDERS;
    const hold = { ...dialect(pattern), clients, octets: HELD / clients };
    let grown = 0;
    const { read } = await attack(server, hold, async () => {
      await done(server);
      grown = server.peak() - rss;
    });
    return Math.max(grown - clients * MEMORY.connection, 0) / Math.max(read.octets, 1);
  } finally {
    await server.stop();
  }
}

async function measure(pattern: Pattern): Promise<Cost> {
  const honestCPU = await honestOctet();
  const server = await fresh(pattern);
  const waits = async (): Promise<number> => (await server.ask<{ wait: number }>(`waits ${NOOPS}`)).wait;
  try {
    await server.ask("honest");
    // The first moments of an attack are those of the compiler and of a heap that grows.
    await attack(server, { ...dialect(pattern), clients: 1 }, () => warm(server));
    const alone = await waits();
    const beside = async (clients: number): Promise<number> => {
      let wait = 0;
      await attack(server, { ...dialect(pattern), clients }, async () => {
        wait = await waits();
      });
      return wait;
    };
    const one = await beside(1);
    // Eight of these, or two hundred, would stop the bench with the server.
    if (one > HOPELESS * WAIT.one) return { alone, one, many: NaN, cpu: NaN, memory: NaN };
    const many = await beside(MANY);
    const share = { ...dialect(pattern), clients: MANY, octets: HELD / MANY };
    const { cpu, read } = await attack(server, share, () => done(server));
    const ratio = (cpu * 1e9) / wire(read) / honestCPU;
    return { alone, one, many, cpu: ratio, memory: await memoryOf(pattern) };
  } finally {
    await server.stop();
  }
}

/** What is over its bound, in words. */
function breaches({ name, allowed = CPU }: Pattern, { memory, cpu, one, many }: Cost): string[] {
  return [
    ...(memory > MEMORY.octet
      ? [`${name}: ${memory.toFixed(1)} octets of memory an octet, at most ${MEMORY.octet}`]
      : []),
    ...(cpu > allowed ? [`${name}: ${cpu.toFixed(1)} times an honest octet's CPU, at most ${allowed}`] : []),
    ...(one > WAIT.one
      ? [`${name}: NOOP waits ${one.toFixed(1)} ms beside one client, at most ${WAIT.one}`]
      : []),
    ...(many > WAIT.many
      ? [`${name}: NOOP waits ${many.toFixed(1)} ms beside ${MANY}, at most ${WAIT.many}`]
      : []),
  ];
}

/** The least of each figure: what else the machine does only adds. */
function least(a: Cost, b: Cost): Cost {
  const keys = Object.keys(a) as (keyof Cost)[];
  return Object.fromEntries(
    keys.map((key) => [key, Number.isNaN(a[key]) ? b[key] : Math.min(a[key], b[key])]),
  ) as unknown as Cost;
}

async function settled(pattern: Pattern): Promise<Cost> {
  let cost = await measure(pattern);
  for (
    let attempt = 1;
    attempt < ATTEMPTS && breaches(pattern, cost).length > 0 && cost.one <= HOPELESS * WAIT.one;
    attempt++
  ) {
    cost = least(cost, await measure(pattern));
  }
  return cost;
}

const digits = (value: number): string => (Number.isNaN(value) ? "not measured" : value.toFixed(1));
const row = (...cells: readonly string[]): void => console.log(`| ${cells.join(" | ")} |`);
row("hostile clients send", "memory", "CPU", "wait alone", "beside one", `beside ${MANY}`);
row("---", "--:", "--:", "--:", "--:", "--:");
const broken: string[] = [];
for (const pattern of patterns.filter(({ name }) => only.test(name))) {
  const cost = await settled(pattern);
  row(pattern.name, ...[cost.memory, cost.cpu, cost.alone, cost.one, cost.many].map(digits));
  broken.push(...breaches(pattern, cost));
}
console.log(`
Memory: octets that the server grew by for each that it was sent, ${MEMORY.connection / 1024} kB a connection not counted; at most ${MEMORY.octet}.
CPU: times that of an octet of an ordinary message; at most ${CPU}.
Wait: of the NOOPs of an honest client, milliseconds of the server's CPU that 99 of 100 wait at most; at most ${WAIT.one} beside one hostile client, and ${WAIT.many} beside ${MANY}.
Other programs had ${Math.round(othersSinceStart() * 100)} % of the processors meanwhile.
`);
expectBound("every pattern within its bounds", broken.length === 0);
for (const what of broken) expectBound(what, false);
await reference.stop();
await attacker.stop();
finish();
