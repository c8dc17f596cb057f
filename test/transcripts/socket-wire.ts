import { connect, type Socket } from "node:net";
import { connect as connectTLS } from "node:tls";
import { once } from "node:events";
import type { SMTPServer } from "../../src/index.js";
import type { Wire } from "./player.js";

/** A wire over a real socket: the server listens, the client is Node's. */
export async function socketWire(server: SMTPServer): Promise<Wire> {
  await server.listen(0, "127.0.0.1");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  let socket: Socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let input = "";
  let over = false;
  let heard = Promise.withResolvers<void>();
  const tell = (): void => {
    heard.resolve();
    heard = Promise.withResolvers();
  };
  const finish = (): void => {
    over = true;
    tell();
  };
  const attach = (): void => {
    socket.on("data", (chunk: Buffer) => {
      input += chunk.toString("latin1");
      tell();
    });
    socket.on("end", finish).on("close", finish).on("error", finish);
  };
  attach();
  socket.setNoDelay(true);
  await once(socket, "connect");
  const line = async (): Promise<string | undefined> => {
    for (;;) {
      const end = input.indexOf("\r\n");
      if (end >= 0) {
        const text = input.slice(0, end);
        input = input.slice(end + 2);
        return Buffer.from(text, "latin1").toString();
      }
      if (over) return undefined;
      await heard.promise;
    }
  };
  return {
    line,
    send: (bytes) =>
      new Promise((resolve) => (socket.writable ? socket.write(bytes, () => resolve()) : resolve())),
    async close() {
      while (!over) await heard.promise;
      return input;
    },
    // Only memory can tell that nothing will come: here what comes later fails the step after it.
    silence: () => Promise.resolve(""),
    async tls() {
      socket.removeAllListeners();
      socket = connectTLS({ socket, rejectUnauthorized: false, servername: "mx.test" });
      attach();
      await once(socket, "secureConnect");
    },
    fin: () => socket.end(),
    reset() {
      socket.destroy();
      void server.close();
    },
  };
}
