/** The server behind a proxy or a mail server: it keeps what arrives. */
import { SMTPServer } from "../../../src/index.js";
import type { ConnectionInfo, SMTPServerOptions, SMTPSession } from "../../../src/index.js";

/** A message that arrived, and the session as it was then. */
export interface Arrived {
  session: SMTPSession;
  text: string;
}

/** A server that keeps what arrives. */
export class Inbox implements AsyncDisposable {
  readonly server: SMTPServer;
  /** The arguments of `connect` events. */
  readonly connects: ConnectionInfo[] = [];
  readonly errors: Error[] = [];
  readonly #arrived: Arrived[] = [];
  #changed = Promise.withResolvers<void>();

  private constructor(options: SMTPServerOptions) {
    this.server = new SMTPServer({
      name: "mx.test",
      authOptional: true,
      disableReverseLookup: true,
      closeTimeout: 1000,
      onData: (stream, session, callback) => {
        void Array.fromAsync(stream).then((chunks) => {
          this.keep({ session: structuredClone(session), text: Buffer.concat(chunks).toString() });
          callback(null);
        }, callback);
      },
      ...options,
    });
    this.server.on("connect", (info: ConnectionInfo) => this.connects.push(info));
    this.server.on("error", (error: Error) => this.errors.push(error));
  }

  /** Starts it on a free port of 127.0.0.1, or on a unix socket that everyone may use. */
  static async open(options: SMTPServerOptions = {}, path?: string): Promise<Inbox> {
    const inbox = new Inbox(options);
    await (path === undefined
      ? inbox.server.listen(0, "127.0.0.1")
      : inbox.server.listen({ path, mode: 0o666 }));
    return inbox;
  }

  get port(): number {
    const address = this.server.address();
    if (typeof address !== "object" || address === null) throw new Error("a unix socket has no port");
    return address.port;
  }

  keep(arrived: Arrived): void {
    this.#arrived.push(arrived);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** The next message, oldest first. */
  async next(): Promise<Arrived> {
    for (;;) {
      const first = this.#arrived.shift();
      if (first !== undefined) return first;
      await this.#changed.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}
