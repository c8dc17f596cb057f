/** How many clients there are, in all and from each address: what `maxClients` and `maxClientsPerAddress` look at. */
export class Census {
  readonly #byAddress = new Map<string, number>();
  /** Clients in all, those in a handshake among them. */
  total = 0;

  from(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }

  /** A unix socket's peer has no address, and is one of all only. */
  enter(address: string): void {
    this.total += 1;
    if (address !== "") this.#byAddress.set(address, this.from(address) + 1);
  }

  leave(address: string): void {
    this.total -= 1;
    const left = this.from(address) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
