/** Habits of programs that were made for smtp-server, each as they have it: over TCP, with the members of Node's listener. */
import { afterEach, describe, expect, test } from "bun:test";
import { EventEmitter, once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { inherits } from "node:util";
import library, {
  type SMTPConnection,
  SMTPServer,
  type SMTPServerOptions,
  type SMTPServerSession,
} from "../src/index.js";
import { SocketClient } from "./support/client.js";

type Done = (error?: Error | null, text?: string) => void;

const open = new Set<SMTPServer>();
afterEach(async () => {
  for (const server of open) await server.close();
  open.clear();
});

function make(options: SMTPServerOptions = {}): SMTPServer {
  const server = new SMTPServer({ ...QUIET, ...options });
  open.add(server);
  return server;
}
const QUIET = { name: "mx.test", authOptional: true, disableReverseLookup: true, closeTimeout: 1 };

async function greet(server: SMTPServer): Promise<SocketClient> {
  const client = new SocketClient({ port: (server.server.address() as AddressInfo).port });
  await client.reply();
  await client.say("EHLO client.test");
  return client;
}

/** Sends one message to a server that is made with the options; the reply to it. */
async function mail(
  options: SMTPServerOptions,
  text = "Subject: x\r\n\r\nhi\r\n",
): Promise<string | undefined> {
  const server = make(options);
  await server.listen(0, "127.0.0.1");
  return (await greet(server)).deliver(text);
}

describe("listening", () => {
  test("server.server.once('listening') before listen, then server.server.address().port", async () => {
    const server = make();
    expect([server.server.listening, server.server.address()]).toEqual([false, null]);
    const listening = once(server.server, "listening");
    server.listen(0, "127.0.0.1");
    await listening;
    const { address, family, port } = server.server.address() as AddressInfo;
    expect({ address, family, listening: server.server.listening }).toEqual({
      address: "127.0.0.1",
      family: "IPv4",
      listening: true,
    });
    expect(port).toBeGreaterThan(0);
  });

  test("listen(0, callback), listen(port, host, callback), listen(port, host, backlog, callback)", async () => {
    for (const args of [
      [0],
      [0, "127.0.0.1"],
      ["0", "127.0.0.1"],
      [0, "127.0.0.1", 10],
      [0, undefined],
      [0, null],
    ]) {
      const server = make();
      await new Promise<void>((resolve) => server.listen(...(args as unknown[]), resolve));
      expect((server.address() as AddressInfo).port, JSON.stringify(args)).toBeGreaterThan(0);
    }
  });

  test("a port in a string, taken: the error is Node's on server.server and on the server", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as AddressInfo;
    const expected = { code: "EADDRINUSE", syscall: "listen", address: "127.0.0.1", port };
    for (const pick of [
      (server: SMTPServer): EventEmitter => server.server,
      (server: SMTPServer): EventEmitter => server,
    ]) {
      const server = make();
      const failed = once(pick(server), "error");
      server.listen(String(port), "127.0.0.1", () => expect.unreachable());
      expect((await failed)[0]).toMatchObject(expected);
    }
    const chained = new Promise((resolve) => make().listen(port, "127.0.0.1").on("error", resolve));
    expect(await chained).toMatchObject(expected);
    blocker.close();
  });

  test("close(undefined), close(null), close(callback)", async () => {
    for (const callback of [undefined, null]) {
      const server = make();
      await server.listen(0);
      const closed = once(server, "close");
      server.close(callback);
      await closed;
    }
    const server = make();
    await server.listen(0);
    const faceClosed = once(server.server, "close");
    await new Promise<void>((resolve) => server.close(resolve));
    await faceClosed;
    await server.listen(0);
    await new Promise((resolve) => server.server.close(resolve));
    expect(server.server.listening).toBe(false);
  });

  test("cert: null, key: null and the other options that are not given", async () => {
    const none = { cert: null, key: null, ca: null, logger: null, onAuth: null, size: null, name: undefined };
    expect(await mail({ ...none, authMethods: undefined } as unknown as SMTPServerOptions)).toBe(
      "250 OK: message queued",
    );
  });
});

describe("the package", () => {
  test("require, default export and named export are one class", async () => {
    const required = require("../src/index.js") as typeof library & { default: typeof library };
    expect(required.SMTPServer).toBe(SMTPServer);
    expect(required.default.SMTPServer).toBe(SMTPServer);
    expect(library.SMTPServer).toBe(SMTPServer);
  });

  test("a server is an EventEmitter", () => {
    const server = new SMTPServer();
    expect(server).toBeInstanceOf(EventEmitter);
    const heard: unknown[] = [];
    server.on("something of our own", (value) => heard.push(value));
    server.emit("something of our own", 1);
    expect(heard).toEqual([1]);
  });
});

describe("inheritance", () => {
  test("a subclass overrides hooks and calls super", async () => {
    const heard: string[] = [];
    class Catcher extends SMTPServer {
      override onMailFrom(
        address: { address: string; args: false },
        session: SMTPServerSession,
        done: Done,
      ): void {
        heard.push(address.address);
        super.onMailFrom(address, session, done);
      }
      override onData(stream: Readable, _session: SMTPServerSession, done: Done): void {
        heard.push(this.constructor.name);
        stream.on("data", (chunk) => heard.push(String(chunk)));
        stream.on("end", () => done(null, "caught"));
      }
    }
    const server = new Catcher(QUIET);
    open.add(server);
    await server.listen(0, "127.0.0.1");
    expect(await (await greet(server)).deliver("hi\r\n")).toBe("250 caught");
    expect(heard).toEqual(["a@a.test", "Catcher", "hi\r\n"]);
  });

  test("util.inherits with Reflect.construct; calling the class without new fails as smtp-server's does", async () => {
    interface Old extends SMTPServer {
      greeting: string;
    }
    function Old(this: Old, options: SMTPServerOptions): Old {
      const self = Reflect.construct(SMTPServer, [options], Old) as Old;
      self.greeting = "old";
      return self;
    }
    inherits(Old, SMTPServer);
    (Old.prototype as SMTPServer).onMailFrom = function (this: Old, _address, _session, done): void {
      done(new Error(this.greeting));
    };
    const server = new (Old as unknown as new (options: SMTPServerOptions) => Old)(QUIET);
    open.add(server);
    await server.listen(0, "127.0.0.1");
    expect(await (await greet(server)).say("MAIL FROM:<a@b.c>")).toBe("550 old");
    expect(() => Reflect.apply(SMTPServer as unknown as () => void, {}, [])).toThrow(TypeError);
  });

  test("a hook that is assigned after listen, and one that is bound", async () => {
    const server = make();
    await server.listen(0, "127.0.0.1");
    const store = {
      texts: [] as string[],
      keep(stream: Readable, _session: unknown, done: Done) {
        stream
          .setEncoding("utf8")
          .on("data", (text: string) => this.texts.push(text))
          .on("end", done);
      },
    };
    server.onData = store.keep.bind(store);
    await (await greet(server)).deliver("hi\r\n");
    expect(store.texts.join("")).toBe("hi\r\n");
  });
});

describe("the stream", () => {
  test("two pipes, once('error'), finished, pipeline, toArray, toWeb", async () => {
    const text = "Subject: x\r\n\r\n" + "a line of text\r\n".repeat(9000);
    const all = (stream: Readable): Promise<string> =>
      stream
        .setEncoding("utf8")
        .toArray()
        .then((chunks) => chunks.join(""));
    const ways: Record<string, (stream: Readable) => Promise<string>> = {
      async twoPipes(stream) {
        const [one, two] = [new PassThrough(), new PassThrough()];
        stream.once("error", () => expect.unreachable());
        stream.pipe(one);
        stream.pipe(two);
        const [first, second] = await Promise.all([all(one), all(two)]);
        expect(first === second).toBe(true);
        return first;
      },
      async finished(stream) {
        let read = "";
        stream.on("data", (chunk) => (read += String(chunk)));
        await finished(stream);
        return read;
      },
      async pipeline(stream) {
        const target = new PassThrough();
        const [read] = await Promise.all([all(target), pipeline(stream, target)]);
        return read;
      },
      toArray: all,
      toWeb: (stream) => new Response(Readable.toWeb(stream) as unknown as ReadableStream).text(),
    };
    for (const [name, consume] of Object.entries(ways)) {
      let read = "";
      const onData = (stream: Readable, _session: unknown, done: Done): void =>
        void consume(stream).then((whole) => ((read = whole), done()), done);
      expect(await mail({ onData }, text), name).toBe("250 OK: message queued");
      expect(read === text, name).toBe(true);
    }
  });
});

describe("answers", () => {
  const refuse = (...args: unknown[]): void => {
    const done = args.at(-1) as Done;
    done(Object.assign(new Error("not now"), { responseCode: 471 }));
    done();
    done(null, "too late");
  };
  const refusals: [string, string[], string][] = [
    ["onConnect", [], "471 not now"],
    ["onMailFrom", ["MAIL FROM:<a@b.c>"], "471 not now"],
    ["onRcptTo", ["MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>"], "471 not now"],
    ["onData", ["MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>", "DATA", "x\r\n."], "471 not now"],
    ["onAuth", ["AUTH PLAIN AGEAYg=="], "471 not now"],
  ];
  for (const [hook, lines, expected] of refusals) {
    test(`${hook} calls back synchronously and three times, with a responseCode`, async () => {
      const server = make({ [hook]: refuse, allowInsecureAuth: true });
      await server.listen(0, "127.0.0.1");
      const client = new SocketClient(server.address() as AddressInfo & { host?: string });
      const replies = [await client.reply()];
      if (lines.length > 0) replies.push(await client.say("EHLO x"), ...(await client.chat(...lines)));
      expect(replies.at(-1)).toBe(expected);
      if (lines.length > 0) expect(await client.say("NOOP")).toBe("250 OK");
    });
  }

  test("the session can be spread, assigned and serialised, and keeps what is added to it", async () => {
    const copies: SMTPServerSession[] = [];
    const server = make({
      onConnect(session, done) {
        Object.assign(session, { tenant: { id: 7 } });
        done();
      },
      onData(stream, session, done) {
        copies.push(
          { ...session },
          Object.assign({}, session),
          JSON.parse(JSON.stringify(session)) as typeof session,
        );
        copies.push(structuredClone({ ...session, user: undefined }));
        stream.on("end", done).resume();
      },
    });
    await server.listen(0, "127.0.0.1");
    await (await greet(server)).deliver();
    expect(copies).toHaveLength(4);
    for (const copy of copies) {
      expect(copy).toMatchObject({
        tenant: { id: 7 },
        remoteAddress: "127.0.0.1",
        hostNameAppearsAs: "client.test",
        envelope: { mailFrom: { address: "a@a.test" }, rcptTo: [{ address: "b@b.test" }] },
      });
    }
  });

  test("a copied envelope is that of its message, also after the next one", async () => {
    const envelopes: SMTPServerSession["envelope"][] = [];
    const server = make({
      onData(stream, { envelope }, done) {
        envelopes.push(envelope);
        stream.on("end", done).resume();
      },
    });
    await server.listen(0, "127.0.0.1");
    const client = await greet(server);
    await client.deliver();
    await client.chat("MAIL FROM:<c@c.test>", "RCPT TO:<d@d.test>", "DATA", "x\r\n.");
    expect(envelopes.map(({ rcptTo }) => rcptTo.map(({ address }) => address))).toEqual([
      ["b@b.test"],
      ["d@d.test"],
    ]);
  });
});

describe("what programs reach for on the server", () => {
  test("connections: id, session, send, close, and _socket's write, end, destroy, remoteAddress", async () => {
    const server = make();
    await server.listen(0, "127.0.0.1");
    const connection = (): SMTPConnection => [...server.connections].at(-1)!;
    let client = await greet(server);
    expect(connection().id).toBe(connection().session.id);
    expect(connection()._socket.remoteAddress).toBe("127.0.0.1");
    connection().send(250, "hello");
    expect(await client.reply()).toBe("250 hello");
    connection()._socket.write("250 raw\r\n");
    expect(await client.reply()).toBe("250 raw");
    for (const end of [
      () => connection().send(421, "bye"),
      () => connection().close(),
      () => connection()._socket.end(),
      () => connection()._socket.destroy(),
    ]) {
      end();
      await client.closed();
      client = await greet(server);
    }
  });

  test("_socket.end with a text: behind the replies that were made, and the hook's answer is none", async () => {
    const server = make({
      onRcptTo(_address, session, done) {
        const connection = [...server.connections].find((one) => one.session === session);
        connection?._socket.end(Buffer.from("421 bye\r\n"));
        connection?._socket.write("250 too late\r\n");
        done();
      },
    });
    await server.listen(0, "127.0.0.1");
    const client = await greet(server);
    client.send("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n");
    expect(await client.closed()).toBe("250 Accepted\r\n421 bye\r\n");
  });

  test("_socket's close: once for each listener that is there, before onClose", async () => {
    const heard: string[] = [];
    const over = Promise.withResolvers<void>();
    const server = make({
      onClose() {
        heard.push("onClose");
        over.resolve();
      },
    });
    await server.listen(0, "127.0.0.1");
    const client = await greet(server);
    const [connection] = [...server.connections] as [SMTPConnection];
    const { _socket: socket } = connection;
    const removed = (): unknown => heard.push("removed");
    socket.once("close", () => heard.push(`${server.connections.size} left, ${socket.destroyed}`));
    socket.on("close", removed).once("close", removed);
    connection._socket.off("close", removed).removeListener("close", removed);
    await client.say("QUIT");
    await over.promise;
    connection._socket.on("close", () => heard.push("too late"));
    await server.close();
    expect(heard).toEqual(["0 left, true", "onClose"]);
  });

  test("a logger in place of the first, with only some of the methods, and with placeholders", async () => {
    const lines: string[] = [];
    const server = make({ logger: false });
    server.logger = {
      debug: (_entry: object, text: string, ...args: unknown[]) => lines.push([text, ...args].join(" ")),
    };
    await server.listen(0, "127.0.0.1");
    await greet(server);
    expect(lines.some((line) => line.includes("EHLO client.test"))).toBe(true);
  });

  test("options are live, and the two lists are arrays from construction on", async () => {
    const server = make();
    await server.listen(0, "127.0.0.1");
    expect([server.options.disabledCommands, server.options.authMethods]).toEqual([[], []]);
    server.options.disabledCommands.push("VRFY");
    server.options.banner = "changed";
    const client = new SocketClient({ port: (server.address() as AddressInfo).port });
    expect(await client.reply()).toBe("220 mx.test ESMTP changed");
    expect(await client.say("VRFY x")).toMatch(/^500 /);
  });

  test("an error in a transaction is an `error` event if the application listens, and nothing else", async () => {
    for (const listens of [true, false]) {
      const server = make({
        onMailFrom() {
          throw new Error("ours");
        },
      });
      const errors: Error[] = [];
      if (listens) server.on("error", (error) => errors.push(error));
      await server.listen(0, "127.0.0.1");
      const client = await greet(server);
      expect(await client.say("MAIL FROM:<a@b.c>")).toBe("451 Error: internal server error");
      expect(errors.map(({ message }) => message)).toEqual(listens ? ["ours"] : []);
    }
  });
});
