/** Messages on connections that are kept, by size and by clients. The 1 kB row is the growth with clients. */
import { loaded, type Figure } from "../figure.js";

/** A round's; five rounds make 75 000. */
const MAIN = 15_000;
/** Messages, their name, octets and clients. A single client waits for each reply, and is slow. */
const rows: readonly [number, string, number, number][] = [
  [3000, "1 kB", 1024, 1],
  [MAIN, "1 kB", 1024, 20],
  [MAIN, "1 kB", 1024, 200],
  [40_000, "1 kB", 1024, 2000],
  [MAIN, "4 kB", 4096, 20],
  [MAIN, "4 kB", 4096, 200],
  [2000, "100 kB", 100_000, 20],
];
/** The same load as the two below it, so that the three compare. */
const same = { messages: MAIN, length: 4096, clients: 20, own: true };

export const kept: readonly Figure[] = [
  ...rows.map(([messages, size, length, clients]) =>
    loaded(`kept, ${size}, ${clients} client${clients > 1 ? "s" : ""}`, "messages/s", {
      messages,
      length,
      clients,
    }),
  ),
  loaded("one by one, 4 kB, 20 clients", "messages/s", same),
  loaded("pipelined, 4 kB, 20 clients", "messages/s", { ...same, pipelined: true }),
];
