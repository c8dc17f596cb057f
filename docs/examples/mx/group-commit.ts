/**
 * Group commit: while one transaction waits for the disk, messages gather for the next one.
 *
 * The wait takes as long as all other work for some ten to some hundred messages. With a transaction for each message
 * the disk decides how many there are in a second; with one for all that came meanwhile, the processor decides.
 */
import { Worker } from "node:worker_threads";
import type { Message, Outcome } from "./database.js";

interface Waiting {
  message: Message;
  octets: number;
  resolve(id: number): void;
  reject(error: Error): void;
}

/** Stores messages from the thread that serves the clients. */
export class GroupCommit {
  readonly #writer: Worker;
  /** What the next transaction takes. */
  #waiting: Waiting[] = [];
  /** What the running transaction has; empty where none runs. */
  #running: Waiting[] = [];
  /** Octets of both. */
  #octets = 0;

  /** @param path the database, which is there */
  constructor(path: string) {
    this.#writer = new Worker(new URL("./writer.ts", import.meta.url), { workerData: path });
    this.#writer.on("message", (outcomes: readonly Outcome[]) => this.#settle(outcomes));
    // It cannot open the database, or has no memory. What was answered is on the disk: start the program again.
    this.#writer.on("error", (error) => {
      console.error(error);
      process.exit(1);
    });
  }

  /** Octets of messages that wait for the disk: many, where it is slower than the clients. */
  get octets(): number {
    return this.#octets;
  }

  /** Gives the id of the message when it is on the disk. The octets of its content move to the other thread. */
  add(message: Message): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const octets = message.content?.byteLength ?? 0;
    this.#octets += octets;
    const isFirst = this.#waiting.push({ message, octets, resolve, reject }) === 1;
    if (isFirst && this.#running.length === 0) this.#sendSoon();
    return promise;
  }

  /** At the end of this turn of the event loop: what else is complete in it goes along. */
  #sendSoon(): void {
    setImmediate(() => {
      this.#running = this.#waiting;
      this.#waiting = [];
      const group = this.#running.map(({ message }) => message);
      const contents = group.flatMap(({ content }) => (content ? [content.buffer] : []));
      this.#writer.postMessage(group, contents);
    });
  }

  #settle(outcomes: readonly Outcome[]): void {
    const group = this.#running;
    this.#running = [];
    for (const [at, { octets, resolve, reject }] of group.entries()) {
      this.#octets -= octets;
      const outcome = outcomes[at] as Outcome;
      if ("id" in outcome) resolve(outcome.id);
      else reject(Object.assign(new Error(outcome.reason), { code: outcome.code }));
    }
    if (this.#waiting.length > 0) this.#sendSoon();
  }

  /** Ends the thread. Nothing may wait any more. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#writer.once("exit", resolve));
    this.#writer.postMessage("close");
    await ended;
  }
}
