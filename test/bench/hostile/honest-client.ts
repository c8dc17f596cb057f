/** The honest client, a thread of the server's process: it sends NOOPs, and notes the CPU time of the server then. */
import { dlopen } from "bun:ffi";
import { availableParallelism } from "node:os";
import { serverThreadCPU } from "./instruments.js";

declare const self: Worker;

/** For each NOOP the server's CPU time when it was sent; `null` where this thread was held up in that moment. */
export type Sent = (number | null)[];
type Order = { port: number; header: string } | { noops: number };

/** The moment is not known where taking it and sending took longer, in milliseconds. */
const AT_ONCE = 0.2;
const NOOP = Buffer.from("NOOP\r\n");
const libc = dlopen("libc.so.6", { sched_setaffinity: { args: ["i32", "u64", "ptr"], returns: "i32" } });
// Off the server's core, which the process was put on as a whole.
const cores = new BigUint64Array([(1n << BigInt(availableParallelism())) - 1n]);
libc.symbols.sched_setaffinity(0, cores.byteLength, cores);

let socket: Bun.Socket | undefined;
let replies = 0;
let heard: (() => void) | undefined;

async function connect(port: number, header: string): Promise<void> {
  socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, chunk) {
        for (const octet of chunk) if (octet === 10) replies += 1;
        heard?.();
      },
    },
  });
  if (header) socket.write(header);
  await until(1);
}

/** Waits for so many replies in all. */
async function until(count: number): Promise<void> {
  while (replies < count) await new Promise<void>((resolve) => (heard = resolve));
}

/**
 * NOOPs at random moments, whether those before have been answered or not: else a long wait would count as one,
 * however many it would have hit.
 */
async function send(noops: number): Promise<Sent> {
  const sent: Sent = [];
  const before = replies;
  while (sent.length < noops) {
    const since = performance.now();
    const cpu = serverThreadCPU();
    socket?.write(NOOP);
    sent.push(performance.now() - since < AT_ONCE ? cpu : null);
    await Bun.sleep(Math.random() * 3);
  }
  await until(before + sent.length);
  return sent;
}

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  if ("port" in data) self.postMessage(await connect(data.port, data.header));
  else self.postMessage(await send(data.noops));
};
