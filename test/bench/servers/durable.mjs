// smtp-server with the store of the example mx, written as it would be there: a commit for each message, then its 250.
// argv[2]: the database. On Bun or on Node 22.5 and newer, which have SQLite.
import { SMTPServer } from "smtp-server";

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  CREATE TABLE recipients (address TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID;
  INSERT INTO recipients VALUES ('0b@bench.test');
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY, received TEXT NOT NULL, client TEXT NOT NULL, mailFrom TEXT NOT NULL,
    head TEXT NOT NULL, content BLOB, file TEXT UNIQUE, CHECK ((content IS NULL) <> (file IS NULL))
  );
  CREATE TABLE deliveries (
    message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    recipient TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (recipient, message)
  ) WITHOUT ROWID;
`;

async function open(path) {
  if (process.versions.bun) return new (await import("bun:sqlite")).Database(path);
  return new (await import("node:sqlite")).DatabaseSync(path);
}

const db = await open(process.argv[2]);
db.exec(SCHEMA);
const [begin, commit, rollback] = ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"].map((sql) => db.prepare(sql));
const isRecipient = db.prepare("SELECT 1 FROM recipients WHERE address = ?");
const addMessage = db.prepare(
  "INSERT INTO messages (received, client, mailFrom, head, content) VALUES (?, ?, ?, ?, ?) RETURNING id",
);
const addDelivery = db.prepare("INSERT INTO deliveries (message, recipient) VALUES (?, ?)");

function store(
  { remoteAddress, clientHostname, hostNameAppearsAs, envelope, transmissionType, id },
  content,
) {
  const now = new Date();
  const sender = envelope.mailFrom.address;
  const head =
    `Return-Path: <${sender}>\r\nReceived: from ${hostNameAppearsAs} (${clientHostname} [${remoteAddress}])\r\n` +
    `\tby bench.test with ${transmissionType} id ${id};\r\n\t${now.toUTCString().replace("GMT", "+0000")}\r\n`;
  begin.run();
  try {
    const { id: message } = addMessage.get(now.toISOString(), remoteAddress, sender, head, content);
    for (const { address } of envelope.rcptTo) addDelivery.run(message, address);
    commit.run();
    return message;
  } catch (error) {
    rollback.run();
    throw error;
  }
}

const server = new SMTPServer({
  authOptional: true,
  disableReverseLookup: true,
  logger: false,
  disabledCommands: ["STARTTLS"],
  size: 25 * 1024 * 1024,
  onRcptTo({ address }, _session, callback) {
    callback(isRecipient.get(address) ? null : new Error("No such recipient"));
  },
  onData(stream, session, callback) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      try {
        callback(null, `Stored as ${store(session, Buffer.concat(chunks))}`);
      } catch (error) {
        callback(Object.assign(error, { responseCode: 451 }));
      }
    });
  },
});
server.on("error", () => {});
server.listen(0, "127.0.0.1", () => console.log(`port ${server.server.address().port}`));
