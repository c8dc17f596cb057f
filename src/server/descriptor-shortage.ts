import type { PendingTransport } from "../connection/pending-connection.js";
import type { ServerContext } from "../connection/server-context.js";
import { descriptorLimit, firstReserved } from "../transport/descriptors.js";

/** Milliseconds between two reports: while there is a shortage, each client would be one. */
const REPORT_INTERVAL = 60_000;

const REMEDY = "raise the limit (ulimit -n, LimitNOFILE in a systemd unit) or set maxClients below it";

/** Refuses clients when the process has nearly as many files and sockets open as it may have. */
export class DescriptorShortage {
  readonly #server: ServerContext;
  #reportedAt = -Infinity;

  constructor(server: ServerContext) {
    this.#server = server;
  }

  /** Warns on stderr of a `maxClients` that cannot be reached, unless `logger` is `false`. */
  warn(): void {
    const { maxClients, raw } = this.#server.settings;
    if (maxClients === Infinity || raw.logger === false || maxClients <= firstReserved()) return;
    process.stderr.write(
      `WARNING: maxClients is ${maxClients}, and this process may open ${descriptorLimit()} files: ${REMEDY}\n`,
    );
  }

  /** Closes a client at once, with a 421 where it can read one: a connection that lingers keeps its descriptor. */
  refuse(transport: PendingTransport): void {
    const { name, implicitTLS } = this.#server.settings;
    const busy = `421 ${name} Too many connected clients, try again in a moment\r\n`;
    transport.refuse(implicitTLS ? "" : busy);
    const now = this.#server.clock.now();
    if (now - this.#reportedAt < REPORT_INTERVAL) return;
    this.#reportedAt = now;
    const text = `Clients are refused: the process has nearly all of the ${descriptorLimit()} files and sockets open that it may open; ${REMEDY}`;
    this.#server.report(Object.assign(new Error(text), { code: "EMFILE", syscall: "accept" }));
  }
}
