import { describe, expect, spyOn, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { type HookCallback, SMTPServer, type SMTPServerOptions, type SMTPSession } from "../../src/index.js";
import { setClock } from "../../src/server/server.js";
import { createAuthority, type Identity } from "../support/certificates.js";
import { TestClock } from "../support/clock.js";
import { turn } from "../support/turn.js";
import { endAfterTest } from "../support/ending.js";
import { TLSClient } from "../support/tls-client.js";

const authority = createAuthority("Test CA");
const otherAuthority = createAuthority("Another CA");
const first = authority.issue("first.test");
const second = authority.issue("second.test");
const named = authority.issue("named.test");

async function listen(
  options: SMTPServerOptions,
  clock?: TestClock,
): Promise<{ server: SMTPServer; port: number }> {
  const server = new SMTPServer({
    name: "mx.test",
    ...first,
    authOptional: true,
    disableReverseLookup: true,
    ...options,
  });
  if (clock) setClock(server, clock);
  endAfterTest(() => server.close());
  await server.listen(0, "127.0.0.1");
  const address = server.address();
  return { server, port: typeof address === "object" && address ? address.port : 0 };
}

/** Both ways to TLS: what goes for one goes for the other. */
const WAYS = {
  STARTTLS: {
    secure: false,
    connect: async (port: number, options = {}): Promise<TLSClient> =>
      (await TLSClient.plain(port)).startTLS(options),
  },
  "implicit TLS": {
    secure: true,
    async connect(port: number, options = {}): Promise<TLSClient> {
      const client = await TLSClient.implicit(port, options);
      await client.reply();
      await client.say("EHLO client");
      return client;
    },
  },
};

/** Waits until no connection is left. */
async function empty(server: SMTPServer): Promise<void> {
  while (server.connections.size > 0) await turn();
}

describe.each(Object.entries(WAYS))("%s", (_, { secure, connect: reach }) => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "a message over %s, and what the session says",
    async (version) => {
      const { promise, resolve } = Promise.withResolvers<SMTPSession>();
      const { port } = await listen({
        secure,
        async onData(stream, session) {
          expect(await Bun.readableStreamToText(stream)).toBe("hi\r\n");
          resolve(session);
        },
      });
      const client = await reach(port, { minVersion: version, maxVersion: version, servername: "some.test" });
      expect(await client.deliver("hi\r\n")).toBe("250 OK: message queued");
      const session = await promise;
      expect(session.secure).toBe(true);
      expect(session.servername).toBe("some.test");
      expect(session.transmissionType).toBe("ESMTPS");
      expect(session.tlsOptions).toMatchObject({ version });
    },
  );

  test("SNI chooses the certificate; an unknown name gets the default", async () => {
    const { port } = await listen({ secure, sniOptions: { "NAMED.test.": named } });
    expect((await reach(port, { servername: "named.test" })).certificate).toBe("named.test");
    expect((await reach(port, { servername: "other.test" })).certificate).toBe("first.test");
    expect((await reach(port)).certificate).toBe("first.test");
  });

  test("a name with control characters is none", async () => {
    const names: unknown[] = [];
    const { port } = await listen({
      secure,
      onSecure({ servername }, session, callback) {
        names.push(servername, session.servername);
        callback();
      },
      SNICallback(name, callback) {
        names.push(name);
        callback(null);
      },
    });
    const client = await reach(port, { servername: "some.test\r\nX: y" });
    expect(await client.say("NOOP")).toBe("250 OK");
    expect(names).toEqual([false, false]);
  });

  test("a reload: new handshakes see the new certificate, open sessions go on", async () => {
    const { server, port } = await listen({ secure });
    const before = await Promise.all(Array.from({ length: 20 }, () => reach(port)));
    server.updateSecureContext({ ...second, sniOptions: { "named.test": named } });
    expect((await reach(port)).certificate).toBe("second.test");
    expect((await reach(port, { servername: "named.test" })).certificate).toBe("named.test");
    for (const client of before) {
      expect(client.certificate).toBe("first.test");
      expect(await client.deliver("hi\r\n")).toBe("250 OK: message queued");
    }
  });

  test("a bad PEM throws, names the option and changes nothing", async () => {
    const { server, port } = await listen({ secure });
    expect(() => server.updateSecureContext({ key: second.key, cert: "no PEM" })).toThrow(/^cert: /);
    expect(() => server.updateSecureContext({ key: first.key, cert: second.cert })).toThrow(TypeError);
    expect(server.options.cert).toBe(first.cert);
    expect((await reach(port)).certificate).toBe("first.test");
  });

  test("a client that closes its side after its last command gets its replies", async () => {
    const { port } = await listen({
      secure,
      onMailFrom: (_address, _session, callback) => setImmediate(callback),
    });
    const client = await reach(port);
    client.send("MAIL FROM:<a@b.c>\r\nNOOP\r\n");
    client.socket.end();
    expect(await client.reply()).toBe("250 Accepted");
    expect(await client.reply()).toBe("250 OK");
    await client.closed();
  });

  const ANSWERS: Record<string, (callback: HookCallback) => unknown> = {
    "does not answer": () => {},
    "accepts at once": (callback) => callback(),
    "accepts later": (callback) => setImmediate(callback),
    "refuses later": (callback) => setImmediate(callback, new Error("no")),
  };

  test.each(Object.entries(ANSWERS))("onSecure destroys the socket and %s", async (_, answer) => {
    const heard: unknown[] = [];
    const over = Promise.withResolvers<void>();
    const { server, port } = await listen({
      secure,
      onSecure(socket, _session, callback) {
        heard.push(socket.encrypted);
        socket.destroy();
        heard.push(server.connections.size);
        answer(callback);
      },
      onMailFrom: () => heard.push("MAIL"),
      onClose: () => over.resolve(),
    });
    if (secure) server.on("connect", () => heard.push("connect"));
    server.on("error", (error) => heard.push(error));
    const client = await (secure ? TLSClient.implicit(port) : (await TLSClient.plain(port)).startTLS());
    client.send("EHLO client\r\nMAIL FROM:<a@a.test>\r\n");
    expect(await client.reply()).toBeUndefined();
    await over.promise;
    expect(heard).toEqual([true, 0]);
  });

  /** Certificates of clients, and the reason for which each does not verify. */
  const CERTIFICATES: Record<string, { given: Identity | undefined; good: boolean; problem?: unknown }> = {
    "no certificate": { given: undefined, good: false, problem: expect.anything() },
    "one of another authority": {
      given: otherAuthority.issue("client", "clientAuth"),
      good: false,
      problem: expect.stringMatching(/^UNABLE_TO_/),
    },
    "an expired one": {
      given: authority.issue("client", "clientAuth", "expired"),
      good: false,
      problem: "CERT_HAS_EXPIRED",
    },
    "a good one": { given: authority.issue("client", "clientAuth"), good: true },
  };

  test.each(Object.entries(CERTIFICATES))("requestCert alone, %s: let in", async (_, certificate) => {
    const { given, good, problem } = certificate;
    const { promise, resolve } = Promise.withResolvers<unknown[]>();
    const { port } = await listen({
      secure,
      ca: authority.cert,
      requestCert: true,
      onSecure(socket, _session, callback) {
        const { authorized, authorizationError } = socket;
        const name = socket.getPeerCertificate().subject?.CN;
        resolve([authorized, authorizationError, name, socket.getProtocol()]);
        callback();
      },
    });
    await reach(port, { ...given });
    expect(await promise).toEqual([good, problem, given ? "client" : undefined, "TLSv1.3"]);
  });

  test.each(Object.entries(CERTIFICATES))(
    "requestCert and rejectUnauthorized, %s",
    async (_, { given, good }) => {
      const errors: Error[] = [];
      const { server, port } = await listen({
        secure,
        ca: authority.cert,
        requestCert: true,
        rejectUnauthorized: true,
      });
      server.on("error", (error) => errors.push(error));
      const reached = await reach(port, { ...given }).catch(() => undefined);
      if (good) {
        expect(await reached?.deliver("hi\r\n")).toBe("250 OK: message queued");
        expect(errors).toEqual([]);
      } else {
        await reached?.closed();
        await empty(server);
        if (errors.length === 0) await once(server, "error");
        expect(errors).toHaveLength(1);
        expect(errors[0]?.message).not.toBe("");
      }
    },
  );
});

describe("RFC 3207", () => {
  const INJECTIONS = ["NOOP\r\n", "MAIL FROM:<evil@b.c>\r\n", "NOOP ", "EHLO evil\r\nNOO", "\r\n", "\n"];

  test.each(INJECTIONS)("plaintext behind STARTTLS is never answered: %j", async (injected) => {
    const { port } = await listen({});
    const client = await TLSClient.plain(port);
    await client.reply();
    await client.say("EHLO client");
    client.send(`STARTTLS\r\n${injected}`);
    expect(await client.reply()).toBe("220 Ready to start TLS");
    await client.handshake();
    expect(await client.say("EHLO after")).toStartWith("250-mx.test Nice to meet you");
    expect(await client.say("RCPT TO:<d@e.f>")).toBe("503 Error: need MAIL command");
  });

  test("a client that closes its connection in each flight of the handshake leaves nothing behind", async () => {
    const { server, port } = await listen({});
    server.on("error", () => {});
    const GARBAGE = [
      Buffer.alloc(0),
      Buffer.from("not a ClientHello\r\n"),
      Buffer.from([0x16]),
      Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]),
      Buffer.from([0x16, 3, 1, 0x40, 1, 1]),
      Buffer.from([0x80, 0x2e, 1, 3, 1]),
      Buffer.alloc(2000, 0x16),
    ];
    for (let round = 0; round < 6; round++) {
      await Promise.all(
        GARBAGE.map(async (bytes) => {
          const socket = connect({ host: "127.0.0.1", port });
          socket.on("error", () => {});
          socket.write("EHLO x\r\nSTARTTLS\r\n");
          let heard = "";
          while (!heard.includes("220 Ready")) heard += String((await once(socket, "data"))[0]);
          socket.write(bytes);
          if (round % 3 === 0) socket.end();
          else if (round % 3 === 1) socket.destroy();
          else socket.resetAndDestroy();
        }),
      );
    }
    await empty(server);
    expect(await (await WAYS.STARTTLS.connect(port)).deliver("hi\r\n")).toBe("250 OK: message queued");
  });

  test.each(Object.entries(WAYS))(
    "a handshake that stalls is closed within socketTimeout: %s",
    async (_, { secure }) => {
      const clock = new TestClock();
      const { server, port } = await listen({ secure, socketTimeout: 40 }, clock);
      const failed = once(server, "error");
      const client = await TLSClient.plain(port);
      if (!secure) {
        await client.reply();
        await client.say("STARTTLS");
      }
      // With implicit TLS the server knows of the client when it has set its deadline.
      while (clock.timers === 0) await turn();
      clock.pass(39);
      expect(clock.timers).toBe(1);
      clock.pass(1);
      await client.closed();
      expect((await failed)[0]).toMatchObject({ code: "ERR_TLS_HANDSHAKE_TIMEOUT" });
      expect(server.connections.size).toBe(0);
    },
  );

  test("close() does not wait for a handshake", async () => {
    const { server, port } = await listen({});
    server.on("error", () => {});
    const client = await TLSClient.plain(port);
    await client.reply();
    await client.say("STARTTLS");
    await server.close();
    await client.closed();
  });
});

describe("without a certificate", () => {
  test("a self-signed one is made when it is needed, with one warning", async () => {
    const warned = spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      const { port } = await listen({ key: undefined, cert: undefined });
      expect(warned).not.toHaveBeenCalled();
      const connected = await Promise.all([WAYS.STARTTLS.connect(port), WAYS.STARTTLS.connect(port)]);
      expect(connected[0]?.certificate).toBe("mx.test");
      expect(warned).toHaveBeenCalledTimes(1);
    } finally {
      warned.mockRestore();
    }
  });

  test("no warning with logger false", async () => {
    const warned = spyOn(process.stderr, "write").mockImplementation(() => true);
    try {
      const { port } = await listen({ key: undefined, cert: undefined, logger: false });
      await WAYS.STARTTLS.connect(port);
      expect(warned).not.toHaveBeenCalled();
    } finally {
      warned.mockRestore();
    }
  });
});

test("TLS that ends in front of the server: onSecure's socket says so, and can be destroyed", async () => {
  const seen: unknown[] = [];
  const { server, port } = await listen({
    secure: true,
    secured: true,
    onSecure(socket, session, callback) {
      seen.push(socket.encrypted, session.secure, socket.getProtocol());
      socket.destroy();
      callback();
      seen.push(server.connections.size);
    },
  });
  const client = await TLSClient.plain(port);
  expect(await client.reply()).toBeUndefined();
  expect(seen).toEqual([false, true, null, 0]);
});

test("TLS that ends at a proxy which says what it was: onSecure's socket says so too", async () => {
  const seen: unknown[] = [];
  const { port } = await listen({
    secure: true,
    secured: true,
    useProxy: true,
    onSecure(socket, session, callback) {
      seen.push(socket.servername, socket.getCipher(), socket.getProtocol());
      expect<unknown>(socket.getCipher()).toEqual(session.tlsOptions);
      callback();
    },
  });
  const client = await TLSClient.plain(port);
  // UNIX, so that the header is short of numbers: AUTHORITY, and SSL with version and cipher.
  const tlv = (type: number, value: string): string =>
    String.fromCharCode(type, value.length >> 8, value.length & 255) + value;
  const ssl = `\x01\0\0\0\0${tlv(0x21, "TLSv1.2")}${tlv(0x23, "ECDHE-RSA-AES128-GCM-SHA256")}`;
  const block = "\0".repeat(216) + tlv(2, "mx.test") + tlv(0x20, ssl);
  client.send(
    `\r\n\r\n\0\r\nQUIT\n\x21\x31${String.fromCharCode(block.length >> 8, block.length & 255)}${block}`,
  );
  expect(await client.reply()).toStartWith("220 ");
  expect(seen).toEqual([
    "mx.test",
    {
      name: "ECDHE-RSA-AES128-GCM-SHA256",
      standardName: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
      version: "TLSv1.2",
    },
    "TLSv1.2",
  ]);
});

describe("updateSecureContext and options that are getters of a class", () => {
  class Config implements SMTPServerOptions {
    readonly #identity: Identity;
    readonly name = "mx.test";
    readonly disableReverseLookup = true;
    readonly closeTimeout = 50;
    constructor(identity: Identity) {
      this.#identity = identity;
    }
    get key(): string {
      return this.#identity.key;
    }
    get cert(): string {
      return this.#identity.cert;
    }
    get sniOptions(): Record<string, Identity> {
      return { "named.test": named };
    }
  }
  const subjects = async (server: SMTPServer): Promise<string[]> => {
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    return Promise.all(
      ["first.test", "named.test"].map(async (servername) => {
        const client = await WAYS.STARTTLS.connect(port, { servername });
        return client.certificate;
      }),
    );
  };
  const start = async (options: SMTPServerOptions): Promise<SMTPServer> => {
    const server = new SMTPServer(options);
    endAfterTest(() => server.close());
    return server.listen(0, "127.0.0.1");
  };

  test.each([
    ["as they are", new Config(first)],
    ["frozen", Object.freeze(new Config(first))],
  ])("of the server, %s: what is not updated stays", async (_, options) => {
    const server = await start(options);
    server.updateSecureContext();
    server.updateSecureContext({ minVersion: "TLSv1.3" });
    expect(await subjects(server)).toEqual(["first.test", "named.test"]);
    expect(server.options.minVersion).toBe("TLSv1.3");
  });

  test.each([
    ["as they are", new Config(first)],
    ["frozen", Object.freeze(new Config(first))],
  ])("of the server, %s: what is updated counts, now and in the updates after it", async (_, options) => {
    const server = await start(options);
    server.updateSecureContext({ ...second });
    server.updateSecureContext({});
    expect(await subjects(server)).toEqual(["second.test", "named.test"]);
    expect(server.options.cert).toBe(second.cert);
  });

  test("of the update: they count, now and in the updates after it", async () => {
    const server = await start({ ...first, name: "mx.test", disableReverseLookup: true, closeTimeout: 50 });
    server.updateSecureContext(new Config(second));
    expect(await subjects(server)).toEqual(["second.test", "named.test"]);
    server.updateSecureContext({});
    expect(await subjects(server)).toEqual(["second.test", "named.test"]);
    expect(server.options.cert).toBe(second.cert);
  });

  test("of the update: each of them, what a handshake asks for too", async () => {
    class Update extends Config {
      get requestCert(): boolean {
        return true;
      }
      get rejectUnauthorized(): boolean {
        return true;
      }
      get ALPNProtocols(): string[] {
        return ["smtp"];
      }
      get SNICallback(): NonNullable<SMTPServerOptions["SNICallback"]> {
        return answerNothing;
      }
    }
    const answerNothing = (_name: string, callback: (error: null) => void): void => callback(null);
    const server = await start({ ...first, name: "mx.test", disableReverseLookup: true, closeTimeout: 50 });
    server.updateSecureContext(new Update(second));
    expect(server.options).toMatchObject({
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ["smtp"],
      SNICallback: answerNothing,
    });
  });

  test("an option that is set to undefined is not given any more", async () => {
    const server = await start(new Config(first));
    server.updateSecureContext({ sniOptions: undefined });
    expect(await subjects(server)).toEqual(["first.test", "first.test"]);
  });
});
