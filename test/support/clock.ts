import { type Clock, systemClock, type Timer } from "../../src/time/clock.js";
import { endAfterTest } from "./ending.js";

/** Time that passes only when a test lets it. */
export class TestClock implements Clock {
  readonly #timers = new Set<TestTimer>();
  /** Milliseconds that each look at the clock takes: with some, work is long enough to give others their turn. */
  readonly #lookTakes: number;
  // Not 0: the clock of a process that has a client does not stand there.
  #now = 1000;
  /** How often the time was read. */
  looks = 0;

  constructor(lookTakes = 0) {
    this.#lookTakes = lookTakes;
  }

  now(): number {
    this.looks += 1;
    return (this.#now += this.#lookTakes);
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const timer: TestTimer = {
      at: this.#now + ms,
      run: callback,
      isHolding: true,
      refresh: () => void (timer.at = this.#now + ms),
      unref: () => void (timer.isHolding = false),
    };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#timers.delete(timer as TestTimer);
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Timers that would keep the process running by themselves. */
  get holding(): number {
    return [...this.#timers].filter(({ isHolding }) => isHolding).length;
  }

  /** Lets time pass, in milliseconds, and calls back each timer that is due meanwhile, in order. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = Math.max(this.#now, end);
  }

  #next(end: number): TestTimer | undefined {
    let first: TestTimer | undefined;
    for (const timer of this.#timers) if (first ? timer.at < first.at : timer.at <= end) first = timer;
    return first;
  }
}

interface TestTimer extends Timer {
  at: number;
  isHolding: boolean;
  readonly run: () => void;
}

/** Puts a clock in the place of the process's until the test ends, for code that is given none. */
export function stopTime(): TestClock {
  const clock = new TestClock();
  const real = { ...systemClock };
  endAfterTest(() => Object.assign(systemClock, real));
  const stopped: Clock = {
    now: () => clock.now(),
    setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
    clearTimeout: (timer) => clock.clearTimeout(timer),
  };
  Object.assign(systemClock, stopped);
  return clock;
}
