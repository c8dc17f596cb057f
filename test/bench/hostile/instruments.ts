/**
 * What is measured inside of a server that is attacked. Loaded by servers/ours.ts before it listens: it counts
 * what Bun hands over, and knows how long an honest client's NOOPs wait.
 */
import { dlopen } from "bun:ffi";
import { percentile } from "../harness.js";
import type { Sent } from "./honest-client.js";

const libc = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
const time = new BigInt64Array(2);
/**
 * Milliseconds of CPU that the server's thread used. Linux knows them exactly for a thread of one's own process;
 * of another process only as of the last tick, some milliseconds ago. That is why the honest client is a thread here.
 */
export function serverThreadCPU(): number {
  // clock_getcpuclockid(3) for a thread: its number inverted, 4 for a thread, 2 for the scheduler's clock.
  if (libc.symbols.clock_gettime((~process.pid << 3) | 6, time) !== 0)
    throw new Error("no clock of the thread");
  const [seconds = 0n, nanoseconds = 0n] = time;
  return Number(seconds) * 1e3 + Number(nanoseconds) / 1e6;
}

const read = { connections: 0, reads: 0, octets: 0 };
/** The honest client's socket, once it has opened, and the CPU time at which each of its NOOPs was answered. */
let honest: unknown;
let isNext = false;
let answered: number[] = [];

function noteReads(): void {
  const listen = Bun.listen.bind(Bun) as (options: Bun.TCPSocketListenOptions<unknown>) => unknown;
  const noted = (options: Bun.TCPSocketListenOptions<unknown>): unknown => {
    const { open, data } = options.socket;
    return listen({
      ...options,
      socket: {
        ...options.socket,
        open(socket) {
          if (isNext) honest = socket;
          else read.connections += 1;
          isNext = false;
          return open?.(socket);
        },
        data(socket, chunk) {
          if (socket === honest) {
            data?.(socket, chunk);
            const at = serverThreadCPU();
            for (let left = chunk.length / "NOOP\r\n".length; left >= 1; left--) answered.push(at);
            return;
          }
          read.reads += 1;
          read.octets += chunk.length;
          return data?.(socket, chunk);
        },
      },
    });
  };
  Object.assign(Bun, { listen: noted });
}

let client: Worker | undefined;
function say(message: object): Promise<unknown> {
  const heard = Promise.withResolvers<unknown>();
  client ??= new Worker(new URL("honest-client.ts", import.meta.url));
  client.onmessage = ({ data }) => heard.resolve(data);
  client.postMessage(message);
  return heard.promise;
}

/** Adds to what the server answers on stdin. @param header what a client sends first: a PROXY header */
export function instruments(
  port: () => number,
  header: string,
): Record<string, (argument: string) => object> {
  noteReads();
  return {
    read: () => read,
    /** Connects the honest client. */
    async honest() {
      isNext = true;
      await say({ port: port(), header });
      answered = [];
      return {};
    },
    /** @returns milliseconds of the server's CPU that 99 of 100 of so many NOOPs wait at most */
    async waits(noops: string) {
      answered = [];
      const sent = (await say({ noops: Number(noops) })) as Sent;
      const found = sent.flatMap((at, index) => (at === null ? [] : [(answered[index] ?? NaN) - at]));
      return { wait: percentile(found, 0.99) };
    },
  };
}
