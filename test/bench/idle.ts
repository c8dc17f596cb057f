/**
 * Many idle connections from another process: connect, hold, one message each, leave. Resident memory per
 * connection beside a bare loop's, and how long `close()` takes with them all open.
 * `bun idle.ts [--connections 10000] [--hold 10]`
 */
import { expectBound, finish, flag, start, type Server } from "./harness.js";
import { bare, ours } from "./peers.js";

const connections = flag("connections", 10_000);
const hold = flag("hold", 10);
/** SPEC: a bare loop's, and this on top of it. */
const ALLOWED_ON_TOP = 3 * 1024;
/** `closeTimeout` and what it takes to say so to all. */
const CLOSE_TIMEOUT = 2000;
const CLOSE_BOUND = CLOSE_TIMEOUT + 3000;

async function crowd(server: Server): Promise<Server> {
  return start("crowd", [process.execPath, "servers/crowd.ts", String(server.port), String(connections)]);
}

/** Bytes for each connection. */
async function measure(server: Server, withMessages: boolean): Promise<number> {
  // What the first connections make Bun load is not theirs.
  const warmUp = await start("warm-up", [process.execPath, "servers/crowd.ts", String(server.port), "200"]);
  await warmUp.ask("connect");
  await warmUp.stop();
  await Bun.sleep(500);
  const before = server.rss();
  const clients = await crowd(server);
  const { connected } = await clients.ask<{ connected: number }>("connect");
  await Bun.sleep(hold * 1000);
  const each = (server.rss() - before) / connected;
  console.log(`${server.name}: ${connected} connections held ${hold} s, ${(each / 1024).toFixed(2)} kB each`);
  if (withMessages) {
    const { accepted } = await clients.ask<{ accepted: number }>("messages");
    expectBound(`${accepted} of ${connections} messages accepted`, accepted === connections);
    await clients.ask("leave");
    await Bun.sleep(1000);
    const { sockets } = await server.ask<{ sockets: number }>("stats");
    expectBound(`${sockets} connections left behind`, sockets === 0);
  }
  await clients.stop();
  return each;
}

const loop = await bare();
const plain = await measure(loop, false);
await loop.stop();
const server = await ours({ options: { closeTimeout: CLOSE_TIMEOUT } });
const each = await measure(server, true);
const onTop = each - plain;
expectBound(`${(onTop / 1024).toFixed(2)} kB on top of the bare loop, at most 3`, onTop <= ALLOWED_ON_TOP);

const clients = await crowd(server);
await clients.ask("connect");
const { milliseconds } = await server.ask<{ milliseconds: number }>("close");
expectBound(`close() with all of them idle: ${Math.round(milliseconds)} ms`, milliseconds <= CLOSE_BOUND);
await clients.stop();
finish();
