/** The servers that are compared. Each gives `undefined` for what it cannot do, or if it is not installed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificate, postfix, start, type Role, type Server } from "./harness.js";

/** How a server is to be set up. */
export interface Setup {
  lmtp?: boolean;
  tls?: "starttls" | "implicit";
}
type Peer = (setup: Setup) => Promise<Server | undefined>;

const bun = process.execPath;

/** Ours, with settings of servers/ours.ts. */
export function ours(settings: object = {}, name = "bun-smtp", role: Role = "server"): Promise<Server> {
  return start(name, [bun, "servers/ours.ts", JSON.stringify(settings)], {}, role);
}

function options({ lmtp = false, tls }: Setup): object {
  return { lmtp, ...(tls && { ...certificate, secure: tls === "implicit" }) };
}

/** A loop that finds the end of a message and answers. */
export function bare(setup: Setup = {}): Promise<Server> {
  return start("bare loop", [bun, "servers/bare.ts"], environment(setup));
}

/** The npm package smtp-server. */
function smtpServer(runtime: "bun" | "node"): Peer {
  return async (setup) => {
    const program = runtime === "bun" ? bun : Bun.which("node");
    if (!program || !hasSMTPServer()) return undefined;
    return start(`smtp-server (${runtime})`, [program, "servers/smtp-server.mjs"], environment(setup));
  };
}

/** Postfix's sink, in C. It knows no TLS, and takes 256 clients at a time unless told otherwise. */
async function smtpSink({ lmtp, tls }: Setup): Promise<Server | undefined> {
  const program = postfix("smtp-sink");
  if (!program || tls) return undefined;
  const port = freePort();
  const flags = `${process.getuid?.() === 0 ? "-u nobody" : ""} ${lmtp ? "-L" : ""} -m 15000`;
  const command = `echo port ${port}; exec ${program} ${flags} 127.0.0.1:${port} 1000`;
  const server = await start("smtp-sink", ["bash", "-c", command]);
  await answers(port);
  return server;
}

/** For programs that cannot say which port they took. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

async function answers(port: number): Promise<void> {
  for (;;) {
    try {
      (await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } })).end();
      return;
    } catch {
      await Bun.sleep(10);
    }
  }
}

/** Runs a server that stores: `make` gives its command for a folder of its own, which goes when it is stopped. */
async function storing(name: PeerName, make: (folder: string) => readonly string[]): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "bun-smtp-bench-"));
  const server = await start(name, make(folder), {}, "worker");
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  return { ...server, stop };
}

/** The example mx, which waits for the disk once for all messages that come meanwhile. */
function mx(): Promise<Server> {
  const program = new URL("../../docs/examples/mx/main.ts", import.meta.url).pathname;
  const script = `export DATABASE="$0/mx.sqlite" PORT=0 PER_ADDRESS=0
    ${bun} ${program} add 0b@bench.test >/dev/null
    exec ${bun} ${program} > >(sed -un 's/^Listening on port/port/p')`;
  return storing("mx", (folder) => ["bash", "-c", script, folder]);
}

/** smtp-server with the store of the example, and a commit for each message. */
function smtpServerDurable(runtime: "bun" | "node"): Peer {
  return async () => {
    const program = runtime === "bun" ? bun : nodeWithSQLite();
    if (!program || !hasSMTPServer()) return undefined;
    const command = [program, "servers/durable.mjs"];
    return storing(`smtp-server, durable (${runtime})`, (folder) => [...command, join(folder, "mx.sqlite")]);
  };
}

function nodeWithSQLite(): string | undefined {
  const node = Bun.which("node");
  return node && Bun.spawnSync([node, "-e", 'require("node:sqlite")']).success ? node : undefined;
}

/** Postfix takes mail into its queue, and leaves it there. */
async function postfixIntake(): Promise<Server | undefined> {
  if (!canRunPostfix()) return undefined;
  const port = freePort();
  const server = await storing("Postfix's intake", (folder) => [
    "bash",
    "servers/postfix.sh",
    folder,
    String(port),
  ]);
  await answers(port);
  return server;
}

function canRunPostfix(): boolean {
  return postfix("postfix") !== undefined && process.getuid?.() === 0;
}

function environment({ lmtp, tls }: Setup): Record<string, string> {
  return {
    BENCH_LMTP: lmtp ? "1" : "",
    BENCH_TLS: tls ?? "",
    BENCH_KEY: tls ? certificate.key : "",
    BENCH_CERT: tls ? certificate.cert : "",
  };
}

export type PeerName =
  | "bare loop"
  | "bun-smtp"
  | "bun-smtp (Node stream)"
  | "mx"
  | "Postfix's intake"
  | "smtp-sink"
  | "smtp-server (bun)"
  | "smtp-server (node)"
  | "smtp-server, durable (bun)"
  | "smtp-server, durable (node)";
export const peers: Readonly<Record<PeerName, Peer>> = {
  "bare loop": bare,
  "bun-smtp": (setup) => ours({ options: options(setup) }),
  "bun-smtp (Node stream)": (setup) =>
    ours({ stream: "node", options: options(setup) }, "bun-smtp (Node stream)"),
  "smtp-sink": smtpSink,
  "smtp-server (bun)": smtpServer("bun"),
  "smtp-server (node)": smtpServer("node"),
  mx,
  "smtp-server, durable (bun)": smtpServerDurable("bun"),
  "smtp-server, durable (node)": smtpServerDurable("node"),
  "Postfix's intake": postfixIntake,
};

function hasSMTPServer(): boolean {
  try {
    return Bun.resolveSync("smtp-server", import.meta.dir) !== "";
  } catch {
    return false;
  }
}

/** What is missing here, and what brings it. */
export function missing(): string[] {
  return [
    ...(postfix("smtp-sink") ? [] : ["smtp-sink, smtp-source (Debian: apt-get install postfix)"]),
    ...(hasSMTPServer() ? [] : ["smtp-server (bun install --cwd test/bench)"]),
    ...(canRunPostfix()
      ? []
      : ["Postfix's intake (Debian: apt-get install postfix, and only root can start it)"]),
    ...(nodeWithSQLite() ? [] : ["Node 22.5 or newer (for smtp-server with SQLite on Node)"]),
    ...(Bun.which("node") ? [] : ["Node (for smtp-server on Node)"]),
  ];
}
