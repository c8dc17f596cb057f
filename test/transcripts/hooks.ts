import type { AuthObject, SMTPServerOptions, SMTPSession, DataStream } from "../../src/index.js";
import { scramCredentials } from "../../src/index.js";
import type { Transcript } from "./transcript.js";

/** What the hooks of one play saw, in order, by kind. */
export class Seen {
  readonly #queues = new Map<string, unknown[]>();
  session: SMTPSession | undefined;
  #heard: (() => void) | undefined;

  add(what: string, value: unknown): void {
    this.#queue(what).push(value);
    // When a socket is closed at last is its own affair.
    if (what !== "close") this.#queue("hooks").push(what);
    this.#heard?.();
    this.#heard = undefined;
  }

  /** The next value of a kind; waits for it. */
  async next(what: string): Promise<unknown> {
    if (what === "hooks") return this.#queue("hooks").splice(0);
    if (what.startsWith("session.")) {
      const field: unknown = Reflect.get(this.session ?? {}, what.slice("session.".length));
      return field instanceof Map ? Object.fromEntries(field) : field;
    }
    const queue = this.#queue(what);
    while (queue.length === 0) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
    return queue.shift();
  }

  #queue(what: string): unknown[] {
    let queue = this.#queues.get(what);
    if (!queue) this.#queues.set(what, (queue = []));
    return queue;
  }
}

type Callback = (error?: Error | null, value?: unknown) => void;

/** `refuse [code] text`, `refuse-if part [code] text`, `throw`, `later`, `never`, `answer json`. */
function behave(behaviour: string | undefined, subject: string, callback: Callback, value?: unknown): void {
  const [verb = "accept", ...words] = (behaviour ?? "accept").split(" ");
  const refuse = (rest: string[]): void => {
    const code = /^\d{3}$/.test(rest[0] ?? "") ? Number(rest.shift()) : undefined;
    callback(Object.assign(new Error(rest.join(" ")), code === undefined ? {} : { responseCode: code }));
  };
  if (verb === "refuse") refuse(words);
  else if (verb === "refuse-if") {
    if (subject.includes(words.shift() as string)) refuse(words);
    else callback(null, value);
  } else if (verb === "throw") throw new Error("the hook's own mistake");
  else if (verb === "later") setImmediate(() => callback(null, value));
  else if (verb === "answer") callback(null, JSON.parse(words.join(" ")));
  else if (verb !== "never") callback(null, value);
}

const PASSWORDS: Record<string, string> = {
  Kurt: "xipj3plmq",
  user: "pencil",
  tim: "tanstaaftanstaaf",
  test: "1234",
};

/**
 * The user `user` with the password `pencil`, whatever the mechanism; tokens are `token-of-<user>`. `null`: the hook
 * answers without a response.
 */
function login(auth: AuthObject): object | null | undefined {
  const name = auth.username ?? "";
  const password = PASSWORDS[name];
  const user = { user: name };
  if (auth.method === "XCLIENT") return name === "let-pass" ? null : user;
  if (auth.method === "EXTERNAL") return user;
  if (auth.accessToken !== undefined) return auth.accessToken === `token-of-${name}` ? user : undefined;
  if (password === undefined) return undefined;
  if (auth.method.startsWith("SCRAM")) {
    return {
      user: name,
      credentials: scramCredentials(password, {
        salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"),
        iterations: 4096,
      }),
    };
  }
  if (auth.method === "CRAM-MD5") return auth.validatePassword(password) ? user : undefined;
  return auth.password === password ? user : undefined;
}

/** Options of a server whose hooks write down what they see and behave as the transcript says. */
export function recordingOptions({ options, hooks }: Transcript, seen: Seen): SMTPServerOptions {
  const visible = (auth: AuthObject): object => ({ ...auth });
  return {
    name: "mx.test",
    disableReverseLookup: true,
    logger: false,
    onConnect(session, callback) {
      seen.session = session;
      behave(hooks["onConnect"], session.remoteAddress, callback as Callback);
    },
    onSecure(_socket, session, callback) {
      seen.add("secure", session.tlsOptions);
      behave(hooks["onSecure"], "", callback as Callback);
    },
    // Only where a transcript asks for it: most say EHLO, and few are about it.
    onHelo: hooks["onHelo"]
      ? (session, callback) => {
          const { openingCommand, hostNameAppearsAs } = session;
          seen.add("helo", [openingCommand, hostNameAppearsAs]);
          behave(hooks["onHelo"], hostNameAppearsAs, callback as Callback);
        }
      : undefined,
    onAuth(auth, _session, callback) {
      seen.add("auth", visible(auth));
      const response = login(auth);
      behave(
        hooks["onAuth"],
        auth.username ?? "",
        callback as Callback,
        response === undefined ? {} : response,
      );
    },
    onMailFrom(address, _session, callback) {
      seen.add("mailFrom", address);
      behave(hooks["onMailFrom"], address.address, callback);
    },
    onRcptTo(address, _session, callback) {
      seen.add("rcptTo", address);
      behave(hooks["onRcptTo"], address.address, callback);
    },
    onData(stream: DataStream, session, callback) {
      seen.add("envelope", session.envelope);
      if (hooks["onData"]?.startsWith("early ")) {
        behave(hooks["onData"].slice("early ".length), "", callback as Callback);
        return;
      }
      void read(stream).then(
        (text) => {
          seen.add("data", text);
          behave(hooks["onData"], text, callback as Callback);
        },
        (error: Error & { code?: string }) => {
          seen.add("error", error.code);
          callback(error);
        },
      );
    },
    onClose() {
      seen.add("close", true);
    },
    ...options,
  };
}

/** The message with each octet as one character. */
async function read(stream: DataStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}
