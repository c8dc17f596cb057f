import { Database } from "bun:sqlite";
import { header, type Mail, parseMail } from "bun-smtp/testing";
import { textOfHTML } from "./text-of-html.js";

/** What the server knows of a message. */
export interface Received {
  /** Unique, also over restarts. */
  id: string;
  received: Date;
  /** Address of the client, and how the message came (RFC 3848), as in `ESMTPSA`. */
  client: string;
  protocol: string;
  mailFrom: string;
  rcptTo: readonly string[];
}

/** A line of the list. */
export interface Summary extends Omit<Received, "received"> {
  /** ISO 8601. */
  received: string;
  from: string;
  subject: string;
  /** The text's first words; those of the HTML where there is no text. */
  preview: string;
  attachments: number;
  size: number;
  isRead: boolean;
}

export interface Message {
  readonly summary: Summary;
  readonly source: Uint8Array;
}

export type Change = { added: Summary } | { changed: Summary } | { removed: readonly string[] };

/** Characters of a text in the list. */
const MAX_SHOWN = 300;
/** Words of a search: each one reads all messages. */
const MAX_WORDS = 20;
/** Marks a file as one of ours (`PRAGMA application_id`), in this form. */
const APPLICATION = 0x63617401;

const collapse = (text: string): string => text.replace(/[\s\0]+/g, " ").trim();

function short(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text;
}

/** In a form in which texts are compared: without case, and each letter one way. */
const fold = (text: string): string => collapse(text).toWellFormed().normalize("NFC").toLowerCase();

/**
 * All that a search looks at: headers, addresses, texts, links, names of attachments.
 * @param shown what the HTML shows
 */
function searchable(
  { mailFrom, rcptTo }: Received,
  { headers, text, html, attachments }: Mail,
  shown: string,
): string {
  const links = Array.from(html.matchAll(/\bhref=["']?([^"'\s>]+)/gi), ([, link]) => link);
  return fold(
    [
      ...headers.map(({ value }) => value),
      mailFrom,
      ...rcptTo,
      text,
      shown,
      ...links,
      ...attachments.map(({ name }) => name),
    ].join("\n"),
  );
}

function open(path: string): Database {
  const db = new Database(path, { create: true, strict: true });
  const numberOf = (query: string): unknown => db.query(query).values()[0]?.[0];
  if (numberOf("SELECT count(*) FROM sqlite_schema") !== 0) {
    if (numberOf("PRAGMA application_id") !== APPLICATION)
      throw new Error("this is no database of a catcher");
  }
  // One program at a time: each knows what it added and removed itself.
  db.run("PRAGMA locking_mode = EXCLUSIVE");
  db.run("PRAGMA auto_vacuum = FULL");
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = NORMAL");
  db.run(`PRAGMA application_id = ${APPLICATION}`);
  db.run(`CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, octets INTEGER NOT NULL,
    isRead INTEGER NOT NULL DEFAULT 0, summary TEXT NOT NULL, words TEXT NOT NULL, source BLOB NOT NULL
  )`);
  return db;
}

interface Row {
  summary: string;
  isRead: number;
}

const toSummary = ({ summary, isRead }: Row): Summary => ({
  ...(JSON.parse(summary) as Omit<Summary, "isRead">),
  isRead: isRead !== 0,
});

/** The messages. If there are too many or they take too much memory, the oldest are deleted. */
export class Mailbox {
  /** Called after each change, with what a list that is kept elsewhere has to do. */
  onChange: (change: Change) => void = () => {};
  readonly #db: Database;
  readonly #maxMessages: number;
  readonly #maxOctets: number;

  /** @param path the file of an SQLite database; without it the messages are in memory, and gone at the end */
  constructor(maxMessages: number, maxOctets: number, path = ":memory:") {
    this.#db = open(path);
    this.#maxMessages = maxMessages;
    this.#maxOctets = maxOctets;
  }

  /** Adds a message. Throws where it cannot be stored. */
  add(received: Received, source: Uint8Array, mail: Mail = parseMail(source)): void {
    const shown = textOfHTML(mail.html);
    const summary: Omit<Summary, "isRead"> = {
      ...received,
      received: received.received.toISOString(),
      from: short(header(mail.headers, "From") || received.mailFrom),
      subject: short(header(mail.headers, "Subject")),
      preview: short(collapse((mail.text.trim() || shown).slice(0, 4 * MAX_SHOWN))),
      attachments: mail.attachments.length,
      size: source.byteLength,
    };
    const row = {
      id: received.id,
      summary: JSON.stringify(summary),
      words: searchable(received, mail, shown),
    };
    const octets = source.byteLength + row.summary.length + row.words.length;
    this.#db
      .query<void, typeof row & { octets: number; source: Uint8Array }>(
        "INSERT INTO messages (id, octets, summary, words, source) VALUES ($id, $octets, $summary, $words, $source)",
      )
      .run({ ...row, octets, source });
    this.onChange({ added: { ...summary, isRead: false } });
    while (this.#isFull()) this.remove(this.#ids("LIMIT 1"));
  }

  /** Oldest first. */
  #ids(limit = ""): string[] {
    return this.#db
      .query<{ id: string }, []>(`SELECT id FROM messages ORDER BY number ${limit}`)
      .all()
      .map(({ id }) => id);
  }

  #isFull(): boolean {
    const [[messages, octets] = []] = this.#db.query("SELECT count(*), total(octets) FROM messages").values();
    return Number(messages) > this.#maxMessages || Number(octets) > this.#maxOctets;
  }

  get(id: string): Message | undefined {
    const row = this.#db
      .query<Row & { source: Uint8Array }, string>(
        "SELECT summary, isRead, source FROM messages WHERE id = ?",
      )
      .get(id);
    return row ? { summary: toSummary(row), source: row.source } : undefined;
  }

  /** Newest first. With a query: those that have each of its words in them, somewhere. */
  list(query = ""): Summary[] {
    const words = fold(query).split(" ").filter(Boolean).slice(0, MAX_WORDS);
    const where = words.map(() => "AND instr(words, ?) > 0").join(" ");
    return this.#db
      .query<Row, string[]>(`SELECT summary, isRead FROM messages WHERE true ${where} ORDER BY number DESC`)
      .all(...words)
      .map(toSummary);
  }

  /** Marks a message as read, or not; what the list shows from now on, `undefined` if there is no such message. */
  mark(id: string, isRead: boolean): Summary | undefined {
    const row = this.#db
      .query<Row, [number, string]>("UPDATE messages SET isRead = ? WHERE id = ? RETURNING summary, isRead")
      .get(isRead ? 1 : 0, id);
    if (!row) return undefined;
    const changed = toSummary(row);
    this.onChange({ changed });
    return changed;
  }

  /** Removes those that are there, all where none are named; how many there were. */
  remove(ids: readonly string[] = this.#ids()): number {
    const remove = this.#db.query<void, string>("DELETE FROM messages WHERE id = ?");
    const removeAll = this.#db.transaction(() => ids.filter((id) => remove.run(id).changes > 0));
    const removed = removeAll();
    if (removed.length > 0) this.onChange({ removed });
    return removed.length;
  }

  close(): void {
    this.#db.close();
  }
}
