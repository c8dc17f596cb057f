/** A mail server for a test: it keeps what it receives, waits for what must come, and fails where the test asks. */
import { inspect } from "node:util";
import { SMTPError } from "../errors.js";
import { HOOKS } from "../hooks/names.js";
import { SMTPServer } from "../server/server.js";
import { systemClock } from "../time/clock.js";
import type { AuthObject, SMTPServerOptions, SMTPSession } from "../types/index.js";
import { selfSignedCertificate } from "../transport/self-signed-certificate.js";
import { checkFields, checkInteger } from "./given.js";
import {
  checkWanted,
  describe,
  isWanted,
  makeMessage,
  type Message,
  type WantedMessage,
  WANTED,
} from "./message.js";
import { type PlannedFailure, Plans, type Refusal, type Stage } from "./refusals.js";

/** A user name and a password. */
export interface Login {
  user: string;
  pass: string;
}

/** The options of the server, but not its hooks: those are the inbox's. */
type ServerOptions = Omit<SMTPServerOptions, keyof SMTPServerOptions & `on${string}`>;

/** Options of {@link startInbox}: these, and all options of the server but its hooks. */
export interface InboxOptions extends ServerOptions {
  /** The port. Default: 0, any free one. */
  port?: number | undefined;
  /** Where it listens. Default: 127.0.0.1. */
  host?: string | undefined;
  /**
   * `"starttls"` offers STARTTLS, `"implicit"` starts with TLS, as port 465 does. Default: no TLS, so that clients
   * which do not trust a self-signed certificate connect as they are. `inbox.certificate` is what they may trust.
   */
  tls?: "starttls" | "implicit" | undefined;
  /** Only these logins, and no message without one. Default: any login, and none. */
  auth?: Login | readonly Login[] | undefined;
}

/** What `inbox.next()` waits for. */
export interface NextOptions extends WantedMessage {
  /** Milliseconds to wait. Default: 2000; a test of `bun test` has 5000. */
  timeout?: number | undefined;
}

/** No cipher of this list has a key exchange that a certificate is for, so that no client agrees on one. */
const BROKEN_TLS = { maxVersion: "TLSv1.2", ciphers: "ECDHE-PSK-AES128-CBC-SHA" } as const;

/**
 * Starts a mail server for a test.
 *
 * @example
 * await using inbox = await startInbox();
 * await signUp("ann@example.com", inbox.port);
 * const mail = await inbox.next({ to: "ann@example.com" });
 *
 * @throws TypeError that names the option, for one that cannot be meant; what `server.listen` throws
 */
export async function startInbox(options: InboxOptions = {}): Promise<Inbox> {
  const inbox = new Inbox(options);
  await inbox.server.listen(options.port ?? 0, inbox.host);
  return inbox;
}

/** What tells the error of a handshake from others. */
interface HandshakeError extends Error {
  code?: string;
  meta?: { stage: string };
}

interface Waiting {
  isWanted(message: Message): boolean;
  resolve(message: Message): void;
  reject(error: Error): void;
}

/** A running mail server that keeps what it receives. {@link startInbox} makes one. */
export class Inbox implements AsyncDisposable {
  /** The server behind it. */
  readonly server: SMTPServer;
  /** Where it listens. */
  readonly host: string;
  /** The certificate of `tls`, PEM, for the client's list of authorities; `undefined` without TLS. */
  readonly certificate: string | undefined;
  /** All messages, the oldest first. A message is here before its 250 is sent. */
  readonly messages: Message[] = [];
  /** Those of the messages that `next` has not handed out. */
  readonly #unread = new Set<Message>();
  readonly #waiting = new Set<Waiting>();
  readonly #plans: Plans = new Plans(() => this.#updateTLS());
  readonly #given: ServerOptions;
  readonly #tls: InboxOptions["tls"];
  readonly #logins: readonly Login[] | undefined;
  #isTLSBroken = false;
  #isClosed = false;
  /** Clients whose onClose is still to come: some of them have left `server.connections` already. */
  readonly #clients = new Set<SMTPSession>();
  /** The planned refusals. A client that goes on after one gets 503, which says less. */
  readonly #planned = new WeakMap<SMTPSession, string>();
  /** The last reply of 400 or above that a client got before it left. */
  #lastRefusal: string | undefined;
  /** How the last connection without a message broke, in one sentence. */
  #lastBreak: string | undefined;

  /** Use {@link startInbox}, which listens. */
  constructor(options: InboxOptions) {
    checkOptions(options);
    const { port: _port, host = "127.0.0.1", tls, auth, ...given } = options;
    const name = given.name ?? "inbox.test";
    const pair = tls && !given.cert && !given.pfx ? selfSignedCertificate(name) : {};
    this.host = host;
    this.#tls = tls;
    this.#logins = auth && [auth].flat();
    this.#given = {
      name,
      secure: tls === "implicit",
      hideSTARTTLS: tls !== "starttls",
      authOptional: !auth,
      authMethods: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
      allowInsecureAuth: true,
      bareNewlines: "normalize",
      disableReverseLookup: true,
      closeTimeout: 100, // for the pool of a mailer that stays connected
      logger: false,
      ...given,
      ...pair,
    };
    this.certificate = tls && this.#given.cert ? String(this.#given.cert) : undefined;
    this.server = new SMTPServer({ ...this.#given, ...this.#hooks() });
    this.server.on("error", ({ code, meta, message }: HandshakeError) => {
      if (!code?.startsWith("ERR_SSL_") && meta?.stage !== "connect") return;
      this.#lastBreak = `The last TLS handshake failed (${message}): does the client trust inbox.certificate?`;
      this.#plans.handshakeDone();
    });
  }

  /** The port that it listens on. */
  get port(): number {
    const address = this.server.address();
    if (typeof address !== "object" || !address) throw new Error("The inbox is closed");
    return address.port;
  }

  /** `smtp://host:port`, or `smtps:` with implicit TLS: for `createTransport(url)` and variables such as SMTP_URL. */
  get url(): string {
    const host = this.host.includes(":") ? `[${this.host}]` : this.host;
    return `${this.server.options.secure ? "smtps" : "smtp"}://${host}:${this.port}`;
  }

  /**
   * The oldest message that is what is wanted and that `next` has not handed out yet. Waits for it where there is none.
   * @throws Error that says what arrived instead, after `timeout` ms
   */
  async next(wanted: NextOptions = {}): Promise<Message> {
    checkFields("next", wanted, [...WANTED, "timeout"]);
    checkWanted("next", wanted);
    checkInteger("next: timeout", wanted.timeout);
    if (this.#isClosed) throw new Error("The inbox is closed");
    const { timeout = 2000 } = wanted;
    const message = [...this.#unread].find((one) => isWanted(wanted, one));
    if (message) {
      this.#unread.delete(message);
      return message;
    }
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const waiting: Waiting = { isWanted: (one) => isWanted(wanted, one), resolve, reject };
    this.#waiting.add(waiting);
    const timer = systemClock.setTimeout(() => reject(this.#nothing(wanted, timeout)), timeout);
    return promise.finally(() => {
      systemClock.clearTimeout(timer);
      this.#waiting.delete(waiting);
    });
  }

  /**
   * Makes something fail, from the next command on.
   *
   * @example
   * inbox.refuse({ rcpt: "full@example.com", code: 452, message: "Mailbox full" });
   * inbox.refuse({ data: true, code: 451, times: 1 }); // then it goes through
   * inbox.refuse({ data: { subject: /invoice/ }, drop: true });
   *
   * @throws TypeError that names the option, for one that cannot be meant
   */
  refuse(refusal: Refusal): PlannedFailure {
    if (!this.#tls && (refusal as { tls?: unknown } | null)?.tls)
      throw new TypeError('refuse: tls: this inbox has no TLS, start it with { tls: "starttls" }');
    return this.#plans.add(refusal);
  }

  /** Forgets all messages and ends all failures, for the next test. */
  clear(): void {
    this.messages.length = 0;
    this.#unread.clear();
    this.#plans.clear();
    this.#lastRefusal = undefined;
    this.#lastBreak = undefined;
  }

  /** Closes the server. A `next()` that still waits is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting) reject(new Error("The inbox was closed"));
    await this.server.close();
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #hooks(): SMTPServerOptions {
    const check = async (stage: Stage, session: SMTPSession, subject: string | Message): Promise<void> => {
      try {
        await this.#plans.check(stage, subject, () => this.#drop(session));
      } catch (error) {
        if (error instanceof SMTPError) this.#planned.set(session, `${error.responseCode} ${error.message}`);
        throw error;
      }
    };
    return {
      onConnect: async (session) => {
        this.#clients.add(session);
        await check("connect", session, "");
      },
      onSecure: async (_socket, _session) => this.#plans.handshakeDone(),
      onHelo: async (session) => check("helo", session, session.hostNameAppearsAs),
      onAuth: async (auth, session) => {
        const name = auth.username ?? "";
        await check("auth", session, name);
        if (this.#logins && !this.#logins.some((login) => isLogin(auth, login)))
          throw new Error("Authentication failed");
        return { user: name || "anonymous" };
      },
      onMailFrom: async ({ address }, session) => check("mail", session, address),
      onRcptTo: async ({ address }, session) => check("rcpt", session, address),
      onData: async (stream, session) => {
        const message = makeMessage(Buffer.from(await new Response(stream).bytes()), session);
        await check("data", session, message);
        if (stream.sizeExceeded)
          throw new SMTPError("Error: message exceeds fixed maximum message size", { responseCode: 552 });
        this.#receive(message);
      },
      onClose: async (session) => {
        this.#clients.delete(session);
        this.#lastRefusal = this.#refusalOf(session) ?? this.#lastRefusal;
      },
    };
  }

  #drop(session: SMTPSession): void {
    this.#lastBreak = "The last connection was dropped, as refuse() asked.";
    for (const connection of this.server.connections)
      if (connection.session === session) connection._socket.destroy();
  }

  /** Makes the next handshake fail, or succeed again. */
  #updateTLS(): void {
    const isBroken = this.#plans.breaksTLS;
    if (isBroken === this.#isTLSBroken) return;
    this.#isTLSBroken = isBroken;
    const { ciphers, maxVersion } = this.#given;
    this.server.updateSecureContext(isBroken ? BROKEN_TLS : { ciphers, maxVersion });
  }

  #receive(message: Message): void {
    this.messages.push(message);
    for (const waiting of this.#waiting) {
      if (!waiting.isWanted(message)) continue;
      this.#waiting.delete(waiting);
      return waiting.resolve(message);
    }
    this.#unread.add(message);
  }

  #nothing({ to, from, subject }: WantedMessage, timeout: number): Error {
    const wanted = Object.entries({ to, from, subject }).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${value instanceof RegExp ? value : JSON.stringify(value)}`],
    );
    const what = ["No message", ...wanted].join(", ").replace(",", "");
    return new Error(`${what} within ${timeout} ms. ${this.#arrived()}${this.#refused()}`);
  }

  #arrived(): string {
    if (this.messages.length === 0) return "None arrived.";
    const lines = this.messages.map((message) => {
      const given = this.#unread.has(message) ? "" : ", handed out before";
      return `  ${describe(message)}${given}`;
    });
    return `Arrived:\n${lines.join("\n")}`;
  }

  #refused(): string {
    const refusals = [...this.#clients].map((session) => this.#refusalOf(session));
    const refusal = refusals.findLast((text) => text !== undefined) ?? this.#lastRefusal;
    if (refusal !== undefined) return `\nThe last refusal of a client: ${refusal}`;
    return this.#lastBreak === undefined ? "" : `\n${this.#lastBreak}`;
  }

  #refusalOf(session: SMTPSession): string | undefined {
    const { error } = session;
    return error?.startsWith("503") ? (this.#planned.get(session) ?? error) : error;
  }
}

function isLogin(auth: AuthObject, { user, pass }: Login): boolean {
  if (auth.username !== user) return false;
  if (auth.method === "CRAM-MD5") return auth.validatePassword(pass);
  return (auth.accessToken ?? auth.password) === pass;
}

function checkOptions(options: InboxOptions): void {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new TypeError(`startInbox: an object is wanted, not ${inspect(options)}`);
  const { port, host, tls, auth } = options;
  checkInteger("startInbox: port", port, 0, 65_535);
  if (host !== undefined && typeof host !== "string")
    throw new TypeError(`startInbox: host: a string is wanted, not ${inspect(host)}`);
  if (tls !== undefined && tls !== "starttls" && tls !== "implicit")
    throw new TypeError(`startInbox: tls: "starttls" or "implicit" is wanted, not ${inspect(tls)}`);
  for (const login of auth === undefined ? [] : [auth].flat()) {
    checkFields("startInbox: auth", login, ["user", "pass"]);
    if (typeof login.user !== "string" || typeof login.pass !== "string")
      throw new TypeError("startInbox: auth: user and pass are wanted, two strings");
  }
  const hook = Object.keys(options).find((name) => Object.hasOwn(HOOKS, name));
  if (hook !== undefined)
    throw new TypeError(
      `startInbox: ${hook}: the hooks are the inbox's; use inbox.refuse(), or an SMTPServer with hooks`,
    );
}
