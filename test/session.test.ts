import { describe, expect, test } from "bun:test";
import type { SMTPEnvelope, SMTPServer, SMTPServerOptions, SMTPSession } from "../src/index.js";
import { hello, makeServer, MemoryClient } from "./support/client.js";

const LOGIN = "AUTH PLAIN AHVzZXIAcGVuY2ls";
const options: SMTPServerOptions = {
  allowInsecureAuth: true,
  onAuth: (auth, _session, callback) => callback(null, { user: { name: auth.username } }),
  onMailFrom: ({ address }, _session, callback) =>
    callback(address === "busy@a.test" ? Object.assign(new Error("busy"), { responseCode: 400 }) : null),
};

function sessionOf(server: SMTPServer): SMTPSession {
  return [...server.connections].at(-1)?.session as SMTPSession;
}

/** A client that has been greeted, and its session. */
async function start(
  more: SMTPServerOptions = {},
): Promise<{ client: MemoryClient; session: SMTPSession; server: SMTPServer }> {
  const server = makeServer({ ...options, ...more });
  const client = new MemoryClient(server);
  await client.reply();
  return { client, server, session: sessionOf(server) };
}

async function startTLS(client: MemoryClient): Promise<void> {
  await client.say("STARTTLS");
  client.transport.handshake();
}

const emptyEnvelope: SMTPEnvelope = {
  mailFrom: false,
  rcptTo: [],
  bodyType: "7bit",
  smtpUtf8: false,
  requireTLS: false,
};

test("a session as onConnect gets it has every documented field", async () => {
  let seen: unknown;
  const { session } = await start({
    onConnect(connecting, callback) {
      seen = structuredClone(connecting);
      callback();
    },
  });
  expect(seen).toStrictEqual({
    id: session.id,
    secure: false,
    localAddress: "192.0.2.1",
    localPort: 25,
    remoteAddress: "192.0.2.99",
    remotePort: 50_000,
    clientHostname: "[192.0.2.99]",
    openingCommand: false,
    hostNameAppearsAs: false,
    transmissionType: "SMTP",
    tlsOptions: false,
    user: undefined,
    transaction: 1,
    envelope: emptyEnvelope,
    xClient: new Map(),
    xForward: new Map(),
  });
  expect(session.id).toMatch(/^[0-9a-v]{16}$/);
});

test("ids differ", async () => {
  const server = makeServer();
  const ids = new Set<string>();
  for (let i = 0; i < 1000; i++) {
    new MemoryClient(server);
    ids.add(sessionOf(server).id);
  }
  expect(ids.size).toBe(1000);
});

describe("each stage of a session", () => {
  /** Lines, and what the session has when they were answered. */
  const stages: [string, string[], object][] = [
    [
      "HELO",
      ["HELO Client.Test"],
      { openingCommand: "HELO", hostNameAppearsAs: "client.test", transmissionType: "SMTP" },
    ],
    [
      "EHLO",
      ["EHLO [192.0.2.7]"],
      { openingCommand: "EHLO", hostNameAppearsAs: "[192.0.2.7]", transmissionType: "ESMTP" },
    ],
    [
      "EHLO, then HELO",
      ["EHLO a", "HELO b"],
      { openingCommand: "HELO", hostNameAppearsAs: "b", transmissionType: "SMTP" },
    ],
    [
      "a refused EHLO",
      ["EHLO a b"],
      { openingCommand: false, hostNameAppearsAs: false, error: "501 Error: syntax: EHLO hostname" },
    ],
    ["AUTH", ["EHLO x", LOGIN], { user: { name: "user" }, transmissionType: "ESMTPA" }],
    [
      "MAIL",
      ["EHLO x", "MAIL FROM:<a@a.test> BODY=8BITMIME SMTPUTF8 X=1"],
      {
        envelope: {
          ...emptyEnvelope,
          mailFrom: { address: "a@a.test", args: { BODY: "8BITMIME", SMTPUTF8: true, X: "1" } },
          bodyType: "8bitmime",
          smtpUtf8: true,
        },
      },
    ],
    [
      "the null sender",
      ["EHLO x", "MAIL FROM:<>"],
      { envelope: { ...emptyEnvelope, mailFrom: { address: "", args: false } } },
    ],
    [
      "RCPT",
      ["EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "RCPT TO:<C@b.test>"],
      {
        envelope: {
          ...emptyEnvelope,
          mailFrom: { address: "a@a.test", args: false },
          rcptTo: [
            { address: "b@b.test", args: false },
            { address: "C@b.test", args: false },
          ],
        },
      },
    ],
    [
      "RSET",
      ["EHLO x", LOGIN, "MAIL FROM:<a@a.test>", "RSET"],
      { envelope: emptyEnvelope, user: { name: "user" }, transmissionType: "ESMTPA", transaction: 1 },
    ],
    ["a refused command", ["EHLO x", "DATA"], { error: "503 Error: need RCPT command" }],
    [
      "a command that is accepted after it",
      ["EHLO x", "DATA", "NOOP"],
      { error: "503 Error: need RCPT command" },
    ],
    ["a refusal with the lowest code", ["EHLO x", "MAIL FROM:<busy@a.test>"], { error: "400 busy" }],
    ["WIZ", ["WIZ secret"], { isWizard: true }],
  ];
  for (const [name, lines, fields] of stages) {
    test(name, async () => {
      const { client, session } = await start();
      await client.chat(...lines);
      expect(session).toMatchObject(fields);
    });
  }

  test("LHLO", async () => {
    const { client, session } = await start({ lmtp: true });
    expect(session.transmissionType).toBe("LMTP");
    await client.chat("LHLO x", LOGIN);
    expect(session).toMatchObject({ openingCommand: "LHLO", transmissionType: "LMTPA" });
  });

  test("STARTTLS, HELO and AUTH make ESMTPSA", async () => {
    const { client, session } = await start();
    await client.say("EHLO x");
    await startTLS(client);
    expect(session.transmissionType).toBe("SMTPS");
    await client.say("EHLO x");
    expect(session.transmissionType).toBe("ESMTPS");
    await client.say(LOGIN);
    expect(session.transmissionType).toBe("ESMTPSA");
  });

  test("implicit TLS, also if the option is changed during the handshake", async () => {
    for (const secure of [true, false]) {
      const server = makeServer({ secure: true });
      const client = new MemoryClient(server);
      server.options.secure = secure;
      client.transport.handshake();
      await client.reply();
      expect(sessionOf(server)).toMatchObject({ secure: true, transmissionType: "SMTPS" });
    }
  });

  test("EHLO, as onHelo sees it", async () => {
    const seen: unknown[] = [];
    const { client } = await start({
      onHelo({ openingCommand, hostNameAppearsAs, transmissionType }, callback) {
        seen.push([openingCommand, hostNameAppearsAs, transmissionType]);
        callback();
      },
    });
    await client.chat("EHLO Client.Test", "HELO other.test");
    expect(seen).toEqual([
      ["EHLO", "client.test", "ESMTP"],
      ["HELO", "other.test", "SMTP"],
    ]);
  });

  test("hideDSN: false brings dsn", async () => {
    const { client, session } = await start({ hideDSN: false });
    expect(session.envelope.dsn).toEqual({ ret: null, envid: null });
    await client.chat(
      "EHLO x",
      "MAIL FROM:<a@a.test> RET=hdrs ENVID=x+2By",
      "RCPT TO:<b@b.test> NOTIFY=success,delay ORCPT=rfc822;o@b.test",
    );
    expect(session.envelope.dsn).toEqual({ ret: "HDRS", envid: "x+y" });
    expect(session.envelope.rcptTo[0]?.dsn).toEqual({
      notify: ["SUCCESS", "DELAY"],
      orcpt: "rfc822;o@b.test",
    });
  });
});

describe("transaction", () => {
  const counts: [string, SMTPServerOptions, (client: MemoryClient) => Promise<unknown>, number][] = [
    ["is 1 before the first message", {}, (client) => client.envelope(), 1],
    ["is 2 after a message", {}, (client) => client.deliver(), 2],
    [
      "is 2 after a refused message",
      { onData: (_s, _x, callback) => callback(new Error("no")) },
      (client) => client.deliver(),
      2,
    ],
    ["is 3 after two", {}, async (client) => [await client.deliver(), await client.deliver()], 3],
    ["does not count RSET", {}, async (client) => [await client.envelope(), await client.say("RSET")], 1],
    [
      "does not count a refused MAIL",
      { onMailFrom: (_a, _s, callback) => callback(new Error("no")) },
      (client) => client.envelope(),
      1,
    ],
    ["does not count EHLO", {}, async (client) => [await client.deliver(), await client.say("EHLO y")], 2],
    [
      "counts one LMTP message of two recipients once",
      { lmtp: true },
      async (client) => {
        await client.envelope("b@b.test", "c@b.test");
        await client.chat("DATA", "hi\r\n.");
        await client.reply();
      },
      2,
    ],
  ];
  for (const [name, more, act, expected] of counts) {
    test(name, async () => {
      const server = makeServer({ ...options, ...more });
      const client = await hello(server);
      await act(client);
      expect(sessionOf(server).transaction).toBe(expected);
    });
  }

  test("onData sees the number of its own message", async () => {
    const seen: number[] = [];
    const client = await hello(
      makeServer({ onData: (_s, session, callback) => (seen.push(session.transaction), callback()) }),
    );
    await client.deliver();
    await client.deliver();
    expect(seen).toEqual([1, 2]);
  });
});

describe("the envelope", () => {
  test("that a hook was given is its own: it stays as it was", async () => {
    const envelopes: SMTPEnvelope[] = [];
    const client = await hello(
      makeServer({ onData: (_s, session, callback) => (envelopes.push(session.envelope), callback()) }),
    );
    await client.deliver();
    await client.envelope("other@b.test");
    await client.chat("DATA", ".");
    const addresses = envelopes.map(({ rcptTo }) => rcptTo.map(({ address }) => address));
    expect(addresses).toEqual([["b@b.test"], ["other@b.test"]]);
    expect(envelopes[0]).toMatchObject({ mailFrom: { address: "a@a.test" } });
  });

  for (const [name, lines] of Object.entries({
    RSET: ["RSET"],
    EHLO: ["EHLO again"],
    HELO: ["HELO again"],
  })) {
    test(`is a new object after ${name}`, async () => {
      const { client, session } = await start();
      await client.say("EHLO x");
      await client.envelope();
      const before = session.envelope;
      await client.chat(...lines);
      expect(session.envelope).toEqual(emptyEnvelope);
      expect(before.rcptTo).toHaveLength(1);
    });
  }

  test("a refused MAIL leaves nothing in it", async () => {
    const { client, session } = await start({ onMailFrom: (_a, _s, callback) => callback(new Error("no")) });
    await client.chat("EHLO x", "MAIL FROM:<a@a.test> BODY=8BITMIME SMTPUTF8");
    expect(session.envelope).toEqual(emptyEnvelope);
  });

  test("mailFrom and rcptTo are set when the hook has accepted, not before", async () => {
    const seen: unknown[] = [];
    const { client } = await start({
      onMailFrom: (_a, session, callback) => (seen.push(session.envelope.mailFrom), callback()),
      onRcptTo: (_a, session, callback) => (seen.push(session.envelope.rcptTo.length), callback()),
    });
    await client.say("EHLO x");
    await client.envelope("b@b.test", "c@b.test");
    expect(seen).toEqual([false, 0, 1]);
  });

  test("what a hook changes in it holds", async () => {
    let seen: SMTPEnvelope | undefined;
    const client = await hello(
      makeServer({
        onMailFrom: (address, _s, callback) => ((address.address = "rewritten@a.test"), callback()),
        onRcptTo: (address, _s, callback) => ((address.address = "rewritten@b.test"), callback()),
        onData: (_s, session, callback) => ((seen = session.envelope), callback()),
      }),
    );
    await client.deliver();
    expect(seen).toMatchObject({
      mailFrom: { address: "rewritten@a.test" },
      rcptTo: [{ address: "rewritten@b.test" }],
    });
  });
});

test("it is one object for the connection's whole life, in every hook", async () => {
  const seen: SMTPSession[] = [];
  const note = (session: SMTPSession, callback: () => void): void => {
    seen.push(session);
    callback();
  };
  const { client, session } = await start({
    onConnect: note,
    onSecure: (_socket, one, callback) => note(one, callback),
    onHelo: (one, callback) => note(one, callback),
    onAuth: (_auth, one, callback) => note(one, () => callback(null, { user: 1 })),
    onMailFrom: (_a, one, callback) => note(one, callback),
    onRcptTo: (_a, one, callback) => note(one, callback),
    onData: (_s, one, callback) => note(one, callback),
    onClose: (one) => void seen.push(one),
  });
  await client.say("EHLO x");
  await startTLS(client);
  await client.chat("EHLO x", LOGIN);
  await client.deliver();
  await client.leave();
  expect(seen).toHaveLength(9);
  expect(new Set(seen)).toEqual(new Set([session]));
});

test("fields of the application survive RSET, EHLO, messages and STARTTLS", async () => {
  const { client, session } = await start();
  Object.assign(session, { spamScore: 7, tenant: { id: 1 } });
  await client.chat("EHLO x", "RSET", "HELO x");
  await client.deliver();
  await startTLS(client);
  await client.say("EHLO x");
  expect(session).toMatchObject({ spamScore: 7, tenant: { id: 1 } });
});

test("it is plain: no methods, and JSON keeps all but the Maps", async () => {
  const { client, session } = await start();
  await client.chat("EHLO x", LOGIN);
  await client.envelope();
  expect(Object.getPrototypeOf(session)).toBe(Object.prototype);
  const { xClient, xForward, ...plain } = session;
  expect(Object.values(session).some((value) => typeof value === "function")).toBe(false);
  expect(JSON.parse(JSON.stringify(plain))).toEqual(plain);
  expect([xClient, xForward]).toEqual([new Map(), new Map()]);
});

test("disabledCommands of a session replaces the server's, in EHLO too", async () => {
  const { client, session } = await start({ disabledCommands: ["VRFY"] });
  session.disabledCommands = ["AUTH"];
  expect(await client.say("EHLO x")).not.toContain("AUTH");
  expect(await client.chat("VRFY x", LOGIN)).toEqual([
    "252 Try to send something. No promises though",
    "500 Error: command not recognized",
  ]);
});

describe("STARTTLS", () => {
  test("clears what was learned in plaintext, and keeps the rest (RFC 3207 4.2)", async () => {
    const { client, session } = await start({ useXClient: true, useXForward: true });
    await client.chat("EHLO x", LOGIN, "XFORWARD NAME=a.test", "XCLIENT NAME=b.test HELO=b.test");
    await client.chat("EHLO x", LOGIN);
    await client.envelope();
    const { id, envelope } = session;
    await startTLS(client);
    expect(session).toMatchObject({
      id,
      secure: true,
      servername: "mx.test",
      tlsOptions: { name: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3" },
      user: false,
      openingCommand: false,
      hostNameAppearsAs: false,
      clientHostname: "[192.0.2.99]",
      transmissionType: "SMTPS",
      envelope: emptyEnvelope,
      transaction: 1,
    });
    // To match an object, any map matches one that is empty.
    expect([...session.xClient, ...session.xForward]).toEqual([]);
    expect(envelope.rcptTo).toHaveLength(1);
  });

  test("brings the address back that XCLIENT had replaced", async () => {
    const { client, session } = await start({ useXClient: true });
    await client.chat("EHLO x", "XCLIENT ADDR=198.51.100.7 PORT=7");
    expect(session).toMatchObject({ remoteAddress: "198.51.100.7" });
    await startTLS(client);
    expect(session).toMatchObject({ remoteAddress: "192.0.2.99", remotePort: 50_000 });
  });

  test("EHLO, MAIL and AUTH start over", async () => {
    const { client } = await start({ authOptional: false });
    await client.chat("EHLO x", LOGIN);
    await startTLS(client);
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("503 Error: send HELO/EHLO first");
    await client.say("EHLO x");
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("530 Error: authentication Required");
    expect(await client.say("STARTTLS")).toBe("503 Error: TLS already active");
  });
});

describe("the connect event", () => {
  test("comes once, with the greeting, and tells who the client is", async () => {
    const server = makeServer();
    const infos: unknown[] = [];
    server.on("connect", (info) => infos.push(info));
    const client = await hello(server);
    await client.deliver();
    await client.say("EHLO again");
    const { id } = sessionOf(server);
    const { localAddress, localPort, remoteAddress, remotePort } = client.transport;
    expect(infos).toEqual([
      {
        id,
        localAddress,
        localPort,
        remoteAddress,
        remotePort,
        hostNameAppearsAs: false,
        clientHostname: "[192.0.2.99]",
      },
    ]);
  });

  test("is not for a refused client", async () => {
    const server = makeServer({ onConnect: (_session, callback) => callback(new Error("no")) });
    let events = 0;
    server.on("connect", () => void events++);
    await new MemoryClient(server).reply();
    expect(events).toBe(0);
  });

  test("is with what XCLIENT says where that is on", async () => {
    const server = makeServer({ useXClient: true });
    const infos: unknown[] = [];
    server.on("connect", (info) => infos.push(info.remoteAddress));
    const client = await hello(server);
    expect(infos).toEqual([]);
    await client.say("XCLIENT ADDR=198.51.100.7");
    await client.chat("EHLO x", "MAIL FROM:<a@a.test>");
    expect(infos).toEqual(["198.51.100.7"]);
  });
});
