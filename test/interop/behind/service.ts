/** Programs that stand before or behind the server: started in a directory of their own, ended with the test. */
import { test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A program that has not logged what a test waits for after this many milliseconds never will. */
const LONGEST_WAIT = 30_000;

/** The path of a program; also of those that Debian keeps where only root looks. */
export function find(name: string): string | undefined {
  return Bun.which(name, { PATH: `${process.env["PATH"]}:/usr/local/sbin:/usr/sbin:/sbin` }) ?? undefined;
}

const said = new Set<string>();

/** `test`, or `test.skip` with the reason on stderr, once, where something is missing. */
export function testUnless(reason: string | undefined): typeof test {
  if (reason === undefined) return test;
  if (!said.has(reason)) console.warn(`skipped: ${reason}`);
  said.add(reason);
  return test.skip as typeof test;
}

/** A TCP port of loopback that is free now: for programs that cannot say which one they took. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

const running = new Set<Service>();
/** Made when the first directory is, as the tests of several files follow each other in one process. */
let root: string | undefined;
let directories = 0;

/** A new directory that every user may enter; removed by {@link cleanUp}. */
export function directory(): string {
  if (root === undefined) {
    root = mkdtempSync(join(tmpdir(), "bun-smtp-behind-"));
    // Daemons drop their rights.
    chmodSync(root, 0o755);
  }
  directories += 1;
  const path = join(root, String(directories));
  mkdirSync(path);
  return path;
}

/** For `afterAll`: ends what tests that failed or ran out of time have left, and removes the directories. */
export async function cleanUp(): Promise<void> {
  await Promise.all(Array.from(running, (service) => service[Symbol.asyncDispose]()));
  if (root !== undefined) rmSync(root, { recursive: true, force: true });
  root = undefined;
}

/** A running program and what it logged to stdout and stderr. */
export class Service implements AsyncDisposable {
  log = "";
  readonly #stop: () => void;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #reading: Promise<unknown>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  /**
   * @param command a program that {@link find} finds, and its arguments
   * @param stop ends it, where SIGTERM is not enough
   */
  constructor([name = "", ...args]: readonly string[], stop?: () => void) {
    this.#stop = stop ?? (() => this.#child.kill());
    this.#child = Bun.spawn([find(name) ?? name, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, LC_ALL: "C" },
    });
    running.add(this);
    this.#reading = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]).then(() => {
      this.#ended = true;
      this.#changed.resolve();
    });
  }

  /** Waits until what the program has logged since it was started matches. */
  async logged(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(LONGEST_WAIT);
    const late = Promise.withResolvers<void>();
    deadline.addEventListener("abort", () => late.resolve(), { once: true });
    for (;;) {
      const match = pattern.exec(this.log);
      if (match !== null) return match;
      if (this.#ended || deadline.aborted) throw new Error(`no ${pattern} in the log:\n${this.log}`);
      await Promise.race([this.#changed.promise, late.promise]);
    }
  }

  /** Ends the program, and waits until it and whatever else holds its output are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    running.delete(this);
    this.#stop();
    await this.#child.exited;
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.log += decoder.decode(chunk, { stream: true });
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }
}
