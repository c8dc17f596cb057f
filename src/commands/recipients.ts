import type { SMTPAddress } from "../types/index.js";
import { toLowerASCII } from "../wire/text.js";

/** RCPT commands of one transaction that are accepted at most, whatever `maxRecipients` says: memory has an end. */
export const RECIPIENTS_CEILING = 100_000;
/** Octets of those commands: what they say, parameters that nobody knows included, is kept with each recipient. */
export const RECIPIENTS_OCTETS: number = 32 << 20;

/** So many are looked through one by one, as in nearly every transaction; an index would cost more than it saves. */
const FEW = 16;

/** Which RCPT command of a transaction stands where in `envelope.rcptTo`. */
export class Recipients {
  /** Address in lower case → index in rcptTo, once there are more than {@link FEW}. */
  #index: Map<string, number> | undefined;
  /** For each accepted RCPT command its address in lower case: LMTP owes one reply to each (RFC 2033 4.2). */
  readonly #accepted: string[] = [];
  #octets = 0;

  /** The next transaction begins. */
  clear(): void {
    this.#index = undefined;
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
    return this.#knows(toLowerASCII(address));
  }

  /**
   * Enters an accepted recipient; a repeated one replaces its earlier entry.
   * @param octets length of its RCPT command
   */
  accept(recipient: SMTPAddress, rcptTo: SMTPAddress[], octets: number): void {
    const key = toLowerASCII(recipient.address);
    const index = this.#find(key, rcptTo) ?? rcptTo.length;
    rcptTo[index] = recipient;
    this.#accepted.push(key);
    this.#octets += octets;
    if (this.#index) this.#index.set(key, index);
    else if (this.#accepted.length > FEW) this.#makeIndex(rcptTo);
  }

  #knows(key: string): boolean {
    return this.#index ? this.#index.has(key) : this.#accepted.includes(key);
  }

  #makeIndex(rcptTo: readonly unknown[]): void {
    this.#index = new Map(this.#accepted.map((key) => [key, this.#find(key, rcptTo) ?? -1]));
  }

  /** For each accepted RCPT command its index in rcptTo, -1 where the application took the entry out. */
  positions(rcptTo: readonly unknown[]): number[] {
    return this.#accepted.map((key) => this.#find(key, rcptTo) ?? -1);
  }

  /** A hook may have edited the list, or put other things into it, so the index is checked against it. */
  #find(key: string, rcptTo: readonly unknown[]): number | undefined {
    if (!this.#knows(key)) return undefined;
    const index = this.#index?.get(key) ?? -1;
    if (isFor(rcptTo[index], key)) return index;
    const moved = rcptTo.findIndex((entry) => isFor(entry, key));
    return moved < 0 ? undefined : moved;
  }
}

function isFor(entry: unknown, key: string): boolean {
  const isObject = typeof entry === "object" && entry !== null && "address" in entry;
  const address: unknown = isObject ? entry.address : entry;
  return typeof address === "string" && toLowerASCII(address) === key;
}
