import { SMTPError } from "../errors.js";
import type { SMTPSession } from "../types/index.js";

/** `session.signal`. It has no reference to the connection, so a program that keeps a session keeps nothing else in memory. */
export class SessionSignal {
  /** Made when a program first reads the signal, because most never do. */
  #controller: AbortController | undefined;
  #reason: SMTPError | string | undefined;

  constructor(session: SMTPSession) {
    // Not enumerable, so that JSON and copies of a session do not have it. A program may set a field of this name.
    Object.defineProperty(session, "signal", { configurable: true, get: () => this.#signal, set: replace });
  }

  get #signal(): AbortSignal {
    this.#controller ??= new AbortController();
    this.#follow();
    return this.#controller.signal;
  }

  /** @param text the reason; only the first call counts */
  abort(text: string): void {
    this.#reason ??= text;
    this.#follow();
  }

  /** Whether an error is the reason of the signal: a hook that stops with it has not failed. */
  isReason(error: unknown): boolean {
    if (typeof this.#reason !== "object") return false;
    // Node's functions fail with an AbortError whose cause it is. Read so that no getter or Proxy can throw.
    const cause: unknown = Error.isError(error) && Object.getOwnPropertyDescriptor(error, "cause")?.value;
    return error === this.#reason || cause === this.#reason;
  }

  #follow(): void {
    if (typeof this.#reason !== "string" || !this.#controller) return;
    this.#reason = new SMTPError(this.#reason, { code: "ECONNECTION" });
    this.#controller.abort(this.#reason);
  }
}

/** Replaces the signal by the program's own value. */
function replace(this: SMTPSession, value: unknown): void {
  Object.defineProperty(this, "signal", { value, configurable: true, enumerable: true, writable: true });
}
