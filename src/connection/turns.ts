/** Milliseconds of work for all clients of a server together in one turn of the event loop. */
const TURN = 1;
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
  #waiting: (() => void)[] = [];
  #isScheduled = false;

  /** The clients have used up the current turn. */
  get isUsedUp(): boolean {
    return this.#worked > TURN;
  }

  /**
   * Counts milliseconds of work in this turn.
   * @returns whether the client must wait for another turn
   */
  count(client: Worker, ms: number): boolean {
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
    const waiting = this.#waiting;
    this.#waiting = [];
    let index = 0;
    for (; index < waiting.length && !this.isUsedUp; index++) waiting[index]?.();
    // Clients that worked and need another turn are in the new queue, after those that still wait.
    if (index < waiting.length) this.#waiting = [...waiting.slice(index), ...this.#waiting];
    if (this.#waiting.length > 0) this.#schedule();
  }
}
