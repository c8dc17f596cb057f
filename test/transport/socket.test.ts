import { describe, expect, spyOn, test } from "bun:test";
import type { TLSSession } from "../../src/connection/transport.js";
import { firstReserved } from "../../src/transport/descriptors.js";
import { SecureContexts } from "../../src/transport/secure-contexts.js";
import { listenOn, type SocketTransport } from "../../src/transport/socket.js";
import type { BunSocket, BunSocketHandlers } from "../../src/transport/bun-tls.js";
import type { SMTPServerOptions } from "../../src/types/index.js";

type Handlers = Required<BunSocketHandlers<SocketTransport>>;
type UpgradeTLS = Parameters<BunSocket<SocketTransport>["upgradeTLS"]>[0];

/** A socket whose kernel takes as many octets as there is room for, and that writes down what it is asked to do. */
class FakeSocket {
  room = Infinity;
  #taken = Buffer.alloc(0);
  readonly calls: string[] = [];
  readonly remoteAddress: string = "192.0.2.99";
  readonly fd: number = 7;
  authorized = false;
  servername: string | undefined;
  /** What `upgradeTLS` was given, and the TLS session that it gave. */
  upgraded: UpgradeTLS | undefined;
  tls: FakeSocket = this;

  get written(): string {
    return this.#taken.toString();
  }

  write(data: string | Buffer): number {
    if (this.room < 0) return -1;
    const bytes = Buffer.from(data as string);
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.#taken = Buffer.concat([this.#taken, bytes.subarray(0, taken)]);
    return taken;
  }
  upgradeTLS(options: UpgradeTLS): [unknown, unknown] {
    this.calls.push(`upgrade after ${JSON.stringify(this.written)}`);
    this.upgraded = options;
    this.tls = new FakeSocket();
    return [this, this.tls];
  }
  getServername(): string | undefined {
    return this.servername;
  }
  getCipher(): object {
    return { name: "TLS_AES_128_GCM_SHA256", standardName: "TLS_AES_128_GCM_SHA256", version: "TLSv1/SSLv3" };
  }
  getTLSVersion(): string {
    return "TLSv1.3";
  }
  getPeerCertificate(abbreviated?: boolean): object | undefined {
    return this.authorized ? { subject: { CN: "client" }, abbreviated } : undefined;
  }
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer {
    return Buffer.from([length, label, context].join());
  }
  pause(): void {
    this.calls.push("pause");
  }
  resume(): void {
    this.calls.push("resume");
  }
  close(): void {
    this.calls.push(`close after ${JSON.stringify(this.written)}`);
  }
  shutdown(): void {
    this.calls.push(`shutdown after ${JSON.stringify(this.written)}`);
  }
  terminate(): void {
    this.calls.push("terminate");
  }
}

interface Opened {
  socket: FakeSocket;
  transport: SocketTransport;
  /** Those that Bun calls with the socket. */
  handlers: Handlers;
  drain: (room: number) => void;
  /** Events of the transport, those with an argument as `name: argument`. */
  events: string[];
  sessions: TLSSession[];
}

/** A socket that was accepted from a listener which binds nothing. */
function open(socket: FakeSocket = new FakeSocket(), options: SMTPServerOptions = {}): Opened {
  const contexts = new SecureContexts({ logger: false, ...options });
  const events: string[] = [];
  const sessions: TLSSession[] = [];
  let accepted: SocketTransport | undefined;
  const listen = spyOn(Bun, "listen").mockReturnValue({ port: 25 } as never);
  listenOn(
    { port: 25, host: "::", reusePort: false, ipv6Only: false },
    () => contexts,
    (transport) => {
      accepted = transport;
      transport.events = {
        received: (chunk) => void events.push(`received: ${String(chunk)}`),
        drained: () => void events.push("drained"),
        ended: () => void events.push("ended"),
        closed: (error) => void events.push(`closed: ${error?.message}`),
        secured: (session) => void sessions.push(session),
      };
    },
  );
  const { socket: handlers } = listen.mock.calls[0]?.[0] as unknown as { socket: Handlers };
  listen.mockRestore();
  handlers.open(asBun(socket));
  const drain = (room: number): void => {
    socket.room = room;
    handlers.drain(asBun(socket));
  };
  return { socket, transport: accepted as SocketTransport, handlers, drain, events, sessions };
}

/** Bun's view of it: its `data` is what the handlers have set. */
function asBun(socket: FakeSocket): BunSocket<SocketTransport> {
  return socket as unknown as BunSocket<SocketTransport>;
}

test("what the kernel does not take is written later, in order and once", () => {
  const { socket, transport, drain, events } = open();
  socket.room = 5;
  expect(transport.write("250 OK\r\n")).toBe(false);
  expect(transport.write("250 Ökonom\r\n")).toBe(false);
  drain(4);
  expect([socket.written, events]).toEqual(["250 OK\r\n2", []]);
  drain(100);
  expect([socket.written, events]).toEqual(["250 OK\r\n250 Ökonom\r\n", ["drained"]]);
  expect(transport.write("221 Bye\r\n")).toBe(true);
});

test.each([...Array(18).keys()])("a text of more octets than characters, of which %d are taken", (room) => {
  const { socket, transport, drain } = open();
  const text = "250 Grüße, 你\r\n";
  socket.room = room;
  expect(transport.write(text)).toBe(false);
  drain(100);
  expect(socket.written).toBe(text);
});

test("a handshake and the end wait for what is to be written before", () => {
  for (const [act, call] of [
    ["upgrade", 'upgrade after "220 Ready\\r\\n"'],
    ["end", 'shutdown after "220 Ready\\r\\n"'],
  ] as const) {
    const { socket, transport, drain } = open();
    socket.room = 3;
    transport.write("220 Ready\r\n");
    transport[act]();
    expect(socket.calls).toEqual([]);
    drain(3);
    expect(socket.calls).toEqual([]);
    drain(100);
    expect(socket.calls).toEqual([call]);
  }
});

test("a client that has reset is let go at once, for no event may ever come", () => {
  const { socket, transport } = open();
  socket.room = -1;
  // It is not slow: nothing is to be waited for.
  expect(transport.write("250 OK\r\n")).toBe(true);
  expect(socket.calls).toEqual(["terminate"]);
});

test.each([
  [0, false],
  [1, true],
])("a descriptor %d above the first reserved one less one is one of the last: %p", (above, isReserved) => {
  const socket = Object.assign(new FakeSocket(), { fd: firstReserved() - 1 + above });
  expect(open(socket).transport.usesReservedDescriptor).toBe(isReserved);
});

test("a client that has reset before it was accepted is none", () => {
  const socket = Object.assign(new FakeSocket(), { remoteAddress: "" });
  const { transport, handlers, events } = open(socket);
  handlers.close(asBun(socket));
  expect([transport, socket.calls, events]).toEqual([undefined as never, ["terminate"], []]);
});

test("reading pauses and goes on", () => {
  const { socket, transport } = open();
  transport.pause();
  transport.resume();
  expect(socket.calls).toEqual(["pause", "resume"]);
});

test("a refusal is written and closes both sides", () => {
  const { socket, transport } = open();
  transport.refuse("421 Busy\r\n");
  expect(socket.calls).toEqual(['close after "421 Busy\\r\\n"']);
});

test("after our end nothing more is written", () => {
  const { socket, transport, drain } = open();
  socket.room = 3;
  transport.write("221 Bye\r\n");
  transport.end();
  expect(transport.write("250 OK\r\n")).toBe(true);
  drain(100);
  expect(socket.written).toBe("221 Bye\r\n");
});

test("a closed socket is left alone, and closes once", () => {
  const { socket, transport, handlers, events } = open();
  socket.room = 3;
  transport.write("250 OK\r\n");
  handlers.close(asBun(socket));
  handlers.close(asBun(socket));
  socket.room = 100;
  handlers.drain(asBun(socket));
  expect(transport.write("250 OK\r\n")).toBe(true);
  transport.pause();
  transport.resume();
  transport.end();
  transport.destroy();
  expect([socket.written, socket.calls, events]).toEqual(["250", [], ["closed: undefined"]]);
});

test("an open socket that is given up is reset, and the first reason is the one that counts", () => {
  const { socket, transport, handlers, events } = open();
  handlers.error(asBun(socket), new Error("broken"));
  transport.destroy(new Error("too late"));
  expect(socket.calls).toEqual(["terminate"]);
  handlers.close(asBun(socket), new Error("closed"));
  expect(events).toEqual(["closed: broken"]);
});

describe("a handshake", () => {
  test("leaves our side open when the client closes its own", () => {
    const { socket, transport } = open();
    transport.upgrade();
    expect(socket.upgraded).toMatchObject({ isServer: true, allowHalfOpen: true, data: transport });
  });

  test.each([
    [undefined, undefined],
    [Buffer.alloc(0), undefined],
    [Buffer.from("x"), Buffer.from("x")],
  ])("gets what came with the PROXY header, if anything did: %j", (given, expected) => {
    const { socket, transport } = open();
    transport.upgrade(given);
    expect(socket.upgraded?.initialData).toEqual(expected as Buffer);
    expect("initialData" in (socket.upgraded as object)).toBe(expected !== undefined);
  });

  test.each(["an Error", "a text"])("that cannot begin closes, with the reason: %s", (what) => {
    const socket = new FakeSocket();
    const { transport, handlers, events } = open(
      Object.assign(socket, {
        upgradeTLS: () => {
          throw what === "a text" ? "no TLS" : new Error("no TLS");
        },
      }),
    );
    transport.upgrade();
    expect(socket.calls).toEqual(["terminate"]);
    handlers.close(asBun(socket));
    expect(events).toEqual(["closed: no TLS"]);
  });

  test("makes the plain socket one whose events do not count", () => {
    const { socket, transport, handlers, drain, events } = open();
    transport.upgrade();
    const { tls } = socket;
    tls.room = 3;
    transport.write("250 OK\r\n");
    handlers.data(asBun(socket), Buffer.from("ciphertext"));
    handlers.end(asBun(socket));
    tls.room = 100;
    drain(100);
    expect([tls.written, events]).toEqual(["250", []]);
    const session = asBun(Object.assign(tls, { data: transport }));
    handlers.drain(session);
    handlers.data(session, Buffer.from("QUIT"));
    handlers.end(session);
    expect(tls.written).toBe("250 OK\r\n");
    expect(events).toEqual(["drained", "received: QUIT", "ended"]);
    expect(socket.calls).toHaveLength(1);
  });

  /** A handshake that ends in this way, and the session that it makes. */
  function handshake(
    facts: Partial<FakeSocket>,
    options: SMTPServerOptions = {},
    ok = true,
    error: Error | null = null,
  ): Opened & { tls: FakeSocket } {
    const opened = open(new FakeSocket(), options);
    const { socket, transport } = opened;
    transport.upgrade();
    const tls = Object.assign(socket.tls, facts, { data: transport });
    const { handshake } = socket.upgraded?.socket as Handlers;
    handshake(asBun(tls), ok, error);
    return { ...opened, tls };
  }

  test("that is refused resets, with the reason", () => {
    const { socket, tls, handlers, events, sessions } = handshake({}, {}, false, new Error("garbage"));
    expect([tls.calls, sessions]).toEqual([["terminate"], []]);
    handlers.close(asBun(socket), new Error("closed"));
    expect(events).toEqual(["closed: garbage"]);
  });

  test.each([
    [undefined, false],
    ["", false],
    ["mx.test", "mx.test"],
    ["mx.test\r\n", false],
  ])("with the host name %j: %j", (servername, expected) => {
    const [session] = handshake({ servername }).sessions;
    expect(session?.servername).toBe(expected as string);
    expect(session?.socket.servername).toBe(expected as string);
  });

  test("says whether the certificate verified, and why not", () => {
    const asking = { requestCert: true };
    const expired = Object.assign(new Error("expired"), { code: "CERT_HAS_EXPIRED" });
    const facts = ({ sessions: [session] }: Opened): unknown[] => [
      session?.authorized,
      session?.socket.authorized,
      session?.socket.authorizationError,
    ];
    expect(facts(handshake({ authorized: true }, asking))).toEqual([true, true, undefined]);
    expect(facts(handshake({}, asking, true, expired))).toEqual([false, false, "CERT_HAS_EXPIRED"]);
    expect(facts(handshake({}, {}, true, expired))).toEqual([false, false, undefined]);
  });

  test("has a certificate as node:tls has it: without its issuers, unless they are asked for", () => {
    const [session] = handshake({ authorized: true }).sessions;
    // Asked for twice, it is the same.
    for (const socket of [session?.socket, session?.socket]) {
      expect<unknown>(socket?.getPeerCertificate()).toMatchObject({ abbreviated: true });
      expect<unknown>(socket?.getPeerCertificate(true)).toMatchObject({ abbreviated: false });
    }
    expect<unknown>(session?.peerCertificate()).toMatchObject({
      subject: { CN: "client" },
      abbreviated: true,
    });
    expect<unknown>(handshake({}).sessions[0]?.peerCertificate()).toEqual({});
  });

  test("has keying material for channel binding", () => {
    const [session] = handshake({}).sessions;
    expect(String(session?.exportKeyingMaterial(32, "EXPORTER", Buffer.from("x")))).toBe("32,EXPORTER,x");
  });
});
