/** bun-smtp/testing: conversations in memory. */
import { beforeEach, describe, expect, test } from "bun:test";
import { SMTPError, SMTPServer, type SMTPServerOptions } from "../../src/index.js";
import { connect } from "../../src/testing.js";
import { stopTime } from "../support/clock.js";
import { endAfterTest } from "../support/ending.js";
import { turn } from "../support/turn.js";

const make = (options: SMTPServerOptions = {}): SMTPServer =>
  new SMTPServer({
    name: "mx.test",
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    ...options,
  });

const MAIL = ["EHLO client.test", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA"];

test("a conversation is had with a server that does not listen", async () => {
  const messages: string[] = [];
  const server = make({
    async onData(stream, { envelope, remoteAddress }) {
      messages.push(`${remoteAddress} ${envelope.rcptTo[0]?.address} ${await new Response(stream).text()}`);
    },
  });
  await using client = await connect(server);
  expect(server.server.listening).toBe(false);
  expect(client.greeting).toEqual({
    code: 220,
    lines: ["mx.test ESMTP"],
    text: "mx.test ESMTP",
    raw: "220 mx.test ESMTP\r\n",
  });
  const hello = await client.command("EHLO client.test");
  expect(hello.code).toBe(250);
  expect(hello.lines[0]).toBe("mx.test Nice to meet you, [127.0.0.1]");
  expect(hello.lines).toContain("PIPELINING");
  expect(hello.text.split("\n")).toEqual(hello.lines);
  for (const line of MAIL.slice(1)) await client.command(line);
  expect((await client.data("Subject: ü\n\n.first\r\n..second\n")).code).toBe(250);
  expect(messages).toEqual(["127.0.0.1 b@b.test Subject: ü\r\n\r\n.first\r\n..second\r\n"]);
  expect((await client.command("QUIT")).code).toBe(221);
  expect(client.isOpen).toBe(false);
});

test.each<[string, string | Uint8Array, string]>([
  ["a text whose last line has no end gets one", "hi", "hi\r\n"],
  ["an empty message is empty", "", ""],
  ["octets stay as they are", Buffer.from("\xff\r\n.\r\n", "latin1"), "\xff\r\n.\r\n"],
  ["the first line may be a dot", ".", ".\r\n"],
  [
    "a long message comes in several chunks",
    "x".repeat(998).concat("\n").repeat(300),
    "x".repeat(998).concat("\r\n").repeat(300),
  ],
])("data(): %s", async (_, message, expected) => {
  let received = Buffer.alloc(0);
  const server = make({
    async onData(stream) {
      received = Buffer.from(await new Response(stream).bytes());
    },
  });
  await using client = await connect(server);
  for (const line of MAIL) await client.command(line);
  expect((await client.data(message)).code).toBe(250);
  expect(received.toString("latin1")).toBe(expected);
});

test("hooks, options and subclasses are those of the server", async () => {
  class Server extends SMTPServer {
    override onRcptTo(_address: unknown, _session: unknown, callback: (error: Error) => void): void {
      callback(new SMTPError("Full", { responseCode: 452 }));
    }
  }
  const server = new Server({
    disableReverseLookup: true,
    logger: false,
    allowInsecureAuth: true,
    onAuth: async ({ username, password }) => (password === "secret" ? { user: username } : {}),
  });
  server.onMailFrom = (_address, _session, callback) => setTimeout(() => callback(null), 1);
  await using client = await connect(server);
  await client.command("EHLO client.test");
  expect((await client.command("MAIL FROM:<a@a.test>")).code).toBe(530);
  expect((await client.command("AUTH LOGIN")).text).toBe("VXNlcm5hbWU6");
  await client.command(btoa("ann"));
  expect((await client.command(btoa("secret"))).code).toBe(235);
  expect((await client.command("MAIL FROM:<a@a.test>")).code).toBe(250);
  expect(await client.command("RCPT TO:<b@b.test>")).toMatchObject({ code: 452, text: "Full" });
});

test("a refused client has the refusal as its greeting", async () => {
  const client = await connect(
    make({
      onConnect: async (_session) => {
        throw new Error("No");
      },
    }),
  );
  expect(client.greeting).toMatchObject({ code: 554, text: "No" });
  expect(await client.closed()).toBe("");
  expect(client.isOpen).toBe(false);
});

test("addresses are the ones given, a PROXY header comes before the greeting", async () => {
  const seen: object[] = [];
  const server = make({
    useProxy: ["192.0.2.7"],
    onConnect: async ({ remoteAddress, remotePort, localAddress, localPort }) => {
      seen.push({ remoteAddress, remotePort, localAddress, localPort });
    },
  });
  const defaults = {
    remoteAddress: "127.0.0.1",
    remotePort: 50_000,
    localAddress: "127.0.0.1",
    localPort: 25,
  };
  const addresses = {
    remoteAddress: "2001:db8::1",
    remotePort: 1,
    localAddress: "2001:db8::2",
    localPort: 587,
  };
  await using plain = await connect(server);
  await using direct = await connect(server, addresses);
  await using proxied = await connect(server, {
    remoteAddress: "192.0.2.7",
    preface: "PROXY TCP4 198.51.100.1 198.51.100.2 1000 25\r\n",
  });
  expect([plain, direct, proxied].map(({ greeting }) => greeting.code)).toEqual([220, 220, 220]);
  expect(seen.slice(0, 2)).toEqual([defaults, addresses]);
  expect(seen[2]).toMatchObject({ remoteAddress: "198.51.100.1", remotePort: 1000 });
});

describe("TLS in memory", () => {
  const options: SMTPServerOptions = {
    authMethods: ["EXTERNAL"],
    onAuth: async (auth) => ({ user: auth.certificate?.subject.CN }),
  };
  /** What onSecure has of each connection. */
  const seen: unknown[] = [];
  const onSecure: SMTPServerOptions["onSecure"] = async (socket, session) => {
    seen.push({
      encrypted: socket.encrypted,
      authorized: socket.authorized,
      names: [socket.servername, session.servername],
      ciphers: [socket.getProtocol(), socket.getCipher().name, session.tlsOptions],
      secure: session.secure,
    });
  };
  const suite = "TLS_AES_128_GCM_SHA256";
  const ciphers = ["TLSv1.3", suite, { name: suite, standardName: suite, version: "TLSv1.3" }];
  beforeEach(() => {
    seen.length = 0;
  });
  const tls = { servername: "mx.test", certificate: { subject: { CN: "ann" } } };

  test("STARTTLS, then the session is secure", async () => {
    await using client = await connect(make({ ...options, onSecure }), { tls });
    expect((await client.command("EHLO client.test")).lines).toContain("STARTTLS");
    expect((await client.startTLS()).code).toBe(220);
    expect((await client.command("EHLO client.test")).lines).not.toContain("STARTTLS");
    expect((await client.command("AUTH EXTERNAL =")).code).toBe(235);
    const names = ["mx.test", "mx.test"];
    expect(seen).toEqual([{ encrypted: true, authorized: true, names, ciphers, secure: true }]);
    expect((await client.startTLS()).code).toBe(503);
  });

  test("a certificate need not be trusted", async () => {
    const server = make({ ...options, secure: true });
    await using client = await connect(server, { tls: { ...tls, authorized: false } });
    expect((await client.command("EHLO client.test")).lines.join()).not.toContain("EXTERNAL");
  });

  test("a STARTTLS that is refused plays no handshake", async () => {
    await using client = await connect(make({ disabledCommands: ["STARTTLS"] }));
    await client.command("EHLO client.test");
    expect((await client.startTLS()).code).toBe(500);
    expect((await client.command("NOOP")).code).toBe(250);
  });

  test("implicit TLS is there before the greeting, without a certificate by default", async () => {
    await using client = await connect(make({ ...options, onSecure, secure: true }));
    expect(client.greeting.code).toBe(220);
    const names = [false, false];
    expect(seen).toEqual([{ encrypted: true, authorized: false, names, ciphers, secure: true }]);
    const { lines } = await client.command("EHLO client.test");
    expect(lines).not.toContain("STARTTLS");
    expect(lines.join()).not.toContain("EXTERNAL");
  });

  test("STARTTLS as a plain command says what to call", async () => {
    await using client = await connect(make());
    await client.command("EHLO client.test");
    await client.command("STARTTLS");
    await expect(client.command("EHLO client.test")).rejects.toThrow("client.startTLS()");
  });
});

test("LMTP: each recipient has a reply of its own", async () => {
  await using client = await connect(make({ lmtp: true, onData: async () => ["one", new Error("two")] }));
  for (const line of ["LHLO x", "MAIL FROM:<>", "RCPT TO:<a@a.test>", "RCPT TO:<b@b.test>", "DATA"])
    await client.command(line);
  expect(await client.data("hi")).toMatchObject({ code: 250, text: "one" });
  expect(await client.reply()).toMatchObject({ code: 450, text: "two" });
});

test("several commands in one write have their replies in order, also when they are waited for together", async () => {
  await using client = await connect(make());
  client.write("NOOP\r\nVRFY x\r\n");
  expect((await client.reply()).code).toBe(250);
  expect((await client.reply()).code).toBe(252);
  const replies = await Promise.all([
    client.command("EHLO x"),
    client.command("VRFY x"),
    client.command("RSET"),
  ]);
  expect(replies.map(({ code }) => code)).toEqual([250, 252, 250]);
});

test("one octet before the greeting is too early", async () => {
  await using client = await connect(make({ onConnect: (_session, _callback) => {} }), { preface: "x" });
  expect(client.greeting.code).toBe(421);
});

test("a reply may come in parts", async () => {
  const server = make();
  await using client = await connect(server);
  const send = (text: string): void => {
    for (const { _socket } of server.connections) _socket.write(text);
  };
  send("250-one\r\n25");
  const reply = client.reply();
  send("0 two\r\n");
  expect((await reply).lines).toEqual(["one", "two"]);
});

test("a reply may be three digits, and what is none is no reply", async () => {
  const server = make();
  await using client = await connect(server, { timeout: 1 });
  const send = (text: string): void => {
    for (const { _socket } of server.connections) _socket.write(text);
  };
  send("250\r\n");
  expect(await client.reply()).toEqual({ code: 250, lines: [""], text: "", raw: "250\r\n" });
  send("250\r250 OK\r\n");
  await expect(client.reply()).rejects.toThrow("No reply to what was sent");
});

test("a client that leaves: the message breaks off, and onClose was called", async () => {
  const events: string[] = [];
  const server = make({
    onData: async (stream) => {
      await new Response(stream).text().catch((error: { code: string }) => events.push(error.code));
    },
    onClose: async () => void events.push("closed"),
  });
  {
    await using client = await connect(server);
    for (const line of MAIL) await client.command(line);
    client.write("half");
  }
  expect(events.toSorted()).toEqual(["ECONNECTION", "closed"]);
  expect(server.connections.size).toBe(0);
});

test("a client that closes its side still gets its reply", async () => {
  let answer = (): void => {};
  await using client = await connect(make({ onMailFrom: (_a, _s, callback) => (answer = callback) }));
  await client.command("EHLO x");
  client.write("MAIL FROM:<a@a.test>\r\n");
  client.end();
  answer();
  expect((await client.reply()).code).toBe(250);
  expect(await client.closed()).toBe("");
});

test("connections count, and the server can speak to them", async () => {
  const server = make({ maxClients: 1 });
  await using client = await connect(server);
  const other = await connect(server);
  expect(other.greeting.code).toBe(421);
  expect([...server.connections].map(({ remoteAddress }) => remoteAddress)).toEqual(["127.0.0.1"]);
  for (const connection of server.connections) connection.send(421, "Bye");
  expect(await client.closed()).toStartWith("421 Bye\r\n");
  expect(await client.closed()).toBe("");
});

describe("what does not come", () => {
  test("is an error that says what was sent and what came", async () => {
    const server = make({ onRcptTo: (_a, _s, _callback) => {} });
    await using client = await connect(server, { timeout: 20 });
    await client.command("HELO x");
    await client.command("MAIL FROM:<a@a.test>");
    await expect(client.command("RCPT TO:<b@b.test>")).rejects.toThrow(
      [
        'No reply to "RCPT TO:<b@b.test>" within 20 ms. The conversation was:',
        "  S: 220 mx.test ESMTP",
        "  C: HELO x",
        "  S: 250 mx.test Nice to meet you, [127.0.0.1]",
        "  C: MAIL FROM:<a@a.test>",
        "  S: 250 Accepted",
        "  C: RCPT TO:<b@b.test>",
      ].join("\n"),
    );
  });

  test("half a reply is shown, a long conversation by its end", async () => {
    const server = make();
    await using client = await connect(server, { timeout: 20 });
    for (let n = 10; n < 30; n++) await client.command(`NOOP ${n} ${"x".repeat(n === 28 ? 192 : 300)}`);
    for (const { _socket } of server.connections) _socket.write("250-half\r\n");
    const error = await client.reply().catch((error: Error) => error.message);
    expect(error).toEndWith("\n  S: 250 OK\n  S: 250-half");
    expect(error).toStartWith(
      "No reply to what was sent within 20 ms. The conversation was:\n  S: 250 OK\n  C: NOOP 25 ",
    );
    expect(String(error).split("\n")).toHaveLength(13);
    expect(String(error)).toMatch(/C: NOOP 28 x{192}\n.*\n  C: NOOP 29 x{192}…\n/);
  });

  test("the error after data() names the message, with its last lines", async () => {
    await using client = await connect(make({ onData: (_stream, _session, _callback) => {} }), {
      timeout: 20,
    });
    for (const line of MAIL) await client.command(line);
    const error = await client.data("Subject: x\n\nhi").catch((error: Error) => error.message);
    expect(error).toStartWith("No reply to the message within 20 ms.");
    expect(error).toEndWith("\n  C: Subject: x\n  C: \n  C: hi\n  C: .");
  });

  test("lines that end in LF alone are shown one by one", async () => {
    await using client = await connect(make(), { timeout: 1 });
    client.write("NOOP\nNOOP\n");
    await client.reply();
    await client.reply();
    await expect(client.reply()).rejects.toThrow("\n  C: NOOP\n  C: NOOP\n  S: ");
  });

  test("is waited for 2 seconds by default, and no longer than it takes", async () => {
    const clock = stopTime();
    const server = make({ onMailFrom: (_address, _session, _callback) => {} });
    await using client = await connect(server);
    const before = clock.timers;
    await client.command("EHLO x");
    expect(clock.timers).toBe(before);
    let error: Error | undefined;
    const waiting = client.command("MAIL FROM:<a@a.test>").catch((reason: Error) => (error = reason));
    clock.pass(1999);
    await turn();
    expect(error).toBeUndefined();
    clock.pass(1);
    await waiting;
    expect(error?.message).toStartWith('No reply to "MAIL FROM:<a@a.test>" within 2000 ms.');
  });

  test("a connection that the server closes is one too", async () => {
    const server = make({
      onMailFrom: async (_address, session) => {
        for (const connection of server.connections) if (connection.session === session) connection.close();
      },
    });
    const client = await connect(server);
    await client.command("EHLO x");
    await expect(client.command("MAIL FROM:<a@a.test>")).rejects.toThrow(
      'The server closed the connection without a reply to "MAIL FROM:<a@a.test>". The conversation was:\n',
    );
    await expect(client.command("NOOP")).rejects.toThrow('without a reply to "NOOP"');
  });

  test("closed() is, where the server goes on", async () => {
    await using client = await connect(make(), { timeout: 1 });
    await expect(client.closed()).rejects.toThrow(
      "The server did not close the connection within 1 ms. The conversation was:\n  S: 220 mx.test ESMTP",
    );
    client.write("NOOP\r\n");
    await expect(client.closed()).rejects.toThrow("  C: NOOP\n  S: 250 OK");
  });

  test("a greeting is, and the connection is closed", async () => {
    const server = make({ onConnect: (_session, _callback) => {} });
    await expect(connect(server, { timeout: 1 })).rejects.toThrow(
      "No reply to the connection within 1 ms. The conversation was:\n  (nothing)",
    );
    expect(server.connections.size).toBe(0);
  });
});

describe("what cannot be meant is a TypeError that names it:", () => {
  test.each<[string, unknown, unknown]>([
    ["connect: an SMTPServer of this package is wanted, not [Object]. Import", { some: "object" }, {}],
    ["not undefined. Import SMTPServer and connect by the same package name", undefined, {}],
    ['connect: there is no option "remoteAdress"', make(), { remoteAdress: "::1" }],
    ["connect: timeout", make(), { timeout: 0 }],
    ["connect: timeout", make(), { timeout: "1" }],
    ["connect: remotePort", make(), { remotePort: 65_536 }],
    ["connect: localPort", make(), { localPort: -1 }],
    ["connect: localPort", make(), { localPort: 65_536 }],
    ["connect: localAddress", make(), { localAddress: 1 }],
    ["connect: preface", make(), { preface: 1 }],
    ['connect: tls: there is no option "cert"', make(), { tls: { cert: "" } }],
    ["connect: an object is wanted", make(), null],
  ])("%s", async (message, server, options) => {
    const connecting = connect(server as SMTPServer, options as object);
    await expect(connecting).rejects.toThrow(TypeError);
    await expect(connecting).rejects.toThrow(message);
  });

  test("but the ports of a unix socket can", async () => {
    await using client = await connect(make(), { remotePort: 0, localPort: 0, remoteAddress: "" });
    expect(client.greeting.code).toBe(220);
  });

  test("a command of two lines", async () => {
    await using client = await connect(make());
    await expect(client.command("NOOP\r\nNOOP")).rejects.toThrow("command: one line is wanted");
  });
});

test("a server that also listens has both kinds of clients", async () => {
  const server = make();
  endAfterTest(() => server.close());
  await server.listen(0, "127.0.0.1");
  const client = await connect(server);
  const closing = server.close();
  expect(await client.command("NOOP")).toMatchObject({ code: 421 });
  await client.close();
  await closing;
});
