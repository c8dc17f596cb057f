/** The hooks of a fuzzed server: they write down what they see, and behave as the local part of the address says. */
import {
  scramCredentials,
  type DataStream,
  type SMTPAddress,
  type SMTPServerOptions,
  type SMTPSession,
} from "../../src/index.js";
import type { Clock } from "../../src/time/clock.js";
import { OWN_MISTAKE, read } from "./reading.js";
import type { Script } from "./script.js";

/** One message, as onData saw it. */
export interface SeenMessage {
  readonly from: string;
  readonly to: readonly string[];
  /** Each octet one character; `undefined` where the stream failed or was not read to its end. */
  bytes?: string;
  /** `code` of the stream's error. */
  error?: string;
}

type Callback = (error?: Error) => void;

/** Longer than any timeout of a client. */
export const SLOW = 100_000;

const PASSWORD = "pencil";
const RECORD = scramCredentials(PASSWORD, { salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64") });

/** How a hook behaves, by the start of the name it is asked about. `accept` is to be called for a yes. */
const BEHAVIOURS: Readonly<
  Record<string, (recorder: Recorder, accept: () => void, callback: Callback) => unknown>
> = {
  refuse: (_, _accept, callback) => callback(new Error("no\r\n250 yes\0")),
  throw() {
    throw new Error(OWN_MISTAKE);
  },
  reject: () => Promise.reject(new Error(OWN_MISTAKE)),
  twice(_, accept, callback) {
    accept();
    callback(new Error("no, after all"));
  },
  lateThrow(_, accept) {
    accept();
    throw new Error(OWN_MISTAKE);
  },
  lateReject(_, accept) {
    accept();
    return Promise.reject(new Error(OWN_MISTAKE));
  },
  later: (recorder, accept) => recorder.later(queueMicrotask, accept),
  immediate: (recorder, accept) => recorder.later(setImmediate, accept),
  slow(recorder, accept) {
    recorder.asleep += 1;
    recorder.clock.setTimeout(() => {
      recorder.asleep -= 1;
      accept();
    }, SLOW);
  },
  never: (recorder, accept) => void recorder.unanswered.push(accept),
};
export const BEHAVIOUR_NAMES: readonly string[] = Object.keys(BEHAVIOURS);

/** The users with that password; some names are behaviours. */
const USERS = ["user", "u=s,e r", ...BEHAVIOUR_NAMES];

/** What an application may do to the session in the middle of a transaction. */
const MUTATIONS: Readonly<Record<string, (session: SMTPSession) => void>> = {
  "mutate-rcpt": ({ envelope }) => void envelope.rcptTo.push({ address: "pushed@by.hook", args: false }),
  "mutate-empty": ({ envelope }) => void (envelope.rcptTo.length = 0),
  "mutate-mail": ({ envelope }) => void (envelope.mailFrom = false),
  "mutate-envelope": (session) => void (session.envelope = { ...session.envelope, rcptTo: [] }),
  "mutate-user": (session) => void (session.user = "made by the hook"),
  "mutate-disabled": (session) => void (session.disabledCommands = ["DATA", "RSET"]),
  "mutate-name": (session) => void (session.hostNameAppearsAs = "x\r\n250 y"),
};
export const MUTATION_NAMES: readonly string[] = Object.keys(MUTATIONS);

export class Recorder {
  readonly calls: string[] = [];
  readonly messages: SeenMessage[] = [];
  readonly problems: string[] = [];
  /** Addresses that were accepted since the list was last read. */
  accepted: string[] = [];
  /** Answers that come soon. */
  pending = 0;
  /** Answers that come when time has passed. */
  asleep = 0;
  /** Answers that do not come while the client is there. */
  readonly unanswered: (() => void)[] = [];
  /** Messages whose consumer is not done. */
  unread = 0;
  closes = 0;
  readonly clock: Clock;
  readonly #script: Script;

  constructor(script: Script, clock: Clock) {
    this.#script = script;
    this.clock = clock;
  }

  options(): SMTPServerOptions {
    const { options, hooks } = this.#script;
    const byCallback: SMTPServerOptions = {
      onMailFrom: (address, session, callback) => rejection(this.#mail(address, session, callback)),
      onRcptTo: (address, session, callback) => rejection(this.#rcpt(address, session, callback)),
      onData: (stream, session, callback) => rejection(this.#data(stream, session, callback)),
    };
    const byPromise: SMTPServerOptions = {
      onMailFrom: (address, session) => promised((callback) => this.#mail(address, session, callback)),
      onRcptTo: (address, session) => promised((callback) => this.#rcpt(address, session, callback)),
      onData: (stream, session) => promised((callback) => this.#data(stream, session, callback)),
    };
    return {
      name: "mx.test",
      disableReverseLookup: true,
      logger: false,
      scramSecret: "the same each time",
      ...options,
      onConnect: (session, callback) => {
        this.calls.push(`connect ${session.remoteAddress}`);
        callback();
      },
      onSecure: (_socket, _session, callback) => {
        this.calls.push("secure");
        callback();
      },
      onHelo: ({ openingCommand, hostNameAppearsAs }, callback) => {
        this.calls.push(`helo ${JSON.stringify([openingCommand, hostNameAppearsAs])}`);
        return rejection(this.#behave(hostNameAppearsAs, callback));
      },
      onAuth: (auth, _session, callback) => {
        const { method, username, password, accessToken } = auth;
        this.calls.push(`auth ${JSON.stringify([method, username, password, accessToken])}`);
        const isKnown =
          method === "XCLIENT" ||
          method === "EXTERNAL" ||
          password === PASSWORD ||
          accessToken === "token" ||
          (USERS.includes(username ?? "") &&
            (method.startsWith("SCRAM") || auth.validatePassword?.(PASSWORD)));
        const response = isKnown ? { user: username ?? method, credentials: RECORD } : {};
        return rejection(this.#behave(username ?? "", (error) => callback(error, response)));
      },
      ...(hooks.answerBy === "promise" ? byPromise : byCallback),
      onClose: (session) => {
        this.closes += 1;
        // What is left of the session does not depend on packets either.
        const { xClient, xForward } = session;
        this.calls.push(
          `close ${JSON.stringify({ ...session, id: "", xClient: [...xClient], xForward: [...xForward] })}`,
        );
      },
    };
  }

  later(when: (run: () => void) => void, run: () => void): void {
    this.pending += 1;
    when(() => {
      this.pending -= 1;
      run();
    });
  }

  #behave(name: string, callback: Callback): unknown {
    const accept = (): void => {
      this.accepted.push(name);
      callback();
    };
    const behaviour = BEHAVIOURS[name.split("@")[0] ?? ""];
    return behaviour ? behaviour(this, accept, callback) : accept();
  }

  /** A turn of the event loop that is waited for. */
  #rest(): Promise<void> {
    return new Promise((resolve) => this.later(setImmediate, resolve));
  }

  #mail({ address, args }: SMTPAddress, _session: SMTPSession, callback: Callback): unknown {
    this.calls.push(`mail ${JSON.stringify([address, args])}`);
    return this.#behave(address, callback);
  }

  #rcpt({ address, args }: SMTPAddress, session: SMTPSession, callback: Callback): unknown {
    const { mailFrom } = session.envelope;
    this.calls.push(`rcpt ${JSON.stringify([address, args, mailFrom && mailFrom.address])}`);
    MUTATIONS[address.split("@")[0] ?? ""]?.(session);
    return this.#behave(address, callback);
  }

  /** Answers by the sender: `answer-` and a behaviour, `early-` for an answer before the message is read. */
  #data(stream: DataStream, session: SMTPSession, callback: Callback): unknown {
    const { envelope, user, transmissionType } = session;
    this.calls.push(`data ${JSON.stringify([envelope, user, transmissionType])}`);
    const from = envelope.mailFrom ? envelope.mailFrom.address : "(none)";
    const message: SeenMessage = { from, to: envelope.rcptTo.map(({ address }) => address) };
    this.messages.push(message);
    const isEarly = from.startsWith("early");
    const name = from.replace(/^(?:answer|early)-/, "");
    const answer = (): unknown => this.#behave(name, callback);
    // A refusal in the middle of the chunks of BDAT meets whichever has come by then; and while the client
    // has to send the rest, time would be held against it. At once, both are the same however the bytes come.
    const answerMeanwhile = (): unknown =>
      this.#behave(name.replace(/^(?:refuse|throw|reject|slow)/, "immediate"), callback);
    const { reading, answerBy } = this.#script.hooks;
    if (from.startsWith("answer-throw") && answerBy === "callback") throw new Error(OWN_MISTAKE);
    this.unread += 1;
    const result = read(stream, reading, () => this.#rest()).then(
      (bytes) => {
        this.unread -= 1;
        if (bytes !== undefined) message.bytes = bytes;
        if (isEarly) return undefined;
        return bytes === undefined ? answerMeanwhile() : answer();
      },
      (error: Error & { code?: string }) => {
        this.unread -= 1;
        // A hook that has answered and still reads is cut off sooner or later, by that or by the client's end.
        message.error = isEarly ? "(early)" : (error.code ?? error.message);
        callback(error);
      },
    );
    if (!isEarly) return result;
    return answerBy === "callback" && !/^(?:slow|reject)/.test(name) ? answer() : answerMeanwhile();
  }
}

/** A promise that is never fulfilled: a fulfilled one before the callback was called gets a warning. */
function rejection(returned: unknown): Promise<never> | undefined {
  if (!(returned instanceof Promise)) return undefined;
  return new Promise((_, reject) => void returned.catch(reject));
}

/** A hook that answers by its promise, made of one that answers by its callback. */
function promised(hook: (callback: Callback) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const returned = hook((error) => (error ? reject(error) : resolve()));
    if (returned instanceof Promise) returned.catch(reject);
  });
}
