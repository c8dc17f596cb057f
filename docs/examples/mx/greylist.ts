/** Greylisting (RFC 6647): a sender that is not known has to come back once, which most programs for spam never do. */
import { Database } from "bun:sqlite";
import { groupsOf } from "./dnsbl.js";

const DAY = 24 * 60 * 60_000;
/** A sender that has come back is known for so long after its last message. */
const KNOWN = 35 * DAY;
/** At most 256 MiB of senders (pages of 4 kB). One more is let in without a wait. */
const MAX_PAGES = 65_536;

/** Gives the milliseconds that a sender still has to wait: 0 where it may send. */
export type Greylist = (client: string, sender: string, recipient: string, now?: number) => number;

/**
 * @param path the database with the senders
 * @param delay milliseconds that a new one has to wait
 */
export function greylist(path: string, delay: number): Greylist {
  const db = new Database(path, { create: true, strict: true });
  // What a crash of the machine loses here is a delay.
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = OFF");
  db.run(`PRAGMA max_page_count = ${MAX_PAGES}`);
  db.run(`CREATE TABLE IF NOT EXISTS senders (
    network TEXT, domain TEXT, recipient TEXT COLLATE NOCASE, first INTEGER, last INTEGER,
    PRIMARY KEY (network, domain, recipient)
  ) WITHOUT ROWID`);
  const seen = db.query<
    { first: number },
    { network: string; domain: string; recipient: string; now: number }
  >(
    `INSERT INTO senders VALUES ($network, $domain, $recipient, $now, $now)
     ON CONFLICT DO UPDATE SET last = $now RETURNING first`,
  );
  const forget = db.query<void, { once: number; known: number; delay: number }>(
    "DELETE FROM senders WHERE last < $known OR first < $once AND last - first < $delay",
  );

  let calls = 0;
  return (client, sender, recipient, now = Date.now()) => {
    // Now and then: who never came back within a day, and who has not sent for long.
    if (calls++ % 10_000 === 0) forget.run({ once: now - DAY, known: now - KNOWN, delay });
    const domain = sender.slice(sender.lastIndexOf("@") + 1).toLowerCase();
    try {
      const row = seen.get({ network: networkOf(client), domain, recipient, now });
      return row ? Math.max(0, row.first + delay - now) : 0;
    } catch (error) {
      if ((error as { code?: string }).code === "SQLITE_FULL") return 0;
      throw error;
    }
  };
}

/** A large sender comes back from another address near by. Of its own address a client has 64 bits in IPv6. */
function networkOf(address: string): string {
  if (address.includes(":")) return groupsOf(address).slice(0, 4).join(":");
  return address.split(".").slice(0, 3).join(".");
}
