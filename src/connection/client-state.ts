import type { Client, Counts, MessageInTransfer, TLSFacts } from "../commands/client.js";
import { Recipients } from "../commands/recipients.js";
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
import {
  createSession,
  emptyEnvelope,
  type Endpoints,
  enterTLS,
  forgetPlaintext,
  setClientHostname,
  updateTransmissionType,
} from "../session.js";
import type { Clock } from "../time/clock.js";
import type { SecureSocket, SMTPSession } from "../types/index.js";
import type { ServerContext } from "./server-context.js";
import { type TLSSession, unencrypted } from "./transport.js";

/** The connection as the client state sees it. */
export interface ClientOwner {
  readonly isOpen: boolean;
  readonly canUpgrade: boolean;
  onDrain(): void;
  destroy(): void;
}

const ACCEPTED: HookResult = { type: "accepted", value: undefined };

/** The client as the commands see it: session, transaction, counts, hooks and log. */
export class ClientState implements Client {
  readonly settings: Settings;
  readonly session: SMTPSession;
  readonly peerAddress: string;
  readonly counts: Counts = { unrecognized: 0, unauthenticated: 0, failedLogins: 0, errors: 0 };
  readonly recipients: Recipients = new Recipients();
  message: MessageInTransfer | undefined;
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

  constructor(server: ServerContext, owner: ClientOwner, endpoints: Endpoints, tls?: TLSSession) {
    this.#server = server;
    this.#owner = owner;
    this.#endpoints = endpoints;
    this.#tls = tls;
    this.settings = server.settings;
    this.peerAddress = endpoints.remoteAddress;
    this.#isIgnored = this.settings.isIgnored(endpoints.remoteAddress);
    this.session = createSession(this.settings, endpoints, this.settings.secure);
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

  /** @param name the result of the reverse lookup, "" for none */
  setHostname(name: string): void {
    setClientHostname(this.session, name);
    this.#lookedUpHostname = this.session.clientHostname;
  }

  /** STARTTLS succeeded: everything learned in plaintext is discarded (RFC 3207 4.2). */
  enterTLS(tls: TLSSession): void {
    this.#tls = tls;
    forgetPlaintext(this.session, this.#endpoints, this.#lookedUpHostname);
    enterTLS(this.session, this.settings, tls);
    this.resetTransaction();
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
    this.lastHook = name;
    const report = (error: unknown): void => this.#reportHook(name, error);
    // No answer of onClose is waited for: with no callback to answer by, a rejection is reported.
    const takes = name === "onClose" ? 0 : HOOKS[name];
    return callHook(hook, this.#server.owner, args, takes, then, report);
  }

  #reportHook(name: HookName, error: unknown): void {
    const text = error instanceof Error ? error.message : error;
    this.log("error", { tnx: "hook", err: error }, "%s failed: %s", name, text);
    this.#server.report(error);
  }

  /** @param text of the error for a message in transfer, which will not be complete */
  abortMessage(text: string): void {
    this.message?.fail(new SMTPError(text, { code: "ECONNECTION" }));
    this.message = undefined;
  }

  resetTransaction(): void {
    this.abortMessage("The transaction was reset before the message was received in full");
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
    this.#owner.onDrain();
  }

  log(level: LogLevel, entry: LogEntry, text: string, ...args: unknown[]): void {
    if (this.isLogged) log(this.settings.logger, level, { cid: this.session.id, ...entry }, text, ...args);
  }
}
