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

/** Runs a function with the AsyncLocalStorage stores of the moment of the snapshot. */
type Context = ReturnType<typeof AsyncLocalStorage.snapshot>;

/** A client that may be traced. */
export interface TracedClient {
  readonly session: SMTPSession;
  readonly clock: Clock;
  /** Made when a channel has a subscriber. */
  trace: ClientTrace | undefined;
}

/** The trace of a client, made at the first call. */
export function traceOf(client: TracedClient): ClientTrace {
  return (client.trace ??= new ClientTrace(client.session, client.clock));
}

/**
 * Traces one client: its connection, the command that it waits for, and the AsyncLocalStorage stores for its hooks. If a
 * `start` had no subscriber, the end is not published either.
 */
export class ClientTrace {
  readonly #session: SMTPSession;
  readonly #clock: Clock;
  #connection: ConnectionTrace | undefined;
  /** Kept even if it is not published, because its replies must not count as the connection's. */
  #command: CommandTrace | undefined;
  #isCommandPublished = false;
  #connectionContext: Context | undefined;
  /** The stores of the innermost traced part: message, command or connection. */
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

  /** Called once, after the end of the last command. */
  endConnection(): void {
    if (this.#connection) CONNECTION.finish(this.#connection, this.#clock.now());
  }

  /** @param verb "" for a line that is not a command: it may be a password, sent after an AUTH that was refused */
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

  /** The last reply to the command is made, or the socket is closed and it gets no reply any more. */
  endCommand(): void {
    // Also of a command that began before there was a trace: its message may have one.
    this.#context = this.#connectionContext;
    if (!this.#command) return;
    const command = this.#command;
    this.#command = undefined;
    if (this.#isCommandPublished) COMMAND.finish(command, this.#clock.now());
  }

  /** Notes a reply to the current command or, without one, of the connection. */
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

  /** @param result the replies, or the error if the message was not received in full */
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
   * Calls a hook with the stores of its message, command or connection.
   * @param then called with the result
   * @param call calls the hook, and calls the function that it gets with the result
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

  /** Only the first result counts: if `then` throws, it is called a second time with a crash. */
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
