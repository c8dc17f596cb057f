/**
 * Puts smtp-server 3.21.6 and bun-smtp side by side: the same lines, the same options, the same hooks. Prints each
 * difference; those in differences.ts are meant, with their reason, and there may be no others.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import type { AddressInfo } from "node:net";
import { SMTPServer as Ours } from "../../../src/index.js";
import { SocketClient } from "../../support/client.js";
import { type Case, cases } from "./cases.js";
import { reasonFor } from "./differences.js";

setDefaultTimeout(120_000);
/** The original greets after 100 ms: many are asked at a time. */
const AT_A_TIME = 40;

interface Listens {
  on(event: "error", listener: () => void): unknown;
  listen(port: number, host: string, callback: () => void): unknown;
  close(callback?: () => void): unknown;
  readonly server: { address(): unknown };
}
type Constructor = new (options: object) => Listens;

function load(): Constructor | undefined {
  try {
    return (require("smtp-server") as { SMTPServer: Constructor }).SMTPServer;
  } catch {
    console.log("skipped: smtp-server is not installed (bun install in test/interop)");
    return undefined;
  }
}

const hooks = {
  name: "mx.test",
  disableReverseLookup: true,
  closeTimeout: 1,
  logger: false,
  onAuth(
    auth: { username?: string; password?: string; accessToken?: string },
    _session: unknown,
    callback: (error: null, response: object) => void,
  ): void {
    const good = (auth.accessToken ?? auth.password) === "pass";
    callback(null, good ? { user: auth.username } : {});
  },
  onData(stream: NodeJS.ReadableStream, _session: unknown, callback: () => void): void {
    stream.on("data", () => {}).on("end", () => callback());
  },
};

/** What a server says to the lines of a case. */
async function play(SMTPServer: Constructor, { options, lines }: Case): Promise<string[]> {
  const server = new SMTPServer({ ...hooks, ...options });
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  const client = new SocketClient({ port, host: "127.0.0.1" });
  const heard = [(await client.reply()) ?? "(closed)"];
  for (const line of lines) {
    heard.push((await client.say(Buffer.from(line).toString("latin1"))) ?? "(closed)");
    if (heard.at(-1) === "(closed)") break;
  }
  client.end();
  server.close();
  return heard;
}

/** An EHLO reply without CHUNKING and LIMITS, which only we have, and with the default mechanisms in one order. */
function plainly(reply: string): string {
  const lines = reply.split("\n").map((line) => line.slice(4).replace("LOGIN PLAIN", "PLAIN LOGIN"));
  return `${reply.slice(0, 3)} ${lines.filter((line) => line !== "CHUNKING" && !line.startsWith("LIMITS ")).join("\n")}`;
}

const Theirs = load();

test.skipIf(!Theirs)("the same replies to the same lines, but for what is meant", async () => {
  const unmeant: string[] = [];
  const met = new Map<string, number>();
  const queue = [...cases];
  const worker = async (): Promise<void> => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const [theirs, ours] = await Promise.all([
        play(Theirs as Constructor, next),
        play(Ours as unknown as Constructor, next),
      ]);
      const at = theirs.findIndex((reply, i) => plainly(reply) !== plainly(ours[i] ?? "(closed)"));
      if (at < 0) continue;
      const line = at === 0 ? "(greeting)" : (next.lines[at - 1] ?? "");
      const reason = reasonFor(line, next);
      if (reason) met.set(reason, (met.get(reason) ?? 0) + 1);
      else
        unmeant.push(
          `${next.name}: ${JSON.stringify(line)} of ${JSON.stringify(next.lines)}\n  smtp-server: ${theirs[at]}\n  bun-smtp:    ${ours[at]}`,
        );
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  console.log(`${cases.length} conversations`);
  for (const [reason, count] of [...met].sort()) console.log(`  ${count} differ: ${reason}`);
  for (const difference of unmeant.sort()) console.log(difference);
  expect(unmeant).toEqual([]);
});
