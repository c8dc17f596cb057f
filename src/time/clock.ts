/** A timer of a {@link Clock}, as far as the library uses one. */
export interface Timer {
  /** Starts its time again. */
  refresh(): unknown;
  /** Lets the process end before it is due. */
  unref(): unknown;
}

/**
 * The time that a server goes by. Every wait and every measurement in the library asks its server's clock and not
 * the global functions, so that a test can let an hour pass in no time.
 */
export interface Clock {
  /** Milliseconds since a fixed moment; it never goes backwards. */
  now(): number;
  /** @param ms milliseconds, at most 2^31 - 1 */
  setTimeout(callback: () => void, ms: number): Timer;
  /** @param timer of this clock; `undefined` for none */
  clearTimeout(timer: Timer | undefined): void;
}

/** The time of the process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
};
