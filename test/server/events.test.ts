/** What a listener, a callback or an option of the application throws is the application's, and stops nothing of ours. */
import { expect, test } from "bun:test";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { SMTPServer } from "../../src/index.js";
import { makeServer, SocketClient } from "../support/client.js";

const server = (): SMTPServer => makeServer();

/** The greeting of a client that connects. */
async function greeting(one: SMTPServer, header = ""): Promise<string | undefined> {
  const client = new SocketClient({ port: (one.address() as AddressInfo).port, host: "127.0.0.1" });
  if (header !== "") client.send(header);
  const reply = await client.reply();
  client.end();
  return reply;
}

const source = join(import.meta.dir, "../../src/index.ts");

/**
 * Runs the body of an async function in a process of its own, as an exception that reaches the process fails a test.
 * @returns what it passes to `note`, and how each exception that it left to the process came
 */
async function noted(body: string): Promise<string[]> {
  const script = `
    import { SMTPServer } from ${JSON.stringify(source)};
    const lines = [];
    const note = (line) => void lines.push(line);
    const mine = () => { throw new Error("mine"); };
    process.on("uncaughtException", (error) => note("uncaught " + error.message));
    process.on("unhandledRejection", (error) => note("unhandled " + error.message));
    const server = () => new SMTPServer({ logger: false });
    await (async () => {${body}})();
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    console.log(JSON.stringify(lines));
    process.exit();
  `;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  return JSON.parse(await child.stdout.text()) as string[];
}

const bothWays = [
  ["one.server", "one"],
  ["one", "one.server"],
];

test.each(bothWays)(
  "a listener of %s that throws: those of %s have the event, and the server goes on",
  async (first, second) => {
    const lines = await noted(`
    const one = server();
    for (const event of ["listening", "close"]) {
      ${first}.on(event, mine);
      ${second}.on(event, () => note(event));
    }
    note(String(await one.listen(0, "127.0.0.1") === one));
    await one.close();
    await one.listen(0, "127.0.0.1");
    note(String(one.server.listening));
  `);
    expect(lines.filter((line) => line === "uncaught mine")).toHaveLength(3);
    expect(lines.filter((line) => line !== "uncaught mine")).toEqual([
      "listening",
      "true",
      "close",
      "listening",
      "true",
    ]);
  },
);

test.each(bothWays)(
  "a listener of error on %s that throws when a bind fails: %s has the error, and the promise too",
  async (first, second) => {
    const lines = await noted(`
    const [taken, one] = [server(), server()];
    await taken.listen(0, "127.0.0.1");
    ${first}.on("error", mine);
    ${second}.on("error", ({ code }) => note("event " + code));
    await one.listen(taken.address().port, "127.0.0.1").catch(({ code }) => note("promise " + code));
  `);
    expect(lines.sort()).toEqual(["event EADDRINUSE", "promise EADDRINUSE", "uncaught mine"]);
  },
);

test("the rejection of a bind that fails is the program's, unless a listener of error has it", async () => {
  const lines = await noted(`
    const [taken, one, other] = [server(), server(), server()];
    await taken.listen(0, "127.0.0.1");
    const { port } = taken.address();
    one.listen(port, "127.0.0.1");
    other.on("error", ({ code }) => note("event " + code));
    other.listen(port, "127.0.0.1");
  `);
  expect(lines.map((line) => line.slice(0, 16)).sort()).toEqual(["event EADDRINUSE", "unhandled listen"]);
});

test("callbacks of listen and close that throw are uncaught exceptions, and the promises resolve", async () => {
  const lines = await noted(`
    const one = server();
    await one.close(mine);
    note("closed");
    await one.listen(0, "127.0.0.1", mine);
    note("listens " + one.server.listening);
    await one.close(mine);
    note("listens " + one.server.listening);
  `);
  expect(lines.filter((line) => line.startsWith("un"))).toEqual([
    "uncaught mine",
    "uncaught mine",
    "uncaught mine",
  ]);
  expect(lines.filter((line) => !line.startsWith("un"))).toEqual(["closed", "listens true", "listens false"]);
});

const mine = (): never => {
  throw new Error("mine");
};

const HEADER = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";

for (const option of ["useProxy", "maxClients", "maxClientsPerAddress", "name", "banner", "socketTimeout"]) {
  for (const [when, useProxy] of [
    ["connects", false],
    ["has sent a PROXY header", true],
  ] as const) {
    if (useProxy && option === "useProxy") continue;
    test(`an option ${option} that throws when a client ${when}: it is closed, the error reported`, async () => {
      const one = server();
      if (option !== "maxClients") one.options.maxClients = 1;
      one.options.useProxy = useProxy;
      const errors: string[] = [];
      one.on("error", (error) => errors.push(error.message));
      await one.listen(0, "127.0.0.1");
      const own = Object.getOwnPropertyDescriptor(one.options, option);
      Object.defineProperty(one.options, option, { configurable: true, get: mine });
      // An option that is read once the client is a connection closes it with a reply.
      expect([undefined, "421 Error: internal server error"]).toContain(
        await greeting(one, useProxy ? HEADER : ""),
      );
      expect(errors).toEqual(["mine"]);
      // It is not counted any more.
      if (own) Object.defineProperty(one.options, option, own);
      else Reflect.deleteProperty(one.options, option);
      expect(await greeting(one, useProxy ? HEADER : "")).toBe("220 mx.test ESMTP");
    });
  }
}

for (const option of ["closeTimeout", "lmtp"]) {
  test(`an option ${option} that throws when the server closes: it does not begin to, and can be closed after`, async () => {
    const one = server();
    await one.listen(0, "127.0.0.1");
    Object.defineProperty(one.options, option, { configurable: true, get: mine });
    await expect((async () => one.close())()).rejects.toThrow("mine");
    Reflect.deleteProperty(one.options, option);
    expect(await greeting(one)).toBe("220 mx.test ESMTP");
    let closes = 0;
    one.on("close", () => closes++);
    await one.close();
    expect(closes).toBe(1);
  });
}
