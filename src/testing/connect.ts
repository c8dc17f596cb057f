/** A conversation with a server in memory: no socket, no port. */
import { inspect } from "node:util";
import { accept, SMTPServer } from "../server/server.js";
import { systemClock } from "../time/clock.js";
import { checkFields, checkInteger } from "./given.js";
import { type MemoryTLS, memoryTLS } from "./memory-tls.js";
import { MemoryTransport } from "./memory-transport.js";
import { takeReply, type Reply } from "./reply.js";

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** The client's address. Default: 127.0.0.1. */
  remoteAddress?: string | undefined;
  /** The client's port. Default: 50000. */
  remotePort?: number | undefined;
  /** The address that the client connects to. Default: 127.0.0.1. */
  localAddress?: string | undefined;
  /** The port that the client connects to. Default: 25. */
  localPort?: number | undefined;
  /** What the client sends before the greeting, such as a PROXY header. Default: nothing. */
  preface?: string | Uint8Array | undefined;
  /** What the client brings to TLS, with `secure: true` and for `startTLS()`. */
  tls?: MemoryTLS | undefined;
  /** Milliseconds to wait for a reply. Default: 2000. */
  timeout?: number | undefined;
}

const OPTIONS = ["remoteAddress", "remotePort", "localAddress", "localPort", "preface", "tls", "timeout"];
const TLS_OPTIONS = ["servername", "certificate", "authorized"];
/** Octets that reach the server at a time, as with a socket. */
const CHUNK = 64 * 1024;
/** What an error shows of the conversation, and of a line. */
const LINES_SHOWN = 12;
const COLUMNS_SHOWN = 200;

const octetsOf = (text: string | Uint8Array): Buffer => Buffer.from(text as string);

/**
 * Connects to a server in memory: no socket, no port, and no `listen()`. The server runs as it would behind a socket,
 * with its hooks, options and time limits. The handshake of implicit TLS is part of it, without encryption.
 *
 * @param server an SMTPServer of this package
 * @returns the client, once the greeting or a refusal is there
 * @throws TypeError that names the option, for one that cannot be meant
 * @throws Error where the server closes, or sends nothing within `timeout` ms
 */
export async function connect(server: SMTPServer, options: ConnectOptions = {}): Promise<TestClient> {
  const client = new TestClient(server, options);
  try {
    await client.open(options.preface);
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

/** A client whose connection to the server is in memory. {@link connect} makes one. */
export class TestClient implements AsyncDisposable {
  readonly #transport: MemoryTransport;
  readonly #timeout: number;
  readonly #tls: MemoryTLS | undefined;
  #greeting: Reply | undefined;
  /** What came and was not read as a reply yet, each character one octet. */
  #received = "";
  /** The conversation so far, for errors. */
  readonly #conversation: string[] = [];

  /** Use {@link connect}, which waits for the greeting. */
  constructor(server: SMTPServer, options: ConnectOptions) {
    checkOptions(server, options);
    const { remoteAddress = "127.0.0.1", remotePort = 50_000 } = options;
    const { localAddress = "127.0.0.1", localPort = 25 } = options;
    this.#timeout = options.timeout ?? 2000;
    this.#tls = options.tls;
    this.#transport = new MemoryTransport({ remoteAddress, remotePort, localAddress, localPort });
    accept(server, this.#transport);
  }

  /** @internal Called by {@link connect}. */
  async open(preface: string | Uint8Array = ""): Promise<void> {
    if (preface.length > 0) this.write(preface);
    if (this.#transport.upgrading) this.#handshake();
    this.#greeting = await this.#reply("the connection");
  }

  /** The first reply: the 220, or the refusal. */
  get greeting(): Reply {
    return this.#greeting as Reply;
  }

  /** Whether the server has not closed the connection. */
  get isOpen(): boolean {
    return !this.#transport.ended && !this.#transport.closed;
  }

  /**
   * Sends a line, and waits for its reply.
   * @param line a command, or an answer in an AUTH exchange, without its CRLF
   * @throws Error that says what was sent and what came, where no reply comes within the time limit
   */
  async command(line: string): Promise<Reply> {
    if (/[\r\n]/.test(line)) throw new TypeError(`command: one line is wanted, not ${inspect(line)}`);
    if (this.#transport.upgrading)
      throw new Error("The server waits for a TLS handshake: send STARTTLS by client.startTLS()");
    this.write(`${line}\r\n`);
    return this.#reply(JSON.stringify(shorten(line)));
  }

  /**
   * Sends a message after the 354 to DATA, and its end; waits for the reply. In LMTP each recipient gets one:
   * {@link reply} gives the others.
   * @param message a text, whose lines may end in LF alone, or octets, which stay as they are. A dot at the start
   * of a line is doubled (RFC 5321 section 4.5.2)
   */
  async data(message: string | Uint8Array): Promise<Reply> {
    const source =
      typeof message === "string"
        ? Buffer.from(message.replace(/\r?\n/g, "\r\n")).toString("latin1")
        : Buffer.from(message).toString("latin1");
    const stuffed = source.replace(/^\.|(?<=\r\n)\./g, "..");
    const end = stuffed === "" || stuffed.endsWith("\r\n") ? ".\r\n" : "\r\n.\r\n";
    this.write(Buffer.from(stuffed + end, "latin1"));
    return this.#reply("the message");
  }

  /** Waits for the next reply, after `write()` and for the further ones of LMTP. */
  reply(): Promise<Reply> {
    return this.#reply("what was sent");
  }

  /** Sends STARTTLS, and after its 220 plays a handshake without encryption: the server goes on as with TLS. */
  async startTLS(): Promise<Reply> {
    const reply = await this.command("STARTTLS");
    if (this.#transport.upgrading) this.#handshake();
    return reply;
  }

  /** Sends octets as they are, a text as UTF-8, and waits for nothing. */
  write(raw: string | Uint8Array): void {
    const octets = octetsOf(raw);
    this.#note("C", octets.subarray(0, COLUMNS_SHOWN * LINES_SHOWN).toString("latin1"));
    for (let at = 0; at < octets.length; at += CHUNK) this.#transport.send(octets.subarray(at, at + CHUNK));
  }

  /** Closes the client's side. The server still sends the replies to what came before. */
  end(): void {
    this.#transport.fin();
  }

  /**
   * Waits until the server has closed the connection.
   * @returns what it sent before, and no `reply()` has given
   * @throws Error where it stays open until the time limit
   */
  async closed(): Promise<string> {
    await this.#until(
      () => !this.isOpen,
      () => this.#error("The server did not close the connection"),
    );
    this.#take();
    const rest = this.#received;
    this.#received = "";
    return Buffer.from(rest, "latin1").toString();
  }

  /** Closes the connection, as a client does that leaves; a message that is under way breaks off. onClose was called then. */
  async close(): Promise<void> {
    this.#transport.close();
    // onClose is called a turn later.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #handshake(): void {
    this.#transport.handshake(memoryTLS(this.#transport, this.#tls));
  }

  async #reply(to: string): Promise<Reply> {
    let reply: Reply | undefined;
    await this.#until(
      () => (reply = this.#nextReply()) !== undefined || !this.isOpen,
      () => this.#error(`No reply to ${to}`),
    );
    if (!reply) throw this.#error(`The server closed the connection without a reply to ${to}`, "");
    return reply;
  }

  #nextReply(): Reply | undefined {
    this.#take();
    const [reply, rest = ""] = takeReply(this.#received) ?? [];
    if (reply) this.#received = rest;
    return reply;
  }

  /** Waits until something is so, and throws an error if that takes longer than the time limit. */
  async #until(isSo: () => boolean, error: () => Error): Promise<void> {
    let isLate = false;
    const late = Promise.withResolvers<void>();
    const timer = systemClock.setTimeout(() => {
      isLate = true;
      late.resolve();
    }, this.#timeout);
    try {
      while (!isSo()) {
        if (isLate) throw error();
        await Promise.race([this.#transport.activity(), late.promise]);
      }
    } finally {
      systemClock.clearTimeout(timer);
    }
  }

  #take(): void {
    const { output } = this.#transport;
    if (output === "") return;
    this.#transport.output = "";
    this.#received += output;
    this.#note("S", output);
  }

  #note(side: "C" | "S", text: string): void {
    const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
    this.#conversation.push(...lines.map((line) => `  ${side}: ${shorten(line)}`));
    this.#conversation.splice(0, this.#conversation.length - LINES_SHOWN);
  }

  #error(what: string, within = ` within ${this.#timeout} ms`): Error {
    this.#take();
    const lines = this.#conversation.length > 0 ? this.#conversation : ["  (nothing)"];
    return new Error(`${what}${within}. The conversation was:\n${lines.join("\n")}`);
  }
}

function shorten(line: string): string {
  return line.length > COLUMNS_SHOWN ? `${line.slice(0, COLUMNS_SHOWN)}…` : line;
}

function checkOptions(server: unknown, options: ConnectOptions): void {
  if (!(server instanceof SMTPServer))
    throw new TypeError(
      `connect: an SMTPServer of this package is wanted, not ${inspect(server, { depth: -1 })}. ` +
        "Import SMTPServer and connect by the same package name",
    );
  checkFields("connect", options, OPTIONS);
  checkInteger("connect: timeout", options.timeout, 1);
  checkInteger("connect: remotePort", options.remotePort, 0, 65_535);
  checkInteger("connect: localPort", options.localPort, 0, 65_535);
  for (const name of ["remoteAddress", "localAddress"] as const) {
    const address: unknown = options[name];
    if (address !== undefined && typeof address !== "string")
      throw new TypeError(`connect: ${name}: a string is wanted, not ${inspect(address)}`);
  }
  const { preface, tls } = options;
  if (preface !== undefined && typeof preface !== "string" && !((preface as unknown) instanceof Uint8Array))
    throw new TypeError(`connect: preface: a string or octets are wanted, not ${inspect(preface)}`);
  if (tls !== undefined) checkFields("connect: tls", tls, TLS_OPTIONS);
}
