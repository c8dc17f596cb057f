/**
 * Our server in a process of its own. argv[2]: JSON of {@link OursSettings}. Prints `port N`, then a line
 * of JSON for each line that it reads on stdin: `stats`, `reload`, `close`.
 */
import { createInterface } from "node:readline";
import {
  SMTPServer,
  type DataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from "../../../src/index.js";

interface OursSettings {
  options?: SMTPServerOptions;
  /** How onData reads: `for await` ("web", by default) or `stream.on("data")`. */
  face?: "web" | "node";
  /** Milliseconds that the consumer waits after each chunk; 0: it only reads. */
  chunkDelay?: number;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as OursSettings;
const stats = { seen: 0, failed: 0, bytes: 0, peakRSS: 0 };

/** The usual form. */
async function onDataWeb(stream: DataStream, _session: SMTPServerSession): Promise<void> {
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
  onData: settings.face === "node" ? onDataNode : onDataWeb,
});
await server.listen(0, "127.0.0.1");
const address = server.address() as { port: number };
console.log(`port ${address.port}`);

createInterface(process.stdin).on("line", (line) => {
  if (line === "stats") {
    const sockets = server.connections.size;
    console.log(JSON.stringify({ ...stats, rss: process.memoryUsage.rss(), sockets }));
  } else if (line === "collect") {
    Bun.gc(true);
    stats.peakRSS = 0;
    console.log(JSON.stringify({ rss: process.memoryUsage.rss() }));
  } else if (line === "reload") {
    server.updateSecureContext({});
    console.log("{}");
  } else if (line === "close") {
    const since = performance.now();
    void server.close().then(() => {
      console.log(JSON.stringify({ milliseconds: performance.now() - since }));
      process.exit();
    });
  }
});
