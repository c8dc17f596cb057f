import { AsyncLocalStorage } from "node:async_hooks";
import type { Deadlines, HasDeadline } from "../connection/server-context.js";
import type { Clock, Timer } from "../time/clock.js";

/** Longest timeout of `setTimeout` in milliseconds. A longer one would fire at once. */
const LONGEST = 0x7fffffff;
/** Milliseconds until the next check of a client whose check has thrown, for example in an option that is a getter. */
const AFTER_ERROR = 100;
/** Least milliseconds between two rounds for each client, so that checks take about 1 % of the time with any number of clients. */
const PAUSE_EACH = 0.005;

/** The server of a deadline timer. */
interface DeadlineOwner {
  readonly clock: Clock;
  /** Reports the error of a check, so that the other clients are still checked. */
  report(error: unknown): void;
}

/**
 * One timer for all clients. Every read moves a client's deadline, so a deadline is only a number: setting a timer each time
 * would cost too much. The timer fires when the earliest deadline may have passed, and checks all clients.
 */
export class DeadlineTimer implements Deadlines {
  readonly #clients = new DeadlineList<HasDeadline>();
  readonly #owner: DeadlineOwner;
  #timer: Timer | undefined;
  #firesAt = Infinity;
  /** A hook may start the timer, by closing its connection. Its AsyncLocalStorage stores are not those of the other clients. */
  readonly #withOwnStores: <T>(work: () => T) => T = AsyncLocalStorage.snapshot();

  constructor(owner: DeadlineOwner) {
    this.#owner = owner;
  }

  /** A copy of the list, in no order. */
  list(): readonly HasDeadline[] {
    return this.#clients.list();
  }

  add(client: HasDeadline): void {
    this.#clients.add(client);
  }

  delete(client: HasDeadline): void {
    if (this.#clients.delete(client) && this.#clients.size === 0) this.#clear();
  }

  schedule(at: number): void {
    if (at >= this.#firesAt) return;
    const { clock } = this.#owner;
    clock.clearTimeout(this.#timer);
    this.#firesAt = at;
    const after = Math.ceil(at - clock.now());
    const check = (): void => this.#withOwnStores(() => this.#checkAll());
    this.#timer = clock.setTimeout(check, Math.min(Math.max(after, 0), LONGEST));
    // A deadline alone must not keep the process running.
    this.#timer.unref();
  }

  #checkAll(): void {
    this.#clear();
    const now = this.#owner.clock.now();
    let next = Infinity;
    for (const client of this.#clients.list()) next = Math.min(next, this.#check(client, now));
    if (this.#clients.size > 0) this.schedule(Math.max(next, now + this.#clients.size * PAUSE_EACH));
  }

  #check(client: HasDeadline, now: number): number {
    try {
      return client.checkDeadline(now);
    } catch (error) {
      this.#owner.report(error);
      return now + AFTER_ERROR;
    }
  }

  #clear(): void {
    this.#owner.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#firesAt = Infinity;
  }
}

/**
 * A list whose members store their index, so that adding and deleting take constant time. A Set would keep deleted members
 * in memory: after many additions and deletions, JavaScriptCore keeps its earlier tables until the next full collection.
 */
export class DeadlineList<T extends { index: number }> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** @param member not in the list yet */
  add(member: T): void {
    member.index = this.#members.length;
    this.#members.push(member);
  }

  /** @returns whether the member was in the list */
  delete(member: T): boolean {
    const { index } = member;
    if (index < 0) return false;
    const last = this.#members.pop() as T;
    if (last !== member) {
      this.#members[index] = last;
      last.index = index;
    }
    member.index = -1;
    return true;
  }

  /** A copy in no order, because the caller may delete members while it iterates. */
  list(): readonly T[] {
    return [...this.#members];
  }
}
