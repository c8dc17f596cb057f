/** What the benches share: servers in processes of their own, what they cost, and the bounds that are checked. */
import { dlopen } from "bun:ffi";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createAuthority, type Identity } from "../support/certificates.js";

export const MB: number = 1024 * 1024;
const PATHS = `${process.env["PATH"]}:/usr/local/sbin:/usr/sbin:/sbin`;

/** The same certificate for all servers: handshakes are compared, not keys. */
export const certificate: Identity = createAuthority("bench CA").issue("bench.test");

const LAST_CORE = availableParallelism() - 1;
/** What a process is for: it decides its core. Workers that share a port go where they like. */
export type Role = "server" | "load" | "worker" | "attacked" | "attacker";
/** An attacker that shared the core of what it attacks would make honest clients wait for its own work. */
const ATTACK = { attacked: 0, attacker: LAST_CORE };
/**
 * The cores of each way of `--pin`. Together, a server's CPU changes least with what else the machine does.
 * Apart, each reply wakes a client on another core, which is dear and the server's to pay; and left to the
 * scheduler, it is now the one and now the other.
 */
const PINS: Readonly<Record<string, Partial<Record<Role, number>>>> = {
  none: {},
  apart: { server: 0, load: LAST_CORE, ...ATTACK },
  together: { server: LAST_CORE, load: LAST_CORE, ...ATTACK },
};
const pin = option("pin", "together");
const cores = PINS[pin];
if (!cores) throw new Error(`--pin is one of ${Object.keys(PINS).join(", ")}, not ${pin}`);
const canPin = Bun.which("taskset") !== null;
/** Puts a command on the core of its role. */
export function pinned(role: Role, command: readonly string[]): string[] {
  const core = cores?.[role];
  return canPin && core !== undefined ? ["taskset", "-c", String(core), ...command] : [...command];
}

/** A program in a process of its own. */
export interface Server {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** CPU seconds that it used so far, user and system. */
  cpu(): number;
  /** Resident bytes. */
  rss(): number;
  /** The most resident bytes since `resetPeak`, as the kernel saw them. */
  peak(): number;
  resetPeak(): void;
  /** Sends a line to it and gives its answer, which is JSON. */
  ask<T>(line: string): Promise<T>;
  stop(): Promise<void>;
  /** Lets it end by itself: its stdin is closed. */
  end(): Promise<void>;
}

const running = new Set<Bun.Subprocess>();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill("SIGKILL");
    process.exit(1);
  });
}

/** Starts a program that prints `port N`, with as many open files as the system lets it have. */
export async function start(
  name: string,
  command: readonly string[],
  env: Record<string, string> = {},
  role: Role = "server",
): Promise<Server> {
  const child = Bun.spawn(
    ["bash", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "bash", ...pinned(role, command)],
    {
      cwd: import.meta.dir,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      env: { ...process.env, ...env },
    },
  );
  running.add(child);
  const lines = readLines(child.stdout);
  const first = (await lines.next()).value ?? "";
  const port = Number(/^port (\d+)$/.exec(first)?.[1]);
  if (Number.isNaN(port)) throw new Error(`${name} did not start: ${first}`);
  return {
    name,
    port,
    pid: child.pid,
    cpu: () => cpuOf(child.pid),
    rss: () => memoryOf(child.pid, "VmRSS"),
    peak: () => memoryOf(child.pid, "VmHWM"),
    // proc(5): 5 sets the peak back to what is resident now.
    resetPeak: () => writeFileSync(`/proc/${child.pid}/clear_refs`, "5"),
    async ask<T>(line: string) {
      child.stdin.write(`${line}\n`);
      await child.stdin.flush();
      return JSON.parse((await lines.next()).value ?? "null") as T;
    },
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
      running.delete(child);
    },
    async end() {
      await child.stdin.end();
      await child.exited;
      running.delete(child);
    },
  };
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

const libc = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
const time = new BigInt64Array(2);
/** User and system time of all threads. /proc/<pid>/stat has it in hundredths of a second, too coarse for a round. */
function cpuOf(pid: number): number {
  // The clock of a process: its pid inverted, and 2 for its scheduler's clock (clock_getcpuclockid(3) does this).
  if (libc.symbols.clock_gettime((~pid << 3) | 2, time) !== 0) throw new Error(`process ${pid} has gone`);
  const [seconds = 0n, nanoseconds = 0n] = time;
  return Number(seconds) + Number(nanoseconds) / 1e9;
}
function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
}

/** Path of a program of Postfix, `undefined` where it is missing. */
export function postfix(program: "postfix" | "smtp-sink" | "smtp-source"): string | undefined {
  return Bun.which(program, { PATH: PATHS }) ?? undefined;
}

/** `--name value` of the command line. */
export function option(name: string, byDefault: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return (at < 0 ? undefined : process.argv[at + 1]) ?? byDefault;
}
/** The same as a number. */
export function flag(name: string, byDefault: number): number {
  return Number(option(name, String(byDefault)));
}

/** The value that the part `p` of the numbers (0 to 1) is not above; 0 of none. */
export function percentile(numbers: readonly number[], p: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(sorted.length * p) - 1, 0)] ?? 0;
}

/** Fields of a file of /proc, from the one that follows `after`. */
function fields(file: string, after: string): number[] {
  return (readFileSync(file, "utf8").split(after)[1] ?? "").trim().split(/\s+/).map(Number);
}
/**
 * The part of the processors that programs other than ours (this one and its children that have ended) had since
 * the start: where it is much, rates mean little, and CPU a message less than it should.
 */
export function othersSinceStart(): number {
  const { busy, mine, all } = processors();
  return (busy - atStart.busy - (mine - atStart.mine)) / (all - atStart.all);
}
function processors(): { busy: number; mine: number; all: number } {
  const machine = fields("/proc/stat", "cpu ").slice(0, 8);
  const sum = (list: readonly (number | undefined)[]): number => list.reduce<number>((a, b = 0) => a + b, 0);
  // Of all eight, `idle` and `iowait` are not busy. Of our own, the times of ended children are the last two.
  const own = fields("/proc/self/stat", ") ").slice(11, 15);
  return { busy: sum(machine) - sum(machine.slice(3, 5)), mine: sum(own), all: sum(machine) };
}
const atStart = processors();

const failures: string[] = [];
/** Notes whether a bound holds; `finish` exits with 1 where one did not. */
export function expectBound(what: string, holds: boolean): void {
  console.log(`${holds ? "holds" : "FAILS"}: ${what}`);
  if (!holds) failures.push(what);
}
export function finish(): never {
  process.exit(failures.length > 0 ? 1 : 0);
}
