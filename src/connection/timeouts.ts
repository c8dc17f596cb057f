import type { Clock } from "../time/clock.js";
import type { Reader, State } from "./state.js";

/** Most milliseconds between closing our side and closing the socket, whatever the client still sends. */
const CLOSING_TIMEOUT = 5000;

/** Why a client is overdue. */
export type Overdue =
  /** It sent nothing for `socketTimeout`, or did not complete a line within it. */
  | "silent"
  /** It sends a message at a rate below `minDataRate`. */
  | "slow"
  /** The TLS handshake of STARTTLS takes too long. */
  | "handshake"
  /** Our side is closed, and the client has not closed its own. */
  | "closing"
  /** Not the client: a hook has not answered for `socketTimeout`. */
  | "hook";

/** The connection of these timeouts. */
export interface TimedConnection {
  readonly clock: Clock;
  readonly state: State;
  /** The state is neither `closing` nor `closed`. */
  readonly isOpen: boolean;
  readonly reader: Reader;
  /** The first octets of a line were received, and the rest is missing. */
  readonly isInsideLine: boolean;
  /** The client has closed its side while a hook works on a command. */
  readonly isAbandoned: boolean;
  /** The message in transfer, before its end was received. */
  readonly unfinishedMessage: object | undefined;
  /** The current options: milliseconds, and octets a second (0 for no minimum). */
  readonly settings: { readonly socketTimeout: number; readonly minDataRate: number };
  /** The client, or a hook, is overdue. */
  expired(reason: Overdue): void;
}

/**
 * Decides when a client is too slow or silent for too long, in milliseconds of the server's clock. The connection then
 * closes it, see `Connection.expired`. Time in which we do not read a message because onData is behind does not count.
 */
export class Timeouts {
  readonly #connection: TimedConnection;
  /** Start of the current wait: the last octet received, or the last reply after a hook. */
  #since: number;
  #lineSince: number | undefined;
  /** The message to which `minDataRate` applies. */
  #message: object | undefined;
  /** When the message began, plus the time in which back-pressure has stopped it. */
  #messageSince = 0;
  /** Octets of the message so far. */
  #octets = 0;
  #heldSince: number | undefined;
  #hookReported = false;
  #closesAt = Infinity;

  constructor(connection: TimedConnection) {
    this.#connection = connection;
    this.#since = connection.clock.now();
  }

  /**
   * Starts the wait for the client again: it has sent something, or has just got a reply.
   * @returns the current time
   */
  restart(): number {
    return (this.#since = this.#connection.clock.now());
  }

  /** The first octets of a line were received. */
  lineStarted(): void {
    this.#lineSince ??= this.#since;
  }

  /** The line is complete or was dropped. */
  lineEnded(): void {
    this.#lineSince = undefined;
  }

  /**
   * The client sends octets of a message from now on. All chunks of BDAT are one message, and `minDataRate` applies to them
   * together.
   */
  bodyStarted(message: object | undefined): void {
    if (message && message === this.#message) return;
    this.#message = message;
    this.#messageSince = this.#since;
    this.#octets = 0;
  }

  /** Forgets the message: an idle client must not keep its last one in memory. */
  messageEnded(): void {
    this.#message = undefined;
  }

  countOctets(octets: number): void {
    this.#octets += octets;
  }

  /** @param isHeld whether back-pressure stops the message */
  setHeld(isHeld: boolean): void {
    if (isHeld) {
      this.#heldSince ??= this.#connection.clock.now();
    } else if (this.#heldSince !== undefined) {
      this.restart();
      this.#messageSince += this.#since - this.#heldSince;
      this.#heldSince = undefined;
    }
  }

  /** A hook was called, and the client waits for its answer. */
  hookStarted(): void {
    this.#hookReported = false;
  }

  /**
   * Our side is closed.
   * @returns the time at which the socket is closed if the client does not close its side before
   */
  closingStarted(): number {
    let timeout = CLOSING_TIMEOUT;
    try {
      timeout = Math.min(timeout, this.#connection.settings.socketTimeout);
    } catch {
      // An option may be a getter that throws. It was reported when it closed the connection.
    }
    return (this.#closesAt = this.#connection.clock.now() + timeout);
  }

  /** Calls `expired` if the connection is overdue. @returns the time of the next check */
  check(now: number): number {
    if (this.#deadline() <= now) this.#connection.expired(this.#reason(now));
    const { isOpen, settings } = this.#connection;
    // After closing nothing depends on the options, which may be getters that throw.
    if (!isOpen) return this.#closesAt;
    return Math.min(this.#deadline(), now + settings.socketTimeout);
  }

  /** @returns `Infinity` if nothing is due from the client */
  #deadline(): number {
    const { state, isOpen, reader, isInsideLine, isAbandoned, settings } = this.#connection;
    if (!isOpen) return this.#closesAt;
    if (this.#heldSince !== undefined) return Infinity;
    // None while the greeting waits for `earlyTalkerDelay` or the reverse lookup, which have their own timers. None for a
    // hook that was reported already, unless the client has closed its side.
    if (reader.type === "hook" ? this.#hookReported && !isAbandoned : state === "greeting") return Infinity;
    const since = isInsideLine ? (this.#lineSince ?? this.#since) : this.#since;
    return Math.min(since, this.#minRateTime()) + settings.socketTimeout;
  }

  /**
   * The time at which a client with exactly `minDataRate` would have sent the octets so far; `Infinity` if no minimum
   * applies. It also applies between two chunks of BDAT, so that a client cannot avoid it by sending a chunk for each octet.
   */
  #minRateTime(): number {
    const { reader, unfinishedMessage, settings } = this.#connection;
    const { minDataRate } = settings;
    const isSending = reader.type === "body" || (unfinishedMessage && unfinishedMessage === this.#message);
    if (minDataRate === 0 || !isSending) return Infinity;
    return this.#messageSince + (this.#octets / minDataRate) * 1000;
  }

  #reason(now: number): Overdue {
    const { state, isOpen, reader, isAbandoned, settings } = this.#connection;
    if (!isOpen) return "closing";
    if (state === "upgrading") return "handshake";
    if (reader.type === "hook" && !isAbandoned) {
      this.#hookReported = true;
      return "hook";
    }
    return now < this.#since + settings.socketTimeout && this.#minRateTime() !== Infinity ? "slow" : "silent";
  }
}
