/**
 * A message to a consumer that waits 1 ms a chunk: what the server's memory grows by must not depend on
 * the size of the message. `bun large-message.ts [--plain 1000] [--tls 100]` (MB)
 */
import { Client } from "./client.js";
import { expectBound, finish, flag, MB, type Server } from "./harness.js";
import { ours } from "./peers.js";

const ALLOWED = 40 * MB;
/** What two runs of the same size differ by. */
const NOISE = 8 * MB;
const block = Buffer.from(`${"x".repeat(76)}\r\n`.repeat(Math.ceil(MB / 78)));

async function send(server: Server, megabytes: number, secure: boolean): Promise<number> {
  const client = await Client.open(server.port);
  await client.command("EHLO bench");
  if (secure) {
    await client.startTLS();
    await client.command("EHLO bench");
  }
  await client.command("MAIL FROM:<a@bench.test>");
  await client.command("RCPT TO:<b@bench.test>");
  await client.command("DATA");
  const { rss } = await server.ask<{ rss: number }>("collect");
  const since = performance.now();
  for (let sent = 0; sent < megabytes * MB; sent += block.length) await client.write(block);
  await client.command(".");
  const { peakRSS } = await server.ask<{ peakRSS: number }>("stats");
  const seconds = (performance.now() - since) / 1000;
  const growth = Math.max(0, peakRSS - rss);
  const how = secure ? "STARTTLS" : "plain";
  console.log(
    `${how.padEnd(9)}${megabytes} MB in ${seconds.toFixed(1)} s: grew by ${(growth / MB).toFixed(1)} MB`,
  );
  client.close();
  return growth;
}

const plain = flag("plain", 1000);
const tls = flag("tls", 100);
for (const [secure, sizes] of [
  [false, [plain / 5, plain]],
  [true, [tls / 5, tls]],
] as const) {
  const server = await ours({ chunkDelay: 1 });
  // What a first message makes Bun load and compile is no growth.
  await send(server, 10, secure);
  const growths: number[] = [];
  for (const size of sizes) growths.push(await send(server, size, secure));
  const [small = 0, large = 0] = growths;
  expectBound(`${sizes[1]} MB grows memory by at most 40 MB`, large <= ALLOWED);
  expectBound(`${sizes[1]} MB grows it no more than ${sizes[0]} MB does`, large <= small + NOISE);
  await server.stop();
}
finish();
