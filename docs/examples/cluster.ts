/**
 * One worker a core, all on one port. A worker that dies is started again, sooner the first time and later
 * the next; SIGINT and SIGTERM let each worker finish the messages that it is receiving.
 * Linux only, where the kernel spreads the connections (SO_REUSEPORT).
 */
import { availableParallelism } from "node:os";
import { SMTPServer } from "bun-smtp";
import { numberOf, orFail, usage } from "./start.js";

usage(`
One worker a core, all on one port. Linux only.

  PORT=2525 WORKERS=4 bun cluster.ts

Variables:
  PORT     the port (2525), 0 for any free one
  WORKERS  how many processes (one a core)
`);

/** What a worker tells the process that started it. */
interface Listening {
  port: number;
}

/** Milliseconds before a worker that died is started again: the first, and the most. */
const BACK_OFF = 100;
const MAX_BACK_OFF = 30_000;
/** A worker that lived so long died of something else than the one before. */
const HEALTHY_AFTER = 60_000;

function onStop(stop: () => Promise<unknown>): void {
  let stopping: Promise<never> | undefined;
  const once = (): void => void (stopping ??= stop().then(() => process.exit(0)));
  // Ctrl-C goes to the workers as well; "disconnect" comes where the process that started them is gone.
  for (const event of ["SIGINT", "SIGTERM", "disconnect"]) process.on(event, once);
}

async function work(port: number): Promise<void> {
  const server = new SMTPServer({
    authOptional: true,
    async onData(stream, session) {
      for await (const _chunk of stream);
      console.log(`${process.pid} got ${stream.byteLength} bytes from ${session.remoteAddress}`);
      return `taken by ${process.pid}`;
    },
  });
  onStop(() => server.close());
  await orFail(`PORT=${port}`, () => server.listen({ port, reusePort: true }));
  const address = server.address();
  if (typeof address === "object" && address) process.send?.({ port: address.port } satisfies Listening);
}

async function supervise(port: number, count: number): Promise<void> {
  const workers = new Set<Bun.Subprocess>();
  /** One worker has listened. */
  let isRunning = false;
  let isStopping = false;

  /** Resolves once the worker listens. With PORT=0 the first one finds the port for all. */
  function start(backOff = BACK_OFF): Promise<void> {
    const listening = Promise.withResolvers<void>();
    const since = performance.now();
    const worker = Bun.spawn([process.execPath, import.meta.path], {
      env: { ...process.env, WORKER_PORT: String(port) },
      stdio: ["ignore", "inherit", "inherit"],
      ipc(message: Listening) {
        port = message.port;
        isRunning = true;
        listening.resolve();
      },
    });
    workers.add(worker);
    void worker.exited.then((code) => {
      workers.delete(worker);
      listening.reject(
        new Error(`Worker ${worker.pid} ended with ${worker.signalCode ?? code}`, { cause: code }),
      );
      if (isStopping || !isRunning) return;
      const delay = performance.now() - since > HEALTHY_AFTER ? BACK_OFF : backOff;
      console.error(`Worker ${worker.pid} ended with ${worker.signalCode ?? code}, next in ${delay} ms`);
      setTimeout(() => {
        if (!isStopping) void start(Math.min(delay * 2, MAX_BACK_OFF)).catch(() => {});
      }, delay);
    });
    return listening.promise;
  }

  onStop(async () => {
    isStopping = true;
    for (const worker of workers) worker.kill("SIGTERM");
    await Promise.all([...workers].map((worker) => worker.exited));
  });

  // If the first one cannot listen, the others cannot either. With code 1 it has printed why.
  await start().catch(({ message, cause }: Error) => {
    if (!isStopping && cause !== 1) console.error(message);
    process.exit(isStopping ? 0 : 1);
  });
  await Promise.allSettled(Array.from({ length: count - 1 }, () => start()));
  console.log(
    `Listening on port ${port} with ${count} workers: ${[...workers].map(({ pid }) => pid).join(" ")}`,
  );
}

if (process.env["WORKER_PORT"] !== undefined) await work(numberOf("WORKER_PORT", 0));
else await supervise(numberOf("PORT", 2525), numberOf("WORKERS", 0, 1000) || availableParallelism());
