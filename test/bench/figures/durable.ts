/**
 * Messages that are on the disk before their 250. Each server has its store in the same temporary folder (TMPDIR), and
 * all processors: waiting for the disk in one thread while another one works is part of what is compared.
 */
import type { Figure } from "../figure.js";
import { send, type Load } from "../load.js";
import type { PeerName } from "../peers.js";

const SERVERS: readonly PeerName[] = [
  "mx",
  "smtp-server, durable (bun)",
  "smtp-server, durable (node)",
  "Postfix's intake",
];
const quick = process.argv.includes("--quick");

function durable(clients: number): Figure {
  const messages = quick ? 3000 : 10_000;
  // The same load for all, and the lightest there is: it shares the processors with the servers.
  const load: Load = { messages, length: 4096, clients, own: true };
  return {
    name: `durable, 4 kB, ${clients} clients`,
    unit: "messages/s",
    servers: SERVERS,
    setup: {},
    warmUp: (server) => send(server, { ...load, messages: 10_000 }),
    async measure(server) {
      const { seconds } = await send(server, load);
      return { value: messages / seconds };
    },
  };
}

export const durables: readonly Figure[] = [durable(20), durable(100)];
