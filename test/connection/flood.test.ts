import { expect, setDefaultTimeout, test } from "bun:test";
import { SMTPServer } from "../../src/index.js";
import { accept } from "../../src/server/server.js";
import { MemoryTransport } from "../support/memory-transport.js";

// Some of these work for a second, longer on a busy machine.
setDefaultTimeout(120_000);

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
  const commands = 100_000;
  transport.send(Buffer.from("NOOP\r\n".repeat(commands)));
  // Others get their turn, and what this one sends now stays in its own kernel.
  expect(transport.paused).toBe(true);
  while (transport.paused) await turn();
  expect(transport.output.match(/^250 OK\r$/gm)).toHaveLength(commands);
  transport.reset();
});

test("a client whose hooks answer by promises leaves the others their turn too", async () => {
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    onData: async (stream, _session) => {
      for await (const _ of stream);
    },
  });
  const transport = new MemoryTransport();
  accept(server, transport);
  const messages = 10_000;
  const message = "MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n.\r\n";
  transport.send(Buffer.from(`EHLO x\r\n${message.repeat(messages)}`));
  const answered = (): number => transport.output.match(/^250 OK: message queued\r$/gm)?.length ?? 0;
  await turn();
  expect(answered()).toBeLessThan(messages);
  while (transport.paused) await turn();
  expect(answered()).toBe(messages);
  transport.reset();
});
