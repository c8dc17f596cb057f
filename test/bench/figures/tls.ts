/** Handshakes and encrypted messages, STARTTLS and implicit. smtp-sink knows no TLS. */
import { ALL, loaded, type Figure } from "../figure.js";

const servers = ALL.filter((name) => name !== "smtp-sink");
const modes = [
  ["STARTTLS", "starttls"],
  ["implicit TLS", "implicit"],
] as const;

export const tls: readonly Figure[] = modes.flatMap(([name, mode]) => [
  loaded(`${name}, sessions`, "sessions/s", { messages: 2000, length: 0, clients: 10, tls: mode }, servers),
  loaded(
    `${name}, 4 kB, 20 clients`,
    "messages/s",
    { messages: 8_000, length: 4096, clients: 20, tls: mode },
    servers,
  ),
  loaded(
    `${name}, 10 MB, 4 clients`,
    "MB/s",
    { messages: 30, length: 10_000_000, clients: 4, tls: mode },
    servers,
  ),
]);
