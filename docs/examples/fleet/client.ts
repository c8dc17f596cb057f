/** Hands messages over to a mail server, by LMTP (RFC 2033) or SMTP. */
import { connect, type Socket } from "node:net";
import { stuff } from "./dots.js";

/** What a server may take for one reply (RFC 5321 section 4.5.3.2.6 has ten minutes). */
const TIMEOUT = 10 * 60_000;

/** A reply: its code, and its text in one line. */
export interface Reply {
  code: number;
  text: string;
}

/** What is handed over. */
export interface Mail {
  mailFrom: string;
  rcptTo: readonly string[];
  isUTF8: boolean;
  content: AsyncIterable<Uint8Array>;
}

/** The connection is gone. What was not answered before may have been done or not. */
export class Disconnected extends Error {
  override readonly name = "Disconnected";
}

/** A connection. One message after the other. */
export class MailClient implements Disposable {
  readonly #socket: Socket;
  readonly #isLMTP: boolean;
  readonly #replies: Reply[] = [];
  #keywords = new Set<string>();
  #text = "";
  #gone: Error | undefined;
  #wake = Promise.withResolvers<void>();

  private constructor(socket: Socket, isLMTP: boolean) {
    this.#socket = socket;
    this.#isLMTP = isLMTP;
    socket.setEncoding("utf8");
    socket.setNoDelay(true);
    socket.setTimeout(TIMEOUT, () => socket.destroy(new Error("No reply in time")));
    socket.on("data", (text) => this.#take(String(text)));
    socket.on("drain", () => this.#awake());
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("The connection was closed")));
  }

  /**
   * Connects and says hello. Rejects where that fails.
   * @param address `host:port`, or the path of a unix socket
   * @param name the host name to say
   */
  static async open(address: string, name: string, protocol: "lmtp" | "smtp"): Promise<MailClient> {
    const [, host = "", port] = /^(.*):(\d+)$/.exec(address) ?? [];
    const socket = connect(port === undefined ? { path: address } : { host, port: Number(port) });
    const client = new MailClient(socket, protocol === "lmtp");
    try {
      await client.#expect(2);
      const hello = await client.#say(`${protocol === "lmtp" ? "LHLO" : "EHLO"} ${name}`, 2);
      client.#keywords = new Set(hello.text.toUpperCase().split(/[\s]+/));
      return client;
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether the connection can take a message. */
  get isOpen(): boolean {
    return this.#gone === undefined && this.#replies.length === 0;
  }

  /**
   * Hands a message over, and gives a reply for each recipient, in their order. Rejects, and closes the connection,
   * where a reply is missing or `content` throws: then it is unknown what the server has.
   */
  async deliver({ mailFrom, rcptTo, isUTF8, content }: Mail): Promise<Reply[]> {
    try {
      const parameters = ["8BITMIME", "SMTPUTF8"].filter((keyword) => this.#keywords.has(keyword));
      if (isUTF8 && !parameters.includes("SMTPUTF8")) {
        const refusal = { code: 550, text: "550 5.6.7 The next server does not know SMTPUTF8" };
        return rcptTo.map(() => refusal);
      }
      const body = parameters.includes("8BITMIME") ? " BODY=8BITMIME" : "";
      const mail = await this.#say(`MAIL FROM:<${mailFrom}>${body}${isUTF8 ? " SMTPUTF8" : ""}`);
      if (!isPositive(mail)) return rcptTo.map(() => mail);
      const replies: Reply[] = [];
      for (const address of rcptTo) replies.push(await this.#say(`RCPT TO:<${address}>`));
      const isAccepted = replies.map(isPositive);
      if (isAccepted.includes(true)) {
        const data = await this.#say("DATA");
        if (data.code === 354) {
          await this.#send(content);
          const last = this.#isLMTP ? undefined : await this.#reply();
          for (const [at, accepted] of isAccepted.entries()) {
            if (accepted) replies[at] = last ?? (await this.#reply());
          }
          return replies;
        }
        for (const [at, accepted] of isAccepted.entries()) if (accepted) replies[at] = data;
      }
      await this.#say("RSET", 2);
      return replies;
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
    this.#end(new Error("The connection was closed here"));
  }

  async #send(content: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of stuff(content)) {
      this.#socket.write(piece);
      while (this.#socket.writableNeedDrain && !this.#gone) await this.#wake.promise;
      if (this.#gone) throw new Disconnected(this.#gone.message);
    }
  }

  async #say(line: string, wanted?: number): Promise<Reply> {
    this.#socket.write(`${line}\r\n`);
    return wanted === undefined ? this.#reply() : this.#expect(wanted);
  }

  async #expect(digit: number): Promise<Reply> {
    const reply = await this.#reply();
    if (Math.floor(reply.code / 100) !== digit) throw new Disconnected(reply.text);
    return reply;
  }

  async #reply(): Promise<Reply> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply?.code === 421) throw new Disconnected(reply.text);
      if (reply) return reply;
      if (this.#gone) throw new Disconnected(this.#gone.message);
      await this.#wake.promise;
    }
  }

  #take(text: string): void {
    this.#text += text;
    for (let end; (end = /^(\d{3})(?: .*)?\r?\n/m.exec(this.#text)) !== null;) {
      const length = end.index + end[0].length;
      const lines = this.#text.slice(0, length).trimEnd();
      this.#text = this.#text.slice(length);
      this.#replies.push({ code: Number(end[1]), text: lines.replace(/\r?\n\d{3}[- ]?/g, " ") });
    }
    if (this.#text.length > 65_536) this.#socket.destroy(new Error("A reply without an end"));
    this.#awake();
  }

  #end(error: Error): void {
    this.#gone ??= error;
    this.#awake();
  }

  #awake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

function isPositive({ code }: Reply): boolean {
  return code >= 200 && code < 300;
}
