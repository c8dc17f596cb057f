/** Refusals on purpose: what a program does when its mail server says no is seldom tried otherwise. */
import { SMTPError } from "bun-smtp";
import { type Header, header } from "bun-smtp/testing";

/** What a client does that can be refused. `data` is the whole message. */
export const STAGES = ["connect", "auth", "mail", "rcpt", "data"] as const;
export type Stage = (typeof STAGES)[number];

interface Rule {
  stage: Stage;
  code: number;
  /** How often it applies, of a hundred times. */
  percent: number;
}

/** As in `452 4.2.2 Mailbox full`: a code, an enhanced code of the same class, a text. The last two may be absent. */
const REPLY = /^([45])(\d\d)(?:[ -]+(\1\.\d{1,3}\.\d{1,3}))?(?:[ -]+(.*))?$/;

function parseReply(text: string): SMTPError | undefined {
  const [match, type, rest, enhancedCode, message] = REPLY.exec(text.trim()) ?? [];
  if (match === undefined) return undefined;
  const responseCode = Number(`${type}${rest}`);
  return new SMTPError(message || "Refused on purpose", {
    responseCode,
    ...(enhancedCode !== undefined && { enhancedCode }),
  });
}

/**
 * Reads `FAIL`: rules with commas between them, each `stage:code` or `stage:code:percent`, as in `rcpt:451:20`.
 * Throws where one cannot be read.
 */
export function parseRules(text: string): Rule[] {
  return text.split(",").flatMap((part) => {
    const rule = part.trim();
    if (rule === "") return [];
    const [, stage, code, percent = "100"] = /^([a-z]+):([45]\d\d)(?::(\d{1,3}))?$/.exec(rule) ?? [];
    const known = STAGES.find((known) => known === stage);
    if (!known || Number(percent) > 100)
      throw new Error(
        `${rule}: expected a stage (${STAGES.join(", ")}), a code of 400 to 599 and perhaps a percentage, as in rcpt:451:20`,
      );
    return { stage: known, code: Number(code), percent: Number(percent) };
  });
}

export class Failures {
  readonly #rules: readonly Rule[];
  readonly #random: () => number;

  /** @param random gives a number from 0 to 1 */
  constructor(rules: readonly Rule[], random: () => number = Math.random) {
    this.#rules = rules;
    this.#random = random;
  }

  /**
   * Throws where the stage is to be refused: by a rule, or because the address or user name asks for it, as
   * `refuse-452@example.com`, `ann+refuse-550-5.1.1@example.com` and the name `refuse-535` do.
   */
  check(stage: Stage, name = ""): void {
    const asked = /(?:^|\+)refuse-([^@]+)(?:@|$)/i.exec(name)?.[1];
    const refusal = asked === undefined ? undefined : parseReply(asked);
    if (refusal) throw refusal;
    for (const { code, percent } of this.#rules.filter((rule) => rule.stage === stage)) {
      if (this.#random() * 100 < percent)
        throw new SMTPError("Refused on purpose, by FAIL", { responseCode: code });
    }
  }

  /** Throws where the header `X-Catcher-Fail` of a message asks for it. */
  checkMessage(headers: readonly Header[]): void {
    const asked = header(headers, "X-Catcher-Fail");
    if (asked === "") return;
    throw (
      parseReply(asked) ??
      new SMTPError("X-Catcher-Fail: must be a reply, as in 452 4.2.2 Mailbox full", { responseCode: 554 })
    );
  }
}
