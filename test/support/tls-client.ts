import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTLS, type ConnectionOptions, type TLSSocket } from "node:tls";
import { endAfterTest } from "./ending.js";

/** A client of Node's that speaks SMTP over a real socket, in plaintext and over TLS. */
export class TLSClient {
  socket: Socket;
  #text = "";
  #over = false;
  #heard = Promise.withResolvers<void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#attach();
    endAfterTest(() => this.destroy());
  }

  /** Connects in plaintext, to a port or a unix socket. */
  static async plain(to: number | string): Promise<TLSClient> {
    const where = typeof to === "string" ? { path: to } : { host: "127.0.0.1", port: to };
    const socket = connect({ ...where, allowHalfOpen: true });
    const client = new TLSClient(socket);
    await once(socket, "connect");
    return client;
  }

  /** Connects with TLS from the first byte. Rejects if the handshake fails. */
  static async implicit(port: number, options: ConnectionOptions = {}): Promise<TLSClient> {
    const socket = connectTLS({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
    await once(socket, "secureConnect");
    return new TLSClient(socket);
  }

  /** The handshake on the connection as it is. Rejects if it fails. */
  async handshake(options: ConnectionOptions = {}): Promise<this> {
    this.socket.removeAllListeners();
    this.socket.on("error", () => {});
    const socket = connectTLS({ socket: this.socket, rejectUnauthorized: false, ...options });
    await once(socket, "secureConnect");
    this.socket = socket;
    this.#attach();
    return this;
  }

  /** STARTTLS with the EHLO before and the EHLO after. */
  async startTLS(options: ConnectionOptions = {}): Promise<this> {
    await this.reply();
    await this.say("EHLO client");
    await this.say("STARTTLS");
    await this.handshake(options);
    await this.say("EHLO client");
    return this;
  }

  /** The certificate that the server shows: its common name. */
  get certificate(): string {
    const { CN } = (this.socket as TLSSocket).getPeerCertificate().subject;
    return String(CN);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** The next whole reply; `undefined` when the server has closed instead. */
  async reply(): Promise<string | undefined> {
    for (;;) {
      const reply = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#text)?.[0];
      if (reply) {
        this.#text = this.#text.slice(reply.length);
        return reply.trimEnd();
      }
      if (this.#over) return undefined;
      await this.#heard.promise;
    }
  }

  say(line: string): Promise<string | undefined> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  async deliver(text: string): Promise<string | undefined> {
    for (const line of ["MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>", "DATA"]) await this.say(line);
    return this.say(`${text}.`);
  }

  /** Waits until the server has closed. */
  async closed(): Promise<void> {
    while (!this.#over) await this.#heard.promise;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #attach(): void {
    const tell = (): void => {
      this.#heard.resolve();
      this.#heard = Promise.withResolvers();
    };
    const finish = (): void => {
      this.#over = true;
      tell();
    };
    this.socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      tell();
    });
    this.socket.on("end", finish).on("close", finish).on("error", finish);
  }
}
