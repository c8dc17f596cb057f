/**
 * Octets that come in pieces, joined in one Buffer. It doubles when it is full, so that time and memory stay in
 * proportion to the octets, also for a client that sends them one by one.
 */
export class ByteBuffer {
  #memory: Buffer;
  #length: number;

  /** @param first is copied with the first `append`, and never written to */
  constructor(first: Buffer) {
    this.#memory = first;
    this.#length = first.length;
  }

  get length(): number {
    return this.#length;
  }

  /** All of it, not copied. What is appended later does not change it. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#memory.length) {
      const memory = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#length));
      this.#memory.copy(memory, 0, 0, this.#length);
      this.#memory = memory;
    }
    this.#memory.set(chunk, this.#length);
    this.#length = length;
  }
}
