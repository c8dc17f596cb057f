/**
 * `listen` and `close` in every order: a model says what each promise and event must be, and all sequences of five
 * steps are played against it.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import type { EventEmitter } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SMTPServer } from "../../src/index.js";
import { makeServer, SocketClient } from "../support/client.js";

// All sequences take a second, longer on a busy machine.
setDefaultTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "listen-close-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let sockets = 0;
const freshPath = (): string => join(folder, `${(sockets += 1)}.sock`);

const CLOSED_BEFORE = "ERR_SERVER_NOT_RUNNING";
const ALREADY = "ERR_SERVER_ALREADY_LISTEN";

type Step = "listen" | "close" | "await";
const STEPS: readonly Step[] = ["listen", "close", "await"];

/** All sequences of so many steps; shorter ones are those that end with `await`. */
function sequences(length: number): Step[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((rest) => STEPS.map((step) => [...rest, step]));
}

/** What a listen promise came to: "listening", or the code of its error. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "listening",
    (error: { code: string }) => error.code,
  );
}

const targets: Record<string, () => [string] | [number, string?]> = {
  "a host name": () => [0, "localhost"],
  "an address": () => [0, "127.0.0.1"],
  "a unix socket": () => [freshPath()],
};

/** Plays one sequence, beside what the model expects of it. */
async function play(steps: readonly Step[], target: [string] | [number, string?], withClient: boolean) {
  const server = makeServer();
  const events: string[] = [];
  for (const [name, emitter] of [
    ["server", server],
    ["listener", server.server],
  ] as [string, EventEmitter][]) {
    emitter.on("listening", () => events.push(`${name} listening`));
    emitter.on("close", () => events.push(`${name} close`));
  }
  const where = (): { path: string } | { port: number; host: string } => {
    const address = server.address() as string | AddressInfo;
    if (typeof address === "string") return { path: address };
    return { port: address.port, host: address.address };
  };

  let isWanted = false;
  let listens: Promise<string | number>[] = [];
  let closes: Promise<unknown>[] = [];
  const seen: unknown[] = [];
  const expected: unknown[] = [];
  /** What the model expects of the listens since the last await. */
  let pending: string[] = [];

  const listen = (): void => {
    pending.push(isWanted ? ALREADY : "listening");
    isWanted = true;
    let calls = 0;
    const promise = server.listen(...(target as [number]), () => void calls++);
    // The callback is called once where it listens, and never where it does not.
    listens.push(outcome(promise).then((what) => (calls === Number(what === "listening") ? what : calls)));
  };
  let client: SocketClient | undefined;
  const settle = async (): Promise<void> => {
    client?.end();
    client = undefined;
    seen.push(...(await Promise.all(listens)));
    expected.push(...pending);
    seen.push(...(await Promise.all(closes)), server.server.listening, server.address() !== null);
    expected.push(...closes.map(() => undefined), isWanted, isWanted);
    [listens, closes, pending] = [[], [], []];
  };

  if (withClient) {
    listen();
    await settle();
    client = new SocketClient(where());
    await client.reply();
  }
  for (const step of steps) {
    if (step === "listen") listen();
    else if (step === "await") await settle();
    else {
      isWanted = false;
      pending = pending.map((what) => (what === "listening" ? CLOSED_BEFORE : what));
      closes.push(server.close(), new Promise((resolve) => void server.close((error) => resolve(error))));
    }
  }
  await settle();

  const last = isWanted ? new SocketClient(where()) : undefined;
  if (last) {
    seen.push(await last.reply());
    expected.push("220 mx.test ESMTP");
    last.end();
  }
  const [path] = target;
  if (typeof path === "string") {
    seen.push(existsSync(path));
    expected.push(isWanted);
  }
  for (const name of ["server", "listener"]) {
    const own = events.filter((event) => event.startsWith(name)).map((event) => event.split(" ")[1]);
    const paired = own.map((_, index) => (index % 2 === 0 ? "listening" : "close"));
    seen.push(own, own.length % 2 === 1);
    expected.push(paired, isWanted);
  }
  await server.close();
  return { seen, expected };
}

for (const [name, target] of Object.entries(targets)) {
  for (const withClient of [false, true]) {
    test(`every sequence of five, on ${name}${withClient ? ", with a client connected" : ""}`, async () => {
      for (const steps of sequences(5)) {
        const { seen, expected } = await play(steps, target(), withClient);
        expect(seen, steps.join(", ")).toEqual(expected);
      }
    });
  }
}

test("a listen that close() cancels is no unhandled rejection, and no error event", async () => {
  const lost: unknown[] = [];
  const note = (error: unknown): void => void lost.push(error);
  process.on("unhandledRejection", note);
  {
    await using server = makeServer();
    server.on("error", note);
    void server.listen(0, "localhost");
  }
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(lost).toEqual([]);
});

test("the error of a listen that close() cancels says so", async () => {
  const server = makeServer();
  const listening = server.listen(0, "localhost");
  await server.close();
  await expect(listening).rejects.toMatchObject({
    code: CLOSED_BEFORE,
    message: "The server was closed before it listened.",
  });
});

describe("close() at any moment of a listen", () => {
  const steps: Record<string, (server: SMTPServer, path: string) => void | Promise<unknown>> = {
    "that is the first": (server, path) => void server.listen(path).catch(() => {}),
    "that waits for an earlier close()": async (server, path) => {
      await server.listen(path);
      void server.close();
      void server.listen(path).catch(() => {});
    },
    "that finds a socket in its way": async (server, path) => {
      const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, "SIGKILL");`;
      await Bun.spawn([process.execPath, "-e", script]).exited;
      void server.listen(path).catch(() => {});
      // The answer of the kernel, to the question whether a process listens there, takes a turn of the event loop.
      const waits = Promise.withResolvers<void>();
      Bun.connect({ unix: path, socket: { data() {} } }).catch(() => waits.resolve());
      await waits.promise;
    },
  };
  for (const [name, prepare] of Object.entries(steps)) {
    test(name, async () => {
      for (let microtasks = 0; microtasks < 16; microtasks++) {
        const [server, path] = [makeServer(), freshPath()];
        const events: string[] = [];
        server.on("listening", () => events.push("listening")).on("close", () => events.push("close"));
        await prepare(server, path);
        for (let n = 0; n < microtasks; n++) await Promise.resolve();
        await server.close();
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        expect([server.server.listening, server.address()], `${microtasks} microtasks`).toEqual([
          false,
          null,
        ]);
        const paired = events.map((_, index) => (index % 2 === 0 ? "listening" : "close"));
        expect(events, `${microtasks} microtasks`).toEqual(paired);
        expect(events.length % 2).toBe(0);
        // Nothing that the server forgot goes on listening.
        expect(await new SocketClient({ path }).reply(), `${microtasks} microtasks`).toBeUndefined();
      }
    });
  }
});
