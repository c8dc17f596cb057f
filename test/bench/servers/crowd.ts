/** Many clients in one process. argv: port, how many. Reads `connect`, `messages`, `leave`; answers each with JSON. */
import { createInterface } from "node:readline";

const [port = 0, count = 0] = process.argv.slice(2).map(Number);
/** Connections that are being made at once: more would overflow the listen queue. */
const AT_A_TIME = 100;

interface State {
  text: string;
  heard: (() => void) | undefined;
}
const sockets: Bun.Socket<State>[] = [];

async function reply(socket: Bun.Socket<State>): Promise<string> {
  while (!socket.data.text.endsWith("\r\n")) {
    await new Promise<void>((resolve) => {
      socket.data.heard = resolve;
    });
  }
  const { text } = socket.data;
  socket.data.text = "";
  return text;
}

function wake({ data }: Bun.Socket<State>): void {
  data.heard?.();
  data.heard = undefined;
}

async function open(): Promise<void> {
  const socket = await Bun.connect<State>({
    hostname: "127.0.0.1",
    port,
    data: { text: "", heard: undefined },
    socket: {
      data(on, chunk) {
        on.data.text += chunk.toString("latin1");
        wake(on);
      },
      close(on) {
        on.data.text = "421 closed\r\n";
        wake(on);
      },
      error() {},
    },
  });
  // A client that is refused does not count.
  if ((await reply(socket)).startsWith("220")) sockets.push(socket);
}

async function send(socket: Bun.Socket<State>): Promise<boolean> {
  let last = "";
  for (const line of ["HELO x", "MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>", "DATA", "Subject: x\r\n\r\nx\r\n."]) {
    socket.write(`${line}\r\n`);
    last = await reply(socket);
  }
  return last.startsWith("250");
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_A_TIME) {
    await Promise.all(items.slice(at, at + AT_A_TIME).map(work));
  }
}

const tasks: Record<string, () => Promise<object>> = {
  async connect() {
    await inTurns(Array(count).fill(undefined), open);
    return { connected: sockets.length };
  },
  async messages() {
    let accepted = 0;
    await inTurns(sockets, async (socket) => {
      if (await send(socket)) accepted += 1;
    });
    return { accepted };
  },
  async leave() {
    for (const socket of sockets) socket.end("QUIT\r\n");
    return {};
  },
};

console.log(`port ${port}`);
createInterface(process.stdin).on("line", (line) => {
  void tasks[line]?.().then((answer) => console.log(JSON.stringify(answer)));
});
