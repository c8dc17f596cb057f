/** Time that passes only when it is told to, in place of the process's: timers, and the clock of `performance`. */
export class Clock {
  readonly #timers = new Set<Timer>();
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  readonly #realNow = performance.now;
  /** How often somebody looked. */
  looks = 0;
  /** Far ahead of the process: deadlines that others have left are over, and are not set anew on this clock. */
  #now = 1e9;
  /** Milliseconds that each look at the clock takes: with some, work is long enough to give others their turn. */
  readonly #lookTakes: number;

  /** Takes the place of the process's time, until it is disposed of. */
  constructor(lookTakes = 0) {
    this.#lookTakes = lookTakes;
    Reflect.set(performance, "now", () => {
      this.looks += 1;
      return (this.#now += this.#lookTakes);
    });
    Reflect.set(globalThis, "setTimeout", (run: () => void, after: number) => {
      const timer = new Timer(this.#now + after, run);
      this.#timers.add(timer);
      return timer;
    });
    Reflect.set(globalThis, "clearTimeout", (timer: Timer | ReturnType<typeof setTimeout> | undefined) => {
      if (timer instanceof Timer) this.#timers.delete(timer);
      else this.#real.clearTimeout(timer);
    });
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Lets time pass, and what was to happen meanwhile happen in its order. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = Math.max(this.#now, end);
  }

  [Symbol.dispose](): void {
    Reflect.set(performance, "now", this.#realNow);
    Object.assign(globalThis, this.#real);
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (first ? timer.at < first.at : timer.at <= end) first = timer;
    return first;
  }
}

class Timer {
  readonly at: number;
  readonly run: () => void;

  constructor(at: number, run: () => void) {
    this.at = at;
    this.run = run;
  }
  unref(): this {
    return this;
  }
}
