/**
 * A moment that moves with every byte a client sends. Moving it is a field write: the one timer behind it
 * is set when there is none, or when the moment comes closer, and looks at the clock when it fires.
 */
export class Deadline {
  readonly #passed: () => void;
  #at = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fires = Infinity;

  /** @param passed called once when the moment has come */
  constructor(passed: () => void) {
    this.#passed = passed;
  }

  /** @param at milliseconds on the clock of `performance.now()`; `Infinity`: never */
  set(at: number): void {
    this.#at = at;
    if (at < this.#fires) this.#arm();
  }

  clear(): void {
    this.#at = Infinity;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#fires = Infinity;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#fires = this.#at;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.ceil(this.#at - performance.now())));
    // A server that is closed, or whose program is done, is not kept alive by a deadline.
    this.#timer.unref();
  }

  #fire(): void {
    this.#timer = undefined;
    this.#fires = Infinity;
    if (this.#at === Infinity) return;
    if (performance.now() < this.#at) return this.#arm();
    this.#at = Infinity;
    this.#passed();
  }
}
