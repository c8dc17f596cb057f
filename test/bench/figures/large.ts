/** 10 MB messages, and what a dot on every line of them costs. */
import { loaded, type Figure } from "../figure.js";

const load = { messages: 40, length: 10_000_000, clients: 4 };

export const large: readonly Figure[] = [
  loaded("10 MB, 1 client", "MB/s", { ...load, clients: 1 }),
  loaded("10 MB, 4 clients", "MB/s", load),
  loaded("10 MB, no dots, own load", "MB/s", { ...load, own: true }),
  loaded("10 MB, a dot on every line, own load", "MB/s", { ...load, dots: true }),
];
