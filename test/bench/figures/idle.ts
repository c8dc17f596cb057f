/** Resident memory of connections that do nothing. */
import { ALL, type Figure } from "../figure.js";
import { start, type Server } from "../harness.js";

/** Long enough for what connecting left behind to be collected. */
const SETTLED = 1000;

/** Clients in a process of their own, which takes orders: see servers/crowd.ts. */
export function crowd(server: Server, connections: number): Promise<Server> {
  const command = [process.execPath, "servers/crowd.ts", String(server.port), String(connections)];
  return start("crowd", command, {}, "load");
}

/** What the first connections make a runtime load is not theirs. */
export async function warmUp(server: Server): Promise<void> {
  const first = await crowd(server, 200);
  await first.ask("connect");
  await first.stop();
  await Bun.sleep(SETTLED);
}

/** Connects them and holds them for so many milliseconds; gives the clients, and bytes for each connection. */
export async function hold(
  server: Server,
  connections: number,
  milliseconds: number,
): Promise<{ clients: Server; each: number }> {
  const before = server.rss();
  const clients = await crowd(server, connections);
  const { connected } = await clients.ask<{ connected: number }>("connect");
  if (connected !== connections) throw new Error(`${server.name} refused ${connections - connected} clients`);
  await Bun.sleep(milliseconds);
  return { clients, each: (server.rss() - before) / connections };
}

export const idle: readonly Figure[] = [1000, 10_000].map((connections) => ({
  name: `${connections} idle connections`,
  unit: "kB each",
  servers: ALL,
  setup: {},
  fresh: true,
  warmUp,
  async measure(server) {
    const { clients, each } = await hold(server, connections, SETTLED);
    await clients.stop();
    return { value: each / 1024 };
  },
}));
