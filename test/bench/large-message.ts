/**
 * A message to a consumer that waits 1 ms a chunk: what the server's memory grows by must not depend on its
 * size. The same octets are sent as one message and as five: the longer one looks, the higher a peak is found.
 * The median of rounds counts, for when the collector runs is chance.
 * `bun large-message.ts [--plain 1000] [--tls 100] [--rounds 5]` (MB)
 */
import { Client } from "./client.js";
import { expectBound, finish, flag, MB, type Server } from "./harness.js";
import { median } from "./statistics.js";
import { ours } from "./peers.js";

const ALLOWED = 40 * MB;
/** What medians of the same size differ by. */
const NOISE = 8 * MB;
const block = Buffer.from(`${"x".repeat(76)}\r\n`.repeat(Math.ceil(MB / 78)));

/** What the server grows by at most while it gets so many messages, one after the other. */
async function send(server: Server, messages: number, megabytes: number, secure: boolean): Promise<number> {
  const client = await Client.open(server.port);
  await client.command("EHLO bench");
  if (secure) {
    await client.startTLS();
    await client.command("EHLO bench");
  }
  const { rss } = await server.ask<{ rss: number }>("collect");
  const since = performance.now();
  for (let left = messages; left > 0; left--) {
    await client.command("MAIL FROM:<a@bench.test>");
    await client.command("RCPT TO:<b@bench.test>");
    await client.command("DATA");
    for (let sent = 0; sent < megabytes * MB; sent += block.length) await client.write(block);
    await client.command(".");
  }
  const { peakRSS } = await server.ask<{ peakRSS: number }>("stats");
  const seconds = (performance.now() - since) / 1000;
  const growth = peakRSS - rss;
  console.log(
    `${secure ? "STARTTLS" : "plain"}, ${messages} × ${megabytes} MB in ${seconds.toFixed(1)} s: grew by ${(growth / MB).toFixed(1)} MB`,
  );
  client.close();
  return growth;
}

/** Messages that are as much as one large one. */
const PARTS = 5;
const plain = flag("plain", 1000);
const tls = flag("tls", 100);
const rounds = flag("rounds", 5);
for (const [secure, large] of [
  [false, plain],
  [true, tls],
] as const) {
  const part = large / PARTS;
  const server = await ours({ chunkDelay: 1 });
  // What a first message makes Bun load and compile is no growth.
  await send(server, 1, 10, secure);
  const growths: { parts: number; whole: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const parts = await send(server, PARTS, part, secure);
    growths.push({ parts, whole: await send(server, 1, large, secure) });
  }
  const of = (key: "parts" | "whole"): number => median(growths.map((growth) => growth[key]));
  expectBound(`${large} MB grows memory by at most 40 MB`, of("whole") <= ALLOWED);
  expectBound(
    `${large} MB grows it no more than ${PARTS} × ${part} MB do`,
    of("whole") <= of("parts") + NOISE,
  );
  await server.stop();
}
finish();
