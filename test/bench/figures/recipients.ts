/** LMTP with ten recipients, and the growth of a message's cost with its recipients. */
import { loaded, type Figure } from "../figure.js";

/** RCPT commands of each figure, whatever the recipients of a message. */
const COMMANDS = 50_000;

export const recipients: readonly Figure[] = [
  loaded("LMTP, 10 recipients, 4 kB, 20 clients", "messages/s", {
    messages: COMMANDS / 10,
    length: 4096,
    clients: 20,
    recipients: 10,
    lmtp: true,
  }),
  ...[1, 10, 100, 1000].map((count) =>
    loaded(`${count} recipient${count > 1 ? "s" : ""}, 1 kB, 10 clients`, "messages/s", {
      messages: Math.min(15_000, COMMANDS / count),
      length: 1024,
      clients: 10,
      recipients: count,
      own: true,
    }),
  ),
];
