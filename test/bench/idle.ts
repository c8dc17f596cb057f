/**
 * Many idle connections from another process: connect, hold, one message each, leave. None is refused, none
 * is left behind, each takes little more memory than a bare loop's; and `close()` keeps its bound with all of
 * them open. `bun idle.ts [--connections 10000] [--hold 60]`
 */
import { crowd, hold, warmUp } from "./figures/idle.js";
import { expectBound, finish, flag, type Server } from "./harness.js";
import { bare, ours } from "./peers.js";

const connections = flag("connections", 10_000);
const seconds = flag("hold", 60);
/** SPEC: a bare loop's, and this on top of it. */
const ALLOWED_ON_TOP = 3;
/** `closeTimeout` and what it takes to say so to all. */
const CLOSE_TIMEOUT = 2000;
const CLOSE_BOUND = CLOSE_TIMEOUT + 3000;

/** Holds them; gives kB for each, and the clients that are still there. */
async function held(server: Server): Promise<{ clients: Server; kilobytes: number }> {
  await warmUp(server);
  const { clients, each } = await hold(server, connections, seconds * 1000);
  const kilobytes = each / 1024;
  console.log(
    `${server.name}: ${connections} connections held ${seconds} s, ${kilobytes.toFixed(2)} kB each`,
  );
  return { clients, kilobytes };
}

const loop = await bare();
const plain = await held(loop);
await plain.clients.stop();
await loop.stop();

// They are to be idle as long as this bench likes, which may be longer than the default lets them.
const server = await ours({ options: { closeTimeout: CLOSE_TIMEOUT, socketTimeout: (seconds + 60) * 1000 } });
const { clients, kilobytes } = await held(server);
const onTop = kilobytes - plain.kilobytes;
expectBound(`${onTop.toFixed(2)} kB on top of the bare loop's, at most 3`, onTop <= ALLOWED_ON_TOP);

const { accepted } = await clients.ask<{ accepted: number }>("messages");
expectBound(`${accepted} of ${connections} messages accepted`, accepted === connections);
await clients.ask("leave");
const { sockets } = await server.ask<{ sockets: number }>("empty");
expectBound(`${sockets} connections left behind`, sockets === 0);
await clients.stop();

const others = await crowd(server, connections);
await others.ask("connect");
const { milliseconds } = await server.ask<{ milliseconds: number }>("close");
expectBound(`close() with all of them idle: ${Math.round(milliseconds)} ms`, milliseconds <= CLOSE_BOUND);
await others.stop();
finish();
