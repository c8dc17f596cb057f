/** Messages on their way to the database: small ones in memory, each other one in a file of its own. */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  createReadStream,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  statfsSync,
  unlinkSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";

/** The octets of a message that stay in memory: it is what a client can take of it. */
const IN_MEMORY = 64 * 1024;

/** The folder of the files. */
export class Bodies {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    syncFolder(dirname(path));
  }

  /** Octets that the disk has left for others than root. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Removes what was written and never stored: the process was killed between the two. */
  removeUnless(isStored: (file: string) => boolean): void {
    for (const file of readdirSync(this.path)) {
      if (!isStored(file)) unlinkSync(join(this.path, file));
    }
  }

  /** A new message, empty so far. */
  create(): Body {
    return new Body(this.path);
  }
}

/** The octets of one message. `await using` removes the file, unless `keep()` was called. */
export class Body implements AsyncDisposable {
  readonly #folder: string;
  #chunks: Uint8Array[] = [];
  #content: Uint8Array<ArrayBuffer> | undefined;
  #octets = 0;
  #file: string | null = null;
  #handle: FileHandle | undefined;
  #isKept = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The name of the file; null where they are in memory. */
  get file(): string | null {
    return this.#file;
  }

  /** Those of a small message, null where they are in a file. Their buffer may be transferred. */
  get content(): Uint8Array<ArrayBuffer> | null {
    return this.#file === null ? this.#joined() : null;
  }

  /** All of them, to be read once more. */
  read(): Buffer | Readable {
    if (this.#file !== null) return createReadStream(join(this.#folder, this.#file));
    return Buffer.from(this.#joined().buffer);
  }

  /** Lets `change` write into the first octets: it gets 64 kB at most, and whether that is the whole message. */
  async edit(change: (start: Buffer, isWhole: boolean) => void): Promise<void> {
    if (this.#handle === undefined) return change(Buffer.from(this.#joined().buffer), true);
    const start = Buffer.alloc(IN_MEMORY);
    await this.#handle.read(start, 0, IN_MEMORY, 0);
    const before = Buffer.from(start);
    change(start, false);
    if (start.equals(before)) return;
    for (let at = 0; at < IN_MEMORY;)
      at += (await this.#handle.write(start, at, IN_MEMORY - at, at)).bytesWritten;
  }

  /** In one piece, and a buffer of their own. */
  #joined(): Uint8Array<ArrayBuffer> {
    if (this.#content === undefined) {
      this.#content = new Uint8Array(this.#octets);
      let at = 0;
      for (const chunk of this.#chunks) {
        this.#content.set(chunk, at);
        at += chunk.byteLength;
      }
    }
    return this.#content;
  }

  /** Adds some. Wait for it before you read on, so that a disk that is slow slows the client down. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
    this.#octets += chunk.byteLength;
    if (this.#octets <= IN_MEMORY) return;
    if (this.#handle === undefined) {
      const file = `${randomUUID()}.eml`;
      this.#handle = await open(join(this.#folder, file), "wx+", 0o600);
      this.#file = file;
    }
    const chunks = this.#chunks;
    this.#chunks = [];
    // `write` may write a part of it only, when the disk is nearly full.
    for (const next of chunks) await this.#handle.appendFile(next);
  }

  /** Puts a file on the disk, and then its name, which is a matter of its folder. */
  async sync(): Promise<void> {
    if (this.#handle === undefined) return;
    await this.#handle.sync();
    await this.#close();
    await using folder = await open(this.#folder);
    await folder.sync();
  }

  /** Leaves the file where it is: the database has its name, or may have it. */
  keep(): void {
    this.#isKept = true;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    if (this.#file !== null && !this.#isKept) unlinkSync(join(this.#folder, this.#file));
  }
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}
