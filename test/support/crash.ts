/**
 * The example mx under load, killed at any moment: what it answered 250 is there after the next start, octet for
 * octet, and there is no half message. The root suite plays a few rounds, test/bench/crash.ts many.
 */
import { Database } from "bun:sqlite";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../bench/client.js";
import { Program } from "./program.js";
import { random } from "./random.js";

/** Up to 64 kB the server has a message in memory, beyond it in a file. */
const LENGTHS = [200, 4_000, 4_000, 60_000, 70_000, 300_000];
const CLIENTS = 12;

/** What the rounds came to. */
export interface Counts {
  answered: number;
  /** Stored, but the client did not hear of it: it would send them a second time. */
  unheard: number;
  /** Files of messages. */
  files: number;
  /** Files of messages that were not stored, which the next start removed. */
  leftOver: number;
}

/** A receiver, killed and started by turns. */
export class CrashTest {
  readonly #env: { DATABASE: string; NAME: string };
  readonly #answered = new Set<number>();
  #sent = 0;
  #leftOver = 0;

  /** @param directory for the database */
  constructor(directory: string) {
    this.#env = { DATABASE: join(directory, "crash.sqlite"), NAME: "mx.test" };
  }

  /** Makes the recipient known. */
  async prepare(): Promise<void> {
    const add = new Program("mx/main.ts", ["add", "b@b.test"], { env: this.#env });
    await add.prints(/^Recipients: b@b\.test$/);
    await add.exited;
  }

  /** Starts the server, loads it until so many messages were answered, and kills it. */
  async round(messages: number): Promise<void> {
    const { server, port } = await this.#start();
    const until = this.#answered.size + messages;
    const killed = Promise.withResolvers<void>();
    const client = async (): Promise<void> => {
      const connection = await Client.open(port);
      await connection.command("EHLO client.test");
      while (await this.#deliver(connection)) {
        if (this.#answered.size < until) continue;
        server.kill();
        killed.resolve();
      }
    };
    const clients = Array.from({ length: CLIENTS }, client);
    await killed.promise;
    await Promise.all(clients);
    await server.exited;
  }

  async #start(): Promise<{ server: Program; port: number }> {
    const before = this.#files().length;
    const server = new Program("mx/main.ts", [], { env: this.#env });
    const port = await server.port();
    this.#leftOver += before - this.#files().length;
    return { server, port };
  }

  /** Sends the next message; false once the server has gone. */
  async #deliver(client: Client): Promise<boolean> {
    const number = this.#sent++;
    for (const line of [`MAIL FROM:<${number}@a.test>`, "RCPT TO:<b@b.test>", "DATA"]) {
      if ((await client.command(line)) === undefined) return false;
    }
    await client.write(Buffer.concat([messageOf(number), Buffer.from(".\r\n")]));
    const reply = await client.reply();
    if (reply?.startsWith("250 ")) this.#answered.add(number);
    else if (reply !== undefined) throw new Error(`Message ${number} was refused: ${reply}`);
    return reply !== undefined;
  }

  #files(): string[] {
    const folder = `${this.#env.DATABASE}-bodies`;
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  /** Starts the server once more, ends it, and compares. Throws where a message was lost or is not whole. */
  async check(): Promise<Counts> {
    const { server } = await this.#start();
    await server.ends("SIGTERM");
    using db = new Database(this.#env.DATABASE, { readonly: true });
    const rows = db.query<Row, []>(
      "SELECT mailFrom, content, file FROM messages JOIN deliveries ON message = id WHERE recipient = 'b@b.test'",
    );
    const stored = new Set<number>();
    const files = new Set<string>();
    for (const { mailFrom, content, file } of rows.iterate()) {
      const number = parseInt(mailFrom);
      const octets = file === null ? content : readFileSync(join(`${this.#env.DATABASE}-bodies`, file));
      if (!octets || !messageOf(number).equals(octets))
        throw new Error(`Message ${number} is not what was sent`);
      if (stored.has(number)) throw new Error(`Message ${number} is there twice`);
      stored.add(number);
      if (file !== null) files.add(file);
    }
    const lost = [...this.#answered].filter((number) => !stored.has(number));
    if (lost.length > 0) throw new Error(`Answered 250 and lost: ${lost.join(" ")}`);
    const others = this.#files().filter((file) => !files.has(file));
    if (others.length > 0) throw new Error(`Files of no message: ${others.join(" ")}`);
    return {
      answered: this.#answered.size,
      unheard: stored.size - this.#answered.size,
      files: files.size,
      leftOver: this.#leftOver,
    };
  }
}

interface Row {
  mailFrom: string;
  content: Uint8Array | null;
  file: string | null;
}

/** The octets of a message: any but those that SMTP changes on its way. */
function messageOf(number: number): Buffer {
  const dice = random(number + 1);
  const message = Buffer.alloc(dice.pick(LENGTHS), `message ${number} `);
  for (let at = 0; at < message.length; at += 50) message[at] = 128 + dice.below(128);
  return Buffer.concat([Buffer.from(`Subject: ${number}\r\n\r\n`), message, Buffer.from("\r\n")]);
}
