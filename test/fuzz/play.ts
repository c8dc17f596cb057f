/** Plays a script against a server in memory and writes down what the client heard and the hooks saw. */
import { SMTPServer, type DataStream, type SMTPServerOptions, type SMTPSession } from "../../src/index.js";
import { accept } from "../../src/server.js";
import { MemoryTransport } from "../support/memory-transport.js";
import type { Cut, Script } from "./script.js";

/** One message, as onData saw it. */
export interface SeenMessage {
  readonly from: string;
  readonly to: readonly string[];
  /** Each octet one character; `undefined` where the stream failed or was not read to its end. */
  bytes?: string;
  /** `code` of the stream's error. */
  error?: string;
}

/** What a play leaves. */
export interface Trace {
  /** All that the server wrote. */
  readonly heard: string;
  /** What was written after each unit; only of {@link playByUnit}. */
  readonly exchanges: readonly Exchange[];
  /** Hook calls in order, and how each was answered at once. */
  readonly calls: readonly string[];
  readonly messages: readonly SeenMessage[];
  /** The server closed its side, or both, before the client did. */
  readonly closed: boolean;
  /** What must not have happened, whatever the client did. */
  readonly problems: readonly string[];
}

export interface Exchange {
  /** `undefined` for a handshake. */
  readonly sent: Buffer | undefined;
  readonly heard: string;
  /** Addresses that a hook accepted meanwhile. */
  readonly accepted: readonly string[];
}

/** Errors that the hooks here make on purpose. */
const OWN_MISTAKE = "the hook's own mistake";

class Recorder {
  readonly calls: string[] = [];
  readonly messages: SeenMessage[] = [];
  readonly problems: string[] = [];
  accepted: string[] = [];
  /** Hooks that have not answered. */
  pending = 0;
  /** Messages whose consumer is not done. */
  unread = 0;
  closes = 0;

  options(script: Script): SMTPServerOptions {
    return {
      name: "mx.test",
      disableReverseLookup: true,
      logger: false,
      ...script.options,
      onConnect: (session, callback) => {
        this.calls.push(`connect ${session.remoteAddress}`);
        callback();
      },
      onSecure: (_socket, _session, callback) => {
        this.calls.push("secure");
        callback();
      },
      onAuth: (auth, _session, callback) => {
        const { method, username, password, accessToken } = auth;
        this.calls.push(`auth ${JSON.stringify([method, username, password, accessToken])}`);
        const isKnown =
          method === "XCLIENT" || method === "EXTERNAL" || password === "pencil" || accessToken === "token";
        callback(null, isKnown ? { user: username ?? method } : {});
      },
      onMailFrom: ({ address, args }, _session, callback) => {
        this.calls.push(`mail ${JSON.stringify([address, args])}`);
        this.#behave(address, callback);
      },
      onRcptTo: ({ address, args }, { envelope }, callback) => {
        this.calls.push(
          `rcpt ${JSON.stringify([address, args, envelope.mailFrom && envelope.mailFrom.address])}`,
        );
        this.#behave(address, callback);
      },
      onData: (stream, session, callback) => {
        this.calls.push(`data ${JSON.stringify([session.envelope, session.user, session.transmissionType])}`);
        this.#data(stream, session, callback);
      },
      onClose: () => {
        this.closes += 1;
      },
    };
  }

  #behave(address: string, callback: (error?: Error) => void): void {
    const accept = (): void => {
      this.accepted.push(address);
      callback();
    };
    if (address.startsWith("refuse")) callback(new Error("no\r\n250 yes\0"));
    else if (address.startsWith("throw")) throw new Error(OWN_MISTAKE);
    else if (address.startsWith("later")) this.#later(queueMicrotask, accept);
    else if (address.startsWith("immediate")) this.#later(setImmediate, accept);
    else accept();
  }

  #later(when: (run: () => void) => void, run: () => void): void {
    this.pending += 1;
    when(() => {
      this.pending -= 1;
      run();
    });
  }

  #data(stream: DataStream, { envelope }: SMTPSession, callback: (error?: Error) => void): void {
    const from = envelope.mailFrom ? envelope.mailFrom.address : "(none)";
    const message: SeenMessage = { from, to: envelope.rcptTo.map(({ address }) => address) };
    this.messages.push(message);
    if (from.startsWith("answer-throw")) throw new Error(OWN_MISTAKE);
    // An answer before the message: nothing is read, and the client still hears it only after the end.
    if (from.startsWith("early")) return callback();
    this.unread += 1;
    const done = (error?: Error): void => {
      this.unread -= 1;
      if (from.startsWith("answer-later")) this.#later(setImmediate, () => callback(error));
      else callback(from.startsWith("answer-no") ? new Error("no") : error);
    };
    if (from.startsWith("cancel")) return void stream.cancel().then(() => done());
    void readAll(stream).then(
      (bytes) => {
        message.bytes = bytes;
        done();
      },
      (error: Error & { code?: string }) => {
        message.error = error.code ?? error.message;
        done(error);
      },
    );
  }
}

async function readAll(stream: DataStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk.toString("latin1");
  return text;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** One client of one server. */
class Play {
  readonly recorder = new Recorder();
  readonly server: SMTPServer;
  readonly transport = new MemoryTransport();
  heard = "";

  constructor(script: Script) {
    this.server = new SMTPServer(this.recorder.options(script));
    this.server.on("error", (error: Error & { code?: string }) => {
      // Clients vanish, in a transaction or in a handshake; all else is a mistake of ours.
      if (error.message !== OWN_MISTAKE && error.code !== "ECONNRESET" && error.code !== "SocketError") {
        this.recorder.problems.push(`error event: ${error.stack ?? error.message}`);
      }
    });
    accept(this.server, this.transport);
  }

  async settle(): Promise<void> {
    const { recorder, transport } = this;
    do await turn();
    while (recorder.pending > 0 || (transport.paused && !transport.closed));
  }

  /** What was written since it was asked last. */
  take(): string {
    const { output } = this.transport;
    this.transport.output = "";
    this.heard += output;
    return output;
  }

  act(type: "tls" | "fin"): void {
    if (type === "fin") this.transport.fin();
    else if (this.transport.upgrading) this.transport.handshake();
  }

  async finish(exchanges: readonly Exchange[]): Promise<Trace> {
    const { recorder, transport, server } = this;
    const closed = transport.ended || transport.closed;
    this.take();
    const wasConnected = server.connections.size > 0 || recorder.calls.length > 0;
    transport.reset();
    await this.settle();
    await turn();
    const must = (holds: boolean, text: string): void => void (holds || recorder.problems.push(text));
    must(server.connections.size === 0, "a connection is left");
    must(recorder.unread === 0, "a consumer was left without the end of its stream");
    must(recorder.closes === (wasConnected ? 1 : 0), `onClose was called ${recorder.closes} times`);
    const { calls, messages, problems } = recorder;
    return { heard: this.heard, exchanges, calls, messages, closed, problems };
  }
}

/** Plays a script with its bytes cut in some way. */
export async function play(script: Script, cut: Cut): Promise<Trace> {
  const one = new Play(script);
  for (const step of script.steps) {
    if (step.type === "send") for (const packet of cut(step.units)) one.transport.send(packet);
    else one.act(step.type);
    await one.settle();
  }
  return one.finish([]);
}

/** Plays a script as a client that waits for each answer: only so is it known which reply belongs to what. */
export async function playByUnit(script: Script): Promise<Trace> {
  const one = new Play(script);
  const exchanges: Exchange[] = [];
  const note = async (sent: Buffer | undefined): Promise<void> => {
    await one.settle();
    exchanges.push({ sent, heard: one.take(), accepted: one.recorder.accepted });
    one.recorder.accepted = [];
  };
  await note(Buffer.alloc(0));
  for (const step of script.steps) {
    if (step.type !== "send") {
      one.act(step.type);
      await note(undefined);
      continue;
    }
    for (const unit of step.units) {
      one.transport.send(unit);
      await note(unit);
    }
  }
  return one.finish(exchanges);
}
