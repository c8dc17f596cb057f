import type { Client, Counts, MessageInTransfer, TLSFacts } from "../commands/client.js";
import { NO_KEYWORDS } from "../commands/extensions.js";
import { Recipients } from "../commands/recipients.js";
import { CONNECTION, HOOK, TLS } from "../diagnostics/channels.js";
import { type ClientTrace, traceOf } from "../diagnostics/client-trace.js";
import { errorText, SMTPError } from "../errors.js";
import { callHook, CRASHED, type HookCall, type HookCaller, type HookResult } from "../hooks/hook-call.js";
import { isLate, warnOnce } from "../hooks/mistakes.js";
import type { HookFunction, HookName } from "../hooks/names.js";
import { log, type LogEntry, type LogLevel, silent } from "../logger.js";
import type { Settings } from "../options.js";
import {
  createSession,
  emptyEnvelope,
  type Endpoints,
  enterTLS,
  forgetPlaintext,
  loggedClient,
  setClientHostname,
  updateTransmissionType,
} from "../session.js";
import type { Clock } from "../time/clock.js";
import type { SecureSocket, SMTPSession } from "../types/index.js";
import type { ServerContext } from "./server-context.js";
import { SessionSignal } from "./session-signal.js";
import { type TLSSession, unencrypted } from "./transport.js";

/** The connection of a client state. */
export interface ClientOwner {
  readonly isOpen: boolean;
  readonly canUpgrade: boolean;
  onDrain(): void;
  destroy(): void;
}

const CUT_OFF = "Connection closed before the message was received in full";
const ACCEPTED: HookResult = { type: "accepted", value: undefined };

/** The client of the command handlers: session, transaction, counters, hooks and log. */
export class ClientState implements Client, HookCaller {
  readonly settings: Settings;
  readonly session: SMTPSession;
  readonly peerAddress: string;
  readonly counts: Counts = { unrecognized: 0, unauthenticated: 0, failedLogins: 0, errors: 0 };
  keywords: readonly string[] = NO_KEYWORDS;
  readonly recipients: Recipients = new Recipients();
  message: MessageInTransfer | undefined;
  trace: ClientTrace | undefined;
  /** The hook that was called last. */
  lastHook: HookName = "onConnect";

  readonly #server: ServerContext;
  readonly #owner: ClientOwner;
  readonly #endpoints: Endpoints;
  readonly #isIgnored: boolean;
  #tls: TLSSession | undefined;
  /** The result of the reverse lookup: XCLIENT may replace it, and STARTTLS restores it. */
  #lookedUpHostname = "";
  #announced = false;
  readonly #signal: SessionSignal;
  /** The reason of `session.signal`, once the connection has ended. */
  #ending: string | undefined;

  constructor(server: ServerContext, owner: ClientOwner, endpoints: Endpoints, tls?: TLSSession) {
    this.#server = server;
    this.#owner = owner;
    this.#endpoints = endpoints;
    this.#tls = tls;
    this.settings = server.settings;
    this.peerAddress = endpoints.remoteAddress;
    this.#isIgnored = this.settings.isIgnored(endpoints.remoteAddress);
    this.session = createSession(this.settings, endpoints, this.settings.secure);
    this.#signal = new SessionSignal(this.session);
    if (tls) enterTLS(this.session, this.settings, tls);
  }

  get clock(): Clock {
    return this.#server.clock;
  }
  get isOpen(): boolean {
    return this.#owner.isOpen;
  }
  get canUpgrade(): boolean {
    return this.#owner.canUpgrade;
  }
  get tls(): TLSFacts | undefined {
    return this.#tls;
  }
  get socket(): SecureSocket {
    return this.#tls?.socket ?? unencrypted(this.session, () => this.#owner.destroy());
  }
  get isLogged(): boolean {
    return !this.#isIgnored && this.settings.logger !== silent;
  }

  /** Stores the result of the reverse lookup. @param name "" if the client has no host name */
  setHostname(name: string): void {
    setClientHostname(this.session, name);
    this.#lookedUpHostname = this.session.clientHostname;
  }

  /** Publishes the start of the connection and its TLS session. */
  begin(): void {
    if (CONNECTION.isOn) traceOf(this).beginConnection();
    this.#publishTLS();
  }

  /** Publishes the TLS session, if the client has one. */
  #publishTLS(): void {
    if (!this.#tls || !TLS.isOn) return;
    const { cipher, servername, authorized } = this.#tls;
    const { session } = this;
    const { remoteAddress } = session;
    TLS.publish({
      session,
      remoteAddress,
      protocol: cipher.version,
      cipher: cipher.name,
      servername,
      authorized,
    });
  }

  /** STARTTLS succeeded: everything learned in plaintext is discarded (RFC 3207 4.2). */
  enterTLS(tls: TLSSession): void {
    this.#tls = tls;
    forgetPlaintext(this.session, this.#endpoints, this.#lookedUpHostname);
    enterTLS(this.session, this.settings, tls);
    this.resetTransaction();
    this.#publishTLS();
    const { name } = tls.cipher;
    this.log("info", { tnx: "starttls", cipher: name }, "Connection upgraded to TLS using %s", name);
  }

  supports(verb: string): boolean {
    if (verb === "LHLO" && !this.settings.lmtp) return false;
    return !this.settings.isDisabled(verb, this.session);
  }

  hasHook(name: HookName): boolean {
    return this.#server.hook(name) !== undefined;
  }

  hook<T>(name: HookName, args: readonly unknown[], then: (result: HookResult) => T): T | Promise<T> {
    const hook = this.#find(name);
    return typeof hook === "function" ? this.#call(name, hook, args, then).outcome : then(hook);
  }

  ask(
    name: HookName,
    args: readonly unknown[],
    then: (result: HookResult) => void,
    isAwaited?: () => boolean,
  ): void {
    const hook = this.#find(name);
    if (typeof hook === "function") this.#call(name, hook, args, then, isAwaited);
    else then(hook);
  }

  /** A hook, or the result where there is none, or where the option is a getter that throws. */
  #find(name: HookName): HookFunction | HookResult {
    try {
      return this.#server.hook(name) ?? ACCEPTED;
    } catch (error) {
      this.hookFailed(name, error);
      return CRASHED;
    }
  }

  #call<T>(
    name: HookName,
    hook: HookFunction,
    args: readonly unknown[],
    then: (result: HookResult) => T,
    isAwaited?: () => boolean,
  ): HookCall<T> {
    this.lastHook = name;
    if (!this.trace && !HOOK.isOn) return callHook(this, name, hook, args, then, isAwaited);
    return traceOf(this).hook(name, then, (answered) =>
      callHook(this, name, hook, args, answered, isAwaited),
    );
  }

  /** For the hooks: the value of `this`. */
  get owner(): object {
    return this.#server.owner;
  }

  hookFailed(name: HookName, error: unknown): void {
    if (this.isEnding(error)) return;
    this.log("error", { tnx: "hook", err: error }, "%s failed: %s", name, errorText(error));
    this.report(error);
  }

  isEnding(error: unknown): boolean {
    return this.#signal.isReason(error);
  }

  hookWarning(text: string, error?: unknown): void {
    this.log("warn", { tnx: "hook", ...(error !== undefined && { err: error }) }, "%s", text);
  }

  /** Warns that the hook that was called last has not answered for `socketTimeout`. */
  hookIsLate(): void {
    const { socketTimeout } = this.settings;
    warnOnce(this.owner, isLate(this.lastHook, socketTimeout));
    this.log("warn", { tnx: "timeout" }, "%s has not answered for %s ms", this.lastHook, socketTimeout);
  }

  report(error: unknown): void {
    this.#server.report(error, loggedClient(this.session));
  }

  /**
   * Ends the client's work because the connection is over: the stream of a message in transfer fails, and `session.signal`
   * aborts. If onData works on a complete message, the signal waits for its answer, so that the message is not lost.
   * @param text the reason; only the first call counts
   */
  end(text: string): void {
    if (this.#ending !== undefined) return;
    this.#ending = text;
    const isAnswering = this.message?.ended;
    this.#abortMessage(CUT_OFF);
    if (!isAnswering) this.#signal.abort(text);
  }

  /** Fails the stream of a message in transfer. @param text of its error */
  #abortMessage(text: string): void {
    this.message?.abort(new SMTPError(text, { code: "ECONNECTION" }));
    this.message = undefined;
  }

  resetTransaction(): void {
    this.#startTransaction();
    this.#abortMessage("The transaction was reset before the message was received in full");
  }

  completeTransaction(): void {
    if (this.#ending !== undefined) this.#signal.abort(this.#ending);
    this.#startTransaction();
    this.message = undefined;
    this.counts.unrecognized = 0;
    this.session.transaction += 1;
  }

  /**
   * Reads all options before it changes anything, because an option may be a getter that throws: after half a reset, the
   * next message would have the recipients of this one.
   */
  #startTransaction(): void {
    const envelope = emptyEnvelope(this.settings);
    updateTransmissionType(this.session, this.settings);
    this.session.envelope = envelope;
    if (this.recipients.count > 0) this.recipients.clear();
  }

  announce(again = false): void {
    if (this.#announced && !again) return;
    this.#announced = true;
    this.#server.announce(this.session);
  }

  onDrain(): void {
    this.#owner.onDrain();
  }

  log(level: LogLevel, entry: LogEntry, text: string, ...args: unknown[]): void {
    if (!this.isLogged) return;
    log(this.settings.logger, level, { ...loggedClient(this.session), ...entry }, text, ...args);
  }
}
