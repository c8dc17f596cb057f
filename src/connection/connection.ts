import type { Action } from "../commands/action.js";
import type { MessageInTransfer } from "../commands/client.js";
import type { Settings } from "../options.js";
import { type Endpoints, setClientHostname, userName } from "../session.js";
import type { Clock, Timer } from "../time/clock.js";
import type { ConnectionSocket, LimitName, SMTPSession } from "../types/index.js";
import { ClientState } from "./client-state.js";
import { Conversation, type ConversationOwner } from "./conversation.js";
import { askOnSecure, lookUp, opening } from "./opening.js";
import type { AdmittedConnection, ServerContext } from "./server-context.js";
import { SocketAdapter } from "./socket-adapter.js";
import { type Reader, type State, TRANSITIONS } from "./state.js";
import { type Overdue, type TimedConnection, Timeouts } from "./timeouts.js";
import {
  handshakeError,
  MAX_DROPPED,
  publishFailedTLS,
  type TLSSession,
  type Transport,
  type TransportEvents,
} from "./transport.js";
import type { Turns } from "./turns.js";

// Reasons of `session.signal`.
const CLIENT_LEFT = "The client closed the connection";
const TIMED_OUT = "The client timed out";
const SERVER_CLOSED = "The server closed the connection";

/**
 * One client from its greeting to its close. The connection has the state (see state.ts), and reacts to the transport, the
 * server and the timeouts. Its {@link Conversation} reads commands and writes replies.
 */
export class Connection implements TransportEvents, AdmittedConnection, TimedConnection, ConversationOwner {
  index = -1;
  readonly #server: ServerContext;
  readonly #transport: Transport;
  readonly #client: ClientState;
  readonly #timeouts: Timeouts;
  readonly #conversation: Conversation;
  #state: State = "greeting";
  /** Octets received since our side is closed. */
  #dropped = 0;
  /** Waits for `earlyTalkerDelay`. */
  #greetingTimer: Timer | undefined;
  #adapter: SocketAdapter | undefined;

  constructor(server: ServerContext, transport: Transport, endpoints: Endpoints, tls?: TLSSession) {
    this.#server = server;
    this.#transport = transport;
    this.#client = new ClientState(server, this, endpoints, tls);
    this.#timeouts = new Timeouts(this);
    this.#conversation = new Conversation(this, this.#client, transport, this.#timeouts);
  }

  get id(): string {
    return this.session.id;
  }
  get session(): SMTPSession {
    return this.#client.session;
  }
  get settings(): Settings {
    return this.#client.settings;
  }
  get clock(): Clock {
    return this.#server.clock;
  }
  get turns(): Turns {
    return this.#server.turns;
  }
  get remoteAddress(): string {
    return this.session.remoteAddress;
  }
  get remotePort(): number {
    return this.session.remotePort;
  }
  get peerAddress(): string {
    return this.#client.peerAddress;
  }
  get canUpgrade(): boolean {
    return this.#transport.canUpgrade;
  }
  get state(): State {
    return this.#state;
  }
  get reader(): Reader {
    return this.#conversation.reader;
  }
  get isOpen(): boolean {
    return this.#state !== "closing" && this.#state !== "closed";
  }
  get isServerClosing(): boolean {
    return this.#server.isClosing;
  }

  /** Changes the state. @returns `false`, without a change, if {@link TRANSITIONS} does not allow it */
  #enter(state: State): boolean {
    if (!TRANSITIONS[this.#state].includes(state)) return false;
    this.#state = state;
    if (state === "ready") this.#conversation.begin();
    else this.#conversation.stop();
    return true;
  }

  // ---- the opening ------------------------------------------------------------------------------

  /** @param refusal a reply that closes, sent instead of a greeting */
  start(refusal?: Action): void {
    try {
      this.#start(refusal);
    } catch (error) {
      this.#conversation.fail(error);
    }
  }

  #start(refusal: Action | undefined): void {
    this.#client.begin();
    this.#server.deadlines.schedule(this.#timeouts.restart() + this.settings.socketTimeout);
    if (refusal) {
      setClientHostname(this.session, "");
      return this.#conversation.perform(refusal);
    }
    const delay = this.settings.earlyTalkerDelay;
    if (delay === 0) return this.#lookUp();
    this.#greetingTimer = this.clock.setTimeout(() => {
      if (this.#state === "greeting") this.#conversation.guard(() => this.#lookUp());
    }, delay);
    this.#greetingTimer.unref();
  }

  #lookUp(): void {
    lookUp(this.#client, (hostname) => {
      // The resolver of the application may call back from stores of its own.
      if (this.#state === "greeting") this.#conversation.withOwnStores(() => this.#open(hostname));
    });
  }

  #open(hostname: string): void {
    try {
      this.#client.setHostname(hostname);
      this.#conversation.take(opening(this.#client));
    } catch (error) {
      this.#conversation.fail(error);
    }
    this.#conversation.run(this.clock.now());
  }

  /** For the conversation: a greeting was made. The client's time begins now, because it has waited for us until then. */
  ready(): void {
    this.#enter("ready");
    this.#timeouts.restart();
  }

  // ---- events of the transport ------------------------------------------------------------------

  received(chunk: Buffer): void {
    const now = this.#timeouts.restart();
    if (this.#state === "ready") return this.#conversation.receive(chunk, now);
    if (this.#state === "closing") return this.#drop(chunk);
    if (this.#state !== "greeting") return;
    this.#conversation.guard(() => {
      const text = `${this.settings.name} You talk too soon`;
      this.#conversation.perform({ code: 421, text, enhanced: false });
    });
  }

  #drop(chunk: Buffer): void {
    this.#dropped += chunk.length;
    if (this.#dropped > MAX_DROPPED) this.#transport.destroy();
  }

  drained(): void {
    this.#conversation.drained(this.#timeouts.restart());
  }

  ended(): void {
    this.#timeouts.restart();
    // Before the greeting it only notes this, because onConnect may still refuse the client with a reply.
    this.#conversation.inputEnded();
    if (this.#server.isClosing) this.serverCloses();
  }

  closed(error?: Error): void {
    const before = this.#state;
    const wasOpen = this.isOpen;
    if (!this.#enter("closed")) return;
    const { session } = this;
    // A reset between messages, or instead of a handshake, is not an error.
    const isReset = error !== undefined && "code" in error && error.code === "ECONNRESET";
    const isReported = before === "upgrading" ? !isReset : wasOpen && session.envelope?.mailFrom;
    this.#server.socketClosed(this);
    this.clock.clearTimeout(this.#greetingTimer);
    if (before === "upgrading") publishFailedTLS(this.remoteAddress, error, session);
    this.#client.trace?.endCommand();
    this.#client.end(CLIENT_LEFT);
    if (wasOpen) this.#server.release(this);
    this.#adapter?.closed();
    try {
      this.#reportClosed(error, isReported);
    } catch (problem) {
      this.#conversation.fail(problem);
    }
    this.#callOnClose();
  }

  #reportClosed(error: Error | undefined, isReported: unknown): void {
    const { session } = this;
    if (this.#client.isLogged) {
      const entry = { tnx: "close", user: userName(session) };
      const name = session.clientHostname || session.remoteAddress;
      this.#client.log("info", entry, "Connection closed to %s", name);
    }
    if (error && isReported) {
      this.report(Object.assign(error, { remoteAddress: session.remoteAddress }));
    }
  }

  /** Calls onClose in a later turn of the event loop. The server's `close()` waits for this. */
  #callOnClose(): void {
    if (!this.#hasOnClose()) return this.#finish();
    this.#conversation.withOwnStores(() =>
      setImmediate(() => {
        this.#conversation.guard(() => this.#client.ask("onClose", [this.session], () => {}));
        this.#finish();
      }),
    );
  }

  #hasOnClose(): boolean {
    try {
      return this.#client.hasHook("onClose");
    } catch (error) {
      this.report(error);
      return false;
    }
  }

  #finish(): void {
    this.#client.trace?.endConnection();
    this.#server.closeHandled();
  }

  /** The TLS handshake of STARTTLS succeeded. */
  secured(tls: TLSSession): void {
    if (this.#state !== "upgrading") return;
    this.#enter("ready");
    this.#timeouts.restart();
    this.#conversation.guard(() => {
      this.#client.enterTLS(tls);
      this.#conversation.take(askOnSecure(this.#client, () => []));
    });
    this.#conversation.run(this.clock.now());
  }

  /** For the conversation: STARTTLS was accepted. Plaintext that came after it is dropped (RFC 3207 5). */
  upgrade(): void {
    this.#conversation.flush();
    if (this.#enter("upgrading")) this.#transport.upgrade();
  }

  // ---- timeouts ---------------------------------------------------------------------------------

  get isInsideLine(): boolean {
    return this.#conversation.isInsideLine;
  }
  get isAbandoned(): boolean {
    return this.#conversation.isAbandoned;
  }
  get unfinishedMessage(): MessageInTransfer | undefined {
    const { message } = this.#client;
    return message && !message.ended && !message.chunksRefused ? message : undefined;
  }

  /** Called by the deadline timer. */
  checkDeadline(now: number): number {
    return this.#timeouts.check(now);
  }

  expired(reason: Overdue): void {
    const client = this.#client;
    const entry = { tnx: "timeout" };
    if (reason !== "hook") client.end(TIMED_OUT);
    switch (reason) {
      case "closing":
        return this.#transport.destroy();
      case "handshake":
        return this.#transport.destroy(handshakeError("TLS handshake timeout", this.remoteAddress));
      case "hook":
        return client.hookIsLate();
      case "slow":
        client.log("info", entry, "Closing for a data rate below minDataRate");
        return this.send(421, "Error: data rate too low - closing connection", "minDataRate");
      case "silent":
        client.log("info", entry, "Closing for a timeout");
        return this.send(421, "Timeout - closing connection", "socketTimeout");
    }
  }

  // ---- the server, the application and the end --------------------------------------------------

  report(error: unknown): void {
    this.#client.report(error);
  }

  /** A full body has space again. */
  onDrain(): void {
    this.#conversation.goOn();
  }

  serverCloses(): void {
    if (this.#state === "upgrading") this.#transport.destroy();
    else if (this.isAbandoned) this.send(421, "Server shutting down");
  }

  /**
   * Writes a reply of the application; 421 closes. Nothing is written during a TLS handshake.
   * @param limit for the server's own replies: the option whose limit is the reason
   */
  send(code: number, text: string | readonly string[] = "", limit?: LimitName): void {
    if (this.isOpen && this.#state !== "upgrading") this.#conversation.send({ code, text, limit });
    if (code === 421) this.close();
  }

  /** Closes our side after everything was sent; during a TLS handshake closes both at once. */
  close(): void {
    if (this.#state === "upgrading") return this.#transport.destroy();
    this.#conversation.flush();
    // The state may be `closed` already: the write may have found that the client has reset.
    if (!this.#enter("closing")) return;
    this.#client.end(this.#conversation.hasInputEnded ? CLIENT_LEFT : SERVER_CLOSED);
    this.#server.release(this);
    this.#server.deadlines.schedule(this.#timeouts.closingStarted());
    this.#transport.end();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  /** The socket for programs made for smtp-server. */
  get _socket(): ConnectionSocket {
    return (this.#adapter ??= new SocketAdapter(this));
  }

  /** Writes after the replies made so far. Writes nothing between STARTTLS and its handshake, or after our side is closed. */
  writeRaw(data: string | Uint8Array): boolean {
    this.#conversation.flush();
    return this.isOpen && this.#state !== "upgrading" && this.#transport.write(data);
  }
}
