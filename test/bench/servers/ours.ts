/**
 * Our server in a process of its own. argv[2]: JSON of {@link OursSettings}. Prints `port N`, then a line
 * of JSON for each line that it reads on stdin: see `answers`.
 */
import { createInterface } from "node:readline";
import {
  SMTPServer,
  type DataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from "../../../src/index.js";

export interface OursSettings {
  options?: SMTPServerOptions;
  /** How onData reads: `for await` ("web", by default) or `stream.on("data")`. */
  stream?: "web" | "node";
  /** Milliseconds that the consumer waits after each chunk; 0: it only reads. */
  chunkDelay?: number;
  /** onData reads one chunk, or nothing, and never answers. */
  stops?: "after a chunk" | "at once";
  /** onData takes the first recipient out of the list. */
  editsRecipients?: boolean;
  /** onRcptTo never answers. */
  waits?: boolean;
  /** It is measured what it reads, and how long an honest client waits: see ../hostile/instruments.ts. */
  measures?: boolean;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as OursSettings;
const stats = { seen: 0, failed: 0, bytes: 0, peakRSS: 0 };

/** Loaded only where it is asked for: it costs. */
const extra = settings.measures
  ? (await import("../hostile/instruments.js")).instruments(
      () => address.port,
      settings.options?.useProxy ? "PROXY UNKNOWN\r\n" : "",
    )
  : {};

/** The usual form. */
async function onDataWeb(stream: DataStream, session: SMTPServerSession): Promise<void> {
  if (settings.editsRecipients) session.envelope.rcptTo.shift();
  if (settings.stops === "after a chunk") await stream.getReader().read();
  if (settings.stops) return new Promise(() => {});
  try {
    for await (const chunk of stream) {
      stats.bytes += chunk.length;
      if (settings.chunkDelay) {
        await Bun.sleep(settings.chunkDelay);
        stats.peakRSS = Math.max(stats.peakRSS, process.memoryUsage.rss());
      }
    }
    stats.seen += 1;
  } catch (error) {
    stats.failed += 1;
    throw error;
  }
}

/** As programs that were made for smtp-server have it. */
function onDataNode(stream: DataStream, _session: SMTPServerSession, callback: () => void): void {
  stream.on("data", (chunk: Buffer) => {
    stats.bytes += chunk.length;
  });
  stream.on("end", () => {
    stats.seen += 1;
    callback();
  });
  stream.on("error", () => {
    stats.failed += 1;
  });
}

const server = new SMTPServer({
  name: "bench.test",
  authOptional: true,
  disableReverseLookup: true,
  logger: false,
  ...settings.options,
  onData: settings.stream === "node" ? onDataNode : onDataWeb,
  ...(settings.waits && { onRcptTo: (_address, _session, _callback) => {} }),
});
await server.listen(0, "127.0.0.1");
const address = server.address() as { port: number };
console.log(`port ${address.port}`);

/** Waits until the last connection has gone, at most as long as a client that left may take to be noticed. */
async function empty(): Promise<number> {
  for (const until = performance.now() + EMPTY_BOUND; performance.now() < until;) {
    if (server.connections.size === 0) break;
    await Bun.sleep(50);
  }
  return server.connections.size;
}
const EMPTY_BOUND = 10_000;

/** What each line on stdin asks for. */
const answers: Readonly<Record<string, (argument: string) => object | Promise<object>>> = {
  ...extra,
  stats: () => ({ ...stats, rss: process.memoryUsage.rss(), sockets: server.connections.size }),
  collect() {
    Bun.gc(true);
    const rss = process.memoryUsage.rss();
    stats.peakRSS = rss;
    return { rss };
  },
  reload() {
    server.updateSecureContext({});
    return {};
  },
  empty: async () => ({ sockets: await empty() }),
  async close() {
    const since = performance.now();
    await server.close();
    return { milliseconds: performance.now() - since };
  },
};

for await (const line of createInterface(process.stdin)) {
  const [order = "", argument = ""] = line.split(" ");
  console.log(JSON.stringify(await answers[order]?.(argument)));
}
// Who started it has gone, or wants its profile.
process.exit();
