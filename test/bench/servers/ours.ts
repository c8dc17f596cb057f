/**
 * Our server in a process of its own. argv[2]: JSON of {@link OursSettings}. Prints `port N`, then a line
 * of JSON for each line that it reads on stdin: `stats`, `reload`, `close`.
 */
import { createInterface } from "node:readline";
import { SMTPServer, type DataStream, type SMTPServerOptions } from "../../../src/index.js";

interface OursSettings {
  options?: SMTPServerOptions;
  /** Milliseconds that the consumer waits after each chunk; 0: it only reads. */
  chunkDelay?: number;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as OursSettings;
const stats = { seen: 0, failed: 0, bytes: 0, peakRSS: 0 };

async function consume(stream: DataStream): Promise<void> {
  for await (const chunk of stream) {
    stats.bytes += chunk.length;
    if (settings.chunkDelay) {
      await Bun.sleep(settings.chunkDelay);
      stats.peakRSS = Math.max(stats.peakRSS, process.memoryUsage.rss());
    }
  }
}

const server = new SMTPServer({
  name: "bench.test",
  authOptional: true,
  disableReverseLookup: true,
  logger: false,
  ...settings.options,
  onData(stream, _session, callback) {
    consume(stream).then(
      () => {
        stats.seen += 1;
        callback();
      },
      (error: Error) => {
        stats.failed += 1;
        callback(error);
      },
    );
  },
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
