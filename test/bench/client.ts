/** A client for the benches: awaits replies and writes with back-pressure. */
import { connect, type Socket } from "node:net";
import { connect as connectTLS } from "node:tls";

export class Client {
  #socket: Socket;
  #text = "";
  #heard: (() => void) | undefined;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Connects, and waits for the greeting. */
  static async open(port: number): Promise<Client> {
    const socket = connect(port, "127.0.0.1");
    const client = new Client(socket);
    await client.reply();
    return client;
  }

  #listen(): void {
    const wake = (): void => {
      this.#heard?.();
      this.#heard = undefined;
    };
    this.#socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      wake();
    });
    this.#socket.on("close", () => {
      this.#closed = true;
      wake();
    });
    this.#socket.on("error", wake);
    this.#socket.on("drain", wake);
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  /** The next reply, all its lines; `undefined` where the server has closed. */
  async reply(): Promise<string | undefined> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return match[0];
      }
      if (this.#closed) return undefined;
      await this.#next();
    }
  }

  async command(line: string): Promise<string | undefined> {
    await this.write(Buffer.from(`${line}\r\n`));
    return this.reply();
  }

  /** Resolves when the socket takes more. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#closed || this.#socket.write(bytes)) return;
    while (!this.#closed && this.#socket.writableNeedDrain) await this.#next();
  }

  async startTLS(): Promise<void> {
    await this.command("STARTTLS");
    const plain = this.#socket;
    plain.removeAllListeners("data").removeAllListeners("drain").removeAllListeners("close");
    const socket = connectTLS({ socket: plain, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    this.#socket = socket;
    this.#listen();
  }

  /** Stops or goes on reading. */
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  /** Closes at once, with a reset where bytes are unread. */
  close(): void {
    this.#socket.destroy();
  }
}
