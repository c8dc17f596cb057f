/**
 * The least that can be done: `Bun.listen`, lines found, the same replies always. What is measured against
 * it is what SMTP costs on top of Bun. It is no SMTP server: it believes its client.
 */
const replies: Record<string, string> = {
  DATA: "354 End data with <CR><LF>.<CR><LF>\r\n",
  QUIT: "221 Bye\r\n",
  STAR: "220 Ready to start TLS\r\n",
};
const END = Buffer.from("\r\n.\r\n");

interface State {
  rest: Buffer;
  inData: boolean;
}
type Socket = Bun.Socket<State>;

function read(socket: Socket, chunk: Buffer): void {
  const state = socket.data;
  let bytes = state.rest.length > 0 ? Buffer.concat([state.rest, chunk]) : chunk;
  let out = "";
  let at = 0;
  while (at < bytes.length) {
    if (state.inData) {
      const end = bytes.indexOf(END, at);
      if (end < 0) {
        at = Math.max(at, bytes.length - 4);
        break;
      }
      at = end + END.length;
      state.inData = false;
      out += "250 OK\r\n";
      continue;
    }
    const lf = bytes.indexOf(10, at);
    if (lf < 0) break;
    const verb = bytes.toString("latin1", at, Math.min(at + 4, lf)).toUpperCase();
    at = lf + 1;
    out += replies[verb] ?? "250 OK\r\n";
    if (verb === "DATA") state.inData = true;
    if (verb === "QUIT" || verb === "STAR") {
      socket.write(out);
      if (verb === "QUIT") socket.end();
      else upgrade(socket);
      return;
    }
  }
  state.rest = bytes.subarray(at);
  if (out) socket.write(out);
}

const key = process.env["BENCH_KEY"] ?? "";
const cert = process.env["BENCH_CERT"] ?? "";
const { createSecureContext } = await import("node:tls");
const context = key ? createSecureContext({ key, cert }).context : undefined;

function upgrade(socket: Socket): void {
  const fresh = (): State => ({ rest: Buffer.alloc(0), inData: false });
  const upgradable = socket as unknown as { upgradeTLS(options: object): [Socket, Socket] };
  socket.data.rest = Buffer.alloc(0);
  let encrypted: Socket;
  const on = {
    data: (on: Socket, chunk: Buffer) => on === encrypted && read(on, chunk),
    open() {},
    handshake() {},
    end: (on: Socket) => on.end(),
    close() {},
    drain() {},
    error() {},
  };
  const [raw, over] = upgradable.upgradeTLS({
    isServer: true,
    data: fresh(),
    tls: { secureContext: context },
    socket: on,
  });
  encrypted = over;
  // Both the socket that was and the one that took its place go on firing, with ciphertext.
  upgraded.add(socket).add(raw);
}

/** Sockets whose plain side fires ciphertext from now on. */
const upgraded = new WeakSet<Socket>();

const listener = Bun.listen<State>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { rest: Buffer.alloc(0), inData: false };
      socket.write("220 bare ESMTP\r\n");
    },
    data(socket, chunk) {
      if (!upgraded.has(socket)) read(socket, chunk);
    },
    error() {},
  },
});
console.log(`port ${listener.port}`);
