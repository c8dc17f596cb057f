/** `stream.on("data")` beside `for await`. */
import { loaded, type Figure } from "../figure.js";

const both = ["bun-smtp", "bun-smtp (Node stream)"] as const;

export const streams: readonly Figure[] = [
  loaded(
    "Web and Node stream, 4 kB, 20 clients",
    "messages/s",
    { messages: 15_000, length: 4096, clients: 20 },
    both,
  ),
  loaded(
    "Web and Node stream, 10 MB, 4 clients",
    "MB/s",
    { messages: 40, length: 10_000_000, clients: 4 },
    both,
  ),
];
