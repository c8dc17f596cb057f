import type { Deadlines, HasDeadline } from "../connection/server-context.js";
import type { Clock, Timer } from "../time/clock.js";

/** The longest wait of `setTimeout` in milliseconds: it fires at once for more. */
const LONGEST = 0x7fffffff;
/** Milliseconds until the next check of a client whose check threw, as an option that is a getter may. */
const AFTER_ERROR = 100;
/** Least milliseconds between two rounds, for each client: checking takes about 1 % of the time, however many there are. */
const PAUSE_EACH = 0.005;

/** The server as its deadline timer sees it. */
interface DeadlineOwner {
  readonly clock: Clock;
  /** Gets what a check throws: the error of one client must not keep the others waiting forever. */
  report(error: unknown): void;
}

/**
 * One timer for all clients. Each octet that a client sends moves its deadline, so a deadline is a field and not
 * a timer: when the earliest one may have passed, the timer checks every client.
 */
export class DeadlineTimer implements Deadlines {
  readonly #clients = new DeadlineList<HasDeadline>();
  readonly #owner: DeadlineOwner;
  #timer: Timer | undefined;
  #firesAt = Infinity;

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
    this.#timer = clock.setTimeout(() => this.#checkAll(), Math.min(Math.max(after, 0), LONGEST));
    // Deadlines must not keep a process alive whose server is closed or whose program is done.
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
 * A list whose members know their index, so that adding and deleting take constant time. Not a Set:
 * JavaScriptCore's Set keeps its earlier tables after many additions and deletions, and with them the deleted
 * members, until the next full collection.
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

  /** A copy in no order: members may be deleted while a caller goes through it. */
  list(): readonly T[] {
    return [...this.#members];
  }
}
