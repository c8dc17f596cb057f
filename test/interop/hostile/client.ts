/** Clients in processes of their own that do what no decent client does: what client.py can be told. */
import { join } from "node:path";
import { program, run } from "../harness.js";

/** One thing that a client does; texts are octets, a character each. See client.py. */
export type Step =
  /** Says it in one packet, inside of TLS where there is TLS; `count` times over. */
  | readonly [send: "send", text: string, count?: number]
  /** Says it past TLS. */
  | readonly [raw: "raw", text: string]
  /** Packets, each of which the server has most likely read before the next. */
  | readonly [trickle: "trickle", texts: readonly string[]]
  /** Says it again and again as long as the server takes anything, and does not listen. */
  | readonly [flood: "flood", text: string]
  /** Waits for whole replies. */
  | readonly [hear: "hear", count?: number]
  /** Listens until the server closes. */
  | readonly [rest: "rest"]
  /** The ClientHello, less some octets at its end. */
  | readonly [hello: "hello", less?: number]
  | readonly [handshake: "handshake"]
  /** Ends its side: close_notify where there is TLS, and FIN. */
  | readonly [fin: "fin"]
  /** close_notify alone. */
  | readonly [notify: "notify"]
  /** FIN alone, also in the middle of a TLS record. */
  | readonly [cut: "cut"];

/** A client's connection and what it does there. */
export interface Part {
  port: number;
  /** Of the server; loopback where left out. */
  host?: string;
  steps: readonly Step[];
}

type Task =
  | { mode: "play" | "hold"; parts: readonly Part[] }
  | { mode: "mail"; port: number; name: string }
  | { mode: "storm"; port: number; texts: readonly string[]; count: number; seed: number };

const script = join(import.meta.dir, "client.py");
const input = (task: Task): Uint8Array => Buffer.from(`${JSON.stringify(task)}\n`);

async function finish(task: Task): Promise<string> {
  const { code, stdout, output } = await run("python3", [script], input(task));
  if (code !== 0) throw new Error(output);
  return stdout;
}

/**
 * Plays each part to its end.
 * @returns what each heard: replies with their lines joined by LF, `TLS` for a handshake, and at last `closed` where
 * the server closed and `nothing` where it left a client waiting
 */
export async function play(parts: readonly Part[]): Promise<string[][]> {
  return JSON.parse(await finish({ mode: "play", parts })) as string[][];
}

/** Resets `count` connections, each behind a random octet of one of the texts; `<ClientHello>` in them is one. */
export async function storm(
  port: number,
  texts: readonly string[],
  count: number,
  seed: number,
): Promise<void> {
  await finish({ mode: "storm", port, texts, count, seed });
}

/** A client that is still there. */
export class Running implements AsyncDisposable {
  /** What it printed so far. */
  output = "";
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #reading: Promise<void>;
  #changed = Promise.withResolvers<void>();
  #over = false;

  constructor(task: Task, before: readonly string[] = []) {
    this.#child = Bun.spawn([...before, program("python3") ?? "python3", script], {
      // Open until the test is gone: then the client goes too.
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#child.stdin.write(input(task));
    void this.#child.stdin.flush();
    this.#reading = this.#read();
  }

  /** Whole lines that it printed. */
  get lines(): string[] {
    return this.output.split("\n").slice(0, -1);
  }

  /** Waits until it has printed as many lines. */
  async printed(lines: number): Promise<void> {
    while (this.lines.length < lines) {
      if (this.#over) throw new Error(`ended before it printed ${lines} lines: ${this.output}`);
      await this.#changed.promise;
    }
  }

  /** `kill -9`, in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await this.#reading;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      this.output += decoder.decode(chunk, { stream: true });
      this.#tell();
    }
    this.#over = true;
    this.#tell();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Plays each part and stays, until it is killed. `before` is a program that starts it. */
export async function hold(parts: readonly Part[], before?: readonly string[]): Promise<Running> {
  const client = new Running({ mode: "hold", parts }, before);
  await client.printed(1);
  return client;
}

/** Sends messages until it is killed; prints the sender of each that was answered 250. */
export function sendMail(port: number, name: string): Running {
  return new Running({ mode: "mail", port, name });
}
