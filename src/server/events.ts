import type { EventEmitter } from "node:events";

/** Emits an event. What a listener throws is an uncaught exception, as in Node, but after the work at hand. */
export function emitSafely(emitter: EventEmitter, event: string, ...args: unknown[]): void {
  try {
    emitter.emit(event, ...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
