import { expect } from "bun:test";
import { SMTPServer } from "../../src/index.js";
import type { Connection } from "../../src/connection/connection.js";
import { READERS } from "../../src/connection/state.js";
import { accept } from "../../src/server/server.js";
import { fakeTLS, MemoryTransport } from "../support/memory-transport.js";
import { saslClient, type Login, type SaslClient } from "../support/sasl-client.js";
import { recordingOptions, Seen } from "./hooks.js";
import type { Step, Transcript } from "./transcript.js";

/** How a client reaches the server: in memory, or over a real socket. */
export interface Wire {
  /** The next line that the server sends, without its CRLF; `undefined` when it has closed instead. */
  line(): Promise<string | undefined>;
  send(bytes: Buffer): void | Promise<void>;
  /** Resolves when the server has closed; with what it still said. */
  close(): Promise<string>;
  /** What the server wrote without being asked, once it has nothing left to do. */
  silence(): Promise<string>;
  tls(argument: string): Promise<void>;
  fin(): void;
  reset(): void;
}

/** A wire that is no wire: all in memory. */
export function memoryWire(server: SMTPServer, from: string | undefined): Wire {
  const transport = new MemoryTransport(from);
  accept(server, transport);
  const take = (): string | undefined => {
    const end = transport.output.indexOf("\r\n");
    if (end < 0) return undefined;
    const line = transport.output.slice(0, end);
    transport.output = transport.output.slice(end + 2);
    return line;
  };
  return {
    async line() {
      for (;;) {
        const line = take();
        if (line !== undefined || transport.ended || transport.closed) return line;
        await transport.activity();
      }
    },
    send: (bytes) => transport.send(bytes),
    async close() {
      while (!transport.ended && !transport.closed) await transport.activity();
      const rest = transport.output;
      transport.reset();
      return rest;
    },
    async silence() {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      return transport.output;
    },
    async tls(argument) {
      while (!transport.upgrading) await transport.activity();
      transport.handshake(fakeTLS(argument === "cert" ? { subject: { CN: "client" } } : undefined));
    },
    fin: () => transport.fin(),
    reset: () => transport.reset(),
  };
}

/** One reader reads, and it is one that the state may have. */
function expectKnownReader({ state, reader }: Connection): void {
  expect(READERS[state]).toContain(reader.type);
}

/** Plays a transcript once. Throws at the first step that does not hold, with its line. */
export async function play(
  transcript: Transcript,
  open: (server: SMTPServer) => Wire | Promise<Wire>,
): Promise<void> {
  const seen = new Seen();
  const server = new SMTPServer(recordingOptions(transcript, seen));
  const player = new Player(await open(server), seen);
  for (const step of transcript.steps) {
    try {
      await player.perform(step);
      for (const connection of server.connections) expectKnownReader(connection as Connection);
    } catch (error) {
      const where = `${transcript.name}:${step.line}`;
      throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
  player.leave();
}

class Player {
  readonly #wire: Wire;
  readonly #seen: Seen;
  /** The line heard last; `undefined`: the server closed. */
  #line: string | undefined;
  #client: SaslClient | undefined;

  constructor(wire: Wire, seen: Seen) {
    this.#wire = wire;
    this.#seen = seen;
  }

  async perform(step: Step): Promise<void> {
    const wire = this.#wire;
    switch (step.type) {
      case "send":
        return void (await wire.send(step.bytes));
      case "answer":
        for (const packet of step.cut(this.#answer(step.login))) await wire.send(packet);
        return;
      case "exact":
        return expect(await this.#hear()).toBe(step.text);
      case "match":
        return expect((await this.#hear()) ?? "(closed)").toMatch(step.pattern);
      case "reply":
        for (;;) {
          const line = (await this.#hear()) ?? "(closed)";
          expect(line).toMatch(new RegExp(`^${step.code}[ -]`));
          if (line[3] === " ") return;
        }
      case "saw":
        return expectSeen(await this.#seen.next(step.what), step.value);
      case "act":
        if (step.act === "tls") return wire.tls(step.argument);
        if (step.act === "fin") return wire.fin();
        if (step.act === "reset") return wire.reset();
        if (step.act === "close") return expect(await wire.close()).toBe("");
        return expect(await wire.silence()).toBe("");
    }
  }

  leave(): void {
    this.#wire.reset();
  }

  async #hear(): Promise<string | undefined> {
    return (this.#line = await this.#wire.line());
  }

  #answer(login: Login | undefined): Buffer {
    if (login) this.#client = saslClient(login);
    const challenge = Buffer.from(this.#line?.slice("334 ".length) ?? "", "base64").toString();
    const answer = this.#client?.(challenge);
    if (answer === undefined)
      throw new Error("the client gives up: the server cannot prove that it knows the password");
    return Buffer.from(`${Buffer.from(answer).toString("base64")}\r\n`);
  }
}

/** Of an object only the fields that are named, of anything else all. */
function expectSeen(actual: unknown, expected: unknown): void {
  const isPlainObject = typeof expected === "object" && expected !== null && !Array.isArray(expected);
  if (isPlainObject) expect(actual).toMatchObject(expected);
  else expect(actual).toEqual(expected);
}
