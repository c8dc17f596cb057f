import { SMTPError } from "../../src/errors.js";
import { MessageSource } from "../../src/message/data-stream.js";
import { TestClock } from "./clock.js";
import { turn } from "./turn.js";

const LINES = "Subject: a test\r\n\r\nOne line and another of this message.\r\n";
const SMALL = Buffer.from(LINES);
// More than the bounds of queue and Node buffer, no multiple of any of them.
const LARGE = Buffer.from(LINES.repeat(6000));

function pieces(message: Buffer, size: number): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) all.push(message.subarray(at, at + size));
  return all;
}

/** A way in which a message arrives at its consumer. */
export interface Delivery {
  name: string;
  message: Buffer;
  chunks: Buffer[];
  /** Before the hook is called, or a step after it for each chunk. */
  step: "before" | "microtask" | "turn" | "same turn";
}

export const DELIVERIES: Delivery[] = [
  { name: "a small message in one chunk", message: SMALL, chunks: [SMALL], step: "before" },
  { name: "an empty message", message: Buffer.alloc(0), chunks: [], step: "before" },
  { name: "an empty message later", message: Buffer.alloc(0), chunks: [], step: "turn" },
  { name: "octet by octet, queued", message: SMALL, chunks: pieces(SMALL, 1), step: "before" },
  { name: "octet by octet, on microtasks", message: SMALL, chunks: pieces(SMALL, 1), step: "microtask" },
  { name: "many chunks, queued", message: LARGE, chunks: pieces(LARGE, 5000), step: "before" },
  { name: "many chunks at once, later", message: LARGE, chunks: pieces(LARGE, 5000), step: "same turn" },
  { name: "many chunks, on microtasks", message: LARGE, chunks: pieces(LARGE, 5000), step: "microtask" },
  { name: "many chunks, on turns", message: LARGE, chunks: pieces(LARGE, 60_000), step: "turn" },
];

/** A source, and a promise for when it may be pushed to again. */
export function createSource(size = 0): { source: MessageSource; room: () => Promise<void> } {
  let wake: (() => void) | undefined;
  const source = new MessageSource({ size, clock: new TestClock(), onDrain: () => wake?.() });
  return { source, room: () => new Promise((resolve) => (wake = resolve)) };
}

/** Gives a message to `consume` as the connection does, back-pressure included. */
export async function deliver<T>(
  { chunks, step }: Delivery,
  consume: (stream: MessageSource["stream"]) => Promise<T>,
  finish: (source: MessageSource) => void = (source) => source.end(),
): Promise<T> {
  const { source, room } = createSource();
  if (step === "before") {
    for (const chunk of chunks) source.push(chunk);
    finish(source);
    return consume(source.stream);
  }
  const consumed = consume(source.stream);
  // Its rejection is looked at below, after the last push.
  consumed.catch(() => {});
  if (step === "same turn") await turn();
  for (const chunk of chunks) {
    if (step === "turn") await turn();
    if (step === "microtask") await null;
    if (!source.push(chunk) && step !== "same turn") await room();
  }
  if (step === "turn") await turn();
  finish(source);
  return consumed;
}

/** The client is gone. */
export const gone = (): SMTPError => new SMTPError("Connection closed", { code: "ECONNECTION" });

/** The runner fails the test in which a rejection stays unhandled; it learns of it a turn late. */
export async function nothingUnhandled(): Promise<void> {
  await turn();
  await turn();
}
