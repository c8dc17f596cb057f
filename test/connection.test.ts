import { expect, test } from "bun:test";
import { makeServer, MemoryClient } from "./support/client.js";

/** What programs made for smtp-server write to a connection's socket, and what its client reads. */
const WRITTEN: [string, string | Uint8Array][] = [
  ["a string", "250 grüße\r\n"],
  ["a Buffer", Buffer.from("250 grüße\r\n")],
  ["a Uint8Array", new TextEncoder().encode("250 grüße\r\n")],
];
for (const [name, data] of WRITTEN) {
  test(`_socket.write of ${name}`, async () => {
    const server = makeServer();
    const client = new MemoryClient(server);
    await client.reply();
    const [connection] = [...server.connections];
    connection?._socket.write(data);
    expect(await client.reply()).toBe("250 grüße");
  });
}
