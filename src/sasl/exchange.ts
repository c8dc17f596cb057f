import type { AuthMethod, AuthResponse } from "../types/index.js";
import { decodeBase64, decodeUtf8 } from "./encoding.js";
import { INVALID } from "./mechanism.js";
import type { Failure, Judge, Mechanism, Outcome, SaslEnvironment, Step } from "./mechanism.js";

/** Most octets of a base64 line in an exchange (RFC 4954 section 4). */
export const MAX_SASL_LINE = 12_288;

/** The reply to a line over {@link MAX_SASL_LINE} (RFC 4954 section 4). */
export const TOO_LONG: Failure = {
  type: "failure",
  code: 500,
  text: "Error: authentication exchange line is too long",
  enhanced: "5.5.6",
};

const NOT_BASE64: Failure = { ...INVALID, enhanced: "5.5.2" };
const ABORTED: Failure = { type: "failure", code: 501, text: "Authentication aborted" };
const OVER: Failure = { type: "failure", code: 503, text: "Error: bad sequence of commands" };

/**
 * One AUTH command from its first line to its last (RFC 4954 section 4). Each method returns what the caller must do next:
 * send a 334 and call `line` with the client's next line, call onAuth and then `answer`, or send the last reply.
 */
export class Exchange {
  readonly #mechanism: Mechanism;
  readonly #environment: SaslEnvironment;
  #next: Step | Failure = OVER;
  #judge: Judge = () => OVER;
  #username: string | undefined;

  constructor(mechanism: Mechanism, environment: SaslEnvironment) {
    this.#mechanism = mechanism;
    this.#environment = environment;
  }

  /** The client's user name, for the log; `undefined` until it has sent one. */
  get username(): string | undefined {
    return this.#username;
  }

  /** Name of the mechanism. */
  get method(): AuthMethod {
    return this.#mechanism.name;
  }

  /** @param initialResponse the second argument of AUTH as sent, `=` for an empty one; `undefined` if it has none */
  begin(initialResponse: string | undefined): Outcome {
    const { begin, initialResponse: allowed, syntax } = this.#mechanism;
    if (initialResponse !== undefined && !allowed) return { type: "failure", code: 501, text: syntax };
    const opening = begin(this.#environment);
    if (initialResponse === undefined) return this.#take(opening);
    return this.#take(decoded(initialResponse === "=" ? "" : initialResponse, opening.next));
  }

  /** @param line a line of the client without its CRLF; `undefined` if it was longer than {@link MAX_SASL_LINE} */
  line(line: string | undefined): Outcome {
    const next = this.#next;
    if (typeof next !== "function") return this.#take(next);
    if (line === "*") return this.#take(ABORTED);
    return this.#take(line === undefined ? TOO_LONG : decoded(line, next));
  }

  /**
   * Continues with the answer of onAuth.
   * @param error a truthy value refuses the login
   * @param response a value that is not an object is the same as `{}`
   */
  answer(error: unknown, response?: unknown): Outcome {
    return this.#take(this.#judge(error, asResponse(response)));
  }

  #take(outcome: Outcome): Outcome {
    this.#next = outcome.type === "challenge" ? outcome.next : OVER;
    if (outcome.type === "credentials") this.#username = outcome.auth.username;
    this.#judge = outcome.type === "credentials" ? outcome.judge : () => OVER;
    return outcome;
  }
}

function decoded(line: string, step: Step): Outcome {
  if (line.length > MAX_SASL_LINE) return TOO_LONG;
  const bytes = decodeBase64(line);
  if (!bytes) return NOT_BASE64;
  const message = decodeUtf8(bytes);
  return message === undefined ? INVALID : step(message);
}

function asResponse(value: unknown): AuthResponse {
  return typeof value === "object" && value !== null ? value : {};
}
