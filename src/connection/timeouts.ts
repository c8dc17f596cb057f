/** How long a client may take, in milliseconds and bytes a second: options of the moment. */
export interface TimeoutOptions {
  readonly socketTimeout: number;
  /** 0 for none. */
  readonly minDataRate: number;
}

/** What a client is expected to do next. */
export type Expected =
  /** A command, or the handshake of STARTTLS. */
  | "input"
  /** The rest of a line: whole within the timeout from its first octet, however it trickles in. */
  | "line"
  /** The octets of a message. */
  | "body"
  /** Nothing: it waits for us. */
  | "nothing";

/**
 * When a client is overdue, on the clock of `performance.now()`. The time in which our own back-pressure
 * holds a message up is not held against it.
 */
export class Timeouts {
  /** When the client was last heard, or last given something to react to. */
  #since = performance.now();
  #lineSince: number | undefined;
  /** The message that owes a rate, since when, later by the time that we held it up, and what came of it. */
  #message: object | undefined;
  #messageSince = 0;
  #octets = 0;
  #heldSince: number | undefined;

  /**
   * The client was heard, or is to react from now on.
   * @returns that moment
   */
  restart(): number {
    return (this.#since = performance.now());
  }

  /** A part of a line is here. */
  lineStarted(): void {
    this.#lineSince ??= this.#since;
  }

  /** A line is complete, or given up. */
  lineEnded(): void {
    this.#lineSince = undefined;
  }

  /** Octets of a message follow. The chunks of BDAT are one message, and owe its rate together. */
  bodyStarted(message: object | undefined): void {
    if (message && message === this.#message) return;
    this.#message = message;
    this.#messageSince = this.#since;
    this.#octets = 0;
  }

  countOctets(octets: number): void {
    this.#octets += octets;
  }

  /** @param isHeld whether we take nothing of the message at the moment */
  setHeld(isHeld: boolean): void {
    if (isHeld) {
      this.#heldSince ??= performance.now();
    } else if (this.#heldSince !== undefined) {
      this.restart();
      this.#messageSince += this.#since - this.#heldSince;
      this.#heldSince = undefined;
    }
  }

  /** @returns `Infinity` where the client owes nothing */
  deadline(expected: Expected, { socketTimeout, minDataRate }: TimeoutOptions): number {
    if (expected === "nothing" || this.#heldSince !== undefined) return Infinity;
    const since = expected === "line" ? (this.#lineSince ?? this.#since) : this.#since;
    const rated = expected === "body" && minDataRate > 0;
    const paidUntil = rated ? this.#messageSince + (this.#octets / minDataRate) * 1000 : Infinity;
    return Math.min(since, paidUntil) + socketTimeout;
  }

  /** Whether the client, found overdue in a message, still sends, only too slowly. */
  isSlow({ socketTimeout }: TimeoutOptions): boolean {
    return performance.now() < this.#since + socketTimeout;
  }
}
