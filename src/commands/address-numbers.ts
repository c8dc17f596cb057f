/** Random, so that no client can choose addresses that all have the same slot. */
const SEED = Math.trunc(Math.random() * 2 ** 32);

/** Up to this number of addresses, a linear search is fast enough and needs no table. Most transactions have fewer. */
const FEW = 16;

/** Shared by all transactions that need no table. */
const NO_SLOTS = new Int32Array(0);

/**
 * Numbers addresses in the order in which they are added. Its open hash table of numbers takes 8 to 16 octets an address.
 * A Map takes 70, which is more than all other data of a recipient.
 */
export class AddressNumbers {
  readonly #addresses: string[] = [];
  /** Number + 1, or 0 for a free slot. At most half of the slots are taken. Empty for a few addresses. */
  #slots: Int32Array = NO_SLOTS;

  /** The number of an address; -1 if it was not added. */
  find(address: string): number {
    if (this.#slots.length === 0) return this.#addresses.indexOf(address);
    return (this.#slots[this.#slotOf(address)] as number) - 1;
  }

  /** Adds an address that is not there yet. @returns its number */
  add(address: string): number {
    const number = this.#addresses.push(address) - 1;
    if (2 * this.#addresses.length > Math.max(this.#slots.length, 2 * FEW)) this.#grow();
    else if (this.#slots.length > 0) this.#slots[this.#slotOf(address)] = number + 1;
    return number;
  }

  at(number: number): string {
    return this.#addresses[number] as string;
  }

  clear(): void {
    this.#addresses.length = 0;
    this.#slots = NO_SLOTS;
  }

  #grow(): void {
    this.#slots = new Int32Array(4 * this.#addresses.length);
    for (const [number, address] of this.#addresses.entries()) {
      this.#slots[this.#slotOf(address)] = number + 1;
    }
  }

  /** The slot of an address, or the free slot for it. */
  #slotOf(address: string): number {
    const slots = this.#slots;
    let slot = Bun.hash.xxHash32(address, SEED) % slots.length;
    for (;;) {
      const number = slots[slot] as number;
      if (number === 0 || this.#addresses[number - 1] === address) return slot;
      slot = slot + 1 === slots.length ? 0 : slot + 1;
    }
  }
}
