import { AsyncLocalStorage } from "node:async_hooks";
import type { HookResult } from "../hooks/hook-call.js";
import type { HookName } from "../hooks/names.js";
import type { Clock } from "../time/clock.js";
import type {
  CommandTrace,
  ConnectionTrace,
  HookTrace,
  LimitName,
  MessageTrace,
  SMTPSession,
} from "../types/index.js";
import { COMMAND, CONNECTION, HOOK, MESSAGE } from "./channels.js";

/** Runs a function with the stores of AsyncLocalStorage that were there when it was made. */
type Context = ReturnType<typeof AsyncLocalStorage.snapshot>;

/** A client that may be traced. */
export interface TracedClient {
  readonly session: SMTPSession;
  readonly clock: Clock;
  /** Made once a channel has a subscriber. */
  trace: ClientTrace | undefined;
}

/** The trace of a client, made if there is none. */
export function traceOf(client: TracedClient): ClientTrace {
  return (client.trace ??= new ClientTrace(client.session, client.clock));
}

/**
 * What is traced of one client: its connection, the command that it waits for, and which AsyncLocalStorage stores its
 * hooks are to run with. Something whose start had no subscriber has no end either.
 */
export class ClientTrace {
  readonly #session: SMTPSession;
  readonly #clock: Clock;
  #connection: ConnectionTrace | undefined;
  /** Known where it is not published too: its replies are not the connection's. */
  #command: CommandTrace | undefined;
  #isCommandPublished = false;
  #connectionContext: Context | undefined;
  /** Of the innermost that is traced: message, command or connection. */
  #context: Context | undefined;

  constructor(session: SMTPSession, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  beginConnection(): void {
    this.#connection = { session: this.#session, startTime: this.#clock.now(), codes: [] };
    this.#connectionContext = CONNECTION.begin(this.#connection, () => AsyncLocalStorage.snapshot());
    this.#context = this.#connectionContext;
  }

  /** The socket is closed: no reply to the command at hand will come. */
  endConnection(): void {
    this.endCommand();
    if (this.#connection) CONNECTION.finish(this.#connection, this.#clock.now());
    this.#connection = undefined;
  }

  /** @param verb "" for a line that is no command: it may be a password that came a line too late */
  beginCommand(verb: string): void {
    const command: CommandTrace = {
      session: this.#session,
      startTime: this.#clock.now(),
      verb,
      code: undefined,
      codes: [],
    };
    this.#command = command;
    this.#isCommandPublished = COMMAND.isOn;
    if (!this.#isCommandPublished) return;
    this.#context = this.#run(() => COMMAND.begin(command, () => AsyncLocalStorage.snapshot()));
  }

  /** The last reply to the command is made. */
  endCommand(): void {
    if (!this.#command) return;
    const command = this.#command;
    this.#command = undefined;
    this.#context = this.#connectionContext;
    if (this.#isCommandPublished) COMMAND.finish(command, this.#clock.now());
  }

  /** A reply to the command at hand, or to none. */
  replied({ code, limit }: { readonly code: number; readonly limit?: LimitName | undefined }): void {
    const command = this.#command;
    if (command) command.code = code;
    const trace = command ?? this.#connection;
    trace?.codes.push(code);
    if (trace && limit) trace.limit = limit;
  }

  beginMessage(): MessageTrace {
    const { envelope } = this.#session;
    const message: MessageTrace = { session: this.#session, startTime: this.#clock.now(), envelope };
    this.#context = this.#run(() => MESSAGE.begin(message, () => AsyncLocalStorage.snapshot()));
    return message;
  }

  /** @param result its replies, or the error that ended it before its end was received */
  endMessage(
    message: MessageTrace,
    octets: number,
    result: readonly { readonly code: number }[] | Error,
  ): void {
    if (message.outcome) return;
    message.octets = octets;
    if (result instanceof Error) {
      message.error = result;
      message.outcome = "aborted";
    } else {
      message.outcome = result.some(({ code }) => code < 400) ? "accepted" : "refused";
    }
    MESSAGE.finish(message, this.#clock.now(), result instanceof Error);
  }

  /**
   * Calls a hook with the stores of what it belongs to.
   * @param then what the caller makes of the answer
   * @param call calls the hook, and the function that it is given with the answer
   */
  hook<T, R>(
    name: HookName,
    then: (result: HookResult) => T,
    call: (then: (result: HookResult) => T) => R,
  ): R {
    if (!HOOK.isOn) return this.#run(() => call(then));
    const hook: HookTrace = { session: this.#session, startTime: this.#clock.now(), hook: name };
    const answered = (result: HookResult): T => {
      this.#endHook(hook, result);
      return then(result);
    };
    const called = this.#run(() => HOOK.begin(hook, () => call(answered)));
    if (name === "onClose") this.#endHook(hook, { type: "accepted", value: undefined });
    return called;
  }

  /** The first time: `then` gets a crash as well where it throws. */
  #endHook(hook: HookTrace, result: HookResult): void {
    if (hook.outcome) return;
    hook.outcome = result.type;
    if (result.type === "refused") hook.error = result.error;
    HOOK.finish(hook, this.#clock.now(), result.type === "crashed");
  }

  #run<R>(work: () => R): R {
    return this.#context ? this.#context(work) : work();
  }
}
