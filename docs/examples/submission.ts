/**
 * A submission server (ports 587 and 465): TLS, and logins against SCRAM records in SQLite.
 */
import { Database } from "bun:sqlite";
import {
  type AuthObject,
  scramCredentials,
  type ScramRecord,
  SMTPError,
  SMTPServer,
  type SMTPServerOptions,
  verifyPassword,
} from "bun-smtp";
import { certificate, fail, numberOf, orFail, usage } from "./start.js";

usage(`
A submission server: TLS, and logins against SCRAM records in SQLite.

  bun submission.ts add user@example.com   asks for a password and stores its record
  bun submission.ts                        takes mail of those users

Variables:
  DATABASE      the file with the records (users.sqlite)
  PORT          the port for STARTTLS (587), 0 for any free one
  TLS_PORT      the port for implicit TLS (465), 0 for any free one
  CERT, KEY     PEM files, read again at SIGHUP (without: the server makes a certificate)
  SCRAM_SECRET  the same for all processes that serve the same users (random)
  PASSWORD      for add: the password, instead of the question
`);

const { env } = process;
const path = env["DATABASE"] || "users.sqlite";
const [command, name] = process.argv.slice(2);
if (command !== undefined && command !== "add")
  fail(`${command}: no such command, --help lists what there is`);
// What is in the records can be used to guess passwords.
process.umask(0o077);

const db = orFail(`DATABASE=${path}`, open);

function open(): Database {
  const db = new Database(path, { create: true, strict: true });
  db.run(`CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY, salt TEXT, iterations INTEGER, storedKey TEXT, serverKey TEXT
  )`);
  return db;
}

const find = db.query<ScramRecord, string>(
  "SELECT salt, iterations, storedKey, serverKey FROM users WHERE name = ?",
);

function login({ method, username = "", password, authcid, authzid }: AuthObject) {
  const credentials = find.get(username);
  if (method !== "PLAIN") return credentials ? { user: username, credentials } : {};
  const mayActAs = !authzid || !authcid || authzid === authcid;
  return verifyPassword(password, credentials) && mayActAs ? { user: username } : {};
}

if (command === "add") {
  if (!name) fail("add: the name of a user is missing, as in add user@example.com");
  const password = env["PASSWORD"] ?? prompt(`Password for ${name}:`);
  if (!password) fail("add: a password is missing, on the terminal or in PASSWORD");
  db.query("INSERT OR REPLACE INTO users VALUES ($name, $salt, $iterations, $storedKey, $serverKey)").run({
    name,
    ...scramCredentials(password),
  });
  console.log(`${name} may log in`);
  process.exit(0);
}

const options: SMTPServerOptions = {
  ...(await orFail("CERT, KEY", certificate)),
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

const starttls = new SMTPServer({ ...options });
const implicit = new SMTPServer({ ...options, secure: true });
const servers = [starttls, implicit];

async function listen(server: SMTPServer, variable: string, fallback: number): Promise<void> {
  const port = numberOf(variable, fallback);
  // A public port gets handshakes that fail all day.
  server.on("error", (error) => console.warn(error.message));
  await orFail(`${variable}=${port}`, () => server.listen(port));
  const address = server.address();
  console.log(`Listening on port ${typeof address === "object" ? address?.port : address}`);
}
await listen(starttls, "PORT", 587);
await listen(implicit, "TLS_PORT", 465);

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
