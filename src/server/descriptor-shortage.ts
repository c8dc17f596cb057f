import type { PendingTransport } from "../connection/pending-connection.js";
import type { ServerContext } from "../connection/server-context.js";
import { descriptorLimit, firstReserved } from "../transport/descriptors.js";

/** Least milliseconds between two reports, so that not every refused client is reported. */
const REPORT_INTERVAL = 60_000;

const REMEDY = "raise the limit (ulimit -n, LimitNOFILE in a systemd unit) or set maxClients below it";

/** Refuses clients when the process has nearly reached its limit of open files and sockets. */
export class DescriptorShortage {
  readonly #server: ServerContext;
  #reportedAt = -Infinity;

  constructor(server: ServerContext) {
    this.#server = server;
  }

  /** Warns on stderr if `maxClients` is above that limit, unless `logger` is `false`. */
  warn(): void {
    const { maxClients, raw } = this.#server.settings;
    if (maxClients === Infinity || raw.logger === false || maxClients <= firstReserved()) return;
    process.stderr.write(
      `WARNING: maxClients is ${maxClients}, and this process may open ${descriptorLimit()} files: ${REMEDY}\n`,
    );
  }

  /** Closes a client at once, because a lingering connection would keep its descriptor. Without implicit TLS it gets a 421. */
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
