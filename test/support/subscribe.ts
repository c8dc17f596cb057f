import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { endAfterTest } from "./ending.js";

type Part = "start" | "end" | "asyncStart" | "asyncEnd" | "error";
const PARTS: readonly Part[] = ["start", "end", "asyncStart", "asyncEnd", "error"];

/** Subscribes to some parts of a tracing channel until the test is over. */
export function trace<T extends object>(
  name: string,
  parts: Partial<Record<Part, (message: T) => void>>,
): void {
  for (const [part, listener] of Object.entries(parts)) listen(`tracing:${name}:${part}`, listener);
}

/** Subscribes to a channel until the test is over. */
export function listen<T>(name: string, listener: (message: T) => void): void {
  subscribe(name, listener as never);
  endAfterTest(() => unsubscribe(name, listener as never));
}

/** What was published on the parts of a tracing channel, in order. */
export function partsOf<T extends object>(name: string): [Part, T][] {
  const seen: [Part, T][] = [];
  trace<T>(
    name,
    Object.fromEntries(PARTS.map((part) => [part, (message: T) => void seen.push([part, { ...message }])])),
  );
  return seen;
}

/** The messages of `asyncEnd`. */
export function endsOf<T extends object>(name: string): T[] {
  const seen: T[] = [];
  trace<T>(name, { asyncEnd: (message) => void seen.push(message) });
  return seen;
}

/** The messages of a plain channel. */
export function messagesOf<T>(name: string): T[] {
  const seen: T[] = [];
  listen<T>(name, (message) => void seen.push(message));
  return seen;
}

/** Every channel of the server, each part of a tracing channel by itself. */
export const CHANNELS: readonly string[] = [
  ...["connection", "command", "hook", "message"].flatMap((name) =>
    PARTS.map((part) => `tracing:bun-smtp:${name}:${part}`),
  ),
  ...["auth", "tls"].map((name) => `bun-smtp:${name}`),
];

/** Ends all subscriptions of the process: those of an example outlive it. */
export function unsubscribeAll(): void {
  for (const name of CHANNELS) {
    const { _subscribers = [], _stores = new Map() } = channel(name) as unknown as {
      _subscribers?: (() => void)[];
      _stores?: Map<never, unknown>;
    };
    for (const subscriber of [..._subscribers]) channel(name).unsubscribe(subscriber);
    for (const store of [..._stores.keys()]) channel(name).unbindStore(store);
  }
}
