/**
 * A client pipelines 100 000 NOOPs and reads none of the replies: what the server keeps for it is bounded,
 * and another client is served meanwhile. `bun noop-flood.ts [--noops 100000] [--clients 5]`
 */
import { connect } from "node:net";
import { Client } from "./client.js";
import { expectBound, finish, flag, MB } from "./harness.js";
import { ours } from "./peers.js";

const ALLOWED = 20 * MB;
/** Enough for the server to have read all that it is going to read. */
const SETTLED = 1000;

const server = await ours();
const other = await Client.open(server.port);
await other.command("EHLO other");
const { rss } = await server.ask<{ rss: number }>("collect");

const flood = Buffer.from("NOOP\r\n".repeat(flag("noops", 100_000)));
const floods = Array.from({ length: flag("clients", 5) }, () => {
  const socket = connect(server.port, "127.0.0.1");
  // The greeting is awaited: who talks before it is refused, and floods nothing.
  socket.once("data", () => {
    socket.pause();
    socket.write(flood);
  });
  return socket;
});

let slowest = 0;
for (const until = performance.now() + SETTLED; performance.now() < until;) {
  const since = performance.now();
  await other.command("NOOP");
  slowest = Math.max(slowest, performance.now() - since);
}
const peak = server.rss() - rss;
const kept = (await server.ask<{ rss: number }>("collect")).rss - rss;
console.log(
  `${floods.length} floods of ${flood.length / 6} NOOPs: memory grew by ${(peak / MB).toFixed(1)} MB, ${(kept / MB).toFixed(1)} MB after a collection`,
);
console.log(`slowest NOOP of another client: ${slowest.toFixed(1)} ms`);
expectBound("at most 1 MB a client is kept, and 20 MB", kept <= ALLOWED + floods.length * MB);
expectBound("another client waits at most 200 ms", slowest <= 200);
for (const socket of floods) socket.destroy();
await server.stop();
finish();
