import { type Listed, Roster } from "./roster.js";

/** A client that may come to be overdue. */
export interface Watched extends Listed {
  /**
   * Acts where the client is too late.
   * @param now on the clock of `performance.now()`, in milliseconds
   * @returns when to look again at the latest: nothing is due before
   */
  look(now: number): number;
}

/** What `setTimeout` can wait for, in milliseconds: it fires at once for more. */
const LONGEST = 0x7fffffff;
/** Milliseconds until a client is looked at again which could not be: the options that it read threw. */
const AFTER_ERROR = 100;
/** Milliseconds that one look at a client may cost, a hundred times over: so looking takes a hundredth of the time at most. */
const PAUSE_EACH = 0.005;

/**
 * One timer for all clients. What a client is owed time for changes with each octet it sends, which is a field
 * write; when the first of them may be overdue, all are looked at.
 */
export class Watch<T extends Watched> {
  readonly #clients = new Roster<T>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fires = Infinity;
  readonly #failed: (error: unknown) => void;

  /** @param failed hears what a look threw: one client's error is not to keep the others for ever */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Whom it watches, in no order. */
  list(): readonly T[] {
    return this.#clients.list();
  }

  /** From now on `client` is looked at; `expect` says when first. */
  add(client: T): void {
    this.#clients.add(client);
  }

  delete(client: T): void {
    if (this.#clients.delete(client) && this.#clients.size === 0) this.#clear();
  }

  /** A client may be overdue at that moment. Once for each change that brings it closer: later ones are found by looking. */
  expect(at: number): void {
    if (at >= this.#fires) return;
    clearTimeout(this.#timer);
    this.#fires = at;
    const after = Math.ceil(at - performance.now());
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(after, 0), LONGEST));
    // A server that is closed, or whose program is done, is not kept alive by its clients' deadlines.
    this.#timer.unref();
  }

  #look(): void {
    this.#clear();
    const now = performance.now();
    let next = Infinity;
    for (const client of this.#clients.list()) next = Math.min(next, this.#lookAt(client, now));
    if (this.#clients.size > 0) this.expect(Math.max(next, now + this.#clients.size * PAUSE_EACH));
  }

  #lookAt(client: T, now: number): number {
    try {
      return client.look(now);
    } catch (error) {
      this.#failed(error);
      return now + AFTER_ERROR;
    }
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#fires = Infinity;
  }
}
