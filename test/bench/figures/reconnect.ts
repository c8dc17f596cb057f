/** A connection for each message. */
import { loaded, type Figure } from "../figure.js";

const load = { messages: 10_000, length: 1024, clients: 20, reconnect: true };

export const reconnect: readonly Figure[] = [
  loaded("a connection a message, 1 kB, 20 clients", "messages/s", load),
  loaded("a connection a message, pipelined, 1 kB, 20 clients", "messages/s", { ...load, pipelined: true }),
];
