/** The example mx keeps its promise: what was answered 250 is on the disk, whole, and nothing else is. */
import { Database } from "bun:sqlite";
import { afterAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { committer, type Message, open } from "../../docs/examples/mx/database.js";
import type { Resolve } from "../../docs/examples/mx/dns.js";
import { isListed } from "../../docs/examples/mx/dnsbl.js";
import { greylist } from "../../docs/examples/mx/greylist.js";
import { GroupCommit } from "../../docs/examples/mx/group-commit.js";
import { SocketClient } from "../support/client.js";
import { CrashTest } from "../support/crash.js";
import { startDNS, type Zone } from "../support/dns.js";
import { endAfterTest } from "../support/ending.js";
import { copyExample, EXAMPLES, Program, type ProgramOptions } from "../support/program.js";

setDefaultTimeout(120_000);

const directory = mkdtempSync(join(tmpdir(), "bun-smtp-mx-"));
afterAll(() => rmSync(directory, { recursive: true }));

let databases = 0;
let path = "";
beforeEach(() => {
  path = join(directory, `${++databases}.sqlite`);
});

function messageFrom(mailFrom: string, more: Partial<Message> = {}): Message {
  return {
    received: "2026-11-21T19:00:00.000Z",
    client: "192.0.2.1",
    mailFrom,
    recipients: ["b@b.test"],
    head: "",
    content: new TextEncoder().encode(`Subject: ${mailFrom}\r\n\r\n`),
    file: null,
    ...more,
  };
}

function storedIn(path: string): string[] {
  using db = new Database(path);
  return db.query("SELECT mailFrom FROM messages ORDER BY id").values().flat() as string[];
}

/** How many transactions the log of the database has: a frame with a size ends one (sqlite.org/fileformat2.html#walformat). */
function commitsIn(path: string): number {
  const log = readFileSync(`${path}-wal`);
  const pageSize = log.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at < log.length; at += 24 + pageSize) commits += log.readUInt32BE(at + 4) > 0 ? 1 : 0;
  return commits;
}

describe("group commit", () => {
  function start(): { store: GroupCommit; db: Database } {
    const db = open(path);
    // All commits so far go to the database, and the log starts from its beginning.
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    const store = new GroupCommit(path);
    endAfterTest(async () => {
      await store.close();
      db.close();
    });
    return { store, db };
  }

  test("messages that are complete in one turn are one transaction", async () => {
    const { store } = start();
    const names = Array.from({ length: 50 }, (_, at) => `${at}@a.test`);
    const ids = await Promise.all(names.map((name) => store.add(messageFrom(name))));
    expect(ids).toEqual(names.map((_, at) => at + 1));
    expect(storedIn(path)).toEqual(names);
    expect(commitsIn(path)).toBe(1);
  });

  test("messages that come while a transaction runs are the next one", async () => {
    const { store, db } = start();
    // Another program writes: the transaction waits for it, and the messages for the transaction.
    db.run("BEGIN IMMEDIATE");
    const first = store.add(messageFrom("early@a.test"));
    await new Promise((resolve) => setImmediate(resolve));
    const others = ["later@a.test", "third@a.test"].map((name) => store.add(messageFrom(name)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.octets).toBe(3 * "Subject: nnnnn@a.test....".length);
    db.run("ROLLBACK");
    expect(await Promise.all([first, ...others])).toEqual([1, 2, 3]);
    expect(commitsIn(path)).toBe(2);
    expect(store.octets).toBe(0);
  });

  test("a message that cannot be stored does not fail the others of its group", async () => {
    const { store } = start();
    const file = { content: null, file: "the-same.eml" };
    const outcomes = await Promise.allSettled([
      store.add(messageFrom("a@a.test", file)),
      store.add(messageFrom("b@a.test", file)),
      store.add(messageFrom("c@a.test")),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ code: "SQLITE_CONSTRAINT_UNIQUE" });
    expect(storedIn(path)).toEqual(["a@a.test", "c@a.test"]);
  });

  test("a full disk fails what does not fit, with nothing half-stored", () => {
    using db = open(path);
    const store = committer(db);
    const large = { content: new Uint8Array(200_000) };
    db.run("PRAGMA max_page_count = 30");
    const group = [messageFrom("a@a.test"), messageFrom("b@a.test", large), messageFrom("c@a.test")];
    expect(store(group)).toEqual([
      { id: 1 },
      { code: "SQLITE_FULL", reason: "database or disk is full" },
      { id: 2 },
    ]);
    expect(storedIn(path)).toEqual(["a@a.test", "c@a.test"]);
    expect(db.query("SELECT message FROM deliveries").values()).toEqual([[1], [2]]);
    expect(db.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
    db.run("PRAGMA max_page_count = 1000");
    expect(store(group)).toEqual([{ id: 3 }, { id: 4 }, { id: 5 }]);
  });

  test("a database that another program holds fails the group at once, not each message after a wait", () => {
    using db = open(path);
    using other = open(path);
    const store = committer(db);
    db.run("PRAGMA busy_timeout = 0");
    other.run("BEGIN IMMEDIATE");
    expect(store([messageFrom("a@a.test"), messageFrom("b@a.test")])).toEqual(
      Array(2).fill({ code: "SQLITE_BUSY", reason: "database is locked" }),
    );
    other.run("COMMIT");
    expect(storedIn(path)).toEqual([]);
  });
});

async function connect(port: number): Promise<SocketClient> {
  const client = new SocketClient({ port, host: "127.0.0.1" });
  expect(await client.reply()).toStartWith("220 ");
  expect(await client.say("EHLO client.test")).toStartWith("250");
  return client;
}

async function start(env: Record<string, string> = {}, options: ProgramOptions = {}): Promise<Program> {
  const settings = { ...options, env: { DATABASE: path, NAME: "mx.test", ...env } };
  const add = new Program("mx/main.ts", ["add", "b@b.test", "c@b.test", "postmaster"], settings);
  await add.prints(/^Recipients: b@b\.test c@b\.test postmaster$/);
  expect(await add.exited).toBe(0);
  return new Program("mx/main.ts", [], settings);
}

const LARGE = `Subject: x\r\n\r\n${`${"x".repeat(98)}\r\n`.repeat(1000)}`;
const TOO_LARGE = LARGE.repeat(270);
const files = (): string[] => readdirSync(`${path}-bodies`);

describe("mx", () => {
  test("stores what comes for its recipients, all of it or nothing", async () => {
    const mx = await start();
    const client = await connect(await mx.port());
    expect(await client.say("MAIL FROM:<a@a.test> SIZE=100000000")).toStartWith("552 5.3.4 ");
    expect(await client.say("MAIL FROM:<a@a.test>")).toStartWith("250 ");
    expect(await client.say("RCPT TO:<nobody@b.test>")).toBe("550 5.1.1 No such recipient: nobody@b.test");
    expect(await client.chat("RCPT TO:<B@b.test>", "RCPT TO:<c@B.test>", "RCPT TO:<Postmaster>")).toEqual(
      Array(3).fill("250 2.1.5 Accepted"),
    );
    await client.say("DATA");
    expect(await client.say("Subject: x\r\n\r\n\xff\0\r\n.")).toBe("250 2.6.0 Stored as 1");

    using db = new Database(path, { strict: true });
    const { content, head, ...message } = db
      .query<{ content: Uint8Array; head: string }, []>(
        "SELECT client, mailFrom, head, content FROM messages",
      )
      .get() ?? { content: new Uint8Array(), head: "" };
    expect(message).toEqual({ client: "127.0.0.1", mailFrom: "a@a.test" } as object);
    expect(Buffer.from(content).toString("latin1")).toBe("Subject: x\r\n\r\n\xff\0\r\n");
    expect(head).toMatch(
      /^Return-Path: <a@a\.test>\r\nReceived: from client\.test \(.*\[127\.0\.0\.1\]\)\r\n\tby mx\.test with ESMTP id \w+\.1;\r\n\t.* \+0000\r\n$/,
    );
    expect(db.query("SELECT recipient FROM deliveries WHERE message = 1").values()).toEqual([
      ["B@b.test"],
      ["c@B.test"],
      ["Postmaster"],
    ]);

    // The second half of what is stored fails: the first does not stay, and neither does a file.
    db.run("ALTER TABLE deliveries RENAME TO elsewhere");
    expect(await client.deliver()).toBe("451 4.3.0 Not stored, try again");
    expect(await client.deliver(LARGE)).toBe("451 4.3.0 Not stored, try again");
    expect(db.query("SELECT id FROM messages").values()).toEqual([[1]]);
    expect(files()).toEqual([]);
    db.run("ALTER TABLE elsewhere RENAME TO deliveries");
    expect(await client.deliver()).toBe("250 2.6.0 Stored as 2");
    client.end();
    expect(await mx.ends("SIGTERM")).toBe(0);
  });

  test("has a large message in a file, and none of one that is refused or cut off", async () => {
    const mx = await start();
    const port = await mx.port();
    const client = await connect(port);
    expect(await client.deliver(LARGE)).toBe("250 2.6.0 Stored as 1");
    expect(await client.deliver(TOO_LARGE)).toStartWith("552 5.3.4 ");
    await client.envelope();
    await client.say("DATA");
    client.send(LARGE);
    client.end();
    await client.closed();
    const other = await connect(port);
    expect(await other.deliver(LARGE)).toBe("250 2.6.0 Stored as 2");
    other.end();
    expect(await mx.ends("SIGTERM")).toBe(0);
    using db = new Database(path);
    const names = db.query("SELECT file FROM messages WHERE content IS NULL").values().flat() as string[];
    expect(files().sort()).toEqual(names.sort());
    for (const name of names) expect(readFileSync(join(`${path}-bodies`, name), "latin1")).toBe(LARGE);
    expect(names).toHaveLength(2);
  });

  test("refuses a message where the disk has less left than FREE", async () => {
    const mx = await start({ FREE: "999999999" });
    const client = await connect(await mx.port());
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("452 4.3.1 Insufficient storage, try again");
  });

  test("removes at its start what was written and not stored, and no file of a message", async () => {
    const mx = await start();
    expect(await (await connect(await mx.port())).deliver(LARGE)).toStartWith("250 ");
    const [file = ""] = files();
    mx.kill();
    await mx.exited;
    writeFileSync(join(`${path}-bodies`, "half.eml"), LARGE.slice(0, 5000));
    await (await start()).port();
    expect(files()).toEqual([file]);
  });

  test("a second server on the same database is one line on stderr", async () => {
    await (await start()).port();
    const second = await start();
    await second.prints(new RegExp(`^DATABASE=${path}, in use by another server: database is locked$`));
    expect(await second.exited).toBe(1);
  });

  test("killed under load, it has each message that it answered, whole", async () => {
    const crash = new CrashTest(mkdtempSync(join(directory, "crash-")));
    await crash.prepare();
    for (let round = 1; round <= 3; round++) await crash.round(60);
    const { answered, files } = await crash.check();
    expect(answered).toBeGreaterThanOrEqual(180);
    expect(files).toBeGreaterThan(0);
  });
});

describe("a blocklist", () => {
  const answer =
    (...addresses: string[]): Resolve =>
    async (name) => {
      asked.push(name);
      if (addresses.length === 0) throw Object.assign(new Error("none"), { code: "ENOTFOUND" });
      return addresses;
    };
  let asked: string[] = [];
  beforeEach(() => (asked = []));

  test("is asked for the address, turned round (RFC 5782)", async () => {
    expect(await isListed("192.0.2.99", "list.test", answer("127.0.0.2"))).toBe(true);
    expect(await isListed("2001:db8:1:2:3:4:567:89ab", "list.test", answer())).toBe(false);
    expect(await isListed("2001:db8::1", "list.test", answer())).toBe(false);
    expect(await isListed("::1", "list.test", answer())).toBe(false);
    const zeros = (count: number): string => "0.".repeat(count);
    expect(asked).toEqual([
      "99.2.0.192.list.test",
      "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.list.test",
      `1.${zeros(23)}8.b.d.0.1.0.0.2.list.test`,
      `1.${zeros(31)}list.test`,
    ]);
  });

  test.each<[answers: string[], listed: boolean]>([
    [["127.0.0.2", "127.0.0.10"], true],
    [["127.255.255.10"], false],
    [["127.255.255.254", "127.0.0.4"], true],
    [["192.0.2.1"], false],
  ])("that answers %j", async (answers, listed) => {
    expect(await isListed("192.0.2.99", "list.test", answer(...answers))).toBe(listed);
  });

  test("refuses a client, and no other where it fails", async () => {
    const zone: Zone = { "A 1.0.0.127.list.test": ["127.0.0.2"] };
    const dns = await startDNS(zone);
    const mx = await start({ DNSBL: "list.test", DNS: dns.address });
    const client = await connect(await mx.port());
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("550 5.7.1 127.0.0.1 is listed by list.test");
    zone["A 1.0.0.127.list.test"] = "SERVFAIL";
    expect(await client.deliver()).toStartWith("250 ");
    delete zone["A 1.0.0.127.list.test"];
    expect(await client.deliver()).toStartWith("250 ");
  });
});

describe("greylisting", () => {
  const MINUTE = 60_000;
  const DAY = 24 * 60 * MINUTE;

  test("a new sender waits, and is known after that", () => {
    const wait = greylist(path, 5 * MINUTE);
    expect(wait("192.0.2.1", "a@a.test", "b@b.test", 0)).toBe(5 * MINUTE);
    expect(wait("192.0.2.1", "a@a.test", "b@b.test", MINUTE)).toBe(4 * MINUTE);
    expect(wait("192.0.2.1", "a@a.test", "b@b.test", 5 * MINUTE)).toBe(0);
    expect(wait("192.0.2.1", "a@a.test", "b@b.test", 30 * DAY)).toBe(0);
  });

  test("is about the network of the client, the domain of the sender, and the recipient", () => {
    const wait = greylist(path, 5 * MINUTE);
    wait("192.0.2.1", "a@a.test", "b@b.test", 0);
    wait("2001:db8:0:1::1", "", "b@b.test", 0);
    const waits = (...who: [client: string, sender: string, recipient: string]) =>
      wait(...who, 5 * MINUTE) > 0;
    expect(waits("192.0.2.200", "bounce-17@A.test", "B@b.test")).toBe(false);
    expect(waits("2001:db8:0:1:2:3:4:5", "", "b@b.test")).toBe(false);
    expect(waits("192.0.3.1", "a@a.test", "b@b.test")).toBe(true);
    expect(waits("2001:db8:0:2::1", "", "b@b.test")).toBe(true);
    expect(waits("192.0.2.1", "a@other.test", "b@b.test")).toBe(true);
    expect(waits("192.0.2.1", "a@a.test", "c@b.test")).toBe(true);
  });

  test("forgets who did not come back within a day, and who has not sent for 35 days", () => {
    greylist(path, 5 * MINUTE)("192.0.2.1", "a@once.test", "b@b.test", 0);
    const wait = greylist(path, 5 * MINUTE);
    wait("192.0.2.1", "a@known.test", "b@b.test", 0);
    wait("192.0.2.1", "a@known.test", "b@b.test", 5 * MINUTE);
    // Each start forgets.
    expect(greylist(path, 5 * MINUTE)("192.0.2.1", "a@once.test", "b@b.test", 2 * DAY)).toBe(5 * MINUTE);
    expect(greylist(path, 5 * MINUTE)("192.0.2.1", "a@known.test", "b@b.test", 30 * DAY)).toBe(0);
    expect(greylist(path, 5 * MINUTE)("192.0.2.1", "a@known.test", "b@b.test", 66 * DAY)).toBe(5 * MINUTE);
  });

  test("asks a sender to come back, and takes the mail when it does", async () => {
    const mx = await start({ GREYLIST: "300" });
    const client = await connect(await mx.port());
    await client.say("MAIL FROM:<a@a.test>");
    expect(await client.say("RCPT TO:<b@b.test>")).toBe("451 4.7.1 Not known yet, try again in 300 seconds");
    expect(await client.say("RCPT TO:<x@b.test>")).toStartWith("550 5.1.1 ");
    await client.say("RSET");
    using db = new Database(`${path}-greylist`);
    db.run("UPDATE senders SET first = first - 300000");
    expect(await client.deliver()).toStartWith("250 ");
  });
});

test("VERIFY=1 without its packages is one line on stderr", async () => {
  const main = copyExample("mx", join(directory, "copy"));
  const env = { ...process.env, PORT: "0", DATABASE: path, VERIFY: "1" };
  const run = Bun.spawn([process.execPath, main], {
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = await run.stderr.text();
  expect(said).toMatch(/^VERIFY=1: .*(?:mailauth|dns-packet).*\n$/);
  expect(await run.exited).toBe(1);
});

// A disk of its own in a namespace of its own, where the system allows that.
const canMount = Bun.which("unshare") && Bun.spawnSync(["unshare", "-rm", "true"]).success;
describe.skipIf(!canMount)("mx on a disk of 2 MiB", () => {
  test("answers 452 while it is full, with nothing half-stored, and goes on when it is not", async () => {
    const disk = join(directory, "disk");
    mkdirSync(disk);
    path = join(disk, "mx.sqlite");
    const script = join(directory, "on-a-small-disk.sh");
    writeFileSync(
      script,
      `mount -t tmpfs -o size=2m none "${disk}" && "$1" "${EXAMPLES}/mx/main.ts" add b@b.test && exec "$@"`,
    );
    const env = { DATABASE: path, FREE: "0" };
    const mx = new Program("mx/main.ts", [], { env, within: ["unshare", "-rm", "sh", script] });
    const client = await connect(await mx.port());
    const seen = `/proc/${mx.pid}/root${path}`;
    const filesSeen = (): string[] => readdirSync(`${seen}-bodies`);

    let reply: string | undefined;
    let stored = 0;
    while ((reply = await client.deliver(LARGE))?.startsWith("250 ")) stored += 1;
    expect(reply).toBe("452 4.3.1 Insufficient storage, try again");
    expect(filesSeen()).toHaveLength(stored);
    while ((reply = await client.deliver("x".repeat(990).concat("\r\n").repeat(20)))?.startsWith("250 "));
    expect(reply).toBe("452 4.3.1 Insufficient storage, try again");

    for (const file of filesSeen()) rmSync(join(`${seen}-bodies`, file));
    expect(await client.deliver(LARGE)).toStartWith("250 ");
    expect(await client.deliver()).toStartWith("250 ");
    expect(filesSeen()).toHaveLength(1);
  });
});
