/** Failures that a test asks for: which command they are about, how often, and what the client gets instead. */
import { inspect } from "node:util";
import { SMTPError } from "../errors.js";
import { systemClock } from "../time/clock.js";
import { checkFields, checkInteger, checkMatch, type Match, matchesAddress } from "./given.js";
import { checkWanted, isWanted, type Message, type WantedMessage, WANTED } from "./message.js";

export type Stage = keyof FailureStages;

/** In the order of a conversation. */
const STAGES: readonly Stage[] = ["connect", "tls", "helo", "auth", "mail", "rcpt", "data"];

/** The reply of each stage where the test gives no code. A handshake has none. */
const CODES: Readonly<Record<Exclude<Stage, "tls">, number>> = {
  connect: 554,
  helo: 550,
  auth: 535,
  mail: 550,
  rcpt: 550,
  data: 554,
};

/** What happens to the client, and how often. */
export interface Failure {
  /** The reply code, 400 to 599. Default: 554 for `connect` and `data`, 535 for `auth`, else 550. 421 closes too. */
  code?: number | undefined;
  /** The text of the reply. Default: `Refused by the test`. */
  message?: string | undefined;
  /** The enhanced status code (RFC 3463), as "4.2.2"; sent with `hideENHANCEDSTATUSCODES: false`. */
  enhancedCode?: string | undefined;
  /** Closes the connection instead of a reply. */
  drop?: boolean | undefined;
  /** Milliseconds to wait before the failure; alone it only makes the command late. */
  delay?: number | undefined;
  /** The first one that fails: 1 is the next that matches. Default: 1. */
  nth?: number | undefined;
  /** How many fail. Default: 1 with `nth`, else all. */
  times?: number | undefined;
}

/** What can fail, with `true` for every client, or what its command has to name. */
export interface FailureStages {
  /** The greeting. */
  connect: true;
  /** The TLS handshake, of STARTTLS too. */
  tls: true;
  /** HELO, EHLO and LHLO, by the name that the client gives, in any case. */
  helo: true | Match;
  /** A login, by the user name, in any case. */
  auth: true | Match;
  /** MAIL FROM, by the address, in any case. */
  mail: true | Match;
  /** RCPT TO, by the address, in any case. */
  rcpt: true | Match;
  /** The message, once all of it is there. It is not kept. */
  data: true | WantedMessage;
}

/** One of the stages, and no other. */
export type FailureStage = {
  [Stage in keyof FailureStages]: Pick<FailureStages, Stage> & {
    [Other in Exclude<keyof FailureStages, Stage>]?: undefined;
  };
}[keyof FailureStages];

/** The argument of `inbox.refuse()`. */
export type Refusal = FailureStage & Failure;

/** A failure that `inbox.refuse()` has planned. */
export interface PlannedFailure extends Disposable {
  /** How often it has happened. */
  readonly count: number;
  /** Ends it; `using` does too. */
  end(): void;
}

const FAILURE = ["code", "message", "enhancedCode", "drop", "delay", "nth", "times"] as const;

/** One failure, and its count. */
class Plan implements PlannedFailure {
  readonly stage: Stage;
  readonly #wanted: true | Match | WantedMessage;
  readonly #failure: Failure;
  readonly #ended: (plan: Plan) => void;
  /** Commands that it was about. */
  #seen = 0;
  count = 0;

  constructor(refusal: Refusal, ended: (plan: Plan) => void) {
    this.stage = stageOf(refusal);
    this.#wanted = Reflect.get(refusal, this.stage) as true | Match | WantedMessage;
    this.#failure = { ...refusal };
    this.#ended = ended;
  }

  /** Whether the command fails now; each call counts one command. */
  isDue(subject: string | Message): boolean {
    if (!this.#isAbout(subject)) return false;
    const fails = this.isNext;
    this.#seen += 1;
    if (fails) this.count += 1;
    return fails;
  }

  #isAbout(subject: string | Message): boolean {
    const wanted = this.#wanted;
    if (wanted === true) return true;
    if (typeof subject !== "string") return isWanted(wanted as WantedMessage, subject);
    return matchesAddress(wanted as Match, subject);
  }

  /** Whether the next one fails that it is about. */
  get isNext(): boolean {
    const { nth, times = nth === undefined ? Infinity : 1 } = this.#failure;
    const next = this.#seen + 1;
    return next >= (nth ?? 1) && next < (nth ?? 1) + times;
  }

  /** The error for the client; `undefined`: only late. */
  async error(drop: () => void): Promise<SMTPError | undefined> {
    const { delay, code, message, enhancedCode, drop: isDropped } = this.#failure;
    if (delay !== undefined)
      await new Promise<void>((resolve) => systemClock.setTimeout(resolve, delay).unref());
    if (isDropped) drop();
    else if (delay !== undefined && (code ?? message ?? enhancedCode) === undefined) return undefined;
    return new SMTPError(message ?? "Refused by the test", {
      responseCode: code ?? CODES[this.stage as Exclude<Stage, "tls">],
      ...(enhancedCode !== undefined && { enhancedCode }),
    });
  }

  end(): void {
    this.#ended(this);
  }
  [Symbol.dispose](): void {
    this.end();
  }
}

/** The failures of one inbox, in the order in which they were planned: the first that is due counts. */
export class Plans {
  #plans: readonly Plan[] = [];
  readonly #changed: () => void;

  /** @param changed called after each change of what fails next */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** @throws TypeError that names the option, for one that cannot be meant */
  add(refusal: Refusal): PlannedFailure {
    checkRefusal(refusal);
    const plan = new Plan(refusal, (ended) => this.#set(this.#plans.filter((one) => one !== ended)));
    this.#set([...this.#plans, plan]);
    return plan;
  }

  clear(): void {
    this.#set([]);
  }

  /** Whether the next handshake fails. */
  get breaksTLS(): boolean {
    return this.#plans.some((plan) => plan.stage === "tls" && plan.isNext);
  }

  /** A handshake is over, whether it failed or not. */
  handshakeDone(): void {
    for (const plan of this.#plans) if (plan.stage === "tls") plan.isDue("");
    this.#changed();
  }

  /**
   * Throws where the command fails, after its delay.
   * @param subject what the command names; the message for `data`
   * @param drop closes the connection
   */
  async check(stage: Stage, subject: string | Message, drop: () => void): Promise<void> {
    for (const plan of this.#plans) {
      if (plan.stage !== stage || !plan.isDue(subject)) continue;
      const error = await plan.error(drop);
      if (error) throw error;
    }
  }

  #set(plans: readonly Plan[]): void {
    this.#plans = plans;
    this.#changed();
  }
}

const stageOf = (refusal: Refusal): Stage =>
  STAGES.find((stage) => Reflect.get(refusal, stage) !== undefined) as Stage;

function checkRefusal(refusal: Refusal): void {
  checkFields("refuse", refusal, [...STAGES, ...FAILURE]);
  const given = STAGES.filter((stage) => Reflect.get(refusal, stage) !== undefined);
  if (given.length !== 1)
    throw new TypeError(
      `refuse: one of ${STAGES.join(", ")} is wanted, not ${given.length > 0 ? given.join(" and ") : "none"}`,
    );
  const { code, message, enhancedCode, delay, nth, times, drop } = refusal;
  checkInteger("refuse: code", code, 400, 599);
  checkInteger("refuse: delay", delay);
  checkInteger("refuse: nth", nth, 1);
  checkInteger("refuse: times", times, 1);
  for (const [name, value] of Object.entries({ message, enhancedCode })) {
    if (value !== undefined && typeof value !== "string")
      throw new TypeError(`refuse: ${name}: a string is wanted, not ${inspect(value)}`);
  }
  if (drop !== undefined && typeof drop !== "boolean")
    throw new TypeError(`refuse: drop: true or false is wanted, not ${inspect(drop)}`);
  checkStage(stageOf(refusal), refusal);
}

function checkStage(stage: Stage, refusal: Refusal): void {
  const wanted: unknown = Reflect.get(refusal, stage);
  const { code, message, enhancedCode, delay, drop } = refusal;
  if (drop && (code ?? message ?? enhancedCode) !== undefined)
    throw new TypeError(
      "refuse: drop: a connection that is dropped has no reply: leave code and message out",
    );
  if (stage === "tls") {
    const reply = { code, message, enhancedCode, delay, drop };
    const [name] = Object.entries(reply).find(([, value]) => value !== undefined) ?? [];
    if (name !== undefined) throw new TypeError(`refuse: ${name}: a broken handshake has none: leave it out`);
  }
  if (wanted === true) return;
  if (stage === "connect" || stage === "tls")
    throw new TypeError(`refuse: ${stage}: true is wanted, not ${inspect(wanted)}`);
  if (stage === "data") {
    checkFields("refuse: data", wanted, WANTED);
    checkWanted("refuse: data", wanted as WantedMessage);
  } else checkMatch(`refuse: ${stage}`, wanted);
}
