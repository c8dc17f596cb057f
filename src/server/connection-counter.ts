import type { ClientCounter } from "../connection/server-context.js";

/** Counts clients, in total and by address. */
export class ConnectionCounter implements ClientCounter {
  readonly #byAddress = new Map<string, number>();
  total = 0;

  countFrom(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }

  add(address: string): void {
    this.total += 1;
    this.#byAddress.set(address, this.countFrom(address) + 1);
  }

  remove(address: string): void {
    this.total -= 1;
    const left = this.countFrom(address) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
