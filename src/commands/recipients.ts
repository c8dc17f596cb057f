import type { SMTPAddress } from "../types.js";

/** RCPT commands of one transaction that are accepted at most, whatever `maxRecipients` says: memory has an end. */
export const RECIPIENTS_CEILING = 100_000;

/** Which RCPT command of a transaction stands where in `envelope.rcptTo`. */
export class Recipients {
  /** Address in lower case → index in rcptTo: a long list is never scanned for a repeated address. */
  readonly #index = new Map<string, number>();
  /** For each accepted RCPT command its address: LMTP owes one reply to each (RFC 2033 4.2). */
  readonly #accepted: string[] = [];

  /** The next transaction begins. */
  clear(): void {
    this.#index.clear();
    this.#accepted.length = 0;
  }

  get count(): number {
    return this.#accepted.length;
  }

  has(address: string): boolean {
    return this.#index.has(address.toLowerCase());
  }

  /** Enters an accepted recipient; a repeated one replaces its earlier entry. */
  accept(recipient: SMTPAddress, rcptTo: SMTPAddress[]): void {
    const key = recipient.address.toLowerCase();
    const known = this.#find(key, rcptTo);
    const index = known ?? rcptTo.length;
    rcptTo[index] = recipient;
    this.#index.set(key, index);
    this.#accepted.push(key);
  }

  /** For each accepted RCPT command its index in rcptTo, -1 where the application took the entry out. */
  positions(rcptTo: readonly SMTPAddress[]): number[] {
    return this.#accepted.map((key) => this.#find(key, rcptTo) ?? -1);
  }

  /** A hook may have edited the list, so the index is checked against it. */
  #find(key: string, rcptTo: readonly SMTPAddress[]): number | undefined {
    const index = this.#index.get(key);
    if (index === undefined) return undefined;
    if (rcptTo[index]?.address.toLowerCase() === key) return index;
    const moved = rcptTo.findIndex((entry) => entry.address.toLowerCase() === key);
    return moved < 0 ? undefined : moved;
  }
}
