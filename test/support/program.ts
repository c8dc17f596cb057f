/** Programs of docs/examples, each in a process of its own. */
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { endAfterTest } from "./ending.js";

const ROOT: string = new URL("../..", import.meta.url).pathname;
export const EXAMPLES: string = join(ROOT, "docs/examples");

/**
 * Copies an example into a project, as a user does. Gives the path of its main file.
 * @param packages where the packages are that the project has beside this one
 */
export function copyExample(name: string, project: string, packages: Record<string, string> = {}): string {
  const modules = join(project, "node_modules");
  mkdirSync(modules, { recursive: true });
  for (const [name, path] of Object.entries({ ...packages, "bun-smtp": ROOT }))
    symlinkSync(path, join(modules, name));
  for (const part of [name, "start.ts"])
    cpSync(join(EXAMPLES, part), join(project, part), { recursive: true });
  return join(project, name, "main.ts");
}

/** How a program is started. */
export interface ProgramOptions {
  /** Where it runs. */
  cwd?: string;
  env?: Record<string, string>;
  /** A command that runs it, such as `nice -n 5`. */
  within?: readonly string[];
}

/** A program of docs/examples that runs, and what it prints. */
export class Program {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #lines: string[] = [];
  #over = false;
  #heard = Promise.withResolvers<void>();

  /**
   * Starts it, on a free port. It is killed after the test.
   * @param file its path in docs/examples, or anywhere from / on
   */
  constructor(file: string, args: readonly string[] = [], { cwd, env, within = [] }: ProgramOptions = {}) {
    this.#process = Bun.spawn([...within, process.execPath, resolve(EXAMPLES, file), ...args], {
      ...(cwd !== undefined && { cwd }),
      env: { ...process.env, PORT: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    endAfterTest(() => this.kill());
    const read = [this.#process.stdout, this.#process.stderr].map((stream) => this.#read(stream));
    void Promise.all(read).then(() => {
      this.#over = true;
      this.#heard.resolve();
    });
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#heard.resolve();
      this.#heard = Promise.withResolvers();
    }
  }

  /** The next line that matches; those before it are dropped. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    const skipped: string[] = [];
    for (;;) {
      for (let line; (line = this.#lines.shift()) !== undefined; skipped.push(line)) {
        const match = pattern.exec(line);
        if (match) return match;
      }
      if (this.#over) throw new Error(`Ended without ${pattern}:\n${skipped.join("\n")}`);
      await this.#heard.promise;
    }
  }

  /** The port of the next "Listening on port". */
  async port(): Promise<number> {
    return Number((await this.prints(/^Listening on port (\d+)/))[1]);
  }

  /** Sends a signal, and waits for the end. */
  async ends(signal: "SIGINT" | "SIGTERM" = "SIGINT"): Promise<number> {
    this.#process.kill(signal);
    return this.#process.exited;
  }

  get exited(): Promise<number> {
    return this.#process.exited;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Ends it at once, whatever it does. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }
}
