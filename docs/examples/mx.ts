/**
 * The mail server of a domain: takes mail for the recipients that it knows and stores it in SQLite.
 */
import { Database } from "bun:sqlite";
import { hostname } from "node:os";
import { type DataStream, SMTPError, SMTPServer, type SMTPSession } from "bun-smtp";
import { certificate, fail, numberOf, orFail, usage } from "./start.js";

usage(`
The mail server of a domain.

  bun mx.ts add you@example.com postmaster@example.com   adds recipients
  bun mx.ts                                              takes mail for them

Variables:
  DATABASE   the file with recipients and mail (mx.sqlite)
  NAME       the host name that the MX record says (that of this machine)
  PORT       the port (2525), 0 for any free one
  CERT, KEY  PEM files for STARTTLS (without: the server makes a certificate)
`);

const { env } = process;
const name = env["NAME"] || hostname();
const port = numberOf("PORT", 2525);
const path = env["DATABASE"] || "mx.sqlite";
const [command, ...addresses] = process.argv.slice(2);
if (command !== undefined && command !== "add")
  fail(`${command}: no such command, --help lists what there is`);

const MIB = 1024 * 1024;
const MAX_MESSAGE = 25 * MIB;
/** Messages on their way are in memory: all together at most so much. */
const MAX_INCOMING = 256 * MIB;

const db = orFail(`DATABASE=${path}`, open);

function open(): Database {
  const db = new Database(path, { create: true, strict: true });
  // With WAL, FULL means that a commit is on the disk when it returns; the default of WAL is less.
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  db.run("PRAGMA foreign_keys = ON");
  db.run("PRAGMA busy_timeout = 5000");
  db.run("CREATE TABLE IF NOT EXISTS recipients (address TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID");
  db.run(`CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, received TEXT NOT NULL, client TEXT NOT NULL, mailFrom TEXT NOT NULL, content BLOB NOT NULL
  )`);
  db.run(`CREATE TABLE IF NOT EXISTS deliveries (
    message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    recipient TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (recipient, message)
  ) WITHOUT ROWID`);
  return db;
}

if (command === "add") {
  const add = db.query("INSERT OR IGNORE INTO recipients VALUES (?)");
  for (const address of addresses) add.run(address);
  console.log(`Recipients: ${db.query("SELECT address FROM recipients").values().join(" ")}`);
  process.exit(0);
}

const isRecipient = db.query<object, string>("SELECT 1 FROM recipients WHERE address = ?");
const addMessage = db.query<
  { id: number },
  { received: string; client: string; mailFrom: string; content: Uint8Array }
>(
  "INSERT INTO messages (received, client, mailFrom, content) VALUES ($received, $client, $mailFrom, $content) RETURNING id",
);
const addDelivery = db.query<void, { message: number; recipient: string }>(
  "INSERT INTO deliveries (message, recipient) VALUES ($message, $recipient)",
);

/** All of it or nothing; on the disk when it returns. */
const store = db.transaction((session: SMTPSession, content: Uint8Array): number => {
  const { remoteAddress, envelope } = session;
  const message = addMessage.get({
    received: new Date().toISOString(),
    client: remoteAddress,
    mailFrom: envelope.mailFrom ? envelope.mailFrom.address : "",
    content,
  });
  if (!message) throw new Error("Nothing stored");
  for (const { address } of envelope.rcptTo) addDelivery.run({ message: message.id, recipient: address });
  return message.id;
});

const server = new SMTPServer({
  name,
  ...(await orFail("CERT, KEY", certificate)),
  authOptional: true,
  disabledCommands: ["AUTH"],
  hideENHANCEDSTATUSCODES: false,

  size: MAX_MESSAGE,
  rejectOversized: true,
  maxRecipients: 100,
  maxClients: 500,
  maxClientsPerAddress: 20,
  maxErrors: 20,
  socketTimeout: 5 * 60_000,
  minDataRate: 100,

  async onRcptTo({ address }, _session) {
    if (isRecipient.get(address)) return;
    throw new SMTPError(`No such recipient: ${address}`, { responseCode: 550, enhancedCode: "5.1.1" });
  },

  async onData(stream, session) {
    const content = await read(stream, trace(session));
    if (stream.sizeExceeded) return undefined;
    try {
      const id = store(session, content);
      console.log(`${id}: ${content.byteLength} bytes from ${session.remoteAddress}`);
      return `Stored as ${id}`;
    } catch (error) {
      // A full disk, a locked database: the sender keeps the message and comes again.
      console.error(error);
      throw new SMTPError("Not stored, try again", { responseCode: 451, enhancedCode: "4.3.0" });
    }
  },
});

/** The lines that a final delivery puts on top of a message (RFC 5321 section 4.4). */
function trace(session: SMTPSession): Buffer {
  const { envelope, hostNameAppearsAs, clientHostname, remoteAddress, transmissionType } = session;
  const lines = [
    `Return-Path: <${envelope.mailFrom ? envelope.mailFrom.address : ""}>`,
    // What a client calls itself may be anything.
    `Received: from ${hostNameAppearsAs.replace(/[^\w.:[\]-]/g, "?")} (${clientHostname} [${remoteAddress}])`,
    `\tby ${name} with ${transmissionType} id ${session.id}.${session.transaction};`,
    `\t${new Date().toUTCString().replace("GMT", "+0000")}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n`);
}

let incoming = 0;

/** The whole message, behind `head`. One that is too big leaves the loop, and the server reads the rest of it. */
async function read(stream: DataStream, head: Buffer): Promise<Buffer> {
  const chunks = [head];
  let octets = 0;
  try {
    for await (const chunk of stream) {
      if (stream.sizeExceeded) break;
      octets += chunk.byteLength;
      incoming += chunk.byteLength;
      if (incoming > MAX_INCOMING) {
        throw new SMTPError("Too much at a time, try again", { responseCode: 452, enhancedCode: "4.3.1" });
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    incoming -= octets;
  }
}

// A public port gets handshakes that fail all day.
server.on("error", (error) => console.warn(error.message));
await orFail(`PORT=${port}`, () => server.listen(port));
const address = server.address();
console.log(`Listening on port ${typeof address === "object" ? address?.port : address}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void server.close().then(() => {
      db.close();
      process.exit(0);
    });
  });
}
