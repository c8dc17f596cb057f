// smtp-server with the same work to do, on Node or Bun. The environment is that of servers/bare.ts.
import { SMTPServer } from "smtp-server";

const { BENCH_KEY: key, BENCH_CERT: cert, BENCH_TLS: mode, BENCH_LMTP: lmtp } = process.env;
const server = new SMTPServer({
  authOptional: true,
  disableReverseLookup: true,
  logger: false,
  lmtp: Boolean(lmtp),
  secure: mode === "implicit",
  ...(mode ? { key, cert } : { disabledCommands: ["STARTTLS"] }),
  onData(stream, _session, callback) {
    stream.on("data", () => {});
    stream.on("end", callback);
  },
});
server.on("error", () => {});
server.listen(0, "127.0.0.1", () => console.log(`port ${server.server.address().port}`));
