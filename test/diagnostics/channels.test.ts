/** What is published on the diagnostics channels, as docs/reference/diagnostics.md has it. */
import { describe, expect, test } from "bun:test";
import type {
  AuthEvent,
  CommandTrace,
  ConnectionTrace,
  HookTrace,
  MessageTrace,
  SMTPServerOptions,
  TLSEvent,
} from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { endsOf, messagesOf, partsOf, trace } from "../support/subscribe.js";

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Without what differs from run to run. */
const shown = ({
  session,
  startTime,
  duration,
  ...rest
}: CommandTrace | ConnectionTrace | HookTrace): object => rest;

describe("bun-smtp:command", () => {
  const verbs = (commands: CommandTrace[]): unknown[] => commands.map(({ verb, code }) => [verb, code]);

  test("start, end, asyncStart, asyncEnd, in this order and with one object", async () => {
    const client = await hello(makeServer());
    const seen: [string, CommandTrace][] = [];
    const note = (part: string) => (message: CommandTrace) => void seen.push([part, message]);
    trace("bun-smtp:command", {
      start: note("start"),
      end: note("end"),
      asyncStart: note("asyncStart"),
      asyncEnd: note("asyncEnd"),
      error: note("error"),
    });
    await client.say("NOOP");
    expect(seen.map(([part]) => part)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(new Set(seen.map(([, message]) => message)).size).toBe(1);
    expect(seen[0]?.[1].session.hostNameAppearsAs).toBe("client.test");
  });

  test("a start has the verb, and no code yet", async () => {
    const client = await hello(makeServer());
    const seen = partsOf<CommandTrace>("bun-smtp:command");
    await client.say("MAIL FROM:<a@a.test>");
    expect(shown(seen[0]?.[1] as CommandTrace)).toMatchObject({ verb: "MAIL", code: undefined });
    expect(shown(seen.at(-1)?.[1] as CommandTrace)).toEqual({ verb: "MAIL", code: 250, codes: [250] });
  });

  test("a whole conversation: 334 and 354 are not the end of a command", async () => {
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const server = makeServer({
      allowInsecureAuth: true,
      onAuth: (_auth, _session, callback) => callback(null, { user: 1 }),
    });
    const client = await hello(server);
    await client.chat("AUTH PLAIN", "AHUAcA==", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA");
    expect(verbs(commands)).toEqual([
      ["EHLO", 250],
      ["AUTH", 235],
      ["MAIL", 250],
      ["RCPT", 250],
    ]);
    await client.chat("hi\r\n.", "QUIT");
    expect(commands.slice(1).map(({ codes }) => codes)).toEqual([
      [334, 235],
      [250],
      [250],
      [354, 250],
      [221],
    ]);
  });

  test("BDAT: each chunk", async () => {
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const client = await hello(makeServer());
    await client.envelope();
    client.send("BDAT 2\r\nh");
    await client.idle();
    expect(commands.at(-1)?.verb).toBe("RCPT");
    client.send("i");
    await client.reply();
    await client.say("BDAT 0 LAST");
    expect(verbs(commands.slice(-2))).toEqual([
      ["BDAT", 250],
      ["BDAT", 250],
    ]);
  });

  test("LMTP: a code for each recipient", async () => {
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const server = makeServer({ lmtp: true, onData: async (_stream) => ["kept", new Error("full")] });
    const client = await hello(server);
    await client.envelope("b@b.test", "c@c.test");
    await client.chat("DATA", "hi\r\n.");
    await client.reply();
    expect(commands.at(-1)).toMatchObject({ verb: "DATA", codes: [354, 250, 450], code: 450 });
  });

  test("what is no command has no verb, and a disabled one neither", async () => {
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const client = await hello(makeServer({ disabledCommands: ["vrfy"] }));
    await client.chat("hunter2", "VRFY a", "noop");
    expect(verbs(commands.slice(1))).toEqual([
      ["", 500],
      ["", 500],
      ["NOOP", 250],
    ]);
  });

  test("its duration is on the clock of the server, hooks included", async () => {
    const clock = new TestClock();
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    let answer = (): void => {};
    const server = makeServer({ onMailFrom: (_a, _s, callback) => void (answer = () => callback()) }, clock);
    const client = await hello(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    clock.pass(1500);
    answer();
    await client.reply();
    expect(commands.at(-1)?.duration).toBe(1500);
  });

  test("ends without a code where the client left before its reply", async () => {
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const client = await hello(makeServer({ onMailFrom: (_a, _s, _cb) => {} }));
    client.send("MAIL FROM:<a@a.test>\r\n");
    await client.leave();
    expect(commands.map(shown).at(-1)).toEqual({ verb: "MAIL", code: undefined, codes: [] });
  });

  test("and before onClose is called", async () => {
    const order: string[] = [];
    trace<CommandTrace>("bun-smtp:command", { asyncEnd: ({ verb }) => void order.push(verb) });
    const client = await hello(
      makeServer({ onMailFrom: (_a, _s, _cb) => {}, onClose: () => void order.push("onClose") }),
    );
    client.send("MAIL FROM:<a@a.test>\r\n");
    await client.leave();
    expect(order).toEqual(["EHLO", "MAIL", "onClose"]);
  });

  const limits: [string, SMTPServerOptions, string[], object][] = [
    [
      "maxRecipients",
      { maxRecipients: 1 },
      ["MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "RCPT TO:<c@b.test>"],
      { code: 452 },
    ],
    ["size", { size: 10 }, ["MAIL FROM:<a@a.test> SIZE=11"], { code: 552 }],
    ["maxErrors", { maxErrors: 1 }, ["FOO"], { code: 421 }],
    [
      "maxAllowedUnauthenticatedCommands",
      { authOptional: false, maxAllowedUnauthenticatedCommands: 2 },
      ["NOOP"],
      { code: 421 },
    ],
    [
      "maxAuthAttempts",
      { allowInsecureAuth: true, maxAuthAttempts: 1 },
      ["AUTH PLAIN AHUAcA=="],
      { codes: [535, 421] },
    ],
  ];
  test.each(limits)("%s is the limit that a reply refuses for", async (limit, options, lines, expected) => {
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const client = await hello(makeServer(options));
    await client.chat(...lines);
    await client.idle();
    expect(commands.at(-1)).toMatchObject({ limit, ...expected });
    expect(commands.slice(0, -1).filter((command) => command.limit)).toEqual([]);
  });

  test("minDataRate is the limit of a message that comes too slowly", async () => {
    const clock = new TestClock();
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const client = await hello(makeServer({ socketTimeout: 1000, minDataRate: 1000 }, clock));
    await client.envelope();
    await client.say("DATA");
    clock.pass(900);
    client.send("x");
    clock.pass(900);
    await client.leave();
    expect(commands.at(-1)).toMatchObject({ verb: "DATA", limit: "minDataRate", codes: [354, 421] });
  });

  test("a limit is noted where no channel but that of the hooks has a subscriber", async () => {
    const clock = new TestClock();
    trace("bun-smtp:hook", { start: () => {} });
    const client = await hello(makeServer({ socketTimeout: 1000, onHelo: async () => {} }, clock));
    clock.pass(1000);
    expect(await client.reply()).toBe("421 Timeout - closing connection");
  });

  test("one whose start had no subscriber has no end, and its hook has none", async () => {
    trace("bun-smtp:connection", { start: () => {} });
    let answer = (): void => {};
    const server = makeServer({
      onMailFrom: (_address, _session, callback) => void (answer = () => callback()),
      onRcptTo: async (_address) => {},
    });
    const client = await hello(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const hooks = endsOf<HookTrace>("bun-smtp:hook");
    answer();
    await client.reply();
    await client.say("RCPT TO:<b@b.test>");
    expect(verbs(commands)).toEqual([["RCPT", 250]]);
    expect(hooks.map(({ hook }) => hook)).toEqual(["onRcptTo"]);
  });

  test("STARTTLS", async () => {
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    const client = await hello(makeServer());
    await client.say("STARTTLS");
    expect(verbs(commands).at(-1)).toEqual(["STARTTLS", 220]);
    client.transport.handshake();
    await client.say("EHLO x");
    expect(verbs(commands).at(-1)).toEqual(["EHLO", 250]);
  });
});

describe("bun-smtp:connection", () => {
  test("from before onConnect until after onClose", async () => {
    const order: string[] = [];
    trace("bun-smtp:connection", {
      start: () => order.push("start"),
      asyncEnd: () => order.push("asyncEnd"),
    });
    const server = makeServer({
      onConnect(_session, callback) {
        order.push("onConnect");
        callback();
      },
      onClose: () => void order.push("onClose"),
    });
    const client = await hello(server);
    await client.leave();
    expect(order).toEqual(["start", "onConnect", "onClose", "asyncEnd"]);
  });

  test("without an onClose", async () => {
    const connections = endsOf<ConnectionTrace>("bun-smtp:connection");
    const client = await hello(makeServer());
    expect(connections).toEqual([]);
    await client.leave();
    expect(connections.map(shown)).toEqual([{ codes: [220] }]);
  });

  test("with the codes of replies that answer no command", async () => {
    const clock = new TestClock();
    const connections = endsOf<ConnectionTrace>("bun-smtp:connection");
    trace("bun-smtp:command", { start: () => {} });
    const client = await hello(makeServer({ socketTimeout: 1000 }, clock));
    await client.say("NOOP");
    clock.pass(1000);
    await client.leave();
    expect(connections.map(shown)).toEqual([{ codes: [220, 421], limit: "socketTimeout" }]);
  });

  test("maxClients and maxClientsPerAddress", async () => {
    const connections = endsOf<ConnectionTrace>("bun-smtp:connection");
    const server = makeServer({ maxClients: 2, maxClientsPerAddress: 1 });
    await hello(server, "192.0.2.1");
    const second = new MemoryClient(server, "192.0.2.1");
    await second.leave();
    await hello(server, "192.0.2.2");
    const third = new MemoryClient(server, "192.0.2.3");
    await third.leave();
    expect(connections.map(({ limit, codes }) => [limit, codes])).toEqual([
      ["maxClientsPerAddress", [421]],
      ["maxClients", [421]],
    ]);
  });

  test("one whose start had no subscriber has no end", async () => {
    const client = await hello(makeServer());
    const connections = endsOf<ConnectionTrace>("bun-smtp:connection");
    const commands = endsOf<CommandTrace>("bun-smtp:command");
    await client.say("NOOP");
    await client.leave();
    expect(connections).toEqual([]);
    expect(commands.map(({ verb }) => verb)).toEqual(["NOOP"]);
  });
});

describe("bun-smtp:hook", () => {
  test("each hook of a session, and what came of it", async () => {
    const hooks = endsOf<HookTrace>("bun-smtp:hook");
    const server = makeServer({
      allowInsecureAuth: true,
      onConnect: (_session, callback) => callback(),
      onSecure: (_socket, _session, callback) => callback(),
      onHelo: async () => {},
      onAuth: (_auth, _session, callback) => callback(null, { user: 1 }),
      async onMailFrom(_address) {
        await later();
      },
      onRcptTo: ({ address }, _session, callback) =>
        callback(address === "b@b.test" ? new Error("not here") : null),
      onData: (stream, _session, callback) =>
        void new Response(stream).text().then(() => callback(), callback),
      onClose: async () => {},
    });
    const client = await hello(server);
    await client.say("STARTTLS");
    client.transport.handshake();
    await client.chat("EHLO x", "AUTH PLAIN AHUAcA==");
    await client.envelope("b@b.test", "c@b.test");
    await client.chat("DATA", "hi\r\n.");
    await client.leave();
    expect(hooks.map(({ hook, outcome }) => [hook, outcome])).toEqual([
      ["onConnect", "accepted"],
      ["onHelo", "accepted"],
      ["onSecure", "accepted"],
      ["onHelo", "accepted"],
      ["onAuth", "accepted"],
      ["onMailFrom", "accepted"],
      ["onRcptTo", "refused"],
      ["onRcptTo", "accepted"],
      ["onData", "accepted"],
      ["onClose", "accepted"],
    ]);
    expect(hooks.find(({ outcome }) => outcome === "refused")?.error?.message).toBe("not here");
  });

  test("a crash is an error too", async () => {
    const seen = partsOf<HookTrace>("bun-smtp:hook");
    const client = await hello(
      makeServer({
        onMailFrom(_address, _session, _callback) {
          throw new Error("boom");
        },
      }),
    );
    expect(await client.say("MAIL FROM:<a@a.test>")).toStartWith("451 ");
    expect(seen.filter(([part]) => part === "error").map(([, { hook, outcome }]) => [hook, outcome])).toEqual(
      [["onMailFrom", "crashed"]],
    );
    expect(seen.filter(([part]) => part === "asyncEnd")).toHaveLength(1);
  });

  test("a refusal is no error part", async () => {
    const seen = partsOf<HookTrace>("bun-smtp:hook");
    const client = await hello(makeServer({ onMailFrom: async () => Promise.reject(new Error("no")) }));
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("550 no");
    expect(seen.map(([part, { outcome }]) => [part, outcome])).toEqual([
      ["start", undefined],
      ["end", undefined],
      ["asyncStart", "refused"],
      ["asyncEnd", "refused"],
    ]);
  });

  test("a reply that cannot be made of an answer does not end it twice", async () => {
    const seen = partsOf<HookTrace>("bun-smtp:hook");
    const unreadable = new Error("no");
    const boom = (): never => {
      throw new Error("boom");
    };
    Object.defineProperty(unreadable, "responseCode", { get: boom });
    const client = await hello(makeServer({ onMailFrom: async () => Promise.reject(unreadable) }));
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("451 Error: internal server error");
    expect(seen.filter(([part]) => part === "asyncEnd").map(([, { outcome }]) => outcome)).toEqual([
      "refused",
    ]);
  });

  const closings: Record<string, SMTPServerOptions["onClose"]> = {
    "calls its callback": (_session, callback) => callback(),
    "fails later": async () => Promise.reject(new Error("boom")),
  };
  test.each(Object.entries(closings))("an onClose that %s ends once", async (_, onClose) => {
    const hooks = endsOf<HookTrace>("bun-smtp:hook");
    const client = await hello(makeServer({ onClose }));
    await client.leave();
    expect(hooks.map(({ hook, outcome }) => [hook, outcome])).toEqual([["onClose", "accepted"]]);
  });

  test("its duration is the time until its answer", async () => {
    const clock = new TestClock();
    const hooks = endsOf<HookTrace>("bun-smtp:hook");
    let answer = (): void => {};
    const server = makeServer({ onMailFrom: (_a, _s, callback) => void (answer = () => callback()) }, clock);
    const client = await hello(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    clock.pass(20);
    answer();
    await client.reply();
    expect(hooks).toMatchObject([{ hook: "onMailFrom", duration: 20 }]);
  });
});

describe("bun-smtp:message", () => {
  const options: SMTPServerOptions = {
    async onData(stream) {
      const text = await new Response(stream).text();
      if (text.includes("spam")) throw new Error("no");
    },
  };
  const outcomes = (messages: MessageTrace[]): unknown[] =>
    messages.map(({ outcome, octets, envelope }) => [outcome, octets, envelope.rcptTo.length]);

  test("accepted and refused, by DATA and BDAT, with their octets", async () => {
    const messages = endsOf<MessageTrace>("bun-smtp:message");
    const client = await hello(makeServer(options));
    await client.deliver("..dot\r\n");
    await client.deliver("spam\r\n");
    await client.envelope("b@b.test", "c@c.test");
    client.send("BDAT 2\r\nhiBDAT 3 LAST\r\nyou");
    await client.idle();
    expect(outcomes(messages)).toEqual([
      ["accepted", 6, 1],
      ["refused", 6, 1],
      ["accepted", 5, 2],
    ]);
  });

  test("aborted: the client leaves, or says RSET between two chunks", async () => {
    const seen = partsOf<MessageTrace>("bun-smtp:message");
    const server = makeServer(options);
    const client = await hello(server);
    await client.envelope();
    client.send("BDAT 2\r\nhiRSET\r\n");
    await client.idle();
    await client.envelope();
    await client.say("DATA");
    client.send("half\r\n");
    await client.leave();
    const ends = seen.filter(([part]) => part === "asyncEnd").map(([, message]) => message);
    expect(outcomes(ends)).toEqual([
      ["aborted", 2, 1],
      ["aborted", 6, 1],
    ]);
    expect(ends.map(({ error }) => error)).toMatchObject([{ code: "ECONNECTION" }, { code: "ECONNECTION" }]);
    expect(seen.filter(([part]) => part === "error")).toHaveLength(2);
  });

  test("refused by the lowest code that refuses", async () => {
    const messages = endsOf<MessageTrace>("bun-smtp:message");
    const refusal = Object.assign(new Error("no"), { responseCode: 400 });
    const client = await hello(makeServer({ onData: async () => Promise.reject(refusal) }));
    expect(await client.deliver()).toBe("400 no");
    expect(messages.map(({ outcome }) => outcome)).toEqual(["refused"]);
  });

  test("one ends once, also where an option cannot be read behind its answer", async () => {
    const messages = endsOf<MessageTrace>("bun-smtp:message");
    const server = makeServer({
      async onData(_stream) {
        let reads = 0;
        Object.defineProperty(server.options, "hideDSN", {
          get() {
            if (reads++ === 0) throw new Error("boom");
            return true;
          },
        });
      },
    });
    const client = await hello(server);
    expect(await client.deliver()).toBe("451 Error: internal server error");
    expect(messages).toHaveLength(1);
  });

  test("refused for a bare newline and for its size", async () => {
    const messages = endsOf<MessageTrace>("bun-smtp:message");
    const client = await hello(makeServer({ ...options, size: 10 }));
    await client.deliver("bare\nnewline\r\n");
    await client.envelope();
    client.send(`BDAT 11\r\n${"x".repeat(11)}BDAT 1 LAST\r\nx`);
    await client.idle();
    expect(outcomes(messages)).toEqual([
      ["refused", expect.any(Number), 1],
      ["refused", 0, 1],
    ]);
  });

  test.each(["DATA\r\n", "BDAT 2\r\nhi"])(
    "aborted: a subscriber closes the connection at its start, %j",
    async (text) => {
      const messages = endsOf<MessageTrace>("bun-smtp:message");
      const hooks: string[] = [];
      const server = makeServer({ onData: async () => void hooks.push("onData") });
      const client = await hello(server);
      await client.envelope();
      trace<MessageTrace>("bun-smtp:message", {
        start: () => {
          for (const connection of server.connections) connection.close();
        },
      });
      client.send(text);
      await client.idle();
      expect(outcomes(messages)).toEqual([["aborted", 0, 1]]);
      expect(hooks).toEqual([]);
    },
  );

  test("one that is answered after the client has left ends then", async () => {
    const messages = endsOf<MessageTrace>("bun-smtp:message");
    const answer = Promise.withResolvers<void>();
    const client = await hello(
      makeServer({
        async onData(stream) {
          await new Response(stream).text();
          await answer.promise;
        },
      }),
    );
    await client.envelope();
    await client.say("DATA");
    client.send("hi\r\n.\r\n");
    await client.leave();
    expect(messages).toEqual([]);
    answer.resolve();
    await client.idle();
    expect(outcomes(messages)).toEqual([["accepted", 4, 1]]);
  });

  test("one whose answer cannot be read ends as refused, after the client has left too", async () => {
    const messages = endsOf<MessageTrace>("bun-smtp:message");
    const answers: PromiseWithResolvers<unknown>[] = [];
    const server = makeServer({
      async onData(_stream) {
        answers.push(Promise.withResolvers());
        return answers.at(-1)?.promise as Promise<string>;
      },
    });
    const unreadable = new Error("no");
    const boom = (): never => {
      throw new Error("boom");
    };
    Object.defineProperty(unreadable, "responseCode", { get: boom });
    const [stays, leaves] = [await hello(server), await hello(server)];
    for (const client of [stays, leaves]) {
      await client.envelope();
      await client.say("DATA");
      client.send("hi\r\n.\r\n");
    }
    await leaves.leave();
    for (const answer of answers) answer.resolve([unreadable]);
    expect(await stays.reply()).toBe("451 Error: internal server error");
    expect(outcomes(messages)).toEqual([
      ["refused", 4, 1],
      ["refused", 4, 1],
    ]);
  });

  test("LMTP: accepted where one recipient was", async () => {
    const messages = endsOf<MessageTrace>("bun-smtp:message");
    const answers = [
      [new Error("a"), "kept"],
      [new Error("a"), new Error("b")],
    ];
    const server = makeServer({ lmtp: true, onData: async (_stream) => answers.shift() });
    const client = await hello(server);
    for (let i = 0; i < 2; i++) {
      await client.envelope("b@b.test", "c@c.test");
      await client.chat("DATA", "hi\r\n.");
      await client.reply();
    }
    expect(messages.map(({ outcome }) => outcome)).toEqual(["accepted", "refused"]);
  });
});

describe("bun-smtp:auth", () => {
  test("what came of each login", async () => {
    const logins = messagesOf<AuthEvent>("bun-smtp:auth");
    const server = makeServer({
      allowInsecureAuth: true,
      maxAuthAttempts: 0,
      authMethods: ["PLAIN", "CRAM-MD5"],
      onAuth(auth, _session, callback) {
        if (auth.username === "boom") throw new Error("boom");
        callback(null, auth.username === "u" ? { user: "u" } : {});
      },
    });
    const client = await hello(server);
    await client.chat("AUTH CRAM-MD5", "*", "AUTH FOO", "AUTH PLAIN !");
    const plain = (name: string): string => `AUTH PLAIN ${btoa(`\0${name}\0p`)}`;
    await client.chat(plain("x"), plain("boom"), plain("u"));
    expect(logins.map(({ method, outcome, code }) => [method, outcome, code])).toEqual([
      ["CRAM-MD5", "refused", 501],
      ["PLAIN", "refused", 501],
      ["PLAIN", "refused", 535],
      ["PLAIN", "crashed", 451],
      ["PLAIN", "accepted", 235],
    ]);
    expect(logins.at(-1)?.session.user).toBe("u");
  });

  const answers: Record<string, [unknown, unknown[]]> = {
    "a user": [{ user: "u" }, ["XCLIENT", "accepted", 220]],
    "no user": [{}, ["XCLIENT", "refused", 550]],
    "an error": [new Error("no"), ["XCLIENT", "refused", 550]],
    "a throw": [undefined, ["XCLIENT", "crashed", 451]],
  };
  test.each(Object.entries(answers))("XCLIENT LOGIN: %s", async (_name, [answer, expected]) => {
    const logins = messagesOf<AuthEvent>("bun-smtp:auth");
    const server = makeServer({
      useXClient: true,
      onAuth(_auth, _session, callback) {
        if (answer === undefined) throw new Error("boom");
        if (answer instanceof Error) callback(answer);
        else callback(null, answer as object);
      },
    });
    const client = await hello(server);
    const reply = await client.say("XCLIENT LOGIN=u");
    expect(reply).toStartWith(`${expected[2]} `);
    expect(logins.map(({ method, outcome, code }): unknown => [method, outcome, code])).toEqual([expected]);
  });
});

describe("bun-smtp:tls", () => {
  test("a handshake that succeeded", async () => {
    const handshakes = messagesOf<TLSEvent>("bun-smtp:tls");
    const client = await hello(makeServer());
    await client.say("STARTTLS");
    expect(handshakes).toEqual([]);
    client.transport.handshake();
    const [{ session, ...rest } = {} as TLSEvent] = handshakes;
    expect(session?.secure).toBe(true);
    expect(rest).toEqual({
      remoteAddress: "192.0.2.99",
      protocol: "TLSv1.3",
      cipher: "TLS_AES_128_GCM_SHA256",
      servername: "mx.test",
      authorized: false,
    });
  });

  test("none of clients without one, or that left before theirs could begin", async () => {
    const handshakes = messagesOf<TLSEvent>("bun-smtp:tls");
    await (await hello(makeServer())).leave();
    await (await hello(makeServer())).say("QUIT");
    await new MemoryClient(makeServer({ useProxy: true, secure: true })).leave();
    const refused = new MemoryClient(makeServer({ useProxy: true, secure: true }));
    refused.send("EHLO x\r\n");
    await refused.leave();
    expect(handshakes).toEqual([]);
  });

  test("implicit TLS: within the connection", async () => {
    const order: string[] = [];
    trace("bun-smtp:connection", { start: () => order.push("connection") });
    const handshakes = messagesOf<TLSEvent>("bun-smtp:tls");
    const client = new MemoryClient(makeServer({ secure: true }));
    client.transport.handshake();
    expect(await client.reply()).toStartWith("220 ");
    expect(order).toEqual(["connection"]);
    expect(handshakes).toMatchObject([{ protocol: "TLSv1.3", session: { secure: true } }]);
  });

  test("one that failed", async () => {
    const clock = new TestClock();
    const handshakes = messagesOf<TLSEvent>("bun-smtp:tls");
    const server = makeServer({ socketTimeout: 1000 }, clock);
    const left = await hello(server);
    await left.say("STARTTLS");
    await left.leave();
    const gone = await hello(server);
    await gone.say("STARTTLS");
    gone.transport.close();
    const slow = await hello(server);
    await slow.say("STARTTLS");
    clock.pass(1000);
    const implicit = makeServer({ secure: true, socketTimeout: 1000 }, clock);
    await new MemoryClient(implicit).leave();
    new MemoryClient(implicit);
    clock.pass(1000);
    const codes = handshakes.map(({ error, session, remoteAddress, protocol }) => [
      (error as Error & { code?: string }).code,
      session !== undefined,
      remoteAddress,
      protocol,
    ]);
    expect(codes).toEqual([
      ["ECONNRESET", true, "192.0.2.99", undefined],
      ["SocketError", true, "192.0.2.99", undefined],
      ["ERR_TLS_HANDSHAKE_TIMEOUT", true, "192.0.2.99", undefined],
      ["ECONNRESET", false, "192.0.2.99", undefined],
      ["ERR_TLS_HANDSHAKE_TIMEOUT", false, "192.0.2.99", undefined],
    ]);
    expect(handshakes[1]?.error).toHaveProperty("message", "Socket closed while initiating TLS");
  });
});
