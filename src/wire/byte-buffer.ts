/**
 * Joins chunks in one Buffer. It doubles its memory when it is full, so time and memory stay linear in the octets, even
 * if a client sends them one by one.
 */
export class ByteBuffer {
  #memory: Buffer;
  #length: number;

  /** @param first used as it is until the first `append` copies it; never written to */
  constructor(first: Buffer) {
    this.#memory = first;
    this.#length = first.length;
  }

  get length(): number {
    return this.#length;
  }

  /** All octets, not copied. A later `append` does not change them. */
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
