import type { SMTPAddress, SMTPAddressArgs } from "../types/index.js";
import { copyOf, toLowerASCII } from "../wire/text.js";
import { AddressNumbers } from "./address-numbers.js";

/**
 * RCPT commands of one transaction that are accepted at most, whatever `maxRecipients` says: memory is
 * limited.
 */
export const RECIPIENTS_CEILING = 100_000;
/** Octets of memory that the recipients of one transaction take at most, about. */
export const RECIPIENTS_MEMORY: number = 32 << 20;

/**
 * Recipients of a transaction may use FREE_MEMORY, and MEMORY_PER_OCTET for each octet of their commands. One without
 * parameters takes about 120 octets and its address: {@link RECIPIENTS_CEILING} limits those instead.
 */
const MEMORY_PER_OCTET = 4;
const FREE_MEMORY = 64 << 10;

// Octets of memory in JavaScriptCore, as test/commands/recipients.test.ts measures them.
const RECIPIENT = 120;
const STRING = 48;
const OBJECT = 64;
const PROPERTY = 10;
/** Of an object that has other properties than all before, and of each of these. */
const SHAPE = 280;
const SHAPE_PROPERTY = 170;

/** Characters of a value that is shared with the recipient before. */
const SHORT = 64;

/** The first recipients keep the lines that their strings were cut from, which spares nearly every transaction the copies. */
const UNCOPIED = 16;

/** Which RCPT command of a transaction stands where in `envelope.rcptTo`. */
export class Recipients {
  /** Each accepted address in lower case. Its number is its index in rcptTo, where no hook has edited the list. */
  readonly #addresses = new AddressNumbers();
  /**
   * For each accepted RCPT command the number of its address: LMTP sends one reply for each (RFC 2033 4.2).
   */
  readonly #commands: number[] = [];
  /** Address → index in a list that was found edited. */
  #edited: Map<string, number> | undefined;
  /** The sets of parameters that came so far, by their keywords. */
  #shapes: Set<string> | undefined;
  /** Parameters of the last recipient that had some. */
  #lastArgs: SMTPAddressArgs | undefined;
  #memory = 0;
  /** Memory that this transaction may use so far: it grows with the octets of its commands. */
  #allowed = FREE_MEMORY;

  /** The next transaction begins. */
  clear(): void {
    this.#addresses.clear();
    this.#commands.length = 0;
    this.#edited = undefined;
    this.#shapes = undefined;
    this.#lastArgs = undefined;
    this.#memory = 0;
    this.#allowed = FREE_MEMORY;
  }

  get count(): number {
    return this.#commands.length;
  }

  /** No further one is accepted, not even a repeated one. */
  get isFull(): boolean {
    return this.count >= RECIPIENTS_CEILING || this.#memory >= Math.min(this.#allowed, RECIPIENTS_MEMORY);
  }

  has(address: string): boolean {
    return this.#addresses.find(toLowerASCII(address)) >= 0;
  }

  /** What is kept of a RCPT command: strings of its own, or those of the recipient before where they are the same. */
  keep({ address, args }: SMTPAddress): SMTPAddress {
    if (this.count < UNCOPIED) return { address, args };
    if (!args) return { address: copyOf(address), args };
    const kept: SMTPAddressArgs = {};
    for (const [keyword, value] of Object.entries(args)) {
      const last = this.#lastArgs?.[keyword];
      if (typeof value !== "string") kept[keyword] = value;
      else kept[keyword] = isShared(value, last) ? last : copyOf(value);
    }
    return { address: copyOf(address), args: kept };
  }

  /**
   * Enters an accepted recipient; a repeated one replaces its earlier entry.
   * @param octets length of its RCPT command
   */
  accept(recipient: SMTPAddress, rcptTo: SMTPAddress[], octets: number): void {
    const key = toLowerASCII(recipient.address);
    const known = this.#addresses.find(key);
    const index = (known < 0 ? undefined : this.#find(known, rcptTo)) ?? rcptTo.length;
    rcptTo[index] = recipient;
    this.#edited?.set(key, index);
    this.#commands.push(known < 0 ? this.#addresses.add(key) : known);
    this.#count(recipient, octets);
  }

  /** For each accepted RCPT command its index in rcptTo, -1 where the application took the entry out. */
  positions(rcptTo: readonly unknown[]): number[] {
    this.#edited = undefined;
    return this.#commands.map((number) => this.#find(number, rcptTo) ?? -1);
  }

  /**
   * A hook may have edited the list, or put other things into it, so an index is checked against it. Where it is
   * wrong, all are made again, once for each edit: to search the list for each address would take minutes.
   */
  #find(number: number, rcptTo: readonly unknown[]): number | undefined {
    const key = this.#addresses.at(number);
    if (!this.#edited && addressOf(rcptTo[number]) === key) return number;
    const index = this.#edited?.get(key);
    const isRight = index === undefined ? this.#edited : addressOf(rcptTo[index]) === key;
    if (isRight) return index;
    this.#edited = indexOf(rcptTo);
    return this.#edited.get(key);
  }

  #count({ address, args }: SMTPAddress, octets: number): void {
    if (!args) {
      this.#memory += RECIPIENT + address.length;
      this.#allowed += Math.max(MEMORY_PER_OCTET * octets, RECIPIENT + address.length);
      return;
    }
    this.#memory += RECIPIENT + address.length + memoryOf(args, this.#lastArgs);
    this.#allowed += MEMORY_PER_OCTET * octets;
    const shape = Object.keys(args).join(" ");
    this.#shapes ??= new Set();
    if (!this.#shapes.has(shape)) {
      this.#shapes.add(shape);
      this.#memory += SHAPE + shape.length + SHAPE_PROPERTY * Object.keys(args).length;
    }
    this.#lastArgs = args;
  }
}

/** Whether one string does for two recipients: honest clients send the same NOTIFY for all. */
function isShared(value: string, last: string | true | undefined): last is string {
  return value === last && value.length <= SHORT;
}

/** Octets of memory of parameters, but for the values that are those of `last`. */
function memoryOf(args: SMTPAddressArgs, last: SMTPAddressArgs | undefined): number {
  let memory = OBJECT;
  for (const [keyword, value] of Object.entries(args)) {
    memory += PROPERTY;
    if (typeof value === "string" && !isShared(value, last?.[keyword])) memory += STRING + value.length;
  }
  return memory;
}

/** Each address in a list that a hook may have made anything of, and where it stands first. */
function indexOf(rcptTo: readonly unknown[]): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const [index, entry] of rcptTo.entries()) {
    const address = addressOf(entry);
    if (address !== undefined && !indexes.has(address)) indexes.set(address, index);
  }
  return indexes;
}

function addressOf(entry: unknown): string | undefined {
  const isObject = typeof entry === "object" && entry !== null && "address" in entry;
  const address: unknown = isObject ? entry.address : entry;
  return typeof address === "string" ? toLowerASCII(address) : undefined;
}
