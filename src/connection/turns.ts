/** Milliseconds of work for clients in one turn of the event loop, however many clients have work for it. */
const TURN = 2;

/**
 * Shares the turns of the event loop between the clients of a server, so that those with much work delay the others
 * by one turn at most. The connections count their work here. Once a turn is used up, they wait in line for the next
 * one, and clients with little to do come in between.
 */
export class Turns {
  #worked = 0;
  #waiting: (() => void)[] = [];
  #isScheduled = false;

  /** The clients have had what one turn gives them. */
  get isUsedUp(): boolean {
    return this.#worked > TURN;
  }

  /** @param ms milliseconds of work, in this turn */
  count(ms: number): void {
    this.#worked += ms;
    this.#schedule();
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
