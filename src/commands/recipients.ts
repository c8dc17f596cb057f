import type { SMTPAddress, SMTPAddressArgs } from "../types/index.js";
import { copyOf, toLowerASCII } from "../wire/text.js";
import { AddressNumbers } from "./address-numbers.js";

/**
 * Most accepted RCPT commands of one transaction, even if `maxRecipients` allows more, because each takes memory.
 */
export const RECIPIENTS_CEILING = 100_000;
/** Approximate limit of the memory for the recipients of one transaction, in octets. */
export const RECIPIENTS_MEMORY: number = 32 << 20;

/**
 * The recipients of a transaction may use FREE_MEMORY octets and, for each octet of their commands, MEMORY_PER_OCTET more.
 * Recipients without parameters (about 120 octets and the address each) may exceed this: {@link RECIPIENTS_CEILING}
 * limits them.
 */
const MEMORY_PER_OCTET = 4;
const FREE_MEMORY = 64 << 10;

// Octets of memory in JavaScriptCore, as test/commands/recipients.test.ts measures them.
const RECIPIENT = 120;
const STRING = 48;
const OBJECT = 64;
const PROPERTY = 10;
// The first object with a new set of properties, and each of these properties.
const SHAPE = 280;
const SHAPE_PROPERTY = 170;

/** Longest value in characters that two recipients in a row share. */
const SHORT = 64;

/**
 * The first recipients are stored without a copy, although their strings keep whole lines in memory: most transactions
 * have no more, and copying takes time.
 */
const UNCOPIED = 16;

/** The accepted RCPT commands of a transaction: which entry of `envelope.rcptTo` each has, and how much memory all use. */
export class Recipients {
  /** The accepted addresses in lower case. A number is an index in rcptTo, unless a hook has edited the list. */
  readonly #addresses = new AddressNumbers();
  /** The number of the address of each accepted RCPT command, because LMTP replies to each (RFC 2033 4.2). */
  readonly #commands: number[] = [];
  /** Address → index, made when the list was found edited. */
  #edited: Map<string, number> | undefined;
  /** The sets of keywords so far, because each new one takes memory in JavaScriptCore. */
  #shapes: Set<string> | undefined;
  /** Parameters of the last recipient that had some. */
  #lastArgs: SMTPAddressArgs | undefined;
  #memory = 0;
  /** Octets of memory that this transaction may use. It grows with the octets of its commands. */
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

  /** Whether no further RCPT command is accepted, not even a repeated one. */
  get isFull(): boolean {
    return this.count >= RECIPIENTS_CEILING || this.#memory >= Math.min(this.#allowed, RECIPIENTS_MEMORY);
  }

  has(address: string): boolean {
    return this.#addresses.find(toLowerASCII(address)) >= 0;
  }

  /** Copies a recipient for storage, so that it does not keep its line in memory. Shares equal values with the previous one. */
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
   * Stores an accepted recipient. A repeated one replaces its earlier entry.
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

  /** For each accepted RCPT command its index in rcptTo, -1 if the application has removed the entry. */
  positions(rcptTo: readonly unknown[]): number[] {
    this.#edited = undefined;
    return this.#commands.map((number) => this.#find(number, rcptTo) ?? -1);
  }

  /**
   * A hook may have edited the list, so an index is checked before it is used. If it is wrong, an index of the whole list is
   * built, once for each edit, because searching the list for each address would take minutes.
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

/** Whether two recipients can share a string. Most clients send the same NOTIFY for all. */
function isShared(value: string, last: string | true | undefined): last is string {
  return value === last && value.length <= SHORT;
}

/** Octets of memory of parameters, without the values that they share with `last`. */
function memoryOf(args: SMTPAddressArgs, last: SMTPAddressArgs | undefined): number {
  let memory = OBJECT;
  for (const [keyword, value] of Object.entries(args)) {
    memory += PROPERTY;
    if (typeof value === "string" && !isShared(value, last?.[keyword])) memory += STRING + value.length;
  }
  return memory;
}

/** The first index of each address in a list, which a hook may have filled with anything. */
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
