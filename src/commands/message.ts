import { MESSAGE } from "../diagnostics/channels.js";
import { traceOf } from "../diagnostics/client-trace.js";
import { MessageSource } from "../message/data-stream.js";
import { SMTPError } from "../errors.js";
import { type HookResult, isError } from "../hooks/hook-call.js";
import type { Clock } from "../time/clock.js";
import type { MessageTrace } from "../types/index.js";
import { NewlineGuard } from "../wire/newlines.js";
import { withOctets, type Action } from "./action.js";
import type { Client, MessageInTransfer } from "./client.js";
import { INTERNAL_ERROR, refusal, refused } from "./refusal.js";

const ACCEPTED = "2.6.0";
const QUEUED: Action = withOctets({ code: 250, text: "OK: message queued", enhanced: ACCEPTED });
const DELIVERED: Action = withOctets({ code: 250, text: "OK: message accepted", enhanced: ACCEPTED });

/** The 552 for a message over the option `size`. */
export function tooBig(size: number): Action {
  const text = `Error: message exceeds fixed maximum message size ${size}`;
  return { code: 552, text, enhanced: "5.3.4", limit: "size" };
}

/** One message: passes its octets from the client to onData, and makes its reply or, in LMTP, replies. */
export class Message implements MessageInTransfer {
  readonly #client: Client;
  readonly #source: MessageSource;
  readonly #guard: NewlineGuard;
  #ended = false;
  #chunksRefused = false;
  /** Why the stream has failed: then the hook's answer does not matter. */
  #failure: Error | undefined;
  #result: HookResult | undefined;
  readonly #trace: MessageTrace | undefined;
  /** Set if the end was received before the hook has answered. */
  #answer: PromiseWithResolvers<HookResult> | undefined;

  /** Creates the stream and calls onData with it. It is the client's message by then: onData may close the connection. */
  constructor(client: Client) {
    const { settings, session } = client;
    this.#client = client;
    this.#source = new MessageSource(this);
    const isBinary = session.envelope.bodyType === "binarymime";
    this.#guard = new NewlineGuard(isBinary ? "accept" : settings.bareNewlines);
    const answered = (result: HookResult): void => {
      this.#result = result;
      this.#source.abandon();
      this.#answer?.resolve(result);
    };
    client.message = this;
    this.#trace = MESSAGE.isOn ? traceOf(client).beginMessage() : undefined;
    if (this.#failure) {
      // A subscriber has closed the connection.
      if (this.#trace) traceOf(client).endMessage(this.#trace, 0, this.#failure);
      return;
    }
    client.ask("onData", [this.#source.stream, session], answered, () => !this.#failure);
  }

  /** For the stream: its limit in octets, `Infinity` for none. */
  get size(): number {
    return this.#client.settings.size;
  }
  /** For the stream: the clock of its timer. */
  get clock(): Clock {
    return this.#client.clock;
  }
  /** For the stream: it was full and has space again. */
  onDrain(): void {
    this.#client.onDrain();
  }

  /** Octets of the message so far. */
  get byteLength(): number {
    return this.#source.byteLength;
  }
  /** The queue of onData is full. `Client.onDrain` is called when it has space again. */
  get full(): boolean {
    return this.#source.full;
  }
  /** The end of the message was received. */
  get ended(): boolean {
    return this.#ended;
  }
  /** A chunk of BDAT was refused, so the ones after it are refused too (RFC 3030 2). */
  get chunksRefused(): boolean {
    return this.#chunksRefused;
  }

  push(bytes: Buffer): void {
    if (this.#guard.bare) return;
    this.#guard.pass(bytes, this.#source);
    if (this.#guard.bare) this.#failForBareNewline();
  }

  /** The client has sent the whole message. */
  end(): void {
    this.#guard.finish(this.#source);
    if (this.#guard.bare) this.#failForBareNewline();
    this.#ended = true;
    this.#source.end();
  }

  /** The message will not be complete. The stream fails, so that a partial message never looks complete. After `end` it does not. */
  abort(error: Error): void {
    this.#fail(error);
    if (this.#trace && !this.#ended) traceOf(this.#client).endMessage(this.#trace, this.byteLength, error);
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#source.fail(error);
  }

  /** The replies to the message, after its end and the answer of the hook. */
  replies(): readonly Action[] | Promise<readonly Action[]> {
    // After a bare newline the refusal is certain, and a hook that waits for the end of the failed stream may never answer.
    if (this.#guard.bare) return this.endTransaction(bareNewline(this.#guard.bare));
    if (this.#result) return this.#settle(this.#result);
    this.#answer = Promise.withResolvers();
    return this.#answer.promise.then((result) => this.#settle(result));
  }

  /** The reply to a chunk of BDAT that is not the last: 250, unless the message is already refused. */
  chunkReply(octets: number): Action {
    const refusal = this.#guard.bare
      ? bareNewline(this.#guard.bare)
      : this.#result && refused("onData", this.#result);
    if (!refusal) return { code: 250, text: `OK: ${octets} octets received` };
    this.refuseChunks(refusal);
    return refusal;
  }

  /** Refuses the remaining chunks. The stream fails and does not get them. */
  refuseChunks({ text }: Action): void {
    this.#chunksRefused = true;
    this.#fail(new SMTPError(String(text), { code: "EREFUSED" }));
  }

  #failForBareNewline(): void {
    this.#fail(
      new SMTPError(`Message has a bare ${this.#guard.bare}`, { code: "EBARENEWLINE", responseCode: 550 }),
    );
  }

  /** Ends the transaction with what the hook answered, whose fields may be getters that throw. */
  #settle(result: HookResult): readonly Action[] {
    try {
      return this.#judge(result);
    } catch (error) {
      this.#client.report(error);
      return this.endTransaction(INTERNAL_ERROR);
    }
  }

  #judge(result: HookResult): readonly Action[] {
    const { settings } = this.#client;
    if (settings.raw.rejectOversized && this.byteLength > settings.size)
      return this.endTransaction(tooBig(settings.size));
    const refusal = refused("onData", result);
    if (refusal) return this.endTransaction(refusal);
    return this.#accept(result.type === "accepted" ? result.value : undefined);
  }

  /** Ends the transaction with one reply, in LMTP with one for each accepted RCPT command (RFC 2033 4.2). */
  endTransaction(reply: Action): readonly Action[] {
    // If a chunk was refused, `end` was not called.
    this.#ended = true;
    const isLMTP = this.#client.settings.lmtp;
    return this.#complete(isLMTP ? indexesOf(this.#client).map(() => reply) : [reply]);
  }

  /** Ends the transaction with the replies of an accepting answer: nothing, a text, or an array of texts and Errors. */
  #accept(value: unknown): readonly Action[] {
    const { lmtp } = this.#client.settings;
    if (!Array.isArray(value)) return this.endTransaction(replyFor(value, lmtp));
    const entries: unknown[] = value;
    if (lmtp) {
      const indexes = indexesOf(this.#client);
      const byCommand = isPerCommand(entries, indexes);
      return this.#complete(
        indexes.map((index, command) => replyFor(entries[byCommand ? command : index], lmtp)),
      );
    }
    // SMTP has one reply for all recipients, so an error for one of them refuses the message.
    return this.endTransaction(
      replyFor(entries.find(isError) ?? entries.find((entry) => typeof entry === "string"), lmtp),
    );
  }

  #complete(replies: readonly Action[]): readonly Action[] {
    const client = this.#client;
    if (this.#trace) traceOf(client).endMessage(this.#trace, this.byteLength, replies);
    if (client.isLogged) {
      client.log("debug", { tnx: "data", bytes: this.byteLength }, "C: <%s bytes of DATA>", this.byteLength);
    }
    client.completeTransaction();
    return replies;
  }
}

/** The reply for one entry of an accepting answer. */
function replyFor(entry: unknown, lmtp: boolean): Action {
  if (isError(entry)) return refusal("onData", entry);
  if (typeof entry === "string") return { code: 250, text: entry, enhanced: ACCEPTED };
  return lmtp ? DELIVERED : QUEUED;
}

/** For each accepted RCPT command its index in rcptTo. A hook may have replaced rcptTo by anything. */
function indexesOf({ recipients, session }: Client): readonly number[] {
  const rcptTo: unknown = session.envelope?.rcptTo;
  return recipients.positions(Array.isArray(rcptTo) ? rcptTo : []);
}

function bareNewline(found: "CR" | "LF"): Action {
  return { code: 550, text: `Error: bare <${found}> received`, enhanced: "5.5.2" };
}

/**
 * Whether an LMTP answer has an entry for each accepted RCPT command, repeated addresses included, instead of one for each
 * entry of rcptTo. Programs that keep a recipient list themselves answer in this way.
 */
function isPerCommand({ length }: readonly unknown[], indexes: readonly number[]): boolean {
  return length === indexes.length && (indexes.includes(-1) || new Set(indexes).size < length);
}
