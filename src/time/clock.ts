/** A timer of a {@link Clock}. */
export interface Timer {
  /** Restarts the timer. */
  refresh(): unknown;
  /** Lets the process end before the timer fires. */
  unref(): unknown;
}

/**
 * The clock of a server. The library waits and measures with it instead of the global functions, so that a test can move
 * the time forward.
 */
export interface Clock {
  /** Milliseconds since a fixed moment; it never goes backwards. */
  now(): number;
  /** @param ms milliseconds, at most 2^31 - 1 */
  setTimeout(callback: () => void, ms: number): Timer;
  /** @param timer of this clock; `undefined` for none */
  clearTimeout(timer: Timer | undefined): void;
}

/** The clock of the process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
};
