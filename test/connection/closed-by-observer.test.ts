/** A logger or a subscriber that closes the connection when it sees a command: the command does not run. */
import { expect, test } from "bun:test";
import type { CommandTrace, SMTPServer } from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { listen, trace } from "../support/subscribe.js";

function close(server: SMTPServer): void {
  for (const connection of server.connections) connection.close();
}

const observers: Record<string, (server: SMTPServer, verb: string) => void> = {
  "a logger": (server, verb) => {
    server.logger = {
      debug: ({ command }: { command?: string }) => void (command === verb && close(server)),
    } as never;
  },
  "a subscriber": (server, verb) =>
    trace<CommandTrace>("bun-smtp:command", {
      start: (command) => void (command.verb === verb && close(server)),
    }),
};
/** Each with the hooks before it. */
const commands: Record<string, string[]> = {
  "MAIL FROM:<c@c.test>": [],
  "RCPT TO:<c@c.test>": ["MAIL"],
  DATA: ["MAIL", "RCPT"],
  "BDAT 0 LAST": ["MAIL", "RCPT"],
};

for (const [observer, observe] of Object.entries(observers)) {
  test.each(Object.entries(commands))(`${observer}: %s`, async (line, before) => {
    const called: string[] = [];
    const server = makeServer({
      onMailFrom: async () => void called.push("MAIL"),
      onRcptTo: async () => void called.push("RCPT"),
      onData: async () => void called.push("DATA"),
    });
    const client = await hello(server);
    if (before.includes("MAIL")) await client.say("MAIL FROM:<a@a.test>");
    if (before.includes("RCPT")) await client.say("RCPT TO:<b@b.test>");
    observe(server, line.split(" ", 1)[0] as string);
    client.send(`${line}\r\n`);
    expect(await client.closed()).toBe("");
    await client.leave();
    expect(called).toEqual(before);
  });
}

test("a logger that sees a line of AUTH", async () => {
  let logins = 0;
  const server = makeServer({
    allowInsecureAuth: true,
    async onAuth() {
      logins += 1;
      return { user: 1 };
    },
  });
  const client = await hello(server);
  await client.say("AUTH PLAIN");
  observers["a logger"]?.(server, "AUTH");
  client.send("AHUAcA==\r\n");
  expect(await client.closed()).toBe("");
  await client.idle();
  expect(logins).toBe(0);
});

test("a subscriber that sees a message begin: onData does not get it", async () => {
  let calls = 0;
  const server = makeServer({ onData: async () => void calls++ });
  const client = await hello(server);
  await client.envelope();
  trace("bun-smtp:message", { start: () => close(server) });
  client.send("DATA\r\nhalf");
  await client.idle();
  expect(calls).toBe(0);
});

/** Sets a logger that acts when it gets a reply that begins with this text. */
function logsReply(server: SMTPServer, reply: string, act: () => void): void {
  server.logger = {
    info() {},
    debug: ({ tnx }: { tnx?: string }, _text: string, line: string) => {
      if (tnx === "send" && line.startsWith(reply)) act();
    },
  } as never;
}

test("a logger that sees a reply: it is not written behind the end", async () => {
  const server = makeServer();
  const client = await hello(server);
  logsReply(server, "250 Accepted", () => close(server));
  client.send("NOOP\r\nMAIL FROM:<a@a.test>\r\nNOOP\r\n");
  expect(await client.closed()).toBe("250 OK\r\n");
  expect(await client.idle()).toBe("250 OK\r\n");
});

test("a logger that sees the reply to a client which does not wait for the greeting", async () => {
  const server = makeServer({ earlyTalkerDelay: 1000 }, new TestClock());
  logsReply(server, "421", () => close(server));
  const client = new MemoryClient(server);
  client.send("EHLO a.test\r\n");
  expect(await client.closed()).toBe("");
  expect(await client.idle()).toBe("");
});

test("a logger that sends a line of its own when it sees a reply: each is written once", async () => {
  const server = makeServer();
  const client = await hello(server);
  logsReply(server, "250 Accepted", () => {
    for (const connection of server.connections) connection._socket.write("250-Noted\r\n");
  });
  client.send("NOOP\r\nMAIL FROM:<a@a.test>\r\n");
  expect(await client.idle()).toBe("250 OK\r\n250-Noted\r\n250 Accepted\r\n");
});

test("a listener of connect: onMailFrom is not called", async () => {
  let calls = 0;
  const server = makeServer({ useXForward: true, onMailFrom: async () => void calls++ });
  const client = await hello(server);
  server.on("connect", () => close(server));
  client.send("MAIL FROM:<a@a.test>\r\n");
  expect(await client.closed()).toBe("");
  await client.idle();
  expect(calls).toBe(0);
});

test("a logger that sees an XCLIENT: onAuth is not called", async () => {
  let logins = 0;
  const onAuth = async (): Promise<{ user: number }> => ({ user: ++logins });
  const server = makeServer({ useXClient: true, onAuth });
  const client = await hello(server);
  server.logger = {
    debug() {},
    info: ({ tnx }: { tnx?: string }) => void (tnx === "xclient" && close(server)),
  } as never;
  client.send("XCLIENT ADDR=192.0.2.7 LOGIN=user\r\n");
  expect(await client.closed()).toBe("");
  await client.idle();
  expect(logins).toBe(0);
});

test.each(["STARTTLS", "implicit TLS"])(
  "a subscriber that sees a handshake by %s: onSecure is not called",
  async (kind) => {
    let calls = 0;
    const secure = kind === "implicit TLS";
    const server = makeServer({ secure, onSecure: async () => void calls++ });
    const client = new MemoryClient(server);
    if (!secure) {
      await client.reply();
      await client.chat("EHLO a.test", "STARTTLS");
    }
    listen("bun-smtp:tls", () => close(server));
    client.transport.handshake();
    await client.closed();
    await client.idle();
    expect(calls).toBe(0);
  },
);

test("a logger that sees a client of implicit TLS: onSecure is not called", async () => {
  let calls = 0;
  const server = makeServer({ secure: true, onSecure: async () => void calls++ });
  server.logger = {
    debug() {},
    info: (_entry: object, text: string) => void (text.startsWith("Connection from") && close(server)),
  } as never;
  const client = new MemoryClient(server);
  client.transport.handshake();
  await client.closed();
  await client.idle();
  expect(calls).toBe(0);
});
