/**
 * A submission server (ports 587 and 465): TLS, and logins against SCRAM records in SQLite.
 *
 *   bun docs/examples/submission.ts add user@example.com      asks for a password and stores its record
 *   CERT=fullchain.pem KEY=privkey.pem bun docs/examples/submission.ts
 *
 * DATABASE (users.sqlite), PORT (587), TLS_PORT (465) and SCRAM_SECRET may be set too. SIGHUP reads the certificate anew.
 */
import { Database } from "bun:sqlite";
import { timingSafeEqual } from "node:crypto";
import {
  type AuthObject,
  scramCredentials,
  type ScramRecord,
  SMTPError,
  SMTPServer,
  type SMTPServerOptions,
} from "bun-smtp";

const { env } = process;
// What is in the records can be used to guess passwords.
process.umask(0o077);

const db = new Database(env["DATABASE"] || "users.sqlite", { create: true, strict: true });
db.run(`CREATE TABLE IF NOT EXISTS users (
  name TEXT PRIMARY KEY, salt TEXT, iterations INTEGER, storedKey TEXT, serverKey TEXT
)`);
const find = db.query<ScramRecord, string>(
  "SELECT salt, iterations, storedKey, serverKey FROM users WHERE name = ?",
);

/** Verified for names that do not exist, so that they take as long as those that do. */
const nobody = scramCredentials(crypto.randomUUID());

/** PLAIN has the password itself: the record made of it must be the one that is stored. */
function isRight(password: string, record: ScramRecord): boolean {
  try {
    const { iterations } = record;
    const made = scramCredentials(password, { iterations, salt: Buffer.from(record.salt, "base64") });
    return timingSafeEqual(Buffer.from(made.storedKey), Buffer.from(record.storedKey));
  } catch {
    return false; // no password that SCRAM could have stored
  }
}

function login({ method, username = "", password, authcid, authzid }: AuthObject) {
  const credentials = find.get(username);
  if (method !== "PLAIN") return credentials ? { user: username, credentials } : {};
  const mayActAs = !authzid || !authcid || authzid === authcid;
  return isRight(password ?? "", credentials ?? nobody) && credentials && mayActAs ? { user: username } : {};
}

async function certificate() {
  const { CERT, KEY } = env;
  if (!CERT || !KEY) return {};
  return { cert: await Bun.file(CERT).text(), key: await Bun.file(KEY).text() };
}

if (process.argv[2] === "add") {
  const name = process.argv[3];
  const password = env["PASSWORD"] ?? prompt(`Password for ${name}:`);
  if (!name || !password) throw new Error("A name and a password are wanted");
  db.query("INSERT OR REPLACE INTO users VALUES ($name, $salt, $iterations, $storedKey, $serverKey)").run({
    name,
    ...scramCredentials(password),
  });
  console.log(`${name} may log in`);
  process.exit(0);
}

const options: SMTPServerOptions = {
  ...(await certificate()),
  authMethods: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"],
  needsUpgrade: true,
  hideENHANCEDSTATUSCODES: false,
  maxRecipients: 100,
  maxClientsPerAddress: 50,
  size: 25 * 1024 * 1024,
  rejectOversized: true,
  scramSecret: env["SCRAM_SECRET"],

  onAuth: (auth, _session, callback) => callback(null, login(auth)),

  async onMailFrom({ address }, session) {
    if (address === session.user) return;
    throw new SMTPError(`${session.user} may not send as <${address}>`, {
      responseCode: 553,
      enhancedCode: "5.7.1",
    });
  },

  async onData(stream, session) {
    // Here the message would go to a queue that sends it on.
    for await (const _chunk of stream);
    const to = session.envelope.rcptTo.map(({ address }) => address).join(", ");
    console.log(`${session.user} to ${to}: ${stream.byteLength} bytes over ${session.transmissionType}`);
  },
};

const servers = [new SMTPServer({ ...options }), new SMTPServer({ ...options, secure: true })];
const ports = [env["PORT"] || 587, env["TLS_PORT"] || 465];
for (const [index, server] of servers.entries()) {
  // A public port gets handshakes that fail all day.
  server.on("error", (error) => console.warn(error.message));
  await server.listen(ports[index]);
  const address = server.address();
  console.log(`Listening on port ${typeof address === "object" ? address?.port : address}`);
}

process.on("SIGHUP", async () => {
  try {
    const renewed = await certificate();
    for (const server of servers) server.updateSecureContext(renewed);
    console.log("Certificate read");
  } catch (error) {
    console.error("The old certificate stays:", error);
  }
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void Promise.all(servers.map((server) => server.close())).then(() => process.exit(0));
  });
}
