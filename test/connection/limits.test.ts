import { beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { DataStream, Logger, SMTPServer, SMTPServerOptions } from "../../src/index.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import type { MemoryTransport } from "../support/memory-transport.js";
import { collectWarnings } from "../support/warnings.js";

// They are tested in hooks/mistakes.test.ts.
collectWarnings();

// Some of these work for a second, longer on a busy machine.
setDefaultTimeout(120_000);

const TOO_MANY = "421 mx.test Too many connected clients, try again in a moment";
const TOO_MANY_THERE = "421 mx.test Too many connections from your address";
const TIMEOUT = "421 Timeout - closing connection";
const TOO_SLOW = "421 Error: data rate too low - closing connection";
const GREETING = "220 mx.test ESMTP";

/** The greeting of a client at each address, in order. */
async function greetings(server: SMTPServer, ...addresses: string[]): Promise<(string | undefined)[]> {
  return Promise.all(addresses.map((address) => new MemoryClient(server, address).reply()));
}

describe("maxClients", () => {
  test("one more gets 421, and when one is gone the next is greeted", async () => {
    const server = makeServer({ maxClients: 2 });
    const first = await hello(server);
    const second = await hello(server);
    const third = new MemoryClient(server);
    expect([await third.reply(), await third.reply()]).toEqual([TOO_MANY, undefined]);
    await first.say("QUIT");
    expect(await new MemoryClient(server).reply()).toBe(GREETING);
    expect(await second.say("NOOP")).toBe("250 OK");
  });

  test("a refused client does not keep others out", async () => {
    const server = makeServer({ maxClients: 1 });
    const first = await hello(server);
    await greetings(server, "192.0.2.1", "192.0.2.2", "192.0.2.3");
    await first.leave();
    expect(await new MemoryClient(server).reply()).toBe(GREETING);
  });

  test("a client that waits for its greeting counts", async () => {
    const server = makeServer({ maxClients: 1, onConnect: (_session, _callback) => {} });
    new MemoryClient(server);
    expect(await new MemoryClient(server).reply()).toBe(TOO_MANY);
  });

  for (const [name, options] of Object.entries({
    "a PROXY header": { useProxy: true },
    "a handshake": { secure: true },
  })) {
    test(`clients in the wait for ${name} count; one too many is dropped without a word`, async () => {
      const server = makeServer({ maxClients: 1, ...options });
      const first = new MemoryClient(server);
      const second = new MemoryClient(server);
      expect([first.transport.closed, second.transport.closed]).toEqual([false, true]);
      expect(await second.closed()).toBe("");
      await first.leave();
      expect(new MemoryClient(server).transport.closed).toBe(false);
    });
  }
});

describe("maxClientsPerAddress", () => {
  test("counts each address for itself", async () => {
    const server = makeServer({ maxClientsPerAddress: 1 });
    expect(
      await greetings(server, "192.0.2.1", "192.0.2.2", "192.0.2.1", "2001:db8::1", "2001:db8::1"),
    ).toEqual([GREETING, GREETING, TOO_MANY_THERE, GREETING, TOO_MANY_THERE]);
  });

  test("a client that leaves makes way for another", async () => {
    const server = makeServer({ maxClientsPerAddress: 1 });
    const first = await hello(server);
    await first.leave();
    expect(await new MemoryClient(server).reply()).toBe(GREETING);
  });

  test("is not for unix sockets", async () => {
    const server = makeServer({ maxClientsPerAddress: 1 });
    expect(await greetings(server, "", "", "")).toEqual([GREETING, GREETING, GREETING]);
  });

  test("a client in a handshake counts; one too many is dropped without a word, and no error", async () => {
    const server = makeServer({ maxClientsPerAddress: 1, secure: true });
    const errors: Error[] = [];
    server.on("error", (error) => errors.push(error));
    const first = new MemoryClient(server, "192.0.2.1");
    const second = new MemoryClient(server, "192.0.2.1");
    const elsewhere = new MemoryClient(server, "192.0.2.2");
    expect([first, second, elsewhere].map(({ transport }) => transport.closed)).toEqual([false, true, false]);
    expect(await second.closed()).toBe("");
    first.transport.handshake();
    expect(await first.reply()).toBe(GREETING);
    expect(errors).toEqual([]);
    await first.leave();
    expect(new MemoryClient(server, "192.0.2.1").transport.closed).toBe(false);
  });

  test("counts the real client behind a PROXY header", async () => {
    const server = makeServer({ maxClientsPerAddress: 1, useProxy: true });
    const behind = (address: string): Promise<string | undefined> => {
      const client = new MemoryClient(server);
      client.send(`PROXY TCP4 ${address} 192.0.2.1 1 2\r\n`);
      return client.reply();
    };
    expect([
      await behind("198.51.100.1"),
      await behind("198.51.100.2"),
      await behind("198.51.100.1"),
    ]).toEqual([GREETING, GREETING, TOO_MANY_THERE]);
  });
});

describe("time", () => {
  let clock = new TestClock();
  beforeEach(() => void (clock = new TestClock()));
  const timedServer = (options?: SMTPServerOptions): SMTPServer => makeServer(options, clock);
  const pass = (ms: number): void => clock.pass(ms);
  const SECOND = 1000;

  /** What the server says of itself while time passes. */
  const after = (client: MemoryClient, ms: number): string => {
    pass(ms);
    const text = client.transport.output;
    client.transport.output = "";
    return text;
  };

  for (const [option, limit] of [
    [undefined, 60],
    [0, 60],
    [10 * SECOND, 10],
    ["10000", 10],
  ] as const) {
    test(`socketTimeout ${option}: a silent client is ended after ${limit} s`, async () => {
      const client = await hello(timedServer({ socketTimeout: option }));
      expect(after(client, limit * SECOND - 1)).toBe("");
      expect(after(client, 1)).toBe(`${TIMEOUT}\r\n`);
      expect(client.transport.ended).toBe(true);
    });
  }

  test("a client that never says anything is ended too", async () => {
    const client = new MemoryClient(timedServer({ socketTimeout: 10 * SECOND }));
    await client.reply();
    expect(after(client, 10 * SECOND)).toBe(`${TIMEOUT}\r\n`);
  });

  test("a command restarts the time", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND }));
    for (let round = 0; round < 5; round++) {
      pass(9 * SECOND);
      expect(await client.say("NOOP")).toBe("250 OK");
    }
  });

  test("each client has its own time, whichever other clients come, talk or leave", async () => {
    const server = timedServer({ socketTimeout: 10 * SECOND });
    const early = await hello(server);
    pass(4 * SECOND);
    const late = await hello(server);
    const brief = await hello(server);
    pass(3 * SECOND);
    expect(await early.say("NOOP")).toBe("250 OK");
    await brief.leave();
    const ends = (client: MemoryClient): boolean => client.transport.output === `${TIMEOUT}\r\n`;
    pass(7 * SECOND - 1);
    expect([early, late].map(ends)).toEqual([false, false]);
    pass(1);
    expect([early, late].map(ends)).toEqual([false, true]);
    pass(3 * SECOND - 1);
    expect(ends(early)).toBe(false);
    pass(1);
    expect(ends(early)).toBe(true);
  });

  test("a shorter socketTimeout holds from the next connection on", async () => {
    const server = timedServer({ socketTimeout: 60 * SECOND });
    const early = await hello(server);
    server.options.socketTimeout = 10 * SECOND;
    const late = await hello(server);
    expect(after(late, 10 * SECOND)).toBe(`${TIMEOUT}\r\n`);
    expect(early.transport.output).toBe(`${TIMEOUT}\r\n`);
  });

  test("options that throw when the time is looked at are an error event, and keep no client forever", async () => {
    const server = timedServer({ socketTimeout: 10 * SECOND });
    const errors: unknown[] = [];
    server.on("error", (error) => errors.push(error));
    const clients = [await hello(server), await hello(server)];
    const mistake = new Error("the application's own mistake");
    let throws = true;
    Object.defineProperty(server.options, "socketTimeout", {
      get() {
        if (throws) throw mistake;
        return 10 * SECOND;
      },
    });
    pass(10 * SECOND);
    expect(errors).toEqual([mistake, mistake]);
    throws = false;
    for (const client of clients) expect(after(client, SECOND)).toBe(`${TIMEOUT}\r\n`);
  });

  test("one byte a second does not outlive it in a command", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND }));
    for (let second = 0; second < 10; second++) {
      client.send("X");
      expect(after(client, SECOND)).toBe(second < 9 ? "" : `${TIMEOUT}\r\n`);
    }
  });

  test("nor behind whole commands, each of which has its own time", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND }));
    for (let second = 0; second < 30; second++) {
      client.send(second % 6 === 5 ? "P\r\n" : ("NOO"[second % 3] ?? ""));
      expect(after(client, SECOND)).not.toContain("421 Timeout");
    }
  });

  test("one byte a second in DATA goes on for as long as it likes", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND }));
    await client.envelope();
    await client.say("DATA");
    for (let second = 0; second < 60; second++) {
      client.send("x");
      expect(after(client, SECOND)).toBe("");
    }
    expect(await client.say("\r\n.")).toBe("250 OK: message queued");
  });

  test("silence in DATA does not", async () => {
    let code: string | undefined;
    const server = timedServer({
      socketTimeout: 10 * SECOND,
      onData: (stream: DataStream, _session, callback) =>
        void new Response(stream)
          .text()
          .catch((error: { code: string }) => ((code = error.code), callback())),
    });
    const client = await hello(server);
    await client.envelope();
    await client.say("DATA");
    client.send("half");
    expect(after(client, 10 * SECOND)).toBe(`${TIMEOUT}\r\n`);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(code).toBe("ECONNECTION");
  });

  for (const command of ["DATA", "BDAT 1000000 LAST"]) {
    test(`minDataRate: a trickle in ${command} is ended once it is late by more than socketTimeout`, async () => {
      const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100 }));
      await client.envelope();
      client.send(`${command}\r\n`);
      client.transport.output = "";
      let seconds = 0;
      for (let heard = ""; heard === ""; seconds++) {
        client.send("0123456789");
        heard = after(client, SECOND);
        if (heard !== "") expect(heard).toBe(`${TOO_SLOW}\r\n`);
      }
      expect(seconds).toBeGreaterThan(10);
      expect(seconds).toBeLessThan(20);
    });
  }

  test("minDataRate: a message that trickles in as chunks of BDAT is ended too", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100 }));
    await client.envelope();
    let replies = "";
    for (let second = 0; second < 30 && !client.transport.ended; second++) {
      client.send("BDAT 1\r\nx");
      replies += after(client, SECOND);
    }
    expect(replies).toEndWith(`250 OK: 1 octets received\r\n${TOO_SLOW}\r\n`);
  });

  test("minDataRate: the time between two chunks of BDAT counts too", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100 }));
    await client.envelope();
    let seconds = 0;
    for (; !client.transport.ended && seconds < 30; seconds++) {
      client.send("BDAT 1\r\nx");
      expect(await client.reply()).toBe("250 OK: 1 octets received");
      pass(SECOND);
    }
    // Each octet buys a hundredth of a second.
    expect([seconds, client.transport.output]).toEqual([11, `${TOO_SLOW}\r\n`]);
  });

  test("minDataRate: applies to a chunk that is refused too", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100, size: 10 }));
    await client.envelope();
    client.send("BDAT 2000\r\n");
    let replies = "";
    let seconds = 0;
    for (; !client.transport.ended && seconds < 30; seconds++) {
      client.send("x");
      replies += await client.idle();
      pass(SECOND);
    }
    expect(seconds).toBe(11);
    expect(replies + client.transport.output).toEndWith(`${TOO_SLOW}\r\n`);
  });

  test("minDataRate: chunks of BDAT that are fast enough are let alone, however many", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100 }));
    await client.envelope();
    for (let second = 0; second < 60; second++) {
      client.send(`BDAT 100\r\n${"x".repeat(100)}`);
      // A second that passes within one turn of the event loop counts as work, so each chunk has a turn of its own.
      expect(await client.reply()).toBe("250 OK: 100 octets received");
      expect(after(client, SECOND)).toBe("");
    }
    expect(await client.say("BDAT 0 LAST")).toBe("250 OK: message queued");
  });

  test("minDataRate: does not apply to a message that was refused", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100, size: 10 }));
    await client.envelope();
    client.send("BDAT 12\r\n0123456789ab");
    expect(after(client, SECOND)).toStartWith("552 ");
    for (let second = 0; second < 60; second++) {
      client.send("NOOP\r\n");
      expect(after(client, SECOND)).toBe("250 OK\r\n");
    }
  });

  test("minDataRate: a client that is fast enough is let alone", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100 }));
    await client.envelope();
    await client.say("DATA");
    for (let second = 0; second < 60; second++) {
      client.send("x".repeat(100));
      expect(after(client, SECOND)).toBe("");
    }
    expect(await client.say("\r\n.")).toBe("250 OK: message queued");
  });

  test("minDataRate: the time that octets buy is exact, and each message starts with none", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100 }));
    expect(await client.deliver(`${"x".repeat(5000)}\r\n`)).toBe("250 OK: message queued");
    pass(3 * SECOND);
    await client.envelope();
    await client.say("DATA");
    pass(8 * SECOND);
    client.send("x".repeat(500));
    expect(after(client, 7 * SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TOO_SLOW}\r\n`);
  });

  for (const minDataRate of [0, 100]) {
    test(`minDataRate ${minDataRate}: a client that sends nothing of its message is silent, not slow`, async () => {
      const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate }));
      await client.envelope();
      await client.say("DATA");
      expect(after(client, 10 * SECOND - 1)).toBe("");
      expect(after(client, 1)).toBe(`${TIMEOUT}\r\n`);
    });
  }

  test("minDataRate: one octet a second is a rate too", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 1 }));
    await client.envelope();
    await client.say("DATA");
    pass(9 * SECOND);
    client.send("x");
    expect(after(client, 2 * SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TOO_SLOW}\r\n`);
  });

  test("minDataRate: a client without a message is silent", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100 }));
    pass(9 * SECOND);
    expect(await client.say("NOOP")).toBe("250 OK");
    expect(after(client, 10 * SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TIMEOUT}\r\n`);
  });

  test("minDataRate: a client that says nothing between messages is silent", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND, minDataRate: 100 }));
    expect(await client.deliver()).toBe("250 OK: message queued");
    client.send("NOO");
    pass(5 * SECOND);
    client.send("P");
    expect(after(client, 5 * SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TIMEOUT}\r\n`);
  });

  test("minDataRate: the time in which back-pressure stops a message is added, and no more", async () => {
    let read = (): void => {};
    const client = await hello(
      timedServer({
        socketTimeout: 10 * SECOND,
        minDataRate: 100_000,
        onData: (stream, _session, _callback) =>
          void (read = () => void new Response(stream).text().catch(() => {})),
      }),
    );
    await client.envelope();
    await client.say("DATA");
    const block = `${"x".repeat(998)}\r\n`.repeat(64);
    let sent = 0;
    for (; !client.transport.paused && sent < 100; sent++) client.send(block);
    expect(client.transport.paused).toBe(true);
    expect(after(client, 100 * SECOND)).toBe("");
    read();
    expect(await client.idle()).toBe("");
    expect(client.transport.paused).toBe(false);
    expect(after(client, 5 * SECOND)).toBe("");
    client.send(block);
    const bought = ((sent + 1) * block.length) / 100;
    expect(after(client, 5 * SECOND + bought - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TOO_SLOW}\r\n`);
  });

  test("a hook that works for long is no silence of the client, and is warned of once", async () => {
    const warnings: unknown[][] = [];
    const logger: Logger = { warn: (_entry, ...said) => void warnings.push(said) };
    let answer = (): void => {};
    const server = timedServer({
      socketTimeout: 10 * SECOND,
      logger,
      onMailFrom: (_a, _s, callback) => void (answer = callback),
    });
    const client = await hello(server);
    client.send("MAIL FROM:<a@a.test>\r\n");
    expect(after(client, 600 * SECOND)).toBe("");
    expect(warnings).toEqual([["%s has not answered for %s ms", "onMailFrom", 10 * SECOND]]);
    answer();
    expect(await client.reply()).toBe("250 Accepted");
    expect(after(client, 10 * SECOND)).toBe(`${TIMEOUT}\r\n`);
  });

  test("minDataRate says nothing of a hook that works on the whole message", async () => {
    const warnings: unknown[] = [];
    const server = timedServer({
      socketTimeout: 10 * SECOND,
      minDataRate: 100,
      logger: { warn: (_entry, _text, name) => void warnings.push(name) },
      onData: (stream, _session, _callback) => void new Response(stream).text(),
    });
    const client = await hello(server);
    await client.envelope();
    await client.say("DATA");
    pass(8 * SECOND);
    client.send("hi\r\n.\r\n");
    expect(after(client, 10 * SECOND - 1)).toBe("");
    expect(warnings).toEqual([]);
    expect(after(client, 1)).toBe("");
    expect(warnings).toEqual(["onData"]);
  });

  test("each hook that works for long is warned of", async () => {
    const warnings: unknown[] = [];
    let answer = (): void => {};
    const hook = (_address: unknown, _session: unknown, callback: () => void): void =>
      void (answer = callback);
    const server = timedServer({
      socketTimeout: 10 * SECOND,
      logger: { warn: (_entry, _text, name) => void warnings.push(name) },
      onMailFrom: hook,
      onRcptTo: hook,
    });
    const client = await hello(server);
    for (const command of ["MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>"]) {
      client.send(`${command}\r\n`);
      expect(after(client, 25 * SECOND)).toBe("");
      answer();
      expect(await client.reply()).toBe("250 Accepted");
    }
    expect(warnings).toEqual(["onMailFrom", "onRcptTo"]);
  });

  test("a client that closes its side while a hook works for long is ended socketTimeout later", async () => {
    const client = await hello(
      timedServer({ socketTimeout: 10 * SECOND, onMailFrom: (_address, _session, _callback) => {} }),
    );
    client.send("MAIL FROM:<a@a.test>\r\n");
    expect(after(client, 35 * SECOND)).toBe("");
    client.transport.fin();
    expect(after(client, 10 * SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TIMEOUT}\r\n`);
  });

  test("nor is our own back-pressure, whatever minDataRate says", async () => {
    let read = (): Promise<string> => Promise.resolve("");
    const server = timedServer({
      socketTimeout: 10 * SECOND,
      minDataRate: 1000,
      onData: (stream: DataStream, _session, callback) => {
        read = async () => {
          const text = await new Response(stream).text();
          callback();
          return text;
        };
      },
    });
    const client = await hello(server);
    await client.envelope();
    await client.say("DATA");
    const block = `${"x".repeat(998)}\r\n`.repeat(64);
    let sent = 0;
    for (; !client.transport.paused && sent < 100; sent++) client.send(block);
    expect(client.transport.paused).toBe(true);
    expect(after(client, 600 * SECOND)).toBe("");
    client.send(".\r\n");
    const text = read();
    expect(await client.reply()).toBe("250 OK: message queued");
    expect(await text).toBe(block.repeat(sent));
  });

  test("a handshake of STARTTLS is bounded, and told as an error", async () => {
    const server = timedServer({ socketTimeout: 10 * SECOND });
    const errors: unknown[] = [];
    server.on("error", (error) => errors.push(error));
    const client = await hello(server);
    await client.say("STARTTLS");
    pass(10 * SECOND);
    expect([client.transport.closed, client.transport.output]).toEqual([true, ""]);
    expect(errors).toMatchObject([{ code: "ERR_TLS_HANDSHAKE_TIMEOUT" }]);
  });

  for (const [name, options] of Object.entries({
    "a PROXY header": { useProxy: true },
    "an implicit handshake": { secure: true },
  })) {
    test(`the wait for ${name} is bounded, also byte by byte`, () => {
      const { transport } = new MemoryClient(timedServer({ socketTimeout: 10 * SECOND, ...options }));
      for (let second = 0; second < 10; second++) {
        expect(transport.closed).toBe(false);
        transport.send(Buffer.from("PROXY TCP4"[second] ?? ""));
        pass(SECOND);
      }
      expect([transport.closed, transport.output]).toEqual([true, ""]);
    });
  }

  for (const [name, leave] of [
    ["closes its side", (transport) => transport.fin()],
    ["resets", (transport) => transport.reset()],
  ] satisfies [string, (transport: MemoryTransport) => void][]) {
    test(`a peer that ${name} in its PROXY header is gone at once, and no error`, () => {
      const server = timedServer({ useProxy: true });
      const errors: unknown[] = [];
      server.on("error", (error) => errors.push(error));
      const { transport } = new MemoryClient(server);
      transport.send(Buffer.from("PROXY TCP4 192.0"));
      leave(transport);
      expect([transport.closed, transport.output, errors, clock.timers]).toEqual([true, "", [], 0]);
    });
  }

  test("a client that closed its side while a hook works may hear the reply, for socketTimeout", async () => {
    const client = await hello(timedServer({ onMailFrom(_address, _session, _callback) {} }));
    client.send("MAIL FROM:<a@a.test>\r\n");
    client.transport.fin();
    pass(59 * SECOND);
    expect(client.transport.ended).toBe(false);
    pass(2 * SECOND);
    expect(client.transport.output).toBe("421 Timeout - closing connection\r\n");
    expect(client.transport.ended).toBe(true);
  });

  test("what stands behind a chunk does not pay for it", async () => {
    const pieces = [`BDAT 228\r\n${"b".repeat(228)}`, `BDAT 1203 LAST\r\n${"c".repeat(710)}`];
    for (const packets of [pieces, [pieces.join("")]]) {
      const client = await hello(timedServer({ minDataRate: 100 }));
      await client.envelope();
      for (const packet of packets) client.send(packet);
      pass(11 * SECOND);
      client.send("QUIT\r\n");
      pass(60 * SECOND);
      expect(client.transport.output).toEndWith("421 Error: data rate too low - closing connection\r\n");
    }
  });

  test("a peer whose PROXY header was refused has a second to read why, whatever it sends", () => {
    const { transport } = new MemoryClient(timedServer({ useProxy: true }));
    transport.send(Buffer.from("EHLO x\r\n"));
    expect([transport.output, transport.ended]).toEqual(["* BAD Invalid PROXY header\r\n", true]);
    for (let tenth = 0; tenth < 10; tenth++) {
      expect(transport.closed).toBe(false);
      transport.send(Buffer.from("x"));
      pass(SECOND / 10);
    }
    expect(transport.closed).toBe(true);
  });

  test("or until 1 MiB has come after the header", () => {
    const { transport } = new MemoryClient(timedServer({ useProxy: true }));
    transport.send(Buffer.from("EHLO x\r\n"));
    for (let sent = 0; sent < 16; sent++) transport.send(Buffer.alloc(64 * 1024, "x"));
    expect(transport.closed).toBe(false);
    transport.send(Buffer.from("x"));
    expect(transport.closed).toBe(true);
  });

  test("earlyTalkerDelay may be longer than socketTimeout", async () => {
    const client = new MemoryClient(timedServer({ earlyTalkerDelay: 5 * SECOND, socketTimeout: SECOND }));
    expect(after(client, 5 * SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${GREETING}\r\n`);
    // The wait was ours, so the client has the whole time.
    expect(after(client, SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TIMEOUT}\r\n`);
  });

  test("nor does the reverse lookup take any of it", async () => {
    let answer = (_error: null, _names: string[]): void => {};
    const resolver = { reverse: (_ip: string, callback: typeof answer) => void (answer = callback) };
    const client = new MemoryClient(
      timedServer({ disableReverseLookup: false, resolver, socketTimeout: SECOND }),
    );
    expect(after(client, SECOND + 400)).toBe("");
    answer(null, ["a.test"]);
    expect(await client.reply()).toBe(GREETING);
    expect(after(client, SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TIMEOUT}\r\n`);
  });

  test("earlyTalkerDelay: the name of a client that talked meanwhile is not looked up", async () => {
    let asked = 0;
    const resolver = { reverse: () => void asked++ };
    const server = timedServer({ earlyTalkerDelay: 100, disableReverseLookup: false, resolver });
    const client = new MemoryClient(server);
    expect(await client.say("EHLO x")).toBe("421 mx.test You talk too soon");
    pass(100);
    expect(asked).toBe(0);
  });

  test("earlyTalkerDelay: the greeting waits, and who talks meanwhile hears so", async () => {
    const server = timedServer({ earlyTalkerDelay: 100 });
    const [patient, hasty] = [new MemoryClient(server), new MemoryClient(server)];
    expect(after(patient, 99)).toBe("");
    expect(await hasty.say("EHLO x")).toBe("421 mx.test You talk too soon");
    expect(after(patient, 1)).toBe(`${GREETING}\r\n`);
    expect(after(hasty, 100)).toBe("");
  });

  test.each<[string, SMTPServerOptions]>([
    ["the wait for a PROXY header", { useProxy: true }],
    ["earlyTalkerDelay", { earlyTalkerDelay: SECOND }],
    ["the reverse lookup", { disableReverseLookup: false, resolver: { reverse() {} } }],
    ["socketTimeout", {}],
  ])("no timer keeps the process running: %s", (_, options) => {
    new MemoryClient(timedServer(options));
    expect(clock.timers).toBeGreaterThan(0);
    expect(clock.holding).toBe(0);
  });

  test("a handshake of STARTTLS restarts the time", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND }));
    await client.say("STARTTLS");
    pass(8 * SECOND);
    client.transport.handshake();
    expect(after(client, 10 * SECOND - 1)).toBe("");
    expect(after(client, 1)).toBe(`${TIMEOUT}\r\n`);
  });

  const leavings: [string, SMTPServerOptions, string[]][] = [
    ["in the wait for its greeting", { earlyTalkerDelay: 5 * SECOND }, []],
    ["after the greeting", {}, []],
    ["in DATA", {}, ["EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA"]],
    ["in the handshake of STARTTLS", {}, ["EHLO x", "STARTTLS"]],
    ["after QUIT", {}, ["QUIT"]],
  ];
  for (const [name, options, commands] of leavings) {
    test(`a client that leaves ${name} leaves no timer behind`, async () => {
      const client = new MemoryClient(timedServer(options));
      for (const command of commands) await client.say(command);
      client.transport.reset();
      expect(clock.timers).toBe(0);
    });
  }

  const closings: [string, (client: MemoryClient) => Promise<unknown>][] = [
    ["QUIT", (client) => client.say("QUIT")],
    ["a timeout", async () => pass(60 * SECOND)],
    ["a 421", (client) => client.say("GET / HTTP/1.1")],
  ];
  for (const [name, act] of closings) {
    test(`a connection that closes after ${name} lives 5 s at most, whatever the client sends`, async () => {
      const client = await hello(timedServer());
      await act(client);
      expect([client.transport.ended, client.transport.closed]).toEqual([true, false]);
      for (let second = 0; second < 5; second++) {
        expect(client.transport.closed).toBe(false);
        client.send("NOOP\r\n");
        pass(SECOND);
      }
      expect(client.transport.closed).toBe(true);
    });
  }

  for (const [name, act] of closings) {
    test(`or until 1 MiB has come after ${name}, which nothing reads`, async () => {
      const client = await hello(timedServer());
      await act(client);
      const packet = Buffer.alloc(64 * 1024, "NOOP\r\n");
      for (let sent = 0; sent < 16; sent++) client.transport.send(packet);
      expect(client.transport.closed).toBe(false);
      client.send("x");
      expect(client.transport.closed).toBe(true);
    });
  }

  test("or socketTimeout, where that is shorter", async () => {
    const client = await hello(timedServer({ socketTimeout: 2 * SECOND }));
    expect(await client.say("QUIT")).toBe("221 Bye");
    pass(2 * SECOND - 1);
    expect(client.transport.closed).toBe(false);
    pass(1);
    expect(client.transport.closed).toBe(true);
  });

  test("whatever has become of the options", async () => {
    const server = timedServer();
    const errors: unknown[] = [];
    server.on("error", (error) => errors.push(error));
    const client = await hello(server);
    Object.defineProperty(server.options, "socketTimeout", {
      get() {
        throw new Error("the application's own mistake");
      },
    });
    expect(await client.say("QUIT")).toBe("221 Bye");
    pass(5 * SECOND);
    expect([client.transport.closed, errors]).toEqual([true, []]);
  });

  test("a client that never reads is ended at socketTimeout, and gone 5 s later", async () => {
    const client = await hello(timedServer({ socketTimeout: 10 * SECOND }));
    client.transport.full = true;
    client.send("NOOP\r\n".repeat(1000));
    pass(15 * SECOND);
    expect(client.transport.closed).toBe(true);
  });
});

describe("a client that pipelines and never reads", () => {
  test("stops being read, its replies stay bounded, others are served, and none is lost when it reads", async () => {
    const server = makeServer();
    const client = await hello(server);
    const { transport } = client;
    transport.full = true;
    const COUNT = 100_000;
    const packet = Buffer.from("NOOP\r\n".repeat(100));
    for (let sent = 0; sent < COUNT; sent += 100) transport.send(packet);
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(transport.paused).toBe(true);
    expect(transport.output.length).toBeLessThan(64 * 1024);
    expect(await (await hello(server)).deliver()).toBe("250 OK: message queued");
    let heard = 0;
    while (heard < COUNT) {
      heard += transport.output.length / "250 OK\r\n".length;
      transport.output = "";
      transport.drain();
      transport.full = true;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(heard).toBe(COUNT);
  });

  test("commands of one client do not keep the others waiting", async () => {
    const server = makeServer();
    const busy = await hello(server);
    const other = await hello(server);
    busy.send("NOOP\r\n".repeat(50_000));
    expect(await other.say("NOOP")).toBe("250 OK");
    expect(busy.transport.output.length).toBeLessThan(50_000 * "250 OK\r\n".length);
  });
});

describe("recipients of one message", () => {
  test("are 100 000 at most without maxRecipients, repeated ones counted", async () => {
    const client = await hello(makeServer());
    await client.say("MAIL FROM:<a@a.test>");
    const command = (index: number): string => `RCPT TO:<${index % 60_000}@b.test>\r\n`;
    client.send(Array.from({ length: 100_001 }, (_, index) => command(index)).join(""));
    while (client.transport.paused) await new Promise((resolve) => setImmediate(resolve));
    const replies = client.transport.output.split("\r\n");
    expect(replies.slice(-3)).toEqual(["250 Accepted", "452 Error: too many recipients", ""]);
    expect(replies.indexOf("452 Error: too many recipients")).toBe(100_000);
  });

  test("end where what they say would fill the memory, and the next message starts from nothing", async () => {
    const client = await hello(makeServer());
    await client.say("MAIL FROM:<a@a.test>");
    const parameter = `X=${"x".repeat(16_000)}`;
    let accepted = 0;
    let reply: string | undefined;
    while ((reply = await client.say(`RCPT TO:<${accepted}@b.test> ${parameter}`))?.startsWith("250"))
      accepted++;
    expect(reply).toBe("452 Error: too many recipients");
    expect(accepted * parameter.length).toBeWithin(30 << 20, 34 << 20);
    expect(await client.chat("RSET", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>")).toEqual([
      "250 Flushed",
      "250 Accepted",
      "250 Accepted",
    ]);
  });
});
