/** Servers in a process of their own, seen from outside: what hostile clients leave behind in it. */
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { SMTPServerOptions } from "../../../src/index.js";
import type { Report, Setup } from "./server.js";

/** A server has done what a client's last packet asks for long before as many milliseconds are over. */
const LONGEST_WAIT = 20_000;

/** The process of server.ts. */
export class Subject<Name extends string> implements AsyncDisposable {
  readonly ports: Record<Name, number>;
  /** Its sockets without any client. */
  readonly baseline: number;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncGenerator<string, undefined>;

  private constructor(
    child: Bun.Subprocess<"pipe", "pipe", "inherit">,
    lines: AsyncGenerator<string, undefined>,
    ports: Record<Name, number>,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.ports = ports;
    this.baseline = this.sockets;
  }

  /** Starts a server for each entry. */
  static async start<Name extends string>(
    servers: Record<Name, SMTPServerOptions>,
    { host = "127.0.0.1", hookTime = 0 }: Partial<Setup> = {},
  ): Promise<Subject<Name>> {
    const setup: Setup = { host, hookTime, servers };
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "server.ts"), JSON.stringify(setup)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const lines = readLines(child.stdout);
    const first = (await lines.next()).value;
    if (first === undefined) throw new Error("the server did not start");
    return new Subject(child, lines, JSON.parse(first) as Record<Name, number>);
  }

  /** Open sockets of the process: clients, listeners and its standard streams. */
  get sockets(): number {
    const directory = `/proc/${this.#child.pid}/fd`;
    return readdirSync(directory).filter((fd) => isSocket(join(directory, fd))).length;
  }

  /** What has happened so far. */
  async report(): Promise<Report> {
    this.#child.stdin.write("\n");
    await this.#child.stdin.flush();
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error("the server has ended");
    return JSON.parse(value) as Report;
  }

  /** Asks again and again until it is as expected, or has had its time; the last report. */
  async settled(isSettled: (report: Report) => boolean): Promise<Report> {
    const deadline = performance.now() + LONGEST_WAIT;
    for (;;) {
      const report = await this.report();
      if (isSettled(report) || performance.now() > deadline) return report;
      await Bun.sleep(20);
    }
  }

  /** Waits until all clients are gone, sockets and all. */
  deserted(): Promise<Report> {
    return this.settled(
      ({ connections, opened, closed }) =>
        connections === 0 && closed >= opened && this.sockets <= this.baseline,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    // Closed since it was listed.
    return false;
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
