/**
 * The least that can be done: `Bun.listen`, the end of a line and of a message found, the same replies always.
 * What is measured against it is what SMTP costs on top of Bun. It is no SMTP server: it believes its client.
 * BENCH_TLS: `starttls` or `implicit`, with BENCH_KEY and BENCH_CERT; BENCH_LMTP: a reply for each recipient.
 */
import { createSecureContext } from "node:tls";

const replies: Record<string, string> = {
  DATA: "354 End data with <CR><LF>.<CR><LF>\r\n",
  QUIT: "221 Bye\r\n",
  STAR: "220 Ready to start TLS\r\n",
};
const END = Buffer.from("\r\n.\r\n");
const NOTHING = Buffer.alloc(0);

const { BENCH_KEY: key, BENCH_CERT: cert, BENCH_TLS: mode, BENCH_LMTP: lmtp } = process.env;
const secureContext = mode ? createSecureContext({ key, cert }).context : undefined;

interface State {
  rest: Buffer;
  inData: boolean;
  recipients: number;
  /** The socket that speaks SMTP: the one that was upgraded goes on firing, with ciphertext. */
  socket: Socket | undefined;
}
type Socket = Bun.Socket<State>;

function read(socket: Socket, chunk: Buffer): void {
  const state = socket.data;
  if (socket !== state.socket) return;
  const bytes = state.rest.length > 0 ? Buffer.concat([state.rest, chunk]) : chunk;
  let out = "";
  let at = 0;
  while (at < bytes.length) {
    if (state.inData) {
      const end = bytes.indexOf(END, at);
      if (end < 0) {
        at = Math.max(at, bytes.length - END.length + 1);
        break;
      }
      at = end + END.length;
      state.inData = false;
      out += lmtp ? "250 OK\r\n".repeat(state.recipients) : "250 OK\r\n";
      state.recipients = 0;
      continue;
    }
    const lf = bytes.indexOf(10, at);
    if (lf < 0) break;
    const verb = bytes.toString("latin1", at, Math.min(at + 4, lf)).toUpperCase();
    at = lf + 1;
    out += replies[verb] ?? "250 OK\r\n";
    if (verb === "RCPT") state.recipients += 1;
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

/** What the declarations of Bun 1.4 leave out of `upgradeTLS`. */
interface Upgradable {
  upgradeTLS(options: object): [Socket, Socket];
}

function upgrade(socket: Socket): void {
  const state = socket.data;
  state.socket = undefined;
  state.rest = NOTHING;
  const upgradable: Upgradable = socket;
  [, state.socket] = upgradable.upgradeTLS({
    isServer: true,
    data: state,
    tls: { secureContext },
    socket: {
      data: read,
      open() {},
      handshake(on: Socket) {
        if (mode === "implicit") on.write("220 bare ESMTP\r\n");
      },
      end: (on: Socket) => on.end(),
      close() {},
      drain() {},
      error() {},
    },
  });
}

const listener = Bun.listen<State>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { rest: NOTHING, inData: false, recipients: 0, socket };
      if (mode === "implicit") upgrade(socket);
      else socket.write("220 bare ESMTP\r\n");
    },
    data: read,
    error() {},
  },
});
console.log(`port ${listener.port}`);
