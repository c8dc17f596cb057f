import { connect, type NetConnectOpts } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "../../src/index.js";
import { accept, setClock } from "../../src/server/server.js";
import type { Clock } from "../../src/time/clock.js";
import { endAfterTest } from "./ending.js";
import { MemoryTransport } from "./memory-transport.js";

/** What a client does to a server, whatever is between the two. */
interface Link {
  send(text: string): void;
  /** What has come since. */
  take(): string;
  /** The server closed its side, and nothing more will come. */
  over(): boolean;
  /** Resolves when one of the two changes. */
  change(): Promise<void>;
}

/** A client that says lines and hears whole replies. */
export class Client {
  readonly #link: Link;
  #text = "";

  constructor(link: Link) {
    this.#link = link;
  }

  /** Sends bytes as they are, each character one octet. */
  send(text: string): void {
    this.#link.send(text);
  }

  /** The next whole reply, its lines joined by `\n`; `undefined` when the server has closed instead. */
  async reply(): Promise<string | undefined> {
    for (;;) {
      const reply = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#take())?.[0];
      if (reply) {
        this.#text = this.#text.slice(reply.length);
        return reply.trimEnd().replaceAll("\r\n", "\n");
      }
      if (this.#link.over()) return undefined;
      await this.#link.change();
    }
  }

  /** Sends a line and hears its reply. */
  say(line: string): Promise<string | undefined> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** Says several lines; the replies. */
  async chat(...lines: string[]): Promise<(string | undefined)[]> {
    const replies: (string | undefined)[] = [];
    for (const line of lines) replies.push(await this.say(line));
    return replies;
  }

  /** Says MAIL and RCPT. */
  async envelope(...recipients: string[]): Promise<void> {
    await this.say("MAIL FROM:<a@a.test>");
    for (const recipient of recipients.length > 0 ? recipients : ["b@b.test"])
      await this.say(`RCPT TO:<${recipient}>`);
  }

  /** Sends a whole message; the reply to it. */
  async deliver(text = "Subject: x\r\n\r\nhi\r\n"): Promise<string | undefined> {
    await this.envelope();
    await this.say("DATA");
    return this.say(`${text}.`);
  }

  /** What the server says after it has done all that it could do for now. */
  async idle(): Promise<string> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    return this.#take();
  }

  /** Waits until the server has closed; what it said before. */
  async closed(): Promise<string> {
    while (!this.#link.over()) await this.#link.change();
    return this.#take();
  }

  #take(): string {
    this.#text += this.#link.take();
    return this.#text;
  }
}

/** A client in memory. */
export class MemoryClient extends Client {
  readonly transport: MemoryTransport;

  constructor(server: SMTPServer, from?: string) {
    const transport = new MemoryTransport(from);
    super({
      send: (text) => transport.send(Buffer.from(text, "latin1")),
      take() {
        const text = transport.output;
        transport.output = "";
        return text;
      },
      over: () => transport.ended || transport.closed,
      change: () => transport.activity(),
    });
    this.transport = transport;
    accept(server, transport);
  }

  /** The client is gone, and the server knows all about it. */
  async leave(): Promise<void> {
    this.transport.reset();
    await this.idle();
  }
}

/** A client over TCP or, with a path, a unix socket. */
export class SocketClient extends Client {
  /** The client closes its side. */
  readonly end: () => void;

  constructor(to: { port: number; host?: string } | { path: string }) {
    let text = "";
    let over = false;
    let heard = (): void => {};
    const socket = connect({ ...to, allowHalfOpen: true } as NetConnectOpts);
    const hasEnded = endAfterTest(() => socket.destroy());
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => {
      text += String(chunk);
      heard();
    });
    const finish = (): void => {
      over = true;
      heard();
    };
    socket.on("end", () => {
      finish();
      socket.end();
    });
    socket.on("error", finish);
    socket.on("close", () => {
      finish();
      hasEnded();
    });
    super({
      send: (bytes) => void socket.write(bytes, "latin1"),
      take() {
        const taken = text;
        text = "";
        return taken;
      },
      over: () => over,
      change: () => new Promise((resolve) => (heard = resolve)),
    });
    this.end = () => void socket.end();
  }
}

/** A server that asks for nothing and says nothing to the log. It is closed after the test. */
export function makeServer(options: SMTPServerOptions = {}, clock?: Clock): SMTPServer {
  const server = new SMTPServer({
    name: "mx.test",
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    ...options,
  });
  if (clock) setClock(server, clock);
  endAfterTest(() => server.close());
  return server;
}

/** A client that has been greeted, and has said EHLO (LHLO). */
export async function hello(server: SMTPServer, from?: string): Promise<MemoryClient> {
  const client = new MemoryClient(server, from);
  await client.reply();
  await client.say(server.options.lmtp ? "LHLO client.test" : "EHLO client.test");
  return client;
}
