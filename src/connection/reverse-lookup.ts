import dns from "node:dns";
import type { Clock } from "../time/clock.js";
import type { Resolver } from "../types/index.js";
import { isHostname } from "../wire/hostname.js";

/** Milliseconds that the DNS may delay the greeting. */
export const LOOKUP_TIMEOUT = 1500;

/** The result of a lookup: a valid host name or "", and the problem for the log. */
export interface LookupResult {
  readonly name: string;
  readonly error?: Error;
  /** A PTR that is not a host name. The owner of the address chooses it, so it may contain anything, even CR and LF. */
  readonly discarded?: string;
}

/**
 * Looks up the PTR name of an address.
 * @param resolver instead of `dns.reverse`; may answer late, twice, throw, or never
 * @param done called once, within {@link LOOKUP_TIMEOUT} ms
 */
export function reverseLookup(
  ip: string,
  resolver: Resolver | undefined,
  clock: Clock,
  done: (result: LookupResult) => void,
): void {
  let finished = false;
  const finish = (result: LookupResult): void => {
    if (finished) return;
    finished = true;
    clock.clearTimeout(timer);
    done(result);
  };
  const fail = (error: unknown): void => {
    finish({ name: "", error: error instanceof Error ? error : new Error(String(error)) });
  };
  const timer = clock.setTimeout(() => finish({ name: "", error: new Error("Timeout") }), LOOKUP_TIMEOUT);
  timer.unref();
  try {
    const returned: unknown = (resolver ?? dns).reverse(ip, (error: Error | null, names?: unknown) => {
      if (error) return finish({ name: "", error });
      const name: unknown = Array.isArray(names) ? names[0] : undefined;
      if (!name) return finish({ name: "" });
      finish(typeof name === "string" && isHostname(name) ? { name } : { name: "", discarded: String(name) });
    });
    // An async resolver may reject instead of calling back.
    if (returned instanceof Promise) returned.catch(fail);
  } catch (error) {
    fail(error);
  }
}
