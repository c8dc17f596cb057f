import { SMTPError } from "../errors.js";
import type { SMTPSession } from "../types/index.js";

/** `session.signal`. It refers to nothing of the connection, so that a session that a program keeps keeps no more. */
export class SessionSignal {
  /** Made when a program first reads the signal: most never do. */
  #controller: AbortController | undefined;
  #reason: SMTPError | string | undefined;

  constructor(session: SMTPSession) {
    // Not enumerable: a session is what JSON makes of it. A program that has a field of this name may set it.
    Object.defineProperty(session, "signal", { configurable: true, get: () => this.#signal, set: replace });
  }

  get #signal(): AbortSignal {
    this.#controller ??= new AbortController();
    this.#follow();
    return this.#controller.signal;
  }

  /** @param text why, the first time */
  abort(text: string): void {
    this.#reason ??= text;
    this.#follow();
  }

  /** Whether a hook failed with the reason of the signal, for it was to stop then. */
  isReason(error: unknown): boolean {
    return typeof this.#reason === "object" && error === this.#reason;
  }

  #follow(): void {
    if (typeof this.#reason !== "string" || !this.#controller) return;
    this.#reason = new SMTPError(this.#reason, { code: "ECONNECTION" });
    this.#controller.abort(this.#reason);
  }
}

/** Makes it a field of the program's own. */
function replace(this: SMTPSession, value: unknown): void {
  Object.defineProperty(this, "signal", { value, configurable: true, enumerable: true, writable: true });
}
