import { AsyncLocalStorage } from "node:async_hooks";
import type { Action, Answer, Body, SaslReader } from "../commands/action.js";
import type { Client } from "../commands/client.js";
import { dispatch, logContinuation } from "../commands/dispatch.js";
import { applyErrorLimit, encodeReply } from "../commands/outgoing.js";
import { INTERNAL_ERROR } from "../commands/refusal.js";
import { MAX_SASL_LINE } from "../sasl/index.js";
import type { Clock } from "../time/clock.js";
import { type Line, LineReader, OVERLONG } from "../wire/line-reader.js";
import type { ClientState } from "./client-state.js";
import { COMMAND, HOOK, NONE, type Reader, type State } from "./state.js";
import type { Timeouts } from "./timeouts.js";
import type { Transport } from "./transport.js";
import type { Turns, Worker } from "./turns.js";

/** Characters of collected replies at which they are written before the whole read is answered. */
const WRITE_AT = 16_384;
/** Octets to read while a hook works: a socket that is not read does not report that its client has disconnected. */
const READ_AHEAD = 16_384;
/** Octets: a read below this size that is used up is too little work to ask the clock for. */
const SMALL_READ = 16_384;
/** Octets of a message to read before asking the clock. A read of the socket may have four times as many. */
const SLICE = 131_072;

/** The connection of a conversation. */
export interface ConversationOwner {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly state: State;
  readonly isOpen: boolean;
  /** `close()` of the server was called. */
  readonly isServerClosing: boolean;
  /** Enters `ready`: commands are read from now on. */
  ready(): void;
  /** Starts the TLS handshake of STARTTLS. */
  upgrade(): void;
  /** Closes our side after everything was sent. */
  close(): void;
  /** Logs an exception of a handler or hook and emits it as `error`. */
  report(error: unknown): void;
}

/**
 * The dialog with the client: reads lines and bodies, runs the handlers, and writes their replies in order. The next line is
 * parsed only after the reply to the one before, so DATA, BDAT, AUTH and STARTTLS need no queues.
 */
export class Conversation implements Worker {
  /** Runs work with the AsyncLocalStorage stores of the socket, not with those of a hook or of another client. */
  readonly withOwnStores: <T>(work: () => T) => T = AsyncLocalStorage.snapshot();
  turn = -1;
  worked = 0;
  readonly #owner: ConversationOwner;
  readonly #client: ClientState;
  readonly #transport: Transport;
  readonly #timeouts: Timeouts;
  readonly #lines = new LineReader();
  #reader: Reader = NONE;
  /** Replies that are not written yet. */
  #out = "";
  #running = false;
  /** When its work was counted last. */
  #countedAt = 0;
  /** Waits for a turn of the event loop, see {@link Turns}. */
  #yielded = false;
  /** The client has closed its side. */
  #inputEnded = false;
  /** The client does not read its replies. */
  #blocked = false;
  #paused = false;

  constructor(owner: ConversationOwner, client: ClientState, transport: Transport, timeouts: Timeouts) {
    this.#owner = owner;
    this.#client = client;
    this.#transport = transport;
    this.#timeouts = timeouts;
  }

  get reader(): Reader {
    return this.#reader;
  }

  /** The first octets of a line were received, and the rest is missing. */
  get isInsideLine(): boolean {
    const { type } = this.#reader;
    return (type === "command" || type === "sasl") && this.#lines.pending && !this.#blocked;
  }

  /**
   * The client has closed its side while a hook works on a command. It may still read the reply, but no mail depends on
   * that, so it waits for up to `socketTimeout`. For a message it waits as long as the hook works.
   */
  get isAbandoned(): boolean {
    return this.#inputEnded && this.#reader === HOOK && !this.#client.message;
  }

  /** The client has sent octets. */
  receive(chunk: Buffer, now: number): void {
    this.#lines.push(chunk);
    this.run(now);
  }

  /** The client has read its replies. */
  drained(now: number): void {
    this.#blocked = false;
    this.run(now);
  }

  /** Whether {@link inputEnded} was called. */
  get hasInputEnded(): boolean {
    return this.#inputEnded;
  }

  /** The client has closed its side. */
  inputEnded(): void {
    this.#inputEnded = true;
    if (this.#owner.state === "ready") this.run(this.#owner.clock.now());
  }

  /** Drops everything that was received and not read, and reads nothing until `begin`. */
  stop(): void {
    this.#reader = NONE;
    this.#lines.take();
    this.#timeouts.lineEnded();
    this.#blocked = false;
    // A paused socket receives neither a TLS handshake nor a FIN.
    if (this.#paused) this.#transport.resume();
    this.#paused = false;
  }

  /** Commands are read from now on. */
  begin(): void {
    this.#reader = COMMAND;
  }

  // ---- the loop ---------------------------------------------------------------------------------

  /**
   * Reads and answers until it must wait: for input, for a hook, for space in the message's queue, for the client to read
   * its replies, or for another turn of the event loop.
   * @param began time at which this work began
   */
  run(began: number): void {
    if (this.#running || this.#yielded) return;
    this.#running = true;
    try {
      const needsInput = this.#readAll(began);
      this.flush();
      this.#pauseOrResume();
      if (needsInput && this.#inputEnded && !this.#isFull && this.#owner.state === "ready")
        this.#owner.close();
    } catch (error) {
      this.fail(error);
    } finally {
      this.#running = false;
    }
  }

  /** Runs again. The caller is a hook that reads its message, or the turn of any client. */
  goOn(): void {
    this.withOwnStores(() => this.run(this.#owner.clock.now()));
  }

  /** @returns whether it stopped for lack of input */
  #readAll(began: number): boolean {
    const { turns } = this.#owner;
    let since = began;
    let needsInput = false;
    while (!this.#blocked && !this.#yielded) {
      const reader = this.#reader;
      if (reader === HOOK || reader === NONE) break;
      const { size } = this.#lines;
      if (size >= SMALL_READ && turns.isUsedUp) {
        this.#yield();
        break;
      }
      needsInput = !(reader.type === "body" ? this.#readBody(reader) : this.#readLine(reader));
      if (needsInput) break;
      if (this.#out.length > WRITE_AT) this.flush();
      if (size < SMALL_READ && !this.#lines.pending) continue;
      const now = this.#owner.clock.now();
      // With nothing left to read too: the next read of the socket is work as well.
      if (turns.count(this, since, now)) this.#yield();
      since = this.#countedAt = now;
    }
    if (needsInput && this.isInsideLine) this.#timeouts.lineStarted();
    return needsInput;
  }

  #yield(): void {
    this.#yielded = true;
    this.#owner.turns.wait(() => {
      this.#yielded = false;
      this.goOn();
    });
  }

  /** @returns `false` if it had nothing to read, or no space */
  #readBody(body: Body): boolean {
    if (body.full || !this.#lines.pending) return false;
    const chunk = this.#lines.take(SLICE);
    const rest = body.read(chunk);
    this.#timeouts.countOctets(chunk.length - (rest?.length ?? 0));
    if (rest === undefined) return true;
    if (rest.length > 0) this.#lines.putBack(rest);
    this.#attempt(finish, body);
    return true;
  }

  /** @returns `false` if no line was complete */
  #readLine(reader: Reader): boolean {
    const sasl = reader.type === "sasl" ? reader : undefined;
    const { maxCommandLength, bareNewlines } = this.#client.settings;
    const line = this.#lines.next(sasl ? MAX_SASL_LINE : maxCommandLength, bareNewlines);
    if (line === undefined) return false;
    this.#timeouts.lineEnded();
    const refusal = this.#refuseLine(line, sasl);
    if (refusal) {
      this.perform(refusal);
      return true;
    }
    if (line === OVERLONG) this.#lines.skipLine();
    const text = line === OVERLONG ? undefined : line.text;
    if (sasl) {
      logContinuation(this.#client);
      if (this.#owner.isOpen) this.#attempt((_, answer) => sasl.read(answer), text);
    } else if (text !== undefined) {
      this.#attempt(dispatch, text);
    }
    return true;
  }

  /** The refusal of a line that must not reach a handler. */
  #refuseLine(line: Line | typeof OVERLONG, sasl: SaslReader | undefined): Action | undefined {
    if (line === OVERLONG && !sasl)
      return { code: 421, text: "Error: Command line too long", limit: "maxCommandLength" };
    if (this.#owner.isServerClosing) return { code: 421, text: "Server shutting down" };
    if (line === OVERLONG || !line.bare || this.#client.settings.bareNewlines !== "reject") return undefined;
    return { code: 500, text: `Error: bare <${line.bare}> received`, enhanced: "5.5.2" };
  }

  /** Runs a handler. */
  #attempt<T>(run: (client: Client, input: T) => Answer | Promise<Answer>, input: T): void {
    let answer: Answer | Promise<Answer>;
    try {
      answer = run(this.#client, input);
    } catch (error) {
      answer = this.#exception(error);
    }
    this.take(answer);
  }

  /**
   * The answer after a handler has thrown, so that the client gets a reply. It also ends a message that was received in
   * full.
   */
  #exception(error: unknown): Answer {
    this.#owner.report(error);
    const { message } = this.#client;
    return message?.ended ? message.endTransaction(INTERNAL_ERROR) : INTERNAL_ERROR;
  }

  /**
   * Carries out an answer, after waiting for it if it is a promise. A promise that is fulfilled after the connection has
   * closed has no effect.
   */
  take(answer: Answer | Promise<Answer>): void {
    if ("code" in answer || !(answer instanceof Promise)) return this.perform(answer);
    this.#reader = HOOK;
    this.#timeouts.hookStarted();
    answer.then(
      (result) => this.#resume(result),
      (error: unknown) => this.#resume(undefined, error),
    );
  }

  /** Carries out the answer that was waited for. @param error why there is none */
  #resume(answer: Answer | undefined, error?: unknown): void {
    if (!this.#owner.isOpen) return;
    const now = this.#timeouts.restart();
    try {
      this.take(answer ?? this.#exception(error));
      this.flush();
    } catch (problem) {
      this.fail(problem);
    }
    // A hook that waits for a kept promise alone answers in the same turn: what it does meanwhile is work of that.
    this.run(this.#owner.turns.isTurnOf(this) ? this.#countedAt : now);
  }

  /** Carries out what a handler returned. */
  perform(answer: Answer): void {
    if (!this.#owner.isOpen) return;
    if ("code" in answer) this.#carryOut(answer);
    else if ("read" in answer) this.#setReader(answer);
    else {
      this.#setReader(COMMAND);
      for (const action of answer) if (this.#owner.isOpen) this.#carryOut(action);
    }
    // The command ends after its last reply. A message or SASL lines that it reads are part of it.
    const { trace } = this.#client;
    if (trace && (this.#reader === COMMAND || this.#reader === NONE)) trace.endCommand();
  }

  #carryOut(action: Action): void {
    const reply = applyErrorLimit(this.#client, action);
    this.#encode(reply);
    if (reply.code === 421 || reply.next === "closing") return this.#owner.close();
    if (reply.next === "upgrading") return this.#owner.upgrade();
    if (reply.next === "ready") this.#owner.ready();
    this.#setReader(reply.reader ?? COMMAND);
  }

  #setReader(reader: Reader): void {
    if (this.#owner.state !== "ready") return;
    this.#reader = reader;
    const { message } = this.#client;
    if (reader.type === "body") this.#timeouts.bodyStarted(message);
    else if (!message) this.#timeouts.messageEnded();
  }

  // ---- exceptions -------------------------------------------------------------------------------

  /** Runs code that reads options, because an option may be a getter that throws. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Closes with a 421, because no reply could be made, and the next reply would answer the wrong command. */
  fail(error: unknown): void {
    this.#owner.report(error);
    if (!this.#owner.isOpen) return;
    this.#out += "421 Error: internal server error\r\n";
    this.#client.trace?.replied({ code: 421 });
    this.#owner.close();
  }

  // ---- output and back-pressure -----------------------------------------------------------------

  /** Writes a reply that answers no command. */
  send(reply: Action): void {
    this.#encode(reply);
    this.flush();
  }

  /** A logger that gets the reply may close the connection, or write to it, which writes the replies before. */
  #encode(reply: Action): void {
    const text = encodeReply(this.#client, reply);
    if (this.#owner.isOpen) this.#out += text;
  }

  flush(): void {
    if (this.#out === "") return;
    const text = this.#out;
    this.#out = "";
    if (!this.#transport.write(text)) this.#blocked = true;
  }

  get #isFull(): boolean {
    return this.#reader.type === "body" && this.#reader.full;
  }

  /** Stops reading the socket while its octets cannot be used. */
  #pauseOrResume(): void {
    if (!this.#owner.isOpen) return;
    const isFull = this.#isFull;
    const isBehind = this.#reader === HOOK && this.#lines.size > READ_AHEAD;
    const pause = this.#owner.state === "ready" && (isFull || this.#blocked || this.#yielded || isBehind);
    if (pause !== this.#paused) {
      this.#paused = pause;
      if (pause) this.#transport.pause();
      else this.#transport.resume();
    }
    this.#timeouts.setHeld(isFull);
  }
}

function finish(_: Client, body: Body): Answer | Promise<Answer> {
  return body.finish();
}
