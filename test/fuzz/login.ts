/** The client of an AUTH exchange, with one octet wrong where the script says so. */
import { saslClient, type SaslClient } from "../support/sasl-client.js";
import type { Fault, Step } from "./script.js";

const ALPHABETS = ["0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"];

/**
 * What comes of a wrong octet must depend on where it is alone, and not on the server's random ones: a hex
 * digit stays one, and what is of no alphabet here never stands in an answer that is right.
 */
function spoilt(text: string, { at, kind }: Fault): string {
  const index = text.length === 0 ? 0 : at % text.length;
  const octet = text[index] ?? "";
  const alphabet =
    octet && kind === "turn" ? ALPHABETS.find((letters) => letters.includes(octet)) : undefined;
  const other = alphabet ? alphabet[(alphabet.indexOf(octet) + 1) % alphabet.length] : "!";
  return `${text.slice(0, index)}${other}${text.slice(index + 1)}`;
}

/** Whom hooks.ts lets in, sooner or later. */
const WELCOME: readonly string[] = ["user", "u=s,e r", "later", "slow"];

export class LoginClient {
  /** The first line. */
  readonly command: string;
  readonly #step: Step & { type: "login" };
  readonly #client: SaslClient;
  #answers = 0;
  #isSpoilt = false;
  #gaveUp = false;
  #last = "";

  constructor(step: Step & { type: "login" }) {
    this.#step = step;
    this.#client = saslClient(step.login);
    this.command = `AUTH ${step.login.mechanism}`;
  }

  /** @returns the next line, `undefined` where the exchange is over */
  hear(reply: string): string | undefined {
    this.#last = reply;
    const challenge = /^334 (\S*)\r\n$/.exec(reply)?.[1];
    if (challenge === undefined) return undefined;
    const { fault } = this.#step;
    const answer = this.#client(Buffer.from(challenge, "base64").toString());
    if (answer === undefined) {
      this.#gaveUp = true;
      return "*";
    }
    const isWrong = fault?.answer === this.#answers;
    this.#answers += 1;
    this.#isSpoilt ||= isWrong;
    return Buffer.from(isWrong ? spoilt(answer, fault) : answer).toString("base64");
  }

  /** What is wrong with how it ended. @param closed the server has closed */
  problems(closed: boolean): string[] {
    if (this.#answers === 0) return [];
    const { username, password } = this.#step.login;
    const isRight = !this.#isSpoilt && WELCOME.includes(username) && password === "pencil";
    const isIn = this.#last.startsWith("235 ");
    if (isIn && !isRight) return ["a login with a wrong answer succeeded"];
    if (isRight && !isIn && !closed) return [`a right login got ${JSON.stringify(this.#last)}`];
    if (isRight && this.#gaveUp) return ["the server could not prove that it knows the password"];
    return [];
  }
}
