/** What every interop test needs: a server that keeps what it was given, and programs to talk to it. */
import { test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer } from "../../src/index.js";
import type { SMTPServerOptions, SMTPSession } from "../../src/index.js";

/** A test starts several programs, some of which deliver thousands of messages. For `setDefaultTimeout`. */
export const TEST_TIMEOUT = 120_000;

/** A program is ended after this many milliseconds: the server left it waiting. */
const PROGRAM_TIMEOUT = 60_000;

/** What to install on Debian for each program. */
const packages = {
  curl: "curl",
  "fail2ban-client": "fail2ban",
  "fail2ban-regex": "fail2ban",
  gsasl: "gsasl",
  msmtp: "msmtp",
  node: "nodejs",
  openssl: "openssl",
  prometheus: "prometheus",
  promtool: "prometheus",
  python3: "python3",
  "smtp-source": "postfix",
  sslscan: "sslscan",
  strace: "strace",
  swaks: "swaks libnet-ssleay-perl",
  testssl: "testssl.sh",
} as const;

/** Names of the programs that the tests know how to ask for. */
export type Program = keyof typeof packages;

const found = new Map<Program, string | undefined>();

/** The path of a program; `undefined`, said once on stderr, where it is not installed. */
export function program(name: Program): string | undefined {
  if (!found.has(name)) {
    // Debian keeps Postfix's programs where only root looks.
    const path = Bun.which(name, { PATH: `${process.env["PATH"]}:/usr/local/sbin:/usr/sbin:/sbin` });
    if (path === null)
      console.warn(`skipped: ${name} is not installed (Debian: apt-get install ${packages[name]})`);
    found.set(name, path ?? undefined);
  }
  return found.get(name);
}

/** `test`, or `test.skip` where one of the programs is missing. */
export function testWith(...names: Program[]): typeof test {
  const missing = names.filter((name) => program(name) === undefined);
  return missing.length > 0 ? (test.skip as typeof test) : test;
}

/** What a program left behind. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
  /** Both, for messages that some versions write to one and some to the other. */
  output: string;
}

/** Settings of {@link run} and {@link dialog}. */
export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
}

function start(name: Program, args: readonly string[], input: Uint8Array | "pipe", options: RunOptions) {
  const path = program(name);
  if (path === undefined) throw new Error(`${name} is not installed: use testWith("${name}")`);
  return Bun.spawn([path, ...args], {
    stdin: input,
    stdout: "pipe",
    stderr: "pipe",
    timeout: PROGRAM_TIMEOUT,
    killSignal: "SIGKILL",
    cwd: options.cwd ?? import.meta.dir,
    // Messages in English.
    env: { ...process.env, LC_ALL: "C", ...options.env },
  });
}

function outcome(name: Program, signal: unknown, code: number, stdout: string, stderr: string): Outcome {
  const output = stdout + stderr;
  if (typeof signal === "string")
    throw new Error(`${name} ended by ${signal} after ${PROGRAM_TIMEOUT} ms:\n${output}`);
  return { code, stdout, stderr, output };
}

/** Runs a program to its end. Throws, with its output, if it has to be ended. */
export async function run(
  name: Program,
  args: readonly string[],
  input: Uint8Array = new Uint8Array(),
  options: RunOptions = {},
): Promise<Outcome> {
  const child = start(name, args, input, options);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const code = await child.exited;
  return outcome(name, child.signalCode, code, stdout, stderr);
}

/** One step of a dialog: what the program must print next, and what it is then told, or what finds that out. */
export type Step = readonly [heard: RegExp, said: string | Uint8Array | (() => string)];

/** Talks with a program on its standard input and output, a step at a time, then waits for its end. */
export async function dialog(
  name: Program,
  args: readonly string[],
  steps: readonly Step[],
  options: RunOptions = {},
): Promise<Outcome> {
  const child = start(name, args, "pipe", options);
  const stdin = child.stdin as Bun.FileSink;
  const stderr = child.stderr.text();
  let stdout = "";
  let fresh = "";
  let next = 0;
  const decoder = new TextDecoder("latin1");
  for await (const chunk of child.stdout) {
    const text = decoder.decode(chunk);
    stdout += text;
    fresh += text;
    for (let step = steps[next]; step !== undefined && step[0].test(fresh); step = steps[next]) {
      fresh = "";
      next += 1;
      stdin.write(typeof step[1] === "function" ? step[1]() : step[1]);
      try {
        await stdin.flush();
      } catch {
        // It has ended: what it printed before tells why.
      }
    }
  }
  await stdin.end();
  const code = await child.exited;
  return outcome(name, child.signalCode, code, stdout, await stderr);
}

/** A message that a server took, with the state of the session at that moment. */
export interface Delivered {
  from: string;
  to: string[];
  bytes: Buffer;
  session: Pick<SMTPSession, "secure" | "servername" | "transmissionType" | "tlsOptions" | "user">;
}

/** A server on a port of its own, and what it got. */
export interface Running extends AsyncDisposable {
  server: SMTPServer;
  /** 0 on a unix socket. */
  port: number;
  mail: Delivered[];
  /** What was emitted as `error`. */
  errors: Error[];
}

/** Starts a server on loopback, or on the unix socket `path`, that keeps every message. `await using` closes it. */
export async function server(options: SMTPServerOptions = {}, path?: string): Promise<Running> {
  const mail: Delivered[] = [];
  const errors: Error[] = [];
  const smtp = new SMTPServer({
    name: "mx.test",
    authOptional: true,
    disableReverseLookup: true,
    closeTimeout: 1000,
    async onData(stream, session) {
      const { envelope, secure, servername, transmissionType, tlsOptions, user } = session;
      const chunks = await Array.fromAsync(stream);
      mail.push({
        from: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
        to: envelope.rcptTo.map((recipient) => recipient.address),
        bytes: Buffer.concat(chunks),
        session: { secure, servername, transmissionType, tlsOptions, user },
      });
    },
    ...options,
  });
  smtp.on("error", (error: Error) => errors.push(error));
  await (path === undefined ? smtp.listen(0, "127.0.0.1") : smtp.listen(path));
  const address = smtp.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { server: smtp, port, mail, errors, [Symbol.asyncDispose]: async () => void (await smtp.close()) };
}

let scratch: string | undefined;
let files = 0;

/** For `afterAll` of each test file: removes what {@link file} and {@link scratchPath} made. */
export function cleanUp(): void {
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  scratch = undefined;
}

/** Path of a new file with these bytes, for programs that read one; removed by {@link cleanUp}. */
export function file(content: string | Uint8Array, encoding: BufferEncoding = "utf8"): string {
  const path = scratchPath();
  writeFileSync(path, content, { mode: 0o600, encoding });
  return path;
}

/** A new folder; removed by {@link cleanUp}. */
export function scratchFolder(): string {
  const path = scratchPath();
  mkdirSync(path);
  return path;
}

/** A path that nothing is at yet. */
export function scratchPath(): string {
  scratch ??= mkdtempSync(join(tmpdir(), "bun-smtp-interop-"));
  files += 1;
  return join(scratch, `${files}`);
}
