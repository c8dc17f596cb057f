import { expect, test } from "bun:test";
import { SecureContexts } from "../../src/transport/secure-contexts.js";
import { SocketTransport } from "../../src/transport/socket.js";
import type { BunSocket } from "../../src/transport/bun-tls.js";

/** A socket whose kernel takes as many octets as there is room for, and that writes down what it is asked to do. */
class FakeSocket {
  room = Infinity;
  #taken = Buffer.alloc(0);
  readonly calls: string[] = [];
  readonly remoteAddress = "192.0.2.99";

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
  upgradeTLS(): [unknown, unknown] {
    this.calls.push(`upgrade after ${JSON.stringify(this.written)}`);
    return [this, this];
  }
  shutdown(): void {
    this.calls.push(`shutdown after ${JSON.stringify(this.written)}`);
  }
  terminate(): void {
    this.calls.push("terminate");
  }
}

function open(): { socket: FakeSocket; transport: SocketTransport; drain: (room: number) => void } {
  const contexts = new SecureContexts({ logger: false });
  const socket = new FakeSocket();
  const bunSocket = socket as unknown as BunSocket<SocketTransport>;
  const transport = new SocketTransport(bunSocket, 25, () => contexts, false);
  const drain = (room: number): void => {
    socket.room = room;
    transport.onDrain(bunSocket);
  };
  return { socket, transport, drain };
}

test("what the kernel does not take is written later, in order and once", () => {
  const { socket, transport, drain } = open();
  const events: string[] = [];
  transport.events = { ...transport.events, drained: () => events.push("drained") };
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
  transport.write("250 OK\r\n");
  expect(socket.calls).toEqual(["terminate"]);
});
