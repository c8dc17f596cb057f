import { describe, expect, test } from "bun:test";
import type { SMTPServerOptions } from "../../src/index.js";
import { accept } from "../../src/server/server.js";
import { hello, makeServer, MemoryClient } from "../support/client.js";
import { MemoryTransport } from "../support/memory-transport.js";

/** A client that has reset: who writes to it learns that at once, in the middle of its work. */
class VanishingTransport extends MemoryTransport {
  vanished = false;
  upgrades = 0;

  override write(data: string | Uint8Array): boolean {
    if (this.vanished) this.destroy();
    return this.vanished || super.write(data);
  }
  override upgrade(): void {
    this.upgrades += 1;
    super.upgrade();
  }
}

test.each(["QUIT", "STARTTLS", "DATA", "NOOP", "GET / HTTP/1.1"])(
  "a client that is found gone by the reply to %s counts as one that left, once",
  async (command) => {
    let closes = 0;
    const server = makeServer({ maxClients: 2, onClose: () => void (closes += 1) });
    const stays = new MemoryClient(server);
    expect(await stays.reply()).toStartWith("220");
    const transport = new VanishingTransport();
    accept(server, transport);
    transport.send(Buffer.from("EHLO x\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n"));
    transport.vanished = true;
    transport.send(Buffer.from(`${command}\r\n`));
    // On a busy machine the commands take more than one turn.
    await stays.idle();
    expect(server.connections.size).toBe(1);
    expect(transport.upgrades).toBe(0);
    expect(await new MemoryClient(server).reply()).toStartWith("220");
    expect(await new MemoryClient(server).reply()).toStartWith("421");
    await stays.idle();
    expect(closes).toBe(1);
  },
);

test("server.connections is one Set, kept from the first look on", async () => {
  const server = makeServer();
  const early = await hello(server);
  const { connections } = server;
  expect(connections.size).toBe(1);
  const late = await hello(server);
  expect([...connections].length).toBe(2);
  expect(await early.say("QUIT")).toStartWith("221");
  expect([...connections].map((connection) => connection.session.openingCommand)).toEqual(["EHLO"]);
  expect(await late.say("QUIT")).toStartWith("221");
  expect(connections.size).toBe(0);
  expect(server.connections).toBe(connections);
});

test("server.connections has neither clients before their greeting nor those that are closing", async () => {
  const server = makeServer({ useProxy: ["192.0.2.7"] });
  const waiting = new MemoryClient(server, "192.0.2.7");
  const leaving = await hello(server);
  expect(await leaving.say("QUIT")).toStartWith("221");
  const stays = await hello(server, "192.0.2.5");
  const listed = [...server.connections].map(({ remoteAddress, remotePort }) => [remoteAddress, remotePort]);
  expect(listed).toEqual([["192.0.2.5", 50_000]]);
  await waiting.leave();
  await stays.leave();
  expect(server.connections.size).toBe(0);
});

test("plaintext that comes while the 220 of STARTTLS is on its way is not heard", async () => {
  const server = makeServer();
  // A transport that still hands over what a socket would not.
  class LeakyTransport extends MemoryTransport {
    override send(chunk: Buffer): void {
      this.events.received(chunk);
    }
  }
  const transport = new LeakyTransport();
  accept(server, transport);
  transport.send(Buffer.from("STARTTLS\r\n"));
  transport.send(Buffer.from("MAIL FROM:<a@a.test>\r\nNOO"));
  transport.handshake();
  transport.output = "";
  transport.send(Buffer.from("NOOP\r\n"));
  expect(transport.output).toBe("250 OK\r\n");
});

test("options that throw when a command reads them are a 451 and an error event, and the next command goes on", async () => {
  const server = makeServer();
  const errors: unknown[] = [];
  server.on("error", (error) => errors.push(error));
  const client = await hello(server);
  const mistake = new Error("the application's own mistake");
  const { heloResponse } = server.options;
  Object.defineProperty(server.options, "heloResponse", {
    configurable: true,
    get() {
      throw mistake;
    },
  });
  expect(await client.say("EHLO x")).toBe("451 Error: internal server error");
  Object.defineProperty(server.options, "heloResponse", { value: heloResponse });
  expect(await client.say("HELO x")).toBe("250 mx.test Nice to meet you, [192.0.2.99]");
  expect(errors).toEqual([mistake]);
});

test("an application that takes the envelope away does not keep a client that is gone", async () => {
  const server = makeServer({
    onConnect(session, callback) {
      Object.assign(session, { envelope: null });
      callback();
    },
  });
  const client = new MemoryClient(server);
  expect(await client.reply()).toStartWith("220");
  client.transport.reset();
  expect(server.connections.size).toBe(0);
});

describe("a connection that breaks", () => {
  const errors = (server: ReturnType<typeof makeServer>): unknown[] => {
    const heard: unknown[] = [];
    server.on("error", ({ message, remoteAddress }: Error & { remoteAddress?: string }) =>
      heard.push([message, remoteAddress]),
    );
    return heard;
  };

  test("in a transaction is an error that says whose", async () => {
    const server = makeServer();
    const heard = errors(server);
    const client = await hello(server);
    await client.say("MAIL FROM:<a@b.test>");
    client.transport.reset();
    expect(heard).toEqual([["read ECONNRESET", "192.0.2.99"]]);
  });

  test("in the handshake of STARTTLS is one too, but not where the client only left", () => {
    const server = makeServer();
    const heard = errors(server);
    for (const reason of [Object.assign(new Error("no TLS"), { code: "ERR_SSL_X" }), undefined]) {
      const client = new MemoryClient(server);
      client.send("STARTTLS\r\n");
      if (reason) client.transport.destroy(reason);
      else client.transport.reset();
    }
    expect(heard).toEqual([["no TLS", "192.0.2.99"]]);
  });

  test("between messages is none", () => {
    const server = makeServer();
    const heard = errors(server);
    const client = new MemoryClient(server);
    client.send("EHLO x\r\n");
    client.transport.reset();
    expect(heard).toEqual([]);
  });
});

describe("connection.send", () => {
  test("a refusal that the application sends is no error of the client", async () => {
    const server = makeServer({ maxErrors: 2 });
    const client = await hello(server);
    const [connection] = server.connections;
    for (let i = 0; i < 3; i++) {
      connection?.send(554, "Not today");
      expect(await client.reply()).toBe("554 Not today");
    }
    expect(await client.say("X")).toBe("500 Error: command not recognized");
    expect(await client.say("X")).toBe("421 Error: too many errors");
  });

  test("421 closes", async () => {
    const server = makeServer();
    const client = await hello(server);
    [...server.connections][0]?.send(421, "Not today");
    expect(await client.closed()).toBe("421 Not today\r\n");
  });

  test("needs no text", async () => {
    const server = makeServer();
    const client = await hello(server);
    [...server.connections][0]?.send(250);
    expect(await client.reply()).toBe("250");
  });

  test("writes nothing once our side is closed", async () => {
    const server = makeServer();
    const client = await hello(server);
    const [connection] = server.connections;
    expect(await client.say("QUIT")).toBe("221 Bye");
    connection?.send(250, "too late");
    connection?.send(421, "too late");
    expect(client.transport.output).toBe("");
  });
});

describe("_socket.write", () => {
  test("writes behind the replies that were made before", async () => {
    const server = makeServer({
      onMailFrom(_address, _session, callback) {
        [...server.connections][0]?._socket.write("250 raw\r\n");
        callback();
      },
    });
    const client = await hello(server);
    client.send("NOOP\r\nMAIL FROM:<a@a.test>\r\n");
    expect(await client.idle()).toBe("250 OK\r\n250 raw\r\n250 Accepted\r\n");
  });

  test("says whether the client reads, and writes nothing that it could not read", async () => {
    const server = makeServer();
    const client = await hello(server);
    const socket = [...server.connections][0]?._socket;
    expect(socket?.write("250 one\r\n")).toBe(true);
    client.transport.full = true;
    expect(socket?.write("250 two\r\n")).toBe(false);
    client.transport.drain();
    expect(await client.say("STARTTLS")).toBe("250 one");
    client.transport.output = "";
    expect(socket?.write("250 in the handshake\r\n")).toBe(false);
    expect(client.transport.output).toBe("");
    client.transport.handshake();
    expect(socket?.write("250 three\r\n")).toBe(true);
    client.transport.fin();
    client.transport.output = "";
    expect(socket?.write("250 too late\r\n")).toBe(false);
    expect(client.transport.output).toBe("");
  });
});

test("_socket has the addresses of the session, and says when it is destroyed", async () => {
  const server = makeServer();
  const client = await hello(server);
  const socket = [...server.connections][0]?._socket;
  const { remoteAddress, remotePort, localAddress, localPort } = client.transport;
  expect(socket).toMatchObject({ remoteAddress, remotePort, localAddress, localPort, destroyed: false });
  socket?.end();
  expect([client.transport.ended, socket?.destroyed]).toEqual([true, false]);
  client.transport.reset();
  expect(socket?.destroyed).toBe(true);
});

test("_socket.write keeps the octets that it was given, whatever becomes of theirs", async () => {
  const written: (string | Uint8Array)[] = [];
  class Keeping extends MemoryTransport {
    override write(data: string | Uint8Array): boolean {
      written.push(data);
      return super.write(data);
    }
  }
  const server = makeServer();
  accept(server, new Keeping());
  const octets = Buffer.from("250 raw\r\n");
  [...server.connections][0]?._socket.write(octets);
  octets.fill(0);
  expect(String(written.at(-1))).toBe("250 raw\r\n");
});

describe("the handshake of STARTTLS", () => {
  test("changes nothing once the connection is closed", async () => {
    let secured = 0;
    const server = makeServer({ onSecure: (_socket, _session, callback) => (secured++, callback()) });
    const client = await hello(server);
    const session = [...server.connections][0]?.session;
    await client.say("STARTTLS");
    client.transport.reset();
    client.transport.handshake();
    expect(await client.idle()).toBe("");
    expect([session?.secure, secured]).toEqual([false, 0]);
  });

  test("closes behind it if the client has closed its side meanwhile", async () => {
    const client = await hello(makeServer());
    await client.say("STARTTLS");
    client.transport.fin();
    expect(client.transport.ended).toBe(false);
    client.transport.handshake();
    expect(client.transport.ended).toBe(true);
  });

  test.each(["close", "421"])("the application ends it at once by %s, without a word", async (how) => {
    const server = makeServer();
    const client = await hello(server);
    expect(await client.say("STARTTLS")).toStartWith("220");
    const [connection] = server.connections;
    if (how === "close") connection?.close();
    else connection?.send(421, "in plaintext");
    expect([client.transport.closed, client.transport.output]).toEqual([true, ""]);
  });

  test("begins behind the 220", () => {
    const server = makeServer();
    let before = "";
    class Watched extends MemoryTransport {
      override upgrade(): void {
        before = this.output;
        super.upgrade();
      }
    }
    const transport = new Watched();
    accept(server, transport);
    transport.send(Buffer.from("STARTTLS\r\n"));
    expect(before).toEndWith("220 Ready to start TLS\r\n");
  });
});

test("a client that is refused for maxClients has its address for a name", async () => {
  const names: unknown[] = [];
  const server = makeServer({ maxClients: 1, onClose: (session) => void names.push(session.clientHostname) });
  const first = await hello(server);
  const second = new MemoryClient(server);
  await second.closed();
  await second.leave();
  expect(names).toEqual(["[192.0.2.99]"]);
  await first.leave();
});

test("_socket.write passes octets on as they are", async () => {
  const server = makeServer();
  const { transport } = await hello(server);
  transport.output = "";
  const octets = Uint8Array.of(0xff, 0x00, 0x80, 0x0a);
  [...server.connections][0]?._socket.write(octets.subarray(1));
  expect(Buffer.from(transport.output, "latin1")).toEqual(Buffer.of(0x00, 0x80, 0x0a));
});

describe("an option that is a getter and throws", () => {
  /** A server whose option throws while `broken` is true. */
  function brokenServer(option: string, hooks: SMTPServerOptions = {}) {
    const state = { broken: false };
    const errors: unknown[] = [];
    const server = makeServer(hooks);
    server.on("error", (error) => errors.push(error));
    const value: unknown = Reflect.get(server.options, option);
    Object.defineProperty(server.options, option, {
      get() {
        if (state.broken) throw new Error(`${option} is broken`);
        return value;
      },
    });
    return { state, errors, server };
  }

  test.each(["hideENHANCEDSTATUSCODES", "maxErrors"])(
    "%s while a reply is made: the connection closes, and no reply answers another command",
    async (option) => {
      const { state, errors, server } = brokenServer(option);
      const client = await hello(server);
      state.broken = true;
      client.send("X\r\nNOOP\r\n");
      expect(await client.closed()).toBe("421 Error: internal server error\r\n");
      expect(errors).toEqual([new Error(`${option} is broken`)]);
    },
  );

  test.each(["useProxy", "maxClients", "socketTimeout"])(
    "%s when a client connects: the client is dropped, and the server goes on",
    async (option) => {
      const { state, errors, server } = brokenServer(option, { useProxy: true });
      state.broken = true;
      const { transport } = new MemoryClient(server);
      expect(transport.closed).toBe(true);
      expect(errors).toEqual([new Error(`${option} is broken`)]);
      state.broken = false;
      const next = new MemoryClient(server);
      next.send("PROXY UNKNOWN\r\n");
      expect(await next.reply()).toStartWith("220");
    },
  );

  test.each(["maxClients", "maxClientsPerAddress"])(
    "%s when a client would be greeted: it is dropped as one that never came",
    async (option) => {
      let closes = 0;
      const { state, errors, server } = brokenServer(option, {
        [option]: 1,
        onClose: () => void (closes += 1),
      });
      await server.listen(0, "127.0.0.1");
      state.broken = true;
      const { transport } = new MemoryClient(server);
      expect([transport.closed, transport.output]).toEqual([true, ""]);
      expect(errors).toEqual([new Error(`${option} is broken`)]);
      state.broken = false;
      const [first, second] = [new MemoryClient(server), new MemoryClient(server)];
      expect([await first.reply(), (await second.reply())?.slice(0, 3)]).toEqual([
        "220 mx.test ESMTP",
        "421",
      ]);
      await first.leave();
      await second.leave();
      expect(closes).toBe(2);
      // It does not wait for the client that was dropped.
      await server.close();
    },
  );

  test("onClose: it is reported once, and close() does not wait for the call", async () => {
    const { state, errors, server } = brokenServer("onClose");
    await server.listen(0, "127.0.0.1");
    const client = await hello(server);
    state.broken = true;
    await client.leave();
    await server.close();
    expect(errors).toEqual([new Error("onClose is broken")]);
  });

  test("name, before the greeting: closes with a 421", async () => {
    const { state, errors, server } = brokenServer("name");
    state.broken = true;
    const client = new MemoryClient(server);
    expect(await client.closed()).toBe("421 Error: internal server error\r\n");
    expect(errors.length).toBe(1);
  });

  test("bareNewlines or maxCommandLength while a line is read: closes with a 421", async () => {
    const { state, server } = brokenServer("maxCommandLength");
    const client = await hello(server);
    state.broken = true;
    client.send("NOOP\r\n");
    expect(await client.closed()).toBe("421 Error: internal server error\r\n");
    expect(server.connections.size).toBe(0);
  });

  test("socketTimeout when the connection closes: it still leaves in the end", async () => {
    const { state, server } = brokenServer("socketTimeout");
    const client = await hello(server);
    state.broken = true;
    expect(await client.say("QUIT")).toBe("221 Bye");
    expect(client.transport.ended).toBe(true);
  });
});
