/** Clients that send to a fleet whatever happens to it, and the count of what became of each message. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MailClient } from "../../../docs/examples/fleet/client.js";

/** What a client got for a message. */
type Outcome = "answered" | "refused" | "broken";

/** What {@link Load.check} counts. */
export interface Counts {
  sent: number;
  /** A client got 250. */
  answered: number;
  /** A client got 4xx. */
  refused: number;
  /** The connection ended without an answer. */
  broken: number;
  /** Answered, and not in the mailbox. */
  lost: number;
  /** In the mailbox with other octets than were sent, or a part of them. */
  damaged: number;
  /** In the mailbox more often than once: the copies beyond the first. */
  duplicates: number;
  /** Not answered 250, and in the mailbox, whole. */
  deliveredUnanswered: number;
  /** Connections that were not greeted. */
  unwelcome: number;
}

/** Octets of the messages, one after the other: most are small, some go to the object store. */
const SIZES = [400, 2000, 4000, 4000, 20_000, 4000, 400, 350_000];
const PER_CONNECTION = 5;

let loads = 0;

/** A message whose octets follow from its id: lines with dots in front, 8-bit characters, a CRLF at the end. */
export function messageOf(id: string, size: number): Buffer {
  const lines = [`Subject: ${id}`, `Message-ID: <${id}@client.test>`, ""];
  let octets = 0;
  let state = Bun.hash.crc32(id) | 1;
  while (octets < size) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    const length = (state >>> 16) % 90;
    const line = `${[".", "..", "", "é"][state & 3]}${(state >>> 0).toString(36).repeat(12).slice(0, length)}`;
    lines.push(line);
    octets += length + 2;
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n`);
}

/** Some clients. */
export class Load {
  readonly #port: number;
  readonly #name = `${process.pid}.${++loads}`;
  readonly #messages = new Map<string, { size: number; outcome: Outcome; at: number }>();
  readonly #pause: number;
  #running: Promise<unknown> | undefined;
  #isStopping = false;
  #unwelcome = 0;
  #count = 0;
  #answered = 0;
  /** Files of the mailbox that were read, and how often each message was in them. */
  readonly #seen = new Set<string>();
  readonly #copies = new Map<string, number>();
  #damaged = 0;

  /**
   * @param port of HAProxy
   * @param pause milliseconds of a client between two messages
   */
  constructor(port: number, pause = 50) {
    this.#port = port;
    this.#pause = pause;
  }

  /** How many messages were answered 250 so far. */
  get answered(): number {
    return this.#answered;
  }

  /** How many connections were not greeted so far. */
  get unwelcome(): number {
    return this.#unwelcome;
  }

  start(clients: number): void {
    this.#isStopping = false;
    this.#running = Promise.all(Array.from({ length: clients }, () => this.#client()));
  }

  /** Ends the clients, each after its message. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** Waits until so many more messages were answered 250. */
  async more(count: number, within = 30_000): Promise<void> {
    const goal = this.answered + count;
    const deadline = Date.now() + within;
    while (this.answered < goal) {
      if (Date.now() > deadline) throw new Error(`${this.answered} of ${goal} messages were answered`);
      await Bun.sleep(20);
    }
  }

  /** Sends one message and gives the seconds until a client got 250; what fails is tried again. */
  async one(size = 2000, within = 60_000): Promise<number> {
    const since = performance.now();
    while (performance.now() - since < within) {
      using client = await this.#connect();
      if (client && (await this.#send(client, size)) === "answered")
        return (performance.now() - since) / 1000;
      await Bun.sleep(100);
    }
    throw new Error(`No message was answered 250 within ${within} ms`);
  }

  /** The messages that were answered and are not in the mailbox, for a look at what happened to them. */
  get lost(): string[] {
    return this.#with("answered")
      .filter((id) => !this.#copies.has(id))
      .map((id) => {
        const { size, at } = this.#messages.get(id) ?? { size: 0, at: 0 };
        return `${id} of ${size} octets, answered at ${new Date(at).toISOString()}`;
      });
  }

  /** Compares the mailbox with what was sent; waits until nothing that was answered is missing. */
  async check(mailbox: string, within = 30_000): Promise<Counts> {
    const deadline = Date.now() + within;
    const answered = this.#with("answered");
    const lost = (): number => answered.filter((id) => !this.#copies.has(id)).length;
    this.#read(mailbox);
    while (lost() > 0 && Date.now() < deadline) {
      await Bun.sleep(200);
      this.#read(mailbox);
    }
    const unanswered = [...this.#with("refused"), ...this.#with("broken")];
    return {
      sent: this.#messages.size,
      answered: answered.length,
      refused: this.#with("refused").length,
      broken: this.#with("broken").length,
      lost: lost(),
      damaged: this.#damaged,
      duplicates: [...this.#copies.values()].reduce((sum, count) => sum + count - 1, 0),
      deliveredUnanswered: unanswered.filter((id) => this.#copies.has(id)).length,
      unwelcome: this.#unwelcome,
    };
  }

  #read(mailbox: string): void {
    for (const file of new Bun.Glob("new/*").scanSync(mailbox)) {
      if (this.#seen.has(file)) continue;
      this.#seen.add(file);
      const id = this.#judge(readFileSync(join(mailbox, file)));
      if (id === undefined) this.#damaged++;
      else if (id !== "") this.#copies.set(id, (this.#copies.get(id) ?? 0) + 1);
    }
  }

  /** The id of a message that is whole, "" for one of another load, nothing for one that is not as it was sent. */
  #judge(file: Buffer): string | undefined {
    // The lines of the delivery, and then those of the receiver.
    const head = /^Return-Path: .*\r\nReceived: .*\r\n(?:\t.*\r\n)*/.exec(file.toString("latin1"));
    const octets = file.subarray(head?.[0].length ?? 0);
    const id = /^Subject: (\S+)\r\n/.exec(octets.toString("latin1", 0, 200))?.[1];
    if (id === undefined) return undefined;
    const message = this.#messages.get(id);
    if (!message) return id.startsWith(`${this.#name}.`) ? undefined : "";
    return octets.equals(messageOf(id, message.size)) ? id : undefined;
  }

  #with(outcome: Outcome): string[] {
    return [...this.#messages].filter(([, message]) => message.outcome === outcome).map(([id]) => id);
  }

  async #client(): Promise<void> {
    while (!this.#isStopping) {
      using client = await this.#connect();
      for (let left = PER_CONNECTION; client?.isOpen && left > 0 && !this.#isStopping; left--) {
        await this.#send(client, SIZES[this.#count % SIZES.length] ?? 0);
        await Bun.sleep(this.#pause);
      }
      if (!client) await Bun.sleep(100);
    }
  }

  async #connect(): Promise<MailClient | undefined> {
    try {
      return await MailClient.open(`127.0.0.1:${this.#port}`, "client.test", "smtp");
    } catch {
      this.#unwelcome++;
      return undefined;
    }
  }

  async #send(client: MailClient, size: number): Promise<Outcome> {
    const id = `${this.#name}.${this.#count++}`;
    const message = { size, outcome: "broken" as Outcome, at: 0 };
    this.#messages.set(id, message);
    try {
      const [reply] = await client.deliver({
        mailFrom: "me@example.com",
        rcptTo: ["you@example.com"],
        isUTF8: false,
        content: once(messageOf(id, size)),
      });
      message.outcome = reply?.code === 250 ? "answered" : "refused";
      message.at = Date.now();
      if (message.outcome === "answered") this.#answered++;
    } catch {
      // 421, or no answer at all.
    }
    return message.outcome;
  }
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}
