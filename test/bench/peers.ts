/** The servers that are compared. Each gives `undefined` for what it cannot do, or if it is not installed. */
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
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  const flags = `${process.getuid?.() === 0 ? "-u nobody" : ""} ${lmtp ? "-L" : ""} -m 15000`;
  const command = `echo port ${port}; exec ${program} ${flags} 127.0.0.1:${port} 1000`;
  const server = await start("smtp-sink", ["bash", "-c", command]);
  await answers(port);
  return server;
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
  | "smtp-sink"
  | "smtp-server (bun)"
  | "smtp-server (node)";
export const peers: Readonly<Record<PeerName, Peer>> = {
  "bare loop": bare,
  "bun-smtp": (setup) => ours({ options: options(setup) }),
  "bun-smtp (Node stream)": (setup) =>
    ours({ stream: "node", options: options(setup) }, "bun-smtp (Node stream)"),
  "smtp-sink": smtpSink,
  "smtp-server (bun)": smtpServer("bun"),
  "smtp-server (node)": smtpServer("node"),
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
    ...(Bun.which("node") ? [] : ["Node (for smtp-server on Node)"]),
  ];
}
