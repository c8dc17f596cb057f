import type { EventEmitter } from "node:events";

/** Emits an event. What a listener throws is an uncaught exception, as in Node, but after the work at hand. */
export function emitSafely(emitter: EventEmitter, event: string, ...args: unknown[]): void {
  callSafely(() => emitter.emit(event, ...args));
}

/** Calls a function of the application. What it throws is an uncaught exception after the work at hand. */
export function callSafely(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
