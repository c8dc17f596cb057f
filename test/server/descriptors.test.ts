/** A process that runs out of file descriptors cannot accept, and Bun's event loop would then spin until it can. */
import { describe, expect, spyOn, test } from "bun:test";
import { join } from "node:path";
import { accept } from "../../src/server/server.js";
import { SMTPServer, type SMTPServerOptions } from "../../src/index.js";
import { firstReserved } from "../../src/transport/descriptors.js";
import { makeServer, SocketClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { MemoryTransport } from "../support/memory-transport.js";

const program = `
  import { closeSync, openSync } from "node:fs";
  import { SMTPServer } from ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))};
  const server = new SMTPServer({ name: "mx.test", authOptional: true, disableReverseLookup: true, logger: false });
  server.on("error", ({ code, message }) => console.log(code, message));
  await server.listen(0, "127.0.0.1");
  console.log(server.address().port);
  process.stdin.on("data", () => {
    const files = Array.from({ length: 6 }, () => openSync("/dev/null"));
    files.forEach((file) => closeSync(file));
    console.log("opened", files.length);
  });
`;

test("every client of a process with too few descriptors has an answer, and hooks can still open files", async () => {
  await using child = Bun.spawn(
    ["sh", "-c", 'ulimit -n 64 && exec "$0" -e "$1"', process.execPath, program],
    {
      stdin: "pipe",
      stdout: "pipe",
      killSignal: "SIGKILL",
    },
  );
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const line = async (): Promise<string> => {
    while (!text.includes("\n")) text += (await lines.read()).value;
    const [first = ""] = text.split("\n", 1);
    text = text.slice(first.length + 1);
    return first;
  };
  const port = Number(await line());
  const clients: SocketClient[] = [];
  const connect = async (): Promise<string | undefined> => {
    const client = new SocketClient({ port, host: "127.0.0.1" });
    clients.push(client);
    return client.reply();
  };

  const replies: (string | undefined)[] = [];
  for (let n = 0; n < 80; n++) replies.push(await connect());
  const served = replies.indexOf("421 mx.test Too many connected clients, try again in a moment");
  expect(served).toBeGreaterThan(20);
  expect(new Set(replies.slice(0, served))).toEqual(new Set(["220 mx.test ESMTP"]));
  expect(new Set(replies.slice(served)).size).toBe(1);
  expect(await line()).toMatch(/^EMFILE .* 64 files .*LimitNOFILE/);

  child.stdin.write("open\n");
  await child.stdin.flush();
  expect(await line()).toBe("opened 6");

  // When some have left, others can connect again.
  const [first] = clients;
  first?.send("QUIT\r\n");
  await first?.closed();
  // The server may have the next client before it has the end of the first.
  while ((await connect()) !== "220 mx.test ESMTP");
});

describe("a client whose descriptor is one of the last", () => {
  function refused(options: SMTPServerOptions): {
    output: string;
    closed: boolean;
    hooks: string[];
    errors: unknown[];
  } {
    const hooks: string[] = [];
    const server = makeServer({
      onConnect: (_session, callback) => (hooks.push("onConnect"), callback()),
      onClose: () => void hooks.push("onClose"),
      ...options,
    });
    const errors: unknown[] = [];
    server.on("error", (error) => errors.push((error as NodeJS.ErrnoException).code));
    const transports = Array.from({ length: 3 }, () =>
      Object.assign(new MemoryTransport(), { usesReservedDescriptor: true }),
    );
    for (const transport of transports) accept(server, transport);
    const [first] = transports;
    expect(transports.map(({ output }) => output)).toEqual(Array(3).fill(first?.output));
    return { output: first?.output ?? "", closed: transports.every(({ closed }) => closed), hooks, errors };
  }
  const busy = "421 mx.test Too many connected clients, try again in a moment\r\n";

  test("is an error once a minute, however many there are", () => {
    const clock = new TestClock();
    const server = makeServer({}, clock);
    let errors = 0;
    server.on("error", (error) => {
      errors++;
      expect(error).toMatchObject({
        code: "EMFILE",
        syscall: "accept",
        message: expect.stringMatching(/nearly all of the \d+ files and sockets .*LimitNOFILE/),
      });
    });
    for (const count of [1, 1, 2, 2]) {
      accept(server, Object.assign(new MemoryTransport(), { usesReservedDescriptor: true }));
      expect(errors).toBe(count);
      clock.pass(30_000);
    }
  });

  test.each<[string, SMTPServerOptions, string]>([
    ["gets a reply that says so", {}, busy],
    ["behind a proxy too", { useProxy: true }, busy],
    ["is dropped where TLS would come first", { secure: true, needsUpgrade: true }, ""],
  ])("%s; no hook is asked, one error for all", (_, options, output) => {
    expect(refused(options)).toEqual({ output, closed: true, hooks: [], errors: ["EMFILE"] });
  });
});

describe("maxClients over what the process may open", () => {
  const warnings = async (options: SMTPServerOptions): Promise<string> => {
    const stderr = spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      await using server = new SMTPServer({ disableReverseLookup: true, ...options });
      await server.listen(0, "127.0.0.1");
      return stderr.mock.calls.map(([text]) => String(text)).join("");
    } finally {
      stderr.mockRestore();
    }
  };

  test("one more than fits is one too", async () => {
    expect(await warnings({ maxClients: firstReserved() + 1 })).toStartWith("WARNING: maxClients is ");
  });

  test("is a warning when the server listens", async () => {
    expect(await warnings({ maxClients: 100_000_000 })).toMatch(
      /^WARNING: maxClients is 100000000, and this process may open \d+ files: .*LimitNOFILE.*\n$/,
    );
  });

  test.each<[string, SMTPServerOptions]>([
    ["with logger: false", { maxClients: 100_000_000, logger: false }],
    ["for a number that fits", { maxClients: 10 }],
    ["for the greatest that does", { maxClients: firstReserved() }],
    ["without maxClients", {}],
  ])("no warning %s", async (_, options) => expect(await warnings(options)).toBe(""));
});
