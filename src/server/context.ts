import type { EventEmitter } from "node:events";
import type { AdmittedConnection, ServerContext } from "../connection/server-context.js";
import { Connection } from "../connection/connection.js";
import { Turns } from "../connection/turns.js";
import { errorText, toError } from "../errors.js";
import type { HookFunction, HookName } from "../hooks/names.js";
import { log, type LoggedClient } from "../logger.js";
import type { Settings } from "../options.js";
import { connectionInfo } from "../session.js";
import { type Clock, systemClock } from "../time/clock.js";
import type { SMTPConnection, SMTPSession } from "../types/index.js";
import { ConnectionCounter } from "./connection-counter.js";
import { DeadlineTimer } from "./deadline-timer.js";
import { emitSafely } from "./events.js";
import type { HookResolver } from "./hook-resolver.js";

/** The server for its connections: settings, hooks, clock, counters and the list of connections. */
export class Context implements ServerContext {
  readonly settings: Settings;
  readonly owner: EventEmitter;
  readonly counter: ConnectionCounter = new ConnectionCounter();
  /** Replaced only by tests, before the first client. */
  clock: Clock = systemClock;
  readonly deadlines: DeadlineTimer = new DeadlineTimer(this);
  readonly turns: Turns = new Turns();
  readonly #hooks: HookResolver;
  /** Set while the server closes: called when the last socket is closed and its onClose was called. */
  onEmpty: (() => void) | undefined;
  /** Made when a program first reads it, because a Set in constant use takes much memory, see `DeadlineList`. */
  #connections: Set<SMTPConnection> | undefined;
  /** Number of connections whose socket is open or whose onClose was not called yet. */
  #sockets = 0;

  constructor(owner: EventEmitter, settings: Settings, hooks: HookResolver) {
    this.owner = owner;
    this.settings = settings;
    this.#hooks = hooks;
  }

  get isClosing(): boolean {
    return this.onEmpty !== undefined;
  }

  get isEmpty(): boolean {
    return this.#sockets === 0;
  }

  get connections(): Set<SMTPConnection> {
    return (this.#connections ??= new Set(this.deadlines.list().filter(isOpenConnection)));
  }

  hook(name: HookName): HookFunction | undefined {
    return this.#hooks.get(name);
  }

  announce(session: SMTPSession): void {
    emitSafely(this.owner, "connect", connectionInfo(session));
  }

  report(cause: unknown, client?: LoggedClient): void {
    const error = toError(cause);
    log(this.settings.logger, "error", { tnx: "error", ...client, err: error }, "%s", errorText(error));
    if (this.owner.listenerCount("error") > 0) emitSafely(this.owner, "error", error);
  }

  admit(connection: AdmittedConnection): void {
    this.counter.add(connection.peerAddress);
    this.deadlines.add(connection);
    this.#connections?.add(connection);
    this.#sockets += 1;
  }

  release(connection: AdmittedConnection): void {
    this.counter.remove(connection.peerAddress);
    this.#connections?.delete(connection);
  }

  socketClosed(connection: AdmittedConnection): void {
    this.deadlines.delete(connection);
  }

  closeHandled(): void {
    this.#sockets -= 1;
    if (this.#sockets === 0) this.onEmpty?.();
  }
}

function isOpenConnection(client: object): client is Connection {
  return client instanceof Connection && client.isOpen;
}
