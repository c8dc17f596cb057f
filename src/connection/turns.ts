/** Milliseconds of work for clients in one turn of the event loop, however many clients have work for it. */
const TURN = 1;
/** Milliseconds of a turn that each client has when others have used it up: enough for a few commands. */
const SHARE = 0.25;

/** A client that works in turns. Only {@link Turns} writes these fields. */
export interface Worker {
  /** The turn in which it worked last. */
  turn: number;
  /** Its milliseconds of work in that turn. */
  worked: number;
}

/**
 * Shares the turns of the event loop between the clients of a server, so that those with much work delay the others
 * by one turn at most. The connections count their work here. Once a turn is used up, they wait in line for the next
 * one, and clients with little to do come in between.
 */
export class Turns {
  #turn = 0;
  #worked = 0;
  #waiting: (() => void)[] = [];
  #isScheduled = false;

  /** The clients have had what one turn gives them. */
  get isUsedUp(): boolean {
    return this.#worked > TURN;
  }

  /**
   * Counts milliseconds of work in this turn.
   * @returns whether the client has to wait for another one
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

  /** @param work is called in a later turn, first come, first served */
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
    // Those that had their turn and want another have joined the new line.
    if (index < waiting.length) this.#waiting = [...waiting.slice(index), ...this.#waiting];
    if (this.#waiting.length > 0) this.#schedule();
  }
}
