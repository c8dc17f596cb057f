/**
 * Mixed traffic: good mail, TLS, aborts in the middle, slow readers of replies, garbage, certificate reloads.
 * Prints resident memory and open sockets every 10 s. In the end each message that was answered 250 was
 * seen whole by onData, and no other was.
 * `bun soak.ts [--minutes 30]`
 */
import { random } from "../support/random.js";
import { Client } from "./client.js";
import { certificate, expectBound, finish, flag, MB } from "./harness.js";
import { ours } from "./peers.js";

const until = performance.now() + flag("minutes", 30) * 60_000;
const WORKERS = 20;
const REPORT_EVERY = 10_000;
const dice = random(flag("seed", 1));
const server = await ours({ options: certificate });
const counts = { accepted: 0, aborted: 0, garbage: 0, flooded: 0, encrypted: 0, unexpected: 0 };
const body = (size: number): Buffer => Buffer.from(`${"x".repeat(70)}\r\n`.repeat(1 + size / 72));

async function startMessage(client: Client): Promise<void> {
  for (const line of ["EHLO soak", "MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>", "DATA"])
    await client.command(line);
}

async function sendMessages(client: Client): Promise<void> {
  for (let left = 1 + dice.below(3); left > 0; left--) {
    await startMessage(client);
    await client.write(body(dice.pick([10, 2000, 100_000, 2_000_000])));
    const reply = await client.command(".");
    if (reply?.startsWith("250")) counts.accepted += 1;
    else counts.unexpected += 1;
  }
  await client.command("QUIT");
}

const visits: readonly ((client: Client) => Promise<void>)[] = [
  sendMessages,
  async function encrypted(client) {
    await client.command("EHLO soak");
    await client.startTLS();
    counts.encrypted += 1;
    await sendMessages(client);
  },
  async function aborted(client) {
    await startMessage(client);
    await client.write(body(dice.pick([10, 100_000])));
    counts.aborted += 1;
  },
  async function flooded(client) {
    client.pause();
    await client.write(Buffer.from("NOOP\r\n".repeat(1 + dice.below(3000))));
    await Bun.sleep(dice.below(100));
    counts.flooded += 1;
  },
  async function garbage(client) {
    const bytes = Buffer.from(Array.from({ length: 300 }, () => dice.below(256)));
    await client.write(Buffer.concat([bytes, Buffer.from("\r\n")]));
    await client.reply();
    counts.garbage += 1;
  },
];

async function worker(): Promise<void> {
  while (performance.now() < until) {
    const client = await Client.open(server.port);
    await dice.pick(visits)(client);
    client.close();
  }
}

let first = 0;
async function report(): Promise<void> {
  const stats = await server.ask<{ rss: number; sockets: number; seen: number; failed: number }>("stats");
  first ||= stats.rss;
  console.log(
    `RSS ${Math.round(stats.rss / MB)} MB, ${stats.sockets} sockets, seen ${stats.seen}, failed ${stats.failed}`,
    counts,
  );
}
const timer = setInterval(() => void report().then(() => server.ask("reload")), REPORT_EVERY);
await Promise.all(Array.from({ length: WORKERS }, worker));
clearInterval(timer);
// Resets that are on their way.
await Bun.sleep(500);
await report();
const { seen, failed, sockets } = await server.ask<{ seen: number; failed: number; sockets: number }>(
  "stats",
);
expectBound(`answered 250: ${counts.accepted}, seen whole by onData: ${seen}`, counts.accepted === seen);
expectBound(`aborted by the client: ${counts.aborted}, failed streams: ${failed}`, counts.aborted === failed);
expectBound(`${counts.unexpected} good messages refused`, counts.unexpected === 0);
expectBound(`${sockets} sockets left`, sockets === 0);
await server.stop();
finish();
