import { expect, test } from "bun:test";
import { SMTPServer } from "../src/index.js";
import { accept } from "../src/server.js";
import { MemoryTransport } from "./support/memory-transport.js";

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("a client that sends commands faster than they run is not read meanwhile", async () => {
  const server = new SMTPServer({
    name: "mx.test",
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
  });
  const transport = new MemoryTransport();
  accept(server, transport);
  const commands = 5000;
  transport.send(Buffer.from("NOOP\r\n".repeat(commands)));
  // Others get their turn, and what this one sends now stays in its own kernel.
  expect(transport.paused).toBe(true);
  while (transport.paused) await turn();
  expect(transport.output.match(/^250 OK\r$/gm)).toHaveLength(commands);
  transport.reset();
});
