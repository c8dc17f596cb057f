import { dispatch, logContinuation } from "../commands/dispatch.js";
import type { Action, Answer, Body, ContinuationLine } from "../commands/action.js";
import type { Client, Counts, TLSFacts } from "../commands/client.js";
import { askOnSecure, lookUp, opening } from "./opening.js";
import { applyErrorLimit, encodeReply } from "../commands/outgoing.js";
import type { Message } from "../commands/message.js";
import { Recipients } from "../commands/recipients.js";
import { INTERNAL_ERROR } from "../commands/refusal.js";
import { SMTPError } from "../errors.js";
import {
  callHook,
  type HookCall,
  HOOKS,
  type HookFunction,
  type HookName,
  type HookResult,
} from "../hooks/hook-call.js";
import { log, type LogEntry, type LogLevel, silent } from "../logger.js";
import type { Settings } from "../options.js";
import { type Expected, Timeouts } from "./timeouts.js";
import { MAX_SASL_LINE } from "../sasl/index.js";
import {
  createSession,
  emptyEnvelope,
  type Endpoints,
  enterTLS,
  forgetPlaintext,
  setClientHostname,
  updateTransmissionType,
  userName,
} from "../session.js";
import { SocketAdapter } from "./socket-adapter.js";
import {
  handshakeError,
  type TLSSession,
  type Transport,
  type TransportEvents,
  unencrypted,
} from "./transport.js";
import type { SecureSocket, SMTPSession, ConnectionSocket } from "../types/index.js";
import type { AdmittedConnection, ServerContext } from "./server-context.js";
import { LineReader, OVERLONG } from "../wire/line-reader.js";

/** Replies are collected while commands of one read are run, and written when there are this many characters. */
const WRITE_AT = 16_384;
/** Octets that are read behind a command whose hook works: of a socket that is not read nobody learns that its client left. */
const READ_AHEAD = 16_384;
/** A read of fewer octets, used up, is too little work to look at the clock for. */
const SMALL_READ = 16_384;
/** Milliseconds of work for one client after which the others have their turn, however much it has sent. */
const TURN = 2;
/** Milliseconds that a connection which we have closed may stay, whatever the client still sends. */
const CLOSING_TIMEOUT = 5000;

const ACCEPTED: HookResult = { type: "accepted", value: undefined };

type State = "greeting" | "ready" | "upgrading" | "closing" | "closed";

/** One client: greeting → commands → close. Owns the session, the loop and the timers, and is the only writer of replies. */
export class Connection implements Client, TransportEvents, AdmittedConnection {
  index = -1;
  readonly settings: Settings;
  readonly session: SMTPSession;
  readonly peerAddress: string;
  readonly counts: Counts = { unrecognized: 0, unauthenticated: 0, failedLogins: 0, errors: 0 };
  readonly recipients: Recipients = new Recipients();
  message: Message | undefined;

  readonly #server: ServerContext;
  readonly #transport: Transport;
  readonly #endpoints: Endpoints;
  readonly #ignored: boolean;
  readonly #lines = new LineReader();
  readonly #timeouts = new Timeouts();
  /** When a client that does not close its side is left. */
  #leavesAt = Infinity;
  #state: State = "greeting";
  /** Waits for `earlyTalkerDelay`. */
  #greetingTimer: ReturnType<typeof setTimeout> | undefined;
  #tls: TLSSession | undefined;
  /** What the reverse lookup found: XCLIENT may replace it, STARTTLS brings it back. */
  #clientHostname = "";
  #body: Body | undefined;
  #continuation: ((line: ContinuationLine) => Answer | Promise<Answer>) | undefined;
  /** Replies that are not written yet. */
  #out = "";
  /** A hook owes the answer that the client waits for. */
  #waiting = false;
  #running = false;
  /** Other clients have their turn. */
  #yielded = false;
  /** Milliseconds of work since they last had it. */
  #worked = 0;
  #inputEnded = false;
  /** The client does not read its replies. */
  #blocked = false;
  #paused = false;
  #announced = false;
  #adapter: SocketAdapter | undefined;
  #hookWarned = false;
  /** The hook that was called last: the one that is waited for, where one is. */
  #asked: HookName = "onConnect";

  constructor(server: ServerContext, transport: Transport, endpoints: Endpoints, tls?: TLSSession) {
    this.#server = server;
    this.#transport = transport;
    this.settings = server.settings;
    this.#tls = tls;
    this.peerAddress = endpoints.remoteAddress;
    this.#endpoints = endpoints;
    this.#ignored = this.settings.isIgnored(endpoints.remoteAddress);
    this.session = createSession(this.settings, endpoints, this.settings.secure);
    if (tls) enterTLS(this.session, this.settings, tls);
  }

  get id(): string {
    return this.session.id;
  }
  get remoteAddress(): string {
    return this.session.remoteAddress;
  }
  get remotePort(): number {
    return this.session.remotePort;
  }
  get tls(): TLSFacts | undefined {
    return this.#tls;
  }
  get canUpgrade(): boolean {
    return this.#transport.canUpgrade;
  }
  get socket(): SecureSocket {
    return this.#tls?.socket ?? unencrypted(this.session, () => this.#transport.destroy());
  }
  get isOpen(): boolean {
    return this.#state !== "closing" && this.#state !== "closed";
  }

  // ---- the opening ------------------------------------------------------------------------------

  /** Greets the client, or refuses it. */
  start(refusal?: Action): void {
    this.#server.deadlines.schedule(this.#timeouts.restart() + this.settings.socketTimeout);
    if (refusal) {
      setClientHostname(this.session, "");
      this.#perform(refusal);
      this.#flush();
      return;
    }
    const delay = this.settings.earlyTalkerDelay;
    if (delay === 0) return this.#lookUp();
    this.#greetingTimer = setTimeout(() => this.#state === "greeting" && this.#lookUp(), delay).unref();
  }

  #lookUp(): void {
    lookUp(this, (clientHostname) => {
      if (this.#state !== "greeting") return;
      setClientHostname(this.session, clientHostname);
      this.#clientHostname = this.session.clientHostname;
      this.#take(opening(this));
      this.#run(performance.now());
    });
  }

  // ---- what the transport tells -----------------------------------------------------------------

  received(chunk: Buffer): void {
    const now = this.#timeouts.restart();
    if (this.#state === "greeting") {
      this.#perform({ code: 421, text: `${this.settings.name} You talk too soon`, enhanced: false });
      this.#flush();
    } else if (this.#state === "ready") {
      this.#lines.push(chunk);
      this.#run(now);
    }
  }

  drained(): void {
    this.#blocked = false;
    this.#run(this.#timeouts.restart());
  }

  ended(): void {
    this.#inputEnded = true;
    this.#timeouts.restart();
    if (this.#server.isClosing) this.serverCloses();
    // Before the greeting the client can still be told what onConnect thinks of it.
    if (this.#state === "ready") this.#run(performance.now());
  }

  closed(error?: Error): void {
    if (this.#state === "closed") return;
    const wasOpen = this.isOpen;
    // A client that goes away between messages, or instead of a handshake, is no news.
    const left = error !== undefined && "code" in error && error.code === "ECONNRESET";
    const isNews = this.#state === "upgrading" ? !left : wasOpen && this.session.envelope?.mailFrom;
    this.#state = "closed";
    this.#server.socketClosed(this);
    clearTimeout(this.#greetingTimer);
    this.#abortMessage("Connection closed before the message was received in full");
    this.#body = undefined;
    this.#lines.take();
    if (wasOpen) this.#server.release(this);
    this.#adapter?.closed();
    const { session } = this;
    if (this.isLogged) {
      const entry = { tnx: "close", host: session.remoteAddress, user: userName(session) };
      this.log("info", entry, "Connection closed to %s", session.clientHostname || session.remoteAddress);
    }
    if (error && isNews) this.#server.report(Object.assign(error, { remoteAddress: session.remoteAddress }));
    if (!this.hasHook("onClose")) return this.#server.closeHandled();
    setImmediate(() => {
      this.ask("onClose", [session], () => {});
      this.#server.closeHandled();
    });
  }

  /** STARTTLS succeeded. What was learned in plaintext is forgotten (RFC 3207 4.2). */
  secured(tls: TLSSession): void {
    if (this.#state !== "upgrading") return;
    this.#tls = tls;
    this.#state = "ready";
    this.#timeouts.restart();
    forgetPlaintext(this.session, this.#endpoints, this.#clientHostname);
    enterTLS(this.session, this.settings, tls);
    this.resetTransaction();
    const { name } = tls.cipher;
    this.log("info", { tnx: "starttls", cipher: name }, "Connection upgraded to TLS using %s", name);
    this.#take(askOnSecure(this, () => []));
    this.#run(performance.now());
  }

  // ---- the loop ---------------------------------------------------------------------------------

  /**
   * Reads and answers until something is missing: input, a hook's answer, room for bytes or replies.
   * @param began when the event came that this is about
   */
  #run(began: number): void {
    if (this.#running || this.#yielded) return;
    this.#running = true;
    let worked = this.#worked;
    let wantsInput = false;
    while (this.#state === "ready" && !this.#waiting && !this.#blocked && !this.#yielded) {
      const body = this.#body;
      const { size } = this.#lines;
      wantsInput = !(body ? this.#readBody(body) : this.#readLine());
      if (wantsInput) break;
      if (this.#out.length > WRITE_AT) this.#flush();
      if (size < SMALL_READ && !this.#lines.pending) continue;
      // Added up over reads and answers: a hook that answers by a promise, or a socket that always has more, starts no new turn.
      worked = this.#worked + performance.now() - began;
      if (worked > TURN) this.#yield();
    }
    this.#worked = this.#yielded ? 0 : worked;
    this.#running = false;
    this.#flush();
    if (wantsInput && this.#inputEnded && !this.#body?.full && this.#state === "ready") this.#close();
    if (wantsInput && !this.#body && this.#lines.pending) this.#timeouts.lineStarted();
    this.#settle();
  }

  #yield(): void {
    this.#yielded = true;
    setImmediate(() => {
      this.#yielded = false;
      this.#run(performance.now());
    });
  }

  /** @returns whether it got on */
  #readBody(body: Body): boolean {
    if (body.full || !this.#lines.pending) return false;
    const chunk = this.#lines.take();
    const rest = body.read(chunk);
    this.#timeouts.countOctets(chunk.length - (rest?.length ?? 0));
    if (rest === undefined) return true;
    this.#body = undefined;
    if (rest.length > 0) this.#lines.push(rest);
    this.#attempt(finish, body);
    return true;
  }

  /** @returns whether there was a line */
  #readLine(): boolean {
    const { settings } = this;
    const line = this.#lines.next(
      this.#continuation ? MAX_SASL_LINE : settings.maxCommandLength,
      settings.bareNewlines,
    );
    if (line === undefined) return false;
    this.#timeouts.lineEnded();
    const continuation = this.#continuation;
    if (line === OVERLONG && !continuation) {
      this.#perform({ code: 421, text: "Error: Command line too long" });
      return true;
    }
    if (this.#server.isClosing) {
      this.#perform({ code: 421, text: "Server shutting down" });
      return true;
    }
    this.#continuation = undefined;
    if (line === OVERLONG) {
      this.#lines.skipLine();
    } else if (line.bare && settings.bareNewlines === "reject") {
      this.#perform({ code: 500, text: `Error: bare <${line.bare}> received`, enhanced: "5.5.2" });
      return true;
    }
    const text = line === OVERLONG ? undefined : line.text;
    if (continuation) {
      logContinuation(this);
      this.#attempt((_, line) => continuation(line), text);
    } else if (text !== undefined) {
      this.#attempt(dispatch, text);
    }
    return true;
  }

  /** A mistake of ours is a 451 too: it must not leave the client without a reply, nor end the process. */
  #attempt<T>(run: (client: Client, input: T) => Answer | Promise<Answer>, input: T): void {
    let answer: Answer | Promise<Answer> = INTERNAL_ERROR;
    try {
      answer = run(this, input);
    } catch (error) {
      this.#server.report(error);
    }
    this.#take(answer);
  }

  #take(answer: Answer | Promise<Answer>): void {
    if ("code" in answer || !(answer instanceof Promise)) return this.#perform(answer);
    this.#waiting = true;
    this.#hookWarned = false;
    const resume = (result: Answer): void => {
      this.#waiting = false;
      if (!this.isOpen) return;
      const now = this.#timeouts.restart();
      this.#take(result);
      this.#flush();
      this.#run(now);
    };
    answer.then(resume, (error: unknown) => {
      this.#server.report(error);
      resume(INTERNAL_ERROR);
    });
  }

  /** Carries out what a handler returned. */
  #perform(answer: Answer): void {
    if (!this.isOpen) return;
    if ("code" in answer) {
      if (this.#reply(answer)) this.#close();
      else this.#follow(answer);
      return;
    }
    if ("read" in answer) return this.#startBody(answer);
    let closes = false;
    for (const action of answer) closes = this.#reply(action) || closes;
    if (closes) this.#close();
  }

  /** What a reply begins: the conversation, an exchange, a message, TLS. */
  #follow({ ready, continuation, body, upgrade }: Action): void {
    if (ready) this.#state = "ready";
    if (continuation) this.#continuation = continuation;
    if (body) this.#startBody(body);
    if (upgrade) this.#upgrade();
  }

  #startBody(body: Body): void {
    this.#body = body;
    this.#timeouts.bodyStarted(this.message);
  }

  #upgrade(): void {
    this.#flush();
    if (!this.isOpen) return;
    // Whole lines and half lines that came in plaintext behind the command never reach the TLS session.
    this.#lines.take();
    this.#timeouts.lineEnded();
    this.#state = "upgrading";
    this.#blocked = false;
    // A socket that is not read gets no handshake.
    if (this.#paused) this.#transport.resume();
    this.#paused = false;
    this.#transport.upgrade();
  }

  // ---- replies ----------------------------------------------------------------------------------

  /** @returns whether the connection is to be closed after it */
  #reply(action: Action): boolean {
    const reply = applyErrorLimit(this, action);
    this.#out += encodeReply(this, reply);
    return reply.code === 421 || !!reply.close;
  }

  #flush(): void {
    if (this.#out === "") return;
    const text = this.#out;
    this.#out = "";
    if (!this.#transport.write(text)) this.#blocked = true;
  }

  // ---- time and flow ----------------------------------------------------------------------------

  /** After every event: reads or does not. */
  #settle(): void {
    if (!this.isOpen) return;
    const isFull = !!this.#body?.full;
    const isBehind = this.#waiting && this.#lines.size > READ_AHEAD;
    const pause = this.#state === "ready" && (isFull || this.#blocked || this.#yielded || isBehind);
    if (pause !== this.#paused) {
      this.#paused = pause;
      if (pause) this.#transport.pause();
      else this.#transport.resume();
    }
    this.#timeouts.setHeld(isFull);
  }

  #expected(): Expected {
    // While a hook works the client waits for us; that it has worked for long is worth a line in the log.
    if (this.#waiting) return this.#hookWarned && !this.#isGone ? "nothing" : "input";
    if (this.#state === "greeting") return "nothing";
    if (this.#body) return "body";
    return this.#lines.pending && !this.#blocked && this.#state === "ready" ? "line" : "input";
  }

  /**
   * The client has closed its side while a hook works on a command. It can still hear the reply, but no mail
   * depends on that, so it is not waited for without end.
   */
  get #isGone(): boolean {
    return this.#inputEnded && this.#waiting && !this.message;
  }

  /** Called by the deadline timer. */
  checkDeadline(now: number): number {
    if (this.#deadline <= now) this.#overdue();
    return Math.min(this.#deadline, now + this.settings.socketTimeout);
  }

  get #deadline(): number {
    return this.isOpen ? this.#timeouts.deadline(this.#expected(), this.settings) : this.#leavesAt;
  }

  #overdue(): void {
    if (this.#state === "closing") return this.#transport.destroy();
    if (this.#state === "upgrading") {
      return this.#transport.destroy(handshakeError("TLS handshake timeout", this.session.remoteAddress));
    }
    const entry = { tnx: "timeout", host: this.session.remoteAddress };
    if (this.#waiting && !this.#isGone) {
      this.#hookWarned = true;
      this.log("warn", entry, "%s has not answered for %s ms", this.#asked, this.settings.socketTimeout);
      return;
    }
    const isSlow = this.#body !== undefined && this.#timeouts.isSlow(this.settings);
    this.log("info", entry, isSlow ? "Closing for a data rate below minDataRate" : "Closing for a timeout");
    this.send(421, isSlow ? "Error: data rate too low - closing connection" : "Timeout - closing connection");
  }

  // ---- the end ----------------------------------------------------------------------------------

  /** Writes a reply of the application; 421 closes. Not while a TLS handshake runs. */
  send(code: number, text: string | readonly string[] = ""): void {
    if (this.#state === "upgrading") {
      if (code === 421) this.close();
      return;
    }
    this.#perform({ code, text });
    this.#flush();
  }

  /** `close()` of the server: neither a TLS handshake nor a client that is gone is waited for. */
  serverCloses(): void {
    if (this.#state === "upgrading") this.#transport.destroy();
    else if (this.#isGone) this.send(421, "Server shutting down");
  }

  /** Closes after what is written has left. */
  close(): void {
    if (this.#state === "upgrading") return this.#transport.destroy();
    this.#close();
  }

  /** The socket, as far as programs made for smtp-server reach for it. */
  get _socket(): ConnectionSocket {
    return (this.#adapter ??= new SocketAdapter({
      session: this.session,
      isClosed: () => this.#state === "closed",
      write: (text) => this.#writeRaw(text),
      close: () => this.close(),
      destroy: () => this.#transport.destroy(),
    }));
  }

  /** Behind the replies that were made. Nothing goes between a STARTTLS and its handshake, or behind our FIN. */
  #writeRaw(text: string): boolean {
    this.#flush();
    return this.isOpen && this.#state !== "upgrading" && this.#transport.write(text);
  }

  #close(): void {
    if (!this.isOpen) return;
    this.#flush();
    // A write to a client that has reset closes at once.
    if (!this.isOpen) return;
    this.#state = "closing";
    this.#abortMessage("Connection closed before the message was received in full");
    this.#body = undefined;
    this.#continuation = undefined;
    this.#lines.take();
    this.#server.release(this);
    this.#leavesAt = performance.now() + Math.min(this.settings.socketTimeout, CLOSING_TIMEOUT);
    this.#server.deadlines.schedule(this.#leavesAt);
    // The client's own FIN is only seen by a socket that reads.
    if (this.#paused) this.#transport.resume();
    this.#transport.end();
  }

  #abortMessage(text: string): void {
    this.message?.fail(new SMTPError(text, { code: "ECONNECTION" }));
    this.message = undefined;
  }

  // ---- what the commands ask for ----------------------------------------------------------------

  supports(verb: string): boolean {
    if (verb === "LHLO" && !this.settings.lmtp) return false;
    return !this.settings.isDisabled(verb, this.session);
  }

  hasHook(name: HookName): boolean {
    return this.#server.hook(name) !== undefined;
  }

  hook<T>(name: HookName, args: readonly unknown[], then: (result: HookResult) => T): T | Promise<T> {
    const hook = this.#server.hook(name);
    return hook ? this.#call(name, hook, args, then).outcome : then(ACCEPTED);
  }

  ask(name: HookName, args: readonly unknown[], then: (result: HookResult) => void): void {
    const hook = this.#server.hook(name);
    if (hook) this.#call(name, hook, args, then);
    else then(ACCEPTED);
  }

  #call<T>(
    name: HookName,
    hook: HookFunction,
    args: readonly unknown[],
    then: (result: HookResult) => T,
  ): HookCall<T> {
    this.#asked = name;
    const report = (error: unknown): void => this.#hookFailed(name, error);
    // Nobody waits for an answer of onClose: its promise is none, so that a rejection is reported.
    const takes = name === "onClose" ? 0 : HOOKS[name];
    return callHook(hook, this.#server.owner, args, takes, then, report);
  }

  #hookFailed(name: HookName, error: unknown): void {
    const text = error instanceof Error ? error.message : error;
    this.log("error", { tnx: "hook", err: error }, "%s failed: %s", name, text);
    this.#server.report(error);
  }

  resetTransaction(): void {
    this.#abortMessage("The transaction was reset before the message was received in full");
    this.session.envelope = emptyEnvelope(this.settings);
    if (this.recipients.count > 0) this.recipients.clear();
    updateTransmissionType(this.session, this.settings);
  }

  completeTransaction(): void {
    this.message = undefined;
    this.counts.unrecognized = 0;
    this.session.transaction += 1;
    this.resetTransaction();
  }

  announce(again = false): void {
    if (this.#announced && !again) return;
    this.#announced = true;
    this.#server.announce(this.session);
  }

  onDrain(): void {
    this.#run(performance.now());
  }

  get isLogged(): boolean {
    return !this.#ignored && this.settings.logger !== silent;
  }

  log(level: LogLevel, entry: LogEntry, text: string, ...args: unknown[]): void {
    if (this.isLogged) log(this.settings.logger, level, { cid: this.session.id, ...entry }, text, ...args);
  }
}

function finish(_: Client, body: Body): Answer | Promise<Answer> {
  return body.finish();
}
