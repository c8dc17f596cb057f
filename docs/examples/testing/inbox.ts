/**
 * An inbox for tests: a server on a port of its own that keeps what comes, and waits for what has to come.
 *
 *   await using inbox = await Inbox.open();
 *   await signUp("ann@example.com", inbox);
 *   expect(await inbox.next()).toMatchObject({ to: ["ann@example.com"], subject: "Welcome" });
 */
import { SMTPServer, type SMTPServerOptions } from "bun-smtp";
import { header, type Mail, parseMail } from "../mime.js";

export interface Received extends Mail {
  /** Of the envelope; "" for `<>`. */
  from: string;
  /** Of the envelope, in the order of the RCPT commands. */
  to: string[];
  subject: string;
  /** The octets as they came, each one a character. */
  source: string;
  /** What `onAuth` answered; `undefined` without a login. */
  user: unknown;
}

export interface Wanted {
  /** Only a mail to this address, in any case. */
  to?: string;
  /** Milliseconds to wait. `bun test` gives a test five seconds: stay below, to hear what came instead. */
  timeout?: number;
}

interface Waiting {
  matches(mail: Received): boolean;
  resolve(mail: Received): void;
  reject(error: Error): void;
}

export class Inbox implements AsyncDisposable {
  readonly host = "127.0.0.1";
  /** All that came, the oldest first. */
  readonly arrived: Received[] = [];
  /** Of these, what `next` has not given away. */
  readonly #unread: Received[] = [];
  readonly #waiting = new Set<Waiting>();
  readonly #server: SMTPServer;

  private constructor(options: SMTPServerOptions) {
    this.#server = new SMTPServer({
      name: "inbox.test",
      authOptional: true,
      allowInsecureAuth: true,
      disableReverseLookup: true,
      closeTimeout: 100, // for the pool of a mailer that stays connected
      logger: false,
      onAuth: (auth, _session, callback) => callback(null, { user: auth.username || "anonymous" }),
      onData: async (stream, { envelope, user }) => {
        const source = await new Response(stream).bytes();
        const mail = parseMail(source);
        this.#receive({
          ...mail,
          from: envelope.mailFrom ? envelope.mailFrom.address : "",
          to: envelope.rcptTo.map(({ address }) => address),
          subject: header(mail.headers, "Subject"),
          source: Buffer.from(source).toString("latin1"),
          user: user || undefined,
        });
      },
      ...options,
    });
  }

  /** @param options of the server, to refuse a recipient for one */
  static async open(options: SMTPServerOptions = {}): Promise<Inbox> {
    const inbox = new Inbox(options);
    await inbox.#server.listen(0, inbox.host);
    return inbox;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== "object" || !address) throw new Error("The inbox is closed");
    return address.port;
  }

  /** The oldest mail that this has not given yet; waits for it where there is none. */
  async next({ to, timeout = 2000 }: Wanted = {}): Promise<Received> {
    const wanted = to?.toLowerCase();
    const matches = (mail: Received): boolean =>
      wanted === undefined || mail.to.some((address) => address.toLowerCase() === wanted);
    const at = this.#unread.findIndex(matches);
    const [mail] = at < 0 ? [] : this.#unread.splice(at, 1);
    if (mail) return mail;

    const { promise, resolve, reject } = Promise.withResolvers<Received>();
    const waiting = { matches, resolve, reject };
    this.#waiting.add(waiting);
    const timer = setTimeout(() => {
      const what = to === undefined ? "mail" : `mail to ${to}`;
      reject(new Error(`No ${what} within ${timeout} ms. ${this.#describe()}`));
    }, timeout);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(waiting);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    for (const { reject } of this.#waiting) reject(new Error("The inbox was closed"));
  }

  #receive(mail: Received): void {
    this.arrived.push(mail);
    for (const waiting of this.#waiting) {
      if (!waiting.matches(mail)) continue;
      this.#waiting.delete(waiting);
      return waiting.resolve(mail);
    }
    this.#unread.push(mail);
  }

  #describe(): string {
    if (this.arrived.length === 0) return "None arrived at all.";
    const lines = this.arrived.map((mail) => {
      const given = this.#unread.includes(mail) ? "" : ", which next() has given before";
      return `  from <${mail.from}> to <${mail.to.join(">, <")}>: ${JSON.stringify(mail.subject)}${given}`;
    });
    return `Arrived:\n${lines.join("\n")}`;
  }
}
