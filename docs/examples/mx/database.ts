/** What is on the disk: the recipients, the messages, and which message is for whom. */
import { Database } from "bun:sqlite";

/** A message to be stored. Its octets are in `content` or, where there are many, in a file of that name. */
export interface Message {
  received: string;
  client: string;
  mailFrom: string;
  recipients: readonly string[];
  /** The lines that this server puts on top. */
  head: string;
  content: Uint8Array<ArrayBuffer> | null;
  file: string | null;
}

/** What became of a message: its id once it is on the disk, else the code of SQLite and its reason. */
export type Outcome = { id: number } | { code: string; reason: string };

/** Opens the database, and makes it where it is missing. */
export function open(path: string): Database {
  const db = new Database(path, { create: true, strict: true });
  // With WAL, FULL means that a commit is on the disk when it returns; the default of WAL is less.
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  db.run("PRAGMA foreign_keys = ON");
  db.run("PRAGMA busy_timeout = 5000");
  db.run("CREATE TABLE IF NOT EXISTS recipients (address TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID");
  db.run(`CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, received TEXT NOT NULL, client TEXT NOT NULL, mailFrom TEXT NOT NULL,
    head TEXT NOT NULL, content BLOB, file TEXT UNIQUE, CHECK ((content IS NULL) <> (file IS NULL))
  )`);
  db.run(`CREATE TABLE IF NOT EXISTS deliveries (
    message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    recipient TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (recipient, message)
  ) WITHOUT ROWID`);
  return db;
}

/** Gives the function that stores a group of messages. They are on the disk when it returns. */
export function committer(db: Database): (group: readonly Message[]) => Outcome[] {
  const addMessage = db.query<{ id: number }, Omit<Message, "recipients">>(
    `INSERT INTO messages (received, client, mailFrom, head, content, file)
     VALUES ($received, $client, $mailFrom, $head, $content, $file) RETURNING id`,
  );
  const addDelivery = db.query<void, { id: number; recipient: string }>(
    "INSERT INTO deliveries (message, recipient) VALUES ($id, $recipient)",
  );

  const commit = db.transaction((group: readonly Message[]): Outcome[] =>
    group.map(({ recipients, ...message }) => {
      const row = addMessage.get(message);
      if (!row) throw new Error("No row was added");
      for (const recipient of recipients) addDelivery.run({ id: row.id, recipient });
      return row;
    }),
  );

  return function store(group): Outcome[] {
    try {
      return commit.immediate(group);
    } catch (error) {
      const outcome = failure(error);
      // A group that waited in vain for another program is not to wait again for each message.
      if (group.length === 1 || outcome.code.startsWith("SQLITE_BUSY")) return group.map(() => outcome);
      // Nothing of the group is stored. Each alone: a message that cannot be stored does not fail the others.
      return group.flatMap((message) => store([message]));
    }
  };
}

function failure(error: unknown): { code: string; reason: string } {
  const { code, message } = error as { code?: string; message: string };
  return { code: code ?? "", reason: message };
}
