/** One of several processes on a port: `worker.ts <port> <file> <microseconds of work a message>`. */
import { appendFileSync } from "node:fs";
import { SMTPServer } from "../../../src/index.js";

const [port, file, work] = process.argv.slice(2);

/** What a server does with a message besides receiving it: scanning, hashing, signing. */
function compute(microseconds: number): void {
  const end = Bun.nanoseconds() + microseconds * 1000;
  while (Bun.nanoseconds() < end);
}

const server = new SMTPServer({
  name: "bench.test",
  authOptional: true,
  disableReverseLookup: true,
  async onData(stream, session) {
    await stream.pipeTo(new WritableStream());
    compute(Number(work));
    // In the kernel's hands before the client gets 250: a process that is killed does not lose it.
    if (file) appendFileSync(file, `${session.id}.${session.transaction}\n`);
    return `${session.id}.${session.transaction}`;
  },
});

await server.listen({ port: Number(port), host: "127.0.0.1", reusePort: true });
const address = server.address();
console.log(`port ${typeof address === "object" && address ? address.port : 0}`);
