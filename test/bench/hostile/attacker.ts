/**
 * Hostile clients in a process of their own. Reads lines of JSON: an {@link Attack} starts clients, after
 * `hush` they send no more and stay, `stop` resets them. Answers `{}` to each.
 */
import { createInterface } from "node:readline";
import { HONEST, type Pattern, patterns } from "./patterns.js";

export interface Attack {
  /** Name of the pattern. */
  pattern: string;
  port: number;
  clients: number;
  /** Octets after which each client sends no more and stays; none: it goes on. */
  octets?: number;
  /** Where each server wants one. */
  header?: string;
  lmtp?: boolean;
}
type Socket = Bun.Socket<Client>;

/** Pieces that a client writes before the others have their turn. */
const PIECES = 64;
const NOTHING = Buffer.alloc(0);

/** One client, through all the connections that it makes. */
class Client {
  readonly #pattern: Pattern;
  readonly #attack: Attack;
  #socket: Socket | undefined;
  #step = 0;
  #turn = 0;
  #text = "";
  #unsent: Buffer = NOTHING;
  /** What is written when the flood was taken: the next one, or the end. */
  #flooding = false;
  #scheduled = false;
  #upgrading = false;
  #connecting = true;
  #stopped = false;
  #hushed = false;
  #sent = 0;

  constructor(pattern: Pattern, attack: Attack) {
    this.#pattern = pattern;
    this.#attack = attack;
  }

  connect(): void {
    // A client that has sent its share does not come again.
    if (this.#stopped || this.#hushed || this.#sent >= (this.#attack.octets ?? Infinity)) return;
    this.#socket = undefined;
    [this.#step, this.#turn, this.#text, this.#unsent] = [0, 0, "", NOTHING];
    this.#flooding = this.#upgrading = false;
    Bun.connect<Client>({
      hostname: "127.0.0.1",
      port: this.#attack.port,
      data: this,
      socket: handlers,
    }).catch(() => setTimeout(() => this.connect(), 1));
  }

  /** Sends no more, and stays. */
  hush(): void {
    this.#hushed = true;
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  opened(socket: Socket): void {
    if (this.#upgrading) return;
    if (this.#stopped) return void socket.terminate();
    this.#connecting = false;
    this.#socket = socket;
    const header = this.#pattern.header ?? Buffer.from(this.#attack.header ?? "");
    if (header.length > 0) this.#say(header);
    if (!this.#pattern.opening) this.#flood();
  }

  encrypted(socket: Socket): void {
    if (!this.#upgrading) return;
    this.#upgrading = false;
    this.#socket = socket;
    this.#next("");
  }

  read(socket: Socket, chunk: Buffer): void {
    if (socket !== this.#socket || this.#flooding) return;
    this.#text += chunk.toString("latin1");
    const last = /^\d{3}(?: .*)?\r\n/m.exec(this.#text);
    if (!last) return;
    this.#text = "";
    const said = this.#pattern.opening?.[this.#step - 1];
    if (said === "STARTTLS" && this.#pattern.startTLS) this.#upgrade(socket);
    else this.#next(last[0]);
  }

  #next(reply: string): void {
    const step = this.#pattern.opening?.[this.#step++];
    if (step === undefined) return this.#flood();
    const line = typeof step === "string" ? step : step(reply);
    this.#say(Buffer.from(`${this.#attack.lmtp ? line.replace(/^EHLO/, "LHLO") : line}\r\n`));
  }

  #upgrade(socket: Socket): void {
    this.#socket = undefined;
    this.#upgrading = true;
    socket.upgradeTLS<Client>({ data: this, tls: { rejectUnauthorized: false }, socket: handlers });
  }

  #flood(): void {
    this.#flooding = true;
    if (this.#pattern.deaf) this.#socket?.pause();
    this.#schedule();
  }

  #say(bytes: Buffer): void {
    this.#unsent = Buffer.concat([this.#unsent, bytes]);
    this.#write(Infinity);
  }

  /** @returns whether the socket took all of it */
  #write(pieces: number): boolean {
    const { piece = Infinity } = this.#pattern;
    for (let left = pieces; this.#unsent.length > 0; left--) {
      if (left === 0) {
        this.#schedule();
        return false;
      }
      const part = this.#flooding ? this.#unsent.subarray(0, piece) : this.#unsent;
      const taken = this.#socket?.write(part) ?? 0;
      if (taken > 0) this.#unsent = this.#unsent.subarray(taken);
      this.#sent += Math.max(taken, 0);
      // The rest goes when the socket drains.
      if (taken < part.length) return false;
    }
    return true;
  }

  flush(socket: Socket): void {
    if (socket !== this.#socket) return;
    if (this.#flooding) this.#schedule();
    else this.#write(Infinity);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#socket && this.#flooding) this.#goOn(this.#socket);
    });
  }

  #goOn(socket: Socket): void {
    if (this.#hushed || !this.#write(PIECES) || this.#sent >= (this.#attack.octets ?? Infinity)) return;
    const { flood, floods = flood ? Infinity : 0, then = "leave" } = this.#pattern;
    if (flood && this.#turn < floods) {
      this.#unsent = typeof flood === "function" ? flood(this.#turn) : flood;
      this.#turn += 1;
      this.#schedule();
    } else if (then === "leave") socket.end();
    else if (then === "reset") socket.terminate();
  }

  /** Comes twice where there was an upgrade. */
  closed(socket: Socket): void {
    if (this.#stopped || this.#connecting) return;
    if (this.#socket !== undefined && socket !== this.#socket) return;
    this.#socket = undefined;
    this.#connecting = true;
    setImmediate(() => this.connect());
  }
}

const handlers: Bun.SocketHandler<Client> = {
  open: (socket) => socket.data.opened(socket),
  handshake: (socket) => socket.data.encrypted(socket),
  data: (socket, chunk) => socket.data.read(socket, chunk),
  drain: (socket) => socket.data.flush(socket),
  close: (socket) => socket.data.closed(socket),
  error() {},
};

let clients: Client[] = [];

function start(attack: Attack): void {
  const pattern = [HONEST, ...patterns].find(({ name }) => name === attack.pattern);
  if (!pattern) throw new Error(`no pattern is called ${attack.pattern}`);
  clients = Array.from({ length: attack.clients }, () => new Client(pattern, attack));
  for (const client of clients) client.connect();
}

console.log("port 0");
createInterface(process.stdin).on("line", (line) => {
  if (line === "stop") {
    for (const client of clients) client.stop();
    clients = [];
  } else if (line === "hush") {
    for (const client of clients) client.hush();
  } else start(JSON.parse(line) as Attack);
  console.log("{}");
});
