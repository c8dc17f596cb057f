/** What the checks of a sender ask the DNS. */
import { Resolver } from "node:dns/promises";

/** Gives the records of a type (`A`, `TXT`) that a name has. Rejects where there are none, and where nothing answers. */
export type Resolve = (name: string, type: string) => Promise<string[] | string[][]>;

/**
 * Asks a server of your own: public ones do not get answers from most blocklists.
 * @param server address and port of it; without, that of the system
 */
export function resolverAt(server?: string): Resolve {
  const resolver = new Resolver({ timeout: 3000, tries: 2 });
  if (server) resolver.setServers([server]);
  return async (name, type) => (await resolver.resolve(name, type)) as string[] | string[][];
}

const MAX_LOOKUPS = 50;
const MAX_MILLISECONDS = 20_000;

/** Bounds what one message can make this server ask: each signature in it names a domain. */
export function bounded(resolve: Resolve): Resolve {
  const end = performance.now() + MAX_MILLISECONDS;
  let left = MAX_LOOKUPS;
  return async (name, type) => {
    left -= 1;
    if (left >= 0 && performance.now() < end) return resolve(name, type);
    throw Object.assign(new Error("The message asks for too many names"), { code: "ETIMEOUT" });
  };
}
