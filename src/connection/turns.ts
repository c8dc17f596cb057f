/** Milliseconds of work for all clients of a server together in one turn of the event loop. */
const TURN = 2;
/** Milliseconds of work for each client in a turn that others have used up: enough for a few commands. */
const SHARE = 0.25;

/** A client that works in turns. Only {@link Turns} writes these fields. */
export interface Worker {
  /** The turn of its latest work; -1 before its first. */
  turn: number;
  /** Its milliseconds of work in that turn. */
  worked: number;
}

/**
 * Shares the turns of the event loop between the clients of a server, so that clients with much work delay the others by
 * about one turn. Connections count their work here. Once a turn is used up, clients with more work wait in a queue for
 * the next turn, and those with little work are served between.
 */
export class Turns {
  #turn = 0;
  #worked = 0;
  /** When work was counted last in this turn. */
  #countedUntil: number | undefined;
  #waiting: (() => void)[] = [];
  #isScheduled = false;

  /** The clients have used up the current turn. */
  get isUsedUp(): boolean {
    return this.#worked > TURN;
  }

  /**
   * Counts work in this turn. The time since the last count in the same turn is a part of it: Bun has read the client's
   * socket in that time, and for a client that sends at full speed this is most of what it costs.
   * @param since when the work began, in milliseconds on the server's clock
   * @param now when it ended
   * @returns whether the client must wait for another turn
   */
  count(client: Worker, since: number, now: number): boolean {
    const ms = now - (this.#countedUntil ?? since);
    this.#countedUntil = now;
    if (client.turn !== this.#turn) {
      client.turn = this.#turn;
      client.worked = 0;
    }
    client.worked += ms;
    this.#worked += ms;
    this.#schedule();
    return this.isUsedUp && client.worked > SHARE;
  }

  /** Whether this is the turn in which the client's work was counted last. */
  isTurnOf(client: Worker): boolean {
    return client.turn === this.#turn;
  }

  /** @param work called in a later turn, in the order of the calls */
  wait(work: () => void): void {
    this.#waiting.push(work);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isScheduled = false;
    this.#turn += 1;
    this.#worked = 0;
    this.#countedUntil = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    let index = 0;
    for (; index < waiting.length && !this.isUsedUp; index++) waiting[index]?.();
    // Clients that worked and need another turn are in the new queue, after those that still wait. The next turn is
    // scheduled already: only counted work uses up a turn.
    if (index < waiting.length) this.#waiting = [...waiting.slice(index), ...this.#waiting];
  }
}
