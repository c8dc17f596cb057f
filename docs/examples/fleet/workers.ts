/**
 * The processes of a receiver: a parent that answers health checks, and workers on one port (`reusePort`), which
 * are started again when they die. At SIGTERM or SIGINT the health check fails first, and the workers close when the
 * load balancer has had the time to see it.
 */
import { availableParallelism } from "node:os";
import { numberOf, orFail } from "../start.js";

const { env } = process;

/** Milliseconds before a worker that died is started again. */
const BACK_OFF = 500;

/** What a worker tells its parent: whether it listens and has NATS. */
interface Report {
  isReady: boolean;
}

/** Whether this process is a worker. */
export const isWorker: boolean = env["FLEET_WORKER"] !== undefined;

/** In a worker: tells the parent whether it can take mail. */
export function report(isReady: boolean): void {
  process.send?.({ isReady } satisfies Report);
}

/** In a worker: what to do at the end. */
export function onDrain(drain: () => Promise<unknown>): void {
  let draining: Promise<never> | undefined;
  const once = (): void => void (draining ??= drain().finally(() => process.exit(0)) as Promise<never>);
  // "disconnect" comes where the parent is gone.
  for (const event of ["SIGTERM", "disconnect"]) process.on(event, once);
  // Ctrl-C goes to all processes of a terminal. The parent says when.
  process.on("SIGINT", () => {});
}

/** Starts the workers, and ends when it is told to. */
export async function supervise({
  port,
  health,
  workers,
}: {
  port: number;
  health: number;
  /** 0 for one a core. */
  workers: number;
}): Promise<void> {
  const drain = numberOf("DRAIN", 3000);
  const ready = new Map<Bun.Subprocess, boolean>();
  let isDraining = false;
  let isStopping = false;

  orFail(`HEALTH=${health}`, () =>
    Bun.serve({
      port: health,
      fetch() {
        if (isDraining) return new Response("draining\n", { status: 503 });
        const count = [...ready.values()].filter(Boolean).length;
        return new Response(`${count} workers are ready\n`, { status: count > 0 ? 200 : 503 });
      },
    }),
  );

  function start(): void {
    const worker = Bun.spawn([process.execPath, ...process.argv.slice(1)], {
      env: { ...env, FLEET_WORKER: "1" },
      stdio: ["ignore", "inherit", "inherit"],
      ipc({ isReady }: Report, worker) {
        const wasReady = [...ready.values()].some(Boolean);
        ready.set(worker, isReady);
        if (isReady && !wasReady) console.log(`Listening on port ${port}, health check on port ${health}`);
      },
    });
    ready.set(worker, false);
    void worker.exited.then((code) => {
      ready.delete(worker);
      if (isStopping) return;
      console.error(`Worker ${worker.pid} ended with ${worker.signalCode ?? code}`);
      // With 1 it has printed why: nothing gets better by trying.
      if (code === 1) process.exit(1);
      setTimeout(() => !isStopping && start(), BACK_OFF);
    });
  }

  async function stop(): Promise<void> {
    if (isDraining) return;
    isDraining = true;
    await Bun.sleep(drain);
    isStopping = true;
    for (const worker of ready.keys()) worker.kill("SIGTERM");
    await Promise.all([...ready.keys()].map((worker) => worker.exited));
    process.exit(0);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());

  for (let count = workers || availableParallelism(); count > 0; count--) start();
}
