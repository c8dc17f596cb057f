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

/** A tracing channel, for something with a beginning and an end. Check `isOn` first, so that nothing is made without subscribers. */
export class Tracing<T extends Trace> {
  readonly #channel: TracingChannel<object, T>;

  constructor(name: string) {
    this.#channel = tracingChannel(name);
  }

  /** One of its five channels has a subscriber. Bun's TracingChannel has no `hasSubscribers` itself. */
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

  /** Publishes `start`, runs the work with the stores that are bound to `start`, and publishes `end`. */
  begin<R>(trace: T, work: () => R): R {
    try {
      return this.#channel.start.runStores(trace, work);
    } finally {
      this.#channel.end.publish(trace);
    }
  }

  /** Sets the duration and publishes `asyncStart` and `asyncEnd`. @param failed publish `error` before them */
  finish(trace: T, now: number, failed = false): void {
    trace.duration = now - trace.startTime;
    if (failed) this.#channel.error.publish(trace as T & { error: unknown });
    this.#channel.asyncStart.publish(trace);
    this.#channel.asyncEnd.publish(trace);
  }
}

/** A plain channel, for something that is published once, when it is over. */
export class PlainChannel<T> {
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
export const AUTH: PlainChannel<AuthEvent> = new PlainChannel("bun-smtp:auth");
export const TLS: PlainChannel<TLSEvent> = new PlainChannel("bun-smtp:tls");
