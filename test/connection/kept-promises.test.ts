/** Promises that hang on one condition in the source. */
import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { hello, makeServer, MemoryClient } from "../support/client.js";

const HEADER = "PROXY TCP4 192.0.2.7 192.0.2.1 50000 25\r\n";

test("maxClientsPerAddress: a client that leaves makes way for one, not for two", async () => {
  const server = makeServer({ maxClientsPerAddress: 2 });
  const first = await hello(server, "192.0.2.1");
  await hello(server, "192.0.2.1");
  await first.leave();
  expect(await new MemoryClient(server, "192.0.2.1").reply()).toStartWith("220");
  expect(await new MemoryClient(server, "192.0.2.1").reply()).toStartWith("421");
});

test("16 kB behind a command whose hook works are read ahead, and no more", async () => {
  let answer = (): void => {};
  const server = makeServer({ onMailFrom: (_address, _session, callback) => void (answer = callback) });
  const client = await hello(server);
  client.send("MAIL FROM:<a@a.test>\r\n");
  // An unread socket does not report that its client has left.
  client.send("NOOP\r\n".repeat(2000));
  expect(client.transport.paused).toBe(false);
  client.send("NOOP\r\n".repeat(1000));
  expect(client.transport.paused).toBe(true);
  answer();
  expect(await client.reply()).toBe("250 Accepted");
});

test("close() waits for the answer to a message whose client has closed its side", async () => {
  let answer = (): void => {};
  const server = makeServer({
    async onData(stream, _session) {
      await new Response(stream).text();
      await new Promise<void>((resolve) => (answer = resolve));
    },
  });
  await server.listen(0, "127.0.0.1");
  const client = await hello(server);
  await client.envelope();
  await client.say("DATA");
  client.send("hi\r\n.\r\n");
  await client.idle();
  client.transport.fin();
  const closed = server.close();
  expect(await client.idle()).toBe("");
  answer();
  expect(await client.reply()).toBe("250 OK: message queued");
  client.transport.reset();
  await closed;
});

test("a client counts once through PROXY header and handshake, and not at all once it has left", async () => {
  const server = makeServer({ maxClients: 1, useProxy: true, secure: true });
  for (let i = 0; i < 3; i++) {
    const client = new MemoryClient(server);
    client.send(HEADER);
    expect(client.transport.upgrading).toBe(true);
    await client.leave();
  }
  const last = new MemoryClient(server);
  last.send(HEADER);
  last.transport.handshake();
  expect(await last.reply()).toStartWith("220");
});

test("nothing that the application sends is written into a TLS handshake", async () => {
  const server = makeServer();
  const client = await hello(server);
  expect(await client.say("STARTTLS")).toStartWith("220");
  const [connection] = server.connections;
  connection?.send(250, "in between");
  expect(client.transport.output).toBe("");
  client.transport.handshake();
  expect(await client.say("NOOP")).toBe("250 OK");
});

test.each(["DATA", "BDAT 10000000 LAST"])(
  "a client in %s is not read while onData does not read",
  async (command) => {
    let read = (): Promise<string> => Promise.resolve("");
    const server = makeServer({
      onData(stream, _session, callback) {
        read = async () => {
          const text = await new Response(stream).text();
          callback();
          return text;
        };
      },
    });
    const client = await hello(server);
    await client.envelope();
    client.send(`${command}\r\n`);
    if (command === "DATA") expect(await client.reply()).toStartWith("354");
    const block = `${"x".repeat(9998)}\r\n`;
    let sent = 0;
    while (!client.transport.paused && sent < 1000) {
      client.send(block);
      sent += 1;
    }
    expect(sent * block.length).toBeLessThan(2_000_000);
    const text = read();
    await client.idle();
    expect(client.transport.paused).toBe(false);
    client.send(block.repeat(1000 - sent));
    if (command === "DATA") client.send(".\r\n");
    expect((await text).length).toBe(10_000_000);
    expect(await client.reply()).toBe("250 OK: message queued");
  },
);

test("a refused chunk of 1 MiB is read to its end, a longer one closes", async () => {
  const octets = 1 << 20;
  const server = makeServer({ onData: (_stream, _session, callback) => callback(new Error("no")) });
  const client = await hello(server);
  await client.envelope();
  client.send("BDAT 1\r\nx");
  expect(await client.reply()).toBe("450 no");
  client.send(`BDAT ${octets}\r\n`);
  client.send("x".repeat(octets));
  expect(await client.reply()).toBe("503 Error: message refused, send RSET");
  expect(await client.say(`BDAT ${octets + 1}`)).toBe("503 Error: message refused, send RSET");
  expect(client.transport.ended).toBe(true);
});

test("a client that is idle after a message does not keep it in memory", async () => {
  const CLIENTS = 50;
  const server = makeServer();
  const clients: MemoryClient[] = [];
  const streams = (): number => {
    Bun.gc(true);
    return heapStats().objectTypeCounts["ReadableStream"] ?? 0;
  };
  const before = streams();
  for (let n = 0; n < CLIENTS; n++) {
    const client = await hello(server);
    expect(await client.deliver()).toBe("250 OK: message queued");
    clients.push(client);
  }
  // The collector may take what it finds on the stack for a reference, so a few may be left.
  expect(streams() - before).toBeLessThan(CLIENTS / 5);
  for (const client of clients) expect(await client.say("NOOP")).toBe("250 OK");
});
