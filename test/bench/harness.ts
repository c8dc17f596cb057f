/** What the benches share: servers in processes of their own, what they cost, and smtp-source as the load. */
import { readFileSync } from "node:fs";
import { createAuthority, type Identity } from "../support/certificates.js";

export const MB: number = 1024 * 1024;
/** Clock ticks a second of /proc (getconf CLK_TCK): 100 on every Linux that we know. */
const TICKS = 100;
const PATHS = `${process.env["PATH"]}:/usr/local/sbin:/usr/sbin:/sbin`;

/** The same certificate for all servers: handshakes are compared, not keys. */
export const certificate: Identity = createAuthority("bench CA").issue("bench.test");

/** A server that runs in a process of its own. */
export interface Server {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** CPU seconds that it used so far, user and system. */
  cpu(): number;
  /** Resident bytes. */
  rss(): number;
  /** Sends a word to servers/ours.ts and gives its answer. */
  ask<T>(word: string): Promise<T>;
  stop(): Promise<void>;
}

/** Starts a program that prints `port N`; more files may be opened than the shell's default allows. */
export async function start(name: string, command: readonly string[], tls = false): Promise<Server> {
  const child = Bun.spawn(["bash", "-c", 'ulimit -n 50000 2>/dev/null; exec "$@"', "bash", ...command], {
    cwd: import.meta.dir,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, ...(tls ? { BENCH_KEY: certificate.key, BENCH_CERT: certificate.cert } : {}) },
  });
  const lines = readLines(child.stdout);
  const first = (await lines.next()).value ?? "";
  const port = Number(/^port (\d+)$/.exec(first)?.[1]);
  if (!port) throw new Error(`${name} did not start: ${first}`);
  return {
    name,
    port,
    pid: child.pid,
    cpu: () => cpuOf(child.pid),
    rss: () => rssOf(child.pid),
    async ask<T>(word: string) {
      child.stdin.write(`${word}\n`);
      await child.stdin.flush();
      return JSON.parse((await lines.next()).value ?? "null") as T;
    },
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(
    new TextDecoderStream() as never,
  ) as unknown as AsyncIterable<string>) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

/** Ours, with settings of servers/ours.ts. */
export function ours(settings: object = {}): Promise<Server> {
  return start("bun-smtp", [process.execPath, "servers/ours.ts", JSON.stringify(settings)]);
}
/** A loop that does nothing but find line ends. */
export function bare(tls = false): Promise<Server> {
  return start("bare loop", [process.execPath, "servers/bare.ts"], tls);
}
/** The npm package smtp-server; `bun install` in this folder brings it. */
export function smtpServer(runtime: "bun" | "node", tls = false): Promise<Server | undefined> {
  const program = runtime === "bun" ? process.execPath : Bun.which("node");
  if (!program || !isInstalled("smtp-server")) return skip(`smtp-server on ${runtime}`);
  return start(`smtp-server (${runtime})`, [program, "servers/smtp-server.mjs"], tls);
}
/** Postfix's sink, in C. */
export async function smtpSink(): Promise<Server | undefined> {
  const program = postfix("smtp-sink");
  if (!program) return skip("smtp-sink");
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  const user = process.getuid?.() === 0 ? "-u nobody" : "";
  return start("smtp-sink", [
    "bash",
    "-c",
    `echo port ${port}; exec ${program} ${user} 127.0.0.1:${port} 1000`,
  ]).then(async (server) => {
    await Bun.sleep(200);
    return server;
  });
}

/** Path of a program of Postfix, `undefined` where it is missing. */
export function postfix(program: "smtp-sink" | "smtp-source"): string | undefined {
  return Bun.which(program, { PATH: PATHS }) ?? undefined;
}

function isInstalled(name: string): boolean {
  try {
    return Bun.resolveSync(name, import.meta.dir) !== "";
  } catch {
    return false;
  }
}

function skip(what: string): Promise<undefined> {
  console.log(`skipped: ${what} is not installed`);
  return Promise.resolve(undefined);
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** What a load cost. */
export interface Cost {
  seconds: number;
  /** CPU seconds of the server. */
  cpu: number;
}

/** A load of Postfix's smtp-source; throws where a message was not accepted. */
export interface Load {
  messages: number;
  /** Bytes of each. */
  length: number;
  /** At a time. */
  connections: number;
  /** A connection for each message. */
  reconnect?: boolean;
}

export async function load(
  server: Server,
  { messages, length, connections, reconnect }: Load,
): Promise<Cost> {
  const program = postfix("smtp-source");
  if (!program) throw new Error("smtp-source is not installed (Debian: apt-get install postfix)");
  const args = ["-s", connections, "-m", messages, "-l", length, ...(reconnect ? [] : ["-d"])].map(String);
  const cpu = server.cpu();
  const since = performance.now();
  const source = Bun.spawn([program, ...args, `127.0.0.1:${server.port}`], {
    stdout: "ignore",
    stderr: "pipe",
  });
  if ((await source.exited) !== 0)
    throw new Error(`smtp-source to ${server.name}: ${await new Response(source.stderr).text()}`);
  return { seconds: (performance.now() - since) / 1000, cpu: server.cpu() - cpu };
}

/** `--name value` of the command line as a number. */
export function flag(name: string, byDefault: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? byDefault : Number(process.argv[at + 1]);
}

const failures: string[] = [];
/** Notes whether a bound holds; `finish` exits with 1 where one did not. */
export function expectBound(what: string, holds: boolean): void {
  console.log(`${holds ? "holds" : "FAILS"}: ${what}`);
  if (!holds) failures.push(what);
}
export function finish(): never {
  process.exit(failures.length > 0 ? 1 : 0);
}

/** Two digits behind the point, ten characters wide. */
export function column(value: number): string {
  return value.toFixed(2).padStart(10);
}
