/** An SMTP client of a few lines: what it says and where it comes from is up to the test. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTLS } from "node:tls";
import type { ConnectionOptions } from "node:tls";

/** Where to connect to, and how. */
export interface Target {
  /** A port of 127.0.0.1, or the path of a unix socket. */
  to: number | string;
  /** An address of loopback to come from. */
  from?: string;
  /** Sent before anything else: a PROXY header. */
  before?: string;
  /** TLS from the start; no certificate is too bad. An object: with these options. */
  tls?: boolean | ConnectionOptions;
}

/** A message. */
export interface Message {
  from: string;
  to: readonly string[];
  /** With CRLF, also at the end. */
  data: string;
}

/** A client's connection. */
export class Client implements Disposable {
  readonly #socket: Socket;
  readonly #replies: string[] = [];
  #text = "";
  #closed = false;
  #changed = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text) => this.#take(String(text)));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#closed = true;
      this.#changed.resolve();
    });
  }

  /** Connects, and is there once the connection (and TLS) stands. */
  static async connect({ to, from, before, tls }: Target): Promise<Client> {
    const target = typeof to === "string" ? { path: to } : { host: "127.0.0.1", port: to };
    const plain = connect(from === undefined ? target : { ...target, localAddress: from });
    await event(plain, "connect");
    if (before !== undefined) plain.write(before);
    if (!tls) return new Client(plain);
    const secured = connectTLS({ socket: plain, rejectUnauthorized: false, ...(tls === true ? {} : tls) });
    await event(secured, "secureConnect");
    return new Client(secured);
  }

  /** The local port. */
  get port(): number {
    return this.#socket.localPort ?? 0;
  }

  /** The next reply, its lines joined by LF; "" if the connection closes before. */
  async reply(): Promise<string> {
    while (this.#replies.length === 0 && !this.#closed) await this.#changed.promise;
    return this.#replies.shift() ?? "";
  }

  /** Sends a line and gives the reply. */
  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.reply();
  }

  /** Sends octets as they are; resolves when they have left. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => this.#socket.write(text, () => resolve()));
  }

  /** Sends a message and gives the last reply; throws if something before the message is not accepted. */
  async deliver({ from, to, data }: Message): Promise<string> {
    const commands = [`MAIL FROM:<${from}>`, ...to.map((address) => `RCPT TO:<${address}>`), "DATA"];
    for (const command of commands) {
      const reply = await this.say(command);
      if (!/^[23]/.test(reply)) throw new Error(`${command}: ${reply}`);
    }
    return this.say(`${data.replace(/^\./gm, "..")}.`);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    for (let end; (end = /^(?:\d{3} |\* ).*\r\n/m.exec(this.#text)) !== null;) {
      const length = end.index + end[0].length;
      this.#replies.push(this.#text.slice(0, length).trimEnd().replaceAll("\r\n", "\n"));
      this.#text = this.#text.slice(length);
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function event(socket: Socket, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once(name, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}
