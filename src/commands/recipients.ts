import type { SMTPAddress } from "../types.js";

/** RCPT commands of one transaction that are accepted at most, whatever `maxRecipients` says: memory has an end. */
export const RECIPIENTS_CEILING = 100_000;
/** Octets of those commands: what they say, parameters that nobody knows included, is kept with each recipient. */
export const RECIPIENTS_OCTETS: number = 32 << 20;

/** Which RCPT command of a transaction stands where in `envelope.rcptTo`. */
export class Recipients {
  /** Address in lower case → index in rcptTo: a long list is never scanned for a repeated address. */
  readonly #index = new Map<string, number>();
  /** For each accepted RCPT command its address: LMTP owes one reply to each (RFC 2033 4.2). */
  readonly #accepted: string[] = [];
  #octets = 0;

  /** The next transaction begins. */
  clear(): void {
    this.#index.clear();
    this.#accepted.length = 0;
    this.#octets = 0;
  }

  get count(): number {
    return this.#accepted.length;
  }

  /** No further one is accepted, not even a repeated one. */
  get isFull(): boolean {
    return this.#accepted.length >= RECIPIENTS_CEILING || this.#octets >= RECIPIENTS_OCTETS;
  }

  has(address: string): boolean {
    return this.#index.has(address.toLowerCase());
  }

  /**
   * Enters an accepted recipient; a repeated one replaces its earlier entry.
   * @param octets length of its RCPT command
   */
  accept(recipient: SMTPAddress, rcptTo: SMTPAddress[], octets: number): void {
    const key = recipient.address.toLowerCase();
    const known = this.#find(key, rcptTo);
    const index = known ?? rcptTo.length;
    rcptTo[index] = recipient;
    this.#index.set(key, index);
    this.#accepted.push(key);
    this.#octets += octets;
  }

  /** For each accepted RCPT command its index in rcptTo, -1 where the application took the entry out. */
  positions(rcptTo: readonly unknown[]): number[] {
    return this.#accepted.map((key) => this.#find(key, rcptTo) ?? -1);
  }

  /** A hook may have edited the list, or put other things into it, so the index is checked against it. */
  #find(key: string, rcptTo: readonly unknown[]): number | undefined {
    const index = this.#index.get(key);
    if (index === undefined) return undefined;
    if (isFor(rcptTo[index], key)) return index;
    const moved = rcptTo.findIndex((entry) => isFor(entry, key));
    return moved < 0 ? undefined : moved;
  }
}

function isFor(entry: unknown, key: string): boolean {
  const isObject = typeof entry === "object" && entry !== null && "address" in entry;
  const address: unknown = isObject ? entry.address : entry;
  return typeof address === "string" && address.toLowerCase() === key;
}
