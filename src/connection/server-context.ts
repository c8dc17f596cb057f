import type { HookFunction, HookName } from "../hooks/names.js";
import type { LoggedClient } from "../logger.js";
import type { Settings } from "../options.js";
import type { Clock } from "../time/clock.js";
import type { SMTPConnection, SMTPSession } from "../types/index.js";
import type { Turns } from "./turns.js";

/** A client whose deadline the server's timer checks. */
export interface HasDeadline {
  /** Index in the timer's list, -1 if it is not in the list. Only the timer writes it. */
  index: number;
  /**
   * Acts if the client is overdue.
   * @param now on the server's clock, in milliseconds
   * @returns the time of the next check; nothing is due before it
   */
  checkDeadline(now: number): number;
  /** The server's `close()` was called. */
  serverCloses(): void;
}

/** One timer for the deadlines of all clients. */
export interface Deadlines {
  add(client: HasDeadline): void;
  delete(client: HasDeadline): void;
  /** Checks all clients at this time at the latest. Call it when a deadline becomes earlier. */
  schedule(at: number): void;
}

/** Counts clients, in total and by address, for `maxClients` and `maxClientsPerAddress`. */
export interface ClientCounter {
  /** Number of clients, with those in a PROXY header or TLS handshake. */
  readonly total: number;
  countFrom(address: string): number;
  /** @param address "" for a unix socket */
  add(address: string): void;
  remove(address: string): void;
}

/** A connection, for its server. */
export interface AdmittedConnection extends SMTPConnection, HasDeadline {
  /** The client's address after a PROXY header and before any XCLIENT. */
  readonly peerAddress: string;
  readonly isOpen: boolean;
}

/** The server, for pending connections and connections. */
export interface ServerContext {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly turns: Turns;
  /** `close()` was called. */
  readonly isClosing: boolean;
  /** The value of `this` in a hook. */
  readonly owner: object;
  readonly counter: ClientCounter;
  readonly deadlines: Deadlines;
  /** The application's current hook; `undefined` if it has none or one that accepts everything. */
  hook(name: HookName): HookFunction | undefined;
  /** Emits `connect`. */
  announce(session: SMTPSession): void;
  /** Logs an error and emits it as `error`. @param client the client that it is about, if any */
  report(error: unknown, client?: LoggedClient): void;
  /** A pending connection has become a connection. */
  admit(connection: AdmittedConnection): void;
  /** The connection no longer counts, though its socket may still be closing. */
  release(connection: AdmittedConnection): void;
  /** The socket of a connection is closed. */
  socketClosed(connection: AdmittedConnection): void;
  /** onClose was called for a connection whose socket is closed. */
  closeHandled(): void;
}
