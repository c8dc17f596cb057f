import type { EventEmitter } from "node:events";

/** Emits an event. As in Node, an error of a listener is uncaught, but it does not interrupt the caller. */
export function emitSafely(emitter: EventEmitter, event: string, ...args: unknown[]): void {
  callSafely(() => emitter.emit(event, ...args));
}

/** Calls a function of the application. Throws its error later, in a microtask, so that it does not interrupt the caller. */
export function callSafely(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
