/** What a figure is, and how one is taken: all its servers in turn, several rounds, the median of each. */
import type { Server } from "./harness.js";
import { send, type Cost, type Load } from "./load.js";
import { peers, type PeerName, type Setup } from "./peers.js";

/** What one round gives. */
export interface Sample {
  /** In the unit of the figure. */
  value: number;
  /** Microseconds of the server's CPU for each message (or session). */
  cpu?: number;
  /** The part of the time that the server was busy: where it is well below 1, the load was the bottleneck. */
  busy?: number;
}

export interface Figure {
  /** What `--only` finds and an aim names. */
  readonly name: string;
  readonly unit: string;
  readonly servers: readonly PeerName[];
  readonly setup: Setup;
  /** A new process for each round: what a server keeps of one round would show in the next. */
  readonly fresh?: boolean;
  warmUp(server: Server): Promise<unknown>;
  measure(server: Server): Promise<Sample>;
}

/** What the rounds of one server gave, in their order. */
export interface Result {
  figure: Figure;
  server: PeerName;
  samples: readonly Sample[];
}

export const ALL: readonly PeerName[] = [
  "bare loop",
  "bun-smtp",
  "smtp-sink",
  "smtp-server (bun)",
  "smtp-server (node)",
];

const quick = process.argv.includes("--quick");
/** `--quick` sends a third; where connections are kept, what they take to open must stay small beside the rest. */
function scaled({ messages, clients, reconnect }: Load): number {
  return quick ? Math.max(reconnect ? clients : clients * 10, Math.ceil(messages / 3)) : messages;
}

/** Commands, and connections, after which a just-in-time compiler has done most of what it is going to do. */
const WARM = { commands: 280_000, connections: 10_000 };
/** Enough of the load itself to be warm; half a round where messages are large. */
function warmUpOf({ messages, length, reconnect, recipients = 1 }: Load): number {
  if (reconnect || length === 0) return Math.min(WARM.connections, messages * 5);
  return Math.ceil(length <= 4096 ? WARM.commands / (3 + recipients) : messages / 2);
}

/** smtp-server waits 100 ms before each greeting: as many connections as the others get would take forever. */
const SLOW_GREETERS = 400;

function forServer(load: Load, { name }: Server): Load {
  const connects = load.reconnect || load.length === 0;
  const slow = connects && name.startsWith("smtp-server");
  return slow ? { ...load, messages: Math.min(load.messages, SLOW_GREETERS) } : load;
}

const MEGABYTE = 1e6;
const perSecond = ({ seconds }: Cost, { messages }: Load): number => messages / seconds;
type Unit = "messages/s" | "sessions/s" | "MB/s";
const values: Readonly<Record<Unit, (cost: Cost, load: Load) => number>> = {
  "messages/s": perSecond,
  "sessions/s": perSecond,
  "MB/s": ({ seconds }, { messages, length }) => (messages * length) / MEGABYTE / seconds,
};

/** A figure of a load. */
export function loaded(name: string, unit: Unit, load: Load, servers: readonly PeerName[] = ALL): Figure {
  const full = { ...load, messages: scaled(load) };
  // A single client would take long to warm a server up.
  const warmUp = { ...full, messages: warmUpOf(full), clients: Math.max(20, load.clients) };
  return {
    name,
    unit,
    servers,
    setup: { lmtp: load.lmtp ?? false, ...(load.tls && { tls: load.tls }) },
    warmUp: (server) => send(server, forServer(warmUp, server)),
    async measure(server) {
      const now = forServer(full, server);
      const cost = await send(server, now);
      return {
        value: values[unit](cost, now),
        cpu: (cost.cpu / now.messages) * 1e6,
        busy: cost.cpu / cost.seconds,
      };
    },
  };
}

/** Takes a figure of all its servers that are there. */
export async function take(figure: Figure, rounds: number): Promise<Result[]> {
  const running = new Map<PeerName, Server>();
  const samples = new Map<PeerName, Sample[]>();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const name of figure.servers) {
        const server = running.get(name) ?? (await peers[name](figure.setup));
        if (!server) continue;
        if (!running.has(name)) await figure.warmUp(server);
        running.set(name, server);
        samples.set(name, [...(samples.get(name) ?? []), await figure.measure(server)]);
        if (!figure.fresh) continue;
        await server.stop();
        running.delete(name);
      }
    }
  } finally {
    for (const server of running.values()) await server.stop();
  }
  return [...samples].map(([server, taken]) => ({ figure, server, samples: taken }));
}
