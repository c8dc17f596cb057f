/**
 * Several processes on one port (`reusePort`): how many messages two take against one, and that killing one
 * with SIGKILL under load loses no message that was answered 250.
 *
 *   bun test/bench/workers.ts [--seconds 5] [--work 1000]     microseconds of work that each message costs
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Server, start } from "./harness.js";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "5" }, work: { type: "string", default: "1000" } },
});
const seconds = Number(values.seconds);
const CLIENTS = 40;
const MESSAGE = `MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n${"x".repeat(78)}\r\n.\r\n`;

const worker = (port: number, file: string): Promise<Server> =>
  start("worker", [process.execPath, "servers/worker.ts", String(port), file, values.work], {}, "worker");

/** Sends messages until `until`, on a new connection when one breaks; gives what each 250 said. */
async function client(port: number, until: number, answered: string[]): Promise<void> {
  while (performance.now() < until) {
    const closed = Promise.withResolvers<void>();
    let input = "";
    const onReply = (line: string, send: (text: string) => void, end: () => void): void => {
      if (line.startsWith("220 ")) send("HELO x\r\n");
      else if (/^250 \S+ Nice/.test(line)) send(MESSAGE);
      else if (line.startsWith("250 ") && line !== "250 Accepted") {
        answered.push(line.slice(4));
        if (performance.now() < until) send(MESSAGE);
        else end();
      }
    };
    try {
      await Bun.connect({
        hostname: "127.0.0.1",
        port,
        socket: {
          data(socket, chunk) {
            const lines = (input + chunk.toString()).split("\r\n");
            input = lines.pop() ?? "";
            for (const line of lines) {
              onReply(
                line,
                (text) => socket.write(text),
                () => socket.end(),
              );
            }
          },
          close: () => closed.resolve(),
          error: () => closed.resolve(),
        },
      });
      await closed.promise;
    } catch {
      await Bun.sleep(10);
    }
  }
}

async function load(port: number, answered: string[]): Promise<void> {
  const until = performance.now() + seconds * 1000;
  await Promise.all(Array.from({ length: CLIENTS }, () => client(port, until, answered)));
}

const folder = mkdtempSync(join(tmpdir(), "bun-smtp-workers-"));
const file = join(folder, "stored");
const rate = async (count: number): Promise<number> => {
  const first = await worker(0, "");
  const others = await Promise.all(Array.from({ length: count - 1 }, () => worker(first.port, "")));
  const answered: string[] = [];
  await load(first.port, answered);
  for (const server of [first, ...others]) await server.stop();
  return answered.length / seconds;
};

const one = await rate(1);
const two = await rate(2);
console.log(`one worker   ${one.toFixed(0)} messages a second`);
console.log(
  `two workers  ${two.toFixed(0)} messages a second, ratio ${(two / one).toFixed(2)} (aim 1.6 where two cores are free)`,
);

writeFileSync(file, "");
const survivor = await worker(0, file);
const victim = await worker(survivor.port, file);
const answered: string[] = [];
setTimeout(() => void victim.stop(), (seconds * 1000) / 2);
await load(survivor.port, answered);
await survivor.stop();
const stored = new Set(readFileSync(file, "utf8").split("\n"));
const lost = answered.filter((id) => !stored.has(id));
rmSync(folder, { recursive: true });
console.log(`SIGKILL of one of two under load: ${answered.length} answered 250, ${lost.length} of them lost`);
process.exit(lost.length > 0 ? 1 : 0);
