/**
 * Our own load: reads a {@link Load} and a port as a line of JSON, sends it, answers `{ seconds }`.
 * It counts replies and does no more, so that it costs less than the server that it measures.
 */
import { createInterface } from "node:readline";
import type { Load } from "./load.js";

interface Task extends Load {
  port: number;
}
/** What is written at once, and how many replies are awaited for it. */
interface Step {
  bytes: Buffer;
  replies: number;
}
type Socket = Bun.Socket<Client>;

const LINE = 78;
const [LF, SPACE, FOUR] = [10, 32, 52];

const step = (text: string, replies = 1): Step => ({ bytes: Buffer.from(text), replies });

function body({ length, dots, lmtp, recipients = 1 }: Load): Step {
  const line = `${"x".repeat(LINE - 2)}\r\n`;
  const text = line.repeat(Math.ceil(length / LINE));
  // Of each line the first octet becomes a dot, with the transparency dot before it.
  return step(`${dots ? text.replaceAll(/^x/gm, "..") : text}.\r\n`, lmtp ? recipients : 1);
}

function messageSteps(load: Load): Step[] {
  const { recipients = 1, pipelined } = load;
  if (load.length === 0) return [];
  const commands = [
    "MAIL FROM:<a@bench.test>\r\n",
    ...Array.from({ length: recipients }, (_, at) => `RCPT TO:<${at}b@bench.test>\r\n`),
    "DATA\r\n",
  ];
  const envelope = pipelined
    ? [step(commands.join(""), commands.length)]
    : commands.map((command) => step(command));
  return [...envelope, body(load)];
}

const GREETING: Step = { bytes: Buffer.alloc(0), replies: 1 };
const STARTTLS = step("STARTTLS\r\n");
const QUIT = step("QUIT\r\n");

class Run {
  readonly #task: Task;
  readonly #opening: Step[];
  readonly #message: Step[];
  #left: number;
  readonly done: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  constructor(task: Task) {
    this.#task = task;
    this.#left = task.messages;
    const hello = step(task.lmtp ? "LHLO bench\r\n" : task.tls ? "EHLO bench\r\n" : "HELO bench\r\n");
    this.#opening = [GREETING, hello, ...(task.tls === "starttls" ? [STARTTLS, hello] : [])];
    this.#message = messageSteps(task);
  }

  async connect(): Promise<void> {
    const { port, tls } = this.#task;
    const client = new Client(this.steps(), this);
    await Bun.connect<Client>({
      hostname: "127.0.0.1",
      port,
      data: client,
      socket: handlers,
      ...(tls === "implicit" && { tls: { rejectUnauthorized: false } }),
    });
  }

  /** What a client does, from greeting to QUIT; it takes its next message when it comes to it. */
  *steps(): Generator<Step, undefined> {
    if (!this.#take()) return undefined;
    yield* this.#opening;
    do yield* this.#message;
    while (!this.#task.reconnect && this.#task.length > 0 && this.#take());
    yield QUIT;
    return undefined;
  }

  #take(): boolean {
    return this.#left-- > 0;
  }

  /** The clients that are at work; when one leaves, another starts. */
  #clients = 0;
  start(): void {
    for (let at = 0; at < Math.min(this.#task.clients, this.#task.messages); at++) this.#enter();
  }
  #enter(): void {
    this.#clients += 1;
    this.connect().catch((error: Error) => this.done.reject(error));
  }
  left(): void {
    this.#clients -= 1;
    if (this.#left > 0) this.#enter();
    else if (this.#clients === 0) this.done.resolve();
  }
}

class Client {
  readonly #steps: Generator<Step, undefined>;
  readonly #run: Run;
  #step: Step = GREETING;
  #unsent: Buffer = GREETING.bytes;
  #awaited = 0;
  /** Where the reader is in a line of a reply, and whether that line is the last of it. */
  #column = 0;
  #last = false;
  /** The socket that speaks SMTP: none in a handshake. After STARTTLS the plain one still fires, with ciphertext. */
  #socket: Socket | undefined;
  #upgrading = false;
  #finished = false;
  #gone = false;

  constructor(steps: Generator<Step, undefined>, run: Run) {
    this.#steps = steps;
    this.#run = run;
  }

  opened(socket: Socket): void {
    // The socket that an upgrade makes opens before its handshake.
    if (!this.#upgrading) this.#goOn(socket);
  }

  encrypted(socket: Socket): void {
    if (this.#upgrading) this.#goOn(socket);
  }

  #goOn(socket: Socket): void {
    this.#socket = socket;
    this.#next(socket);
  }

  #next(socket: Socket): void {
    const { value } = this.#steps.next();
    if (!value) {
      this.#finished = true;
      socket.end();
      return;
    }
    this.#step = value;
    this.#awaited = value.replies;
    this.#unsent = value.bytes;
    this.flush(socket);
  }

  flush(socket: Socket): void {
    if (socket !== this.#socket || this.#unsent.length === 0) return;
    const written = socket.write(this.#unsent);
    if (written > 0) this.#unsent = this.#unsent.subarray(written);
  }

  read(socket: Socket, chunk: Buffer): void {
    if (socket !== this.#socket) return;
    for (const byte of chunk) {
      if (this.#column === 0 && byte >= FOUR) return this.fail(`the server answered ${chunk.toString()}`);
      if (this.#column === 3) this.#last = byte === SPACE;
      this.#column += 1;
      if (byte !== LF) continue;
      this.#column = 0;
      if (this.#last) this.#awaited -= 1;
    }
    if (this.#awaited > 0) return;
    if (this.#step === STARTTLS) this.#upgrade(socket);
    else this.#next(socket);
  }

  #upgrade(socket: Socket): void {
    this.#socket = undefined;
    this.#upgrading = true;
    socket.upgradeTLS<Client>({ data: this, tls: { rejectUnauthorized: false }, socket: handlers });
  }

  fail(why: string): void {
    this.#run.done.reject(new Error(why));
  }

  /** Comes twice where there was an upgrade. */
  closed(): void {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#finished) this.#run.left();
    else this.fail("the server closed the connection");
  }
}

const handlers: Bun.SocketHandler<Client> = {
  open: (socket) => socket.data.opened(socket),
  handshake: (socket) => socket.data.encrypted(socket),
  data: (socket, chunk) => socket.data.read(socket, chunk),
  drain: (socket) => socket.data.flush(socket),
  close: (socket) => socket.data.closed(),
  error: (socket, error) => socket.data.fail(error.message),
};

async function send(task: Task): Promise<object> {
  const run = new Run(task);
  const since = performance.now();
  run.start();
  await run.done.promise;
  return { seconds: (performance.now() - since) / 1000 };
}

console.log("port 0");
createInterface(process.stdin).on("line", (line) => {
  void send(JSON.parse(line) as Task)
    .catch((error: Error) => ({ error: error.message }))
    .then((answer) => console.log(JSON.stringify(answer)));
});
