/**
 * Servers in a process of their own, whose memory and sockets can be looked at from outside. argv[2]: JSON of
 * {@link Setup}. Prints their ports, and their {@link Report} for each line on stdin.
 */
import { createInterface } from "node:readline";
import { SMTPServer, type SMTPServerOptions } from "../../../src/index.js";

/** What to start. */
export interface Setup {
  /** The address to listen on. */
  host: string;
  /** By name. */
  servers: Record<string, SMTPServerOptions>;
  /** Milliseconds that onData takes when it has read a message. */
  hookTime: number;
}

/** What has happened so far. */
export interface Report {
  /** Members of `server.connections`. */
  connections: number;
  /** Connections that onConnect saw, and calls of onClose for them. */
  opened: number;
  closed: number;
  /** Sessions whose onClose was called more than once, or without onConnect. */
  closedWrongly: string[];
  /** Senders of the messages that onData read to their end and accepted. */
  accepted: string[];
  /** Senders of messages that ended, but not as their senders end them. */
  halves: string[];
  /** Codes of the errors that streams ended with, and how often. */
  failed: Record<string, number>;
  /** Errors that were not caught. */
  uncaught: string[];
  rss: number;
}

const { host, servers, hookTime } = JSON.parse(process.argv[2] ?? "{}") as Setup;
const open = new Set<string>();
const report: Report = {
  connections: 0,
  opened: 0,
  closed: 0,
  closedWrongly: [],
  accepted: [],
  halves: [],
  failed: {},
  uncaught: [],
  rss: 0,
};
for (const event of ["uncaughtException", "unhandledRejection"])
  process.on(event, (error: unknown) => report.uncaught.push(String(error)));

const running: SMTPServer[] = [];
const ports: Record<string, number> = {};
for (const [name, options] of Object.entries(servers)) {
  const server = new SMTPServer({
    name: "mx.test",
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    ...options,
    onConnect(session, callback) {
      report.opened += 1;
      open.add(session.id);
      callback();
    },
    onAuth: (auth, _session, callback) => callback(null, { user: auth.username ?? "" }),
    async onData(stream, session) {
      const { mailFrom } = session.envelope;
      const sender = mailFrom === false ? "" : mailFrom.address;
      let end = "";
      try {
        for await (const chunk of stream) end = (end + chunk.toString("latin1")).slice(-100);
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
        report.failed[code] = (report.failed[code] ?? 0) + 1;
        throw error;
      }
      if (!end.endsWith(`end of ${sender}\r\n`)) report.halves.push(sender);
      if (hookTime > 0) await Bun.sleep(hookTime);
      report.accepted.push(sender);
    },
    onClose(session) {
      report.closed += 1;
      if (!open.delete(session.id)) report.closedWrongly.push(session.id);
    },
  });
  await server.listen(0, host);
  const address = server.address();
  ports[name] = typeof address === "object" && address !== null ? address.port : 0;
  running.push(server);
}
console.log(JSON.stringify(ports));

createInterface(process.stdin).on("line", () => {
  Bun.gc(true);
  report.connections = running.reduce((sum, server) => sum + server.connections.size, 0);
  report.rss = process.memoryUsage.rss();
  console.log(JSON.stringify(report));
});
