/** Plays a script against a server in memory and writes down what the client heard and the hooks saw. */
import { SMTPServer } from "../../src/index.js";
import { accept, setClock } from "../../src/server/server.js";
import { TestClock } from "../support/clock.js";
import { turn } from "../support/turn.js";
import { MemoryTransport } from "../support/memory-transport.js";
import { Recorder, type SeenMessage, SLOW } from "./hooks.js";
import { LoginClient } from "./login.js";
import { OWN_MISTAKE } from "./reading.js";
import { whole, type Cut, type Script, type Step } from "./script.js";

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
  /** Octets that the client sent. */
  readonly bytes: number;
  /** What must not have happened, whatever the client did. */
  readonly problems: readonly string[];
}

export interface Exchange {
  /** `undefined` where the client sent nothing: a handshake, a pause. */
  readonly sent: Buffer | undefined;
  readonly heard: string;
  /** Addresses that a hook accepted meanwhile. */
  readonly accepted: readonly string[];
  /** Part of a login, which {@link LoginClient} looks after. */
  readonly isLogin: boolean;
  /** A hook does not answer: what comes next is not known. */
  readonly waits: boolean;
}

/** Milliseconds that a connection which the server has closed may stay. */
const CLOSING = 5000;
const DEFAULT_TIMEOUT = 60_000;
const SECOND = 1000;
/** Timers are set in whole milliseconds, and a busy server looks at its clock late. */
const ROUNDING = 10;
/** More octets than a client gets rid of in this way, whatever its message has paid for at `minDataRate`. */
const MAX_TRICKLE = 1000;

/** One client of one server. */
class Play {
  readonly transport: MemoryTransport = new MemoryTransport();
  readonly recorder: Recorder;
  readonly #script: Script;
  readonly #clock: TestClock;
  readonly #server: SMTPServer;
  readonly #exchanges: Exchange[] = [];
  #heard = "";
  #bytes = 0;

  constructor(script: Script, clock: TestClock) {
    this.#script = script;
    this.#clock = clock;
    this.recorder = new Recorder(script, clock);
    this.#server = new SMTPServer(this.recorder.options());
    setClock(this.#server, clock);
    this.#server.on("error", (error: Error & { code?: string }) => {
      // Clients vanish, in a transaction or in a handshake, or are late with it; all else is a mistake of ours.
      const expected = ["ECONNRESET", "SocketError", "ERR_TLS_HANDSHAKE_TIMEOUT"];
      if (error.message !== OWN_MISTAKE && !expected.includes(error.code ?? ""))
        this.recorder.problems.push(`error event: ${error.stack ?? error.message}`);
    });
    accept(this.#server, this.transport);
  }

  /** Waits until the server has done all that it can do for now. */
  async settle(): Promise<void> {
    const { recorder, transport } = this;
    for (;;) {
      const { looks } = this.#clock;
      await turn();
      // A server that does not read works, or waits for a hook: who works looks at the clock.
      const isWorking = recorder.unanswered.length === 0 || this.#clock.looks > looks;
      const isPaused = transport.paused && !transport.closed && isWorking;
      if (recorder.asleep > 0) this.#letHookSleep();
      else if (recorder.pending === 0 && !isPaused) return;
    }
  }

  /** A hook's time is not the client's: nothing may come of it but the answer. */
  #letHookSleep(): void {
    const { recorder } = this;
    const wasOpen = !this.#isClosed;
    this.#clock.pass(SLOW - 1);
    if (wasOpen && this.#isClosed) recorder.problems.push("a client paid for the time of a hook");
    this.#clock.pass(1);
  }

  get #isClosed(): boolean {
    return this.transport.ended || this.transport.closed;
  }

  /** What was written since it was asked last. */
  take(): string {
    const { output } = this.transport;
    this.transport.output = "";
    this.#heard += output;
    return output;
  }

  /** Does one thing, waits for what comes of it, and notes that. */
  async exchange(packets: readonly Buffer[] | undefined, act?: () => void, isLogin = false): Promise<string> {
    for (const packet of packets ?? []) {
      this.#bytes += packet.length;
      this.transport.send(packet);
    }
    act?.();
    await this.settle();
    const heard = this.take();
    const { accepted } = this.recorder;
    this.recorder.accepted = [];
    const waits = this.recorder.unanswered.length > 0;
    // Where it is of use, a unit is a packet.
    this.#exchanges.push({ sent: packets?.[0], heard, accepted, isLogin, waits });
    return heard;
  }

  async perform(step: Step, cut: Cut): Promise<void> {
    const { transport } = this;
    switch (step.type) {
      case "send":
        return void (await this.exchange(cut(step.units)));
      case "drip":
        for (const piece of step.pieces) await this.exchange([piece], () => this.#clock.pass(step.gap));
        return;
      case "pass":
        return void (await this.exchange(undefined, () => this.#clock.pass(step.ms)));
      case "fin":
        return void (await this.exchange(undefined, () => transport.fin()));
      case "tls":
        return void (await this.exchange(undefined, () => transport.upgrading && transport.handshake()));
      case "login":
        return this.#login(step, cut);
    }
  }

  async #login(step: Step & { type: "login" }, cut: Cut): Promise<void> {
    const client = new LoginClient(step);
    for (let line: string | undefined = client.command; line !== undefined;)
      line = client.hear(await this.exchange(cut([Buffer.from(`${line}\r\n`)]), undefined, true));
    this.recorder.problems.push(...client.problems(this.#isClosed));
  }

  async finish(): Promise<Trace> {
    const { recorder, transport } = this;
    const must = (holds: boolean, text: string): void => void (holds || recorder.problems.push(text));
    const closed = this.#isClosed;
    const before = this.#server.connections.size > 0 || recorder.calls.length > 0;
    const waitsForHook = recorder.unanswered.length > 0;
    const { ending } = this.#script;
    if (ending === "silence") await this.#wait();
    if (ending === "trickle") await this.#trickle();
    // Octets of a trickle may be the end of a PROXY header.
    const wasConnected = before || recorder.calls.length > 0;
    if (ending !== "vanish" && !waitsForHook) {
      must(this.#isClosed, `a client outlives its timeout by ${ending}`);
      this.#clock.pass(CLOSING + ROUNDING);
      must(transport.closed, "a closing connection stays");
    }
    transport.reset();
    await this.settle();
    this.take();
    // What comes too late is ignored.
    for (const answer of recorder.unanswered.splice(0)) answer();
    await this.settle();
    must(this.take() === "", "something was said to a client that is gone");
    must(this.#server.connections.size === 0, "a connection is left");
    must(this.#clock.timers === 0, "a timer is left");
    must(recorder.unread === 0, "a consumer was left without the end of its stream");
    must(recorder.closes === (wasConnected ? 1 : 0), `onClose was called ${recorder.closes} times`);
    const { calls, messages, problems } = recorder;
    return {
      heard: this.#heard,
      exchanges: this.#exchanges,
      calls,
      messages,
      closed,
      bytes: this.#bytes,
      problems,
    };
  }

  /** As long as the server waits for a silent client. */
  async #wait(): Promise<void> {
    const timeout = Number(this.#script.options.socketTimeout ?? DEFAULT_TIMEOUT);
    await this.exchange(undefined, () => this.#clock.pass(timeout + ROUNDING));
  }

  async #trickle(): Promise<void> {
    for (let octets = 0; octets < MAX_TRICKLE && !this.#isClosed; octets++) {
      await this.exchange([Buffer.from("x")], () => this.#clock.pass(3 * SECOND));
    }
  }
}

/** Milliseconds of work at each look at the clock of a busy server. */
const BUSY = 0.7;

async function run(script: Script, steps: (one: Play) => Promise<void>): Promise<Trace> {
  const one = new Play(script, new TestClock(script.isBusy ? BUSY : 0));
  await steps(one);
  return await one.finish();
}

/** Plays a script with its bytes cut in some way. */
export async function play(script: Script, cut: Cut): Promise<Trace> {
  return run(script, async (one) => {
    for (const step of script.steps) await one.perform(step, cut);
  });
}

/** Plays a script as a client that waits for each answer: only so is it known which reply belongs to what. */
export async function playByUnit(script: Script): Promise<Trace> {
  return run(script, async (one) => {
    await one.exchange(undefined);
    for (const step of script.steps) {
      if (step.type !== "send") await one.perform(step, whole);
      else for (const unit of step.units) await one.exchange([unit]);
    }
  });
}
