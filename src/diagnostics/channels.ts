import { channel, type Channel, type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import type {
  AuthEvent,
  CommandTrace,
  ConnectionTrace,
  HookTrace,
  MessageTrace,
  TLSEvent,
  Trace,
} from "../types/index.js";

/** A tracing channel for what begins and ends. A caller asks `isOn` first, and makes nothing while it is off. */
export class Tracing<T extends Trace> {
  readonly #channel: TracingChannel<object, T>;

  constructor(name: string) {
    this.#channel = tracingChannel(name);
  }

  /** A part of it has a subscriber. Bun's TracingChannel has no `hasSubscribers` of its own. */
  get isOn(): boolean {
    const { start, end, asyncStart, asyncEnd, error } = this.#channel;
    return (
      start.hasSubscribers ||
      asyncEnd.hasSubscribers ||
      end.hasSubscribers ||
      asyncStart.hasSubscribers ||
      error.hasSubscribers
    );
  }

  /** Publishes `start`, then `end` behind the work, which runs with the stores that are bound to `start`. */
  begin<R>(trace: T, work: () => R): R {
    try {
      return this.#channel.start.runStores(trace, work);
    } finally {
      this.#channel.end.publish(trace);
    }
  }

  /** @param failed publishes `error` too */
  finish(trace: T, now: number, failed = false): void {
    trace.duration = now - trace.startTime;
    if (failed) this.#channel.error.publish(trace as T & { error: unknown });
    this.#channel.asyncStart.publish(trace);
    this.#channel.asyncEnd.publish(trace);
  }
}

/** A channel for what is published once, when it is over. */
export class Plain<T> {
  readonly #channel: Channel<unknown, T>;

  constructor(name: string) {
    this.#channel = channel(name) as Channel<unknown, T>;
  }

  get isOn(): boolean {
    return this.#channel.hasSubscribers;
  }

  publish(event: T): void {
    this.#channel.publish(event);
  }
}

export const CONNECTION: Tracing<ConnectionTrace> = new Tracing("bun-smtp:connection");
export const COMMAND: Tracing<CommandTrace> = new Tracing("bun-smtp:command");
export const HOOK: Tracing<HookTrace> = new Tracing("bun-smtp:hook");
export const MESSAGE: Tracing<MessageTrace> = new Tracing("bun-smtp:message");
export const AUTH: Plain<AuthEvent> = new Plain("bun-smtp:auth");
export const TLS: Plain<TLSEvent> = new Plain("bun-smtp:tls");
