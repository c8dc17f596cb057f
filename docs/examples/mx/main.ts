/**
 * The mail server of a domain: takes mail for the recipients that it knows, and answers 250 when it is on the disk.
 */
import { Database } from "bun:sqlite";
import { hostname } from "node:os";
import { SMTPError, SMTPServer, type SMTPSession } from "bun-smtp";
import { certificate, fail, numberOf, orFail, usage } from "../start.js";
import { Bodies } from "./body.js";
import { open } from "./database.js";
import { resolverAt } from "./dns.js";
import { isListed } from "./dnsbl.js";
import { greylist } from "./greylist.js";
import { GroupCommit } from "./group-commit.js";

usage(`
The mail server of a domain.

  bun mx/main.ts add you@example.com postmaster@example.com   adds recipients
  bun mx/main.ts                                              takes mail for them

Variables:
  DATABASE     the file with recipients and mail (mx.sqlite), and beside it a folder with large messages
  NAME         the host name that the MX record says (that of this machine)
  PORT         the port (2525), 0 for any free one
  CERT, KEY    PEM files for STARTTLS (without: the server makes a certificate)
  PER_ADDRESS  connections that one address may have (20), 0 for any number
  VERIFY       1: checks SPF, DKIM, DMARC and ARC, for which the packages mailauth and dns-packet are needed
  ARC_TRUST    domains whose ARC seal is believed, with spaces between
  DNSBL        a blocklist of addresses, such as zen.spamhaus.org
  GREYLIST     seconds that a sender who is not known has to wait (0: none has)
  DNS          address and port of the DNS server to ask (without: that of the system)
  FREE         MiB that the disk must have left for a message to be taken (100)
`);

const { env } = process;
const name = env["NAME"] || hostname();
const port = numberOf("PORT", 2525);
const path = env["DATABASE"] || "mx.sqlite";
const maxClientsPerAddress = numberOf("PER_ADDRESS", 20);
const blocklist = env["DNSBL"];
const delay = numberOf("GREYLIST", 0, 86_400);

const MIB = 1024 * 1024;
const MAX_MESSAGE = 25 * MIB;
const MIN_FREE = numberOf("FREE", 100, 999_999_999) * MIB;
/** With more octets than these waiting for the disk, senders are asked to come back. */
const MAX_WAITING = 16 * MIB;

const [command, ...addresses] = process.argv.slice(2);
if (command !== undefined && command !== "add")
  fail(`${command}: no such command, --help lists what there is`);

const tls = await orFail("CERT, KEY", certificate);
const db = orFail(`DATABASE=${path}`, () => open(path));

if (command === "add") {
  const add = db.query("INSERT OR IGNORE INTO recipients VALUES (?)");
  for (const address of addresses) add.run(address);
  console.log(`Recipients: ${db.query("SELECT address FROM recipients").values().join(" ")}`);
  process.exit(0);
}

// One server a database: to a second one, files that are being written would look left over. The kernel releases the
// lock whichever way the process ends.
const lock = new Database(`${path}-lock`, { create: true });
orFail(`DATABASE=${path}, in use by another server`, () => lock.run("BEGIN EXCLUSIVE"));
const bodies = orFail(`DATABASE=${path}`, () => new Bodies(`${path}-bodies`));
const rowOf = db.query<object, string>("SELECT 1 FROM messages WHERE file = ?");
bodies.removeUnless((file) => rowOf.get(file) !== null);

const resolve = orFail(`DNS=${env["DNS"]}`, () => resolverAt(env["DNS"]));
const trustedSealers = (env["ARC_TRUST"] ?? "").toLowerCase().split(/\s+/).filter(Boolean);
const policy = { name, resolve, server: env["DNS"] || undefined, trustedSealers };
const check = numberOf("VERIFY", 0, 1)
  ? (await orFail("VERIFY=1", () => import("./authentication.js"))).check
  : undefined;
const greylisted = delay > 0 ? greylist(`${path}-greylist`, delay * 1000) : undefined;

const store = new GroupCommit(path);
const isRecipient = db.query<object, string>("SELECT 1 FROM recipients WHERE address = ?");

const server = new SMTPServer({
  name,
  ...tls,
  authOptional: true,
  disabledCommands: ["AUTH"],
  hideENHANCEDSTATUSCODES: false,

  size: MAX_MESSAGE,
  rejectOversized: true,
  maxRecipients: 100,
  maxClients: 500,
  maxClientsPerAddress,
  maxErrors: 20,
  socketTimeout: 5 * 60_000,
  minDataRate: 100,

  async onMailFrom({ args }, { remoteAddress }) {
    const size = args ? Number(args["SIZE"] ?? 0) : 0;
    if (store.octets > MAX_WAITING || bodies.free < MIN_FREE + size) throw full();
    if (blocklist && (await isListed(remoteAddress, blocklist, resolve)))
      throw refusal(550, "5.7.1", `${remoteAddress} is listed by ${blocklist}`);
  },

  async onRcptTo({ address }, session) {
    if (!isRecipient.get(address)) throw refusal(550, "5.1.1", `No such recipient: ${address}`);
    const wait = greylisted?.(session.remoteAddress, senderOf(session), address) ?? 0;
    if (wait > 0)
      throw refusal(451, "4.7.1", `Not known yet, try again in ${Math.ceil(wait / 1000)} seconds`);
  },

  async onData(stream, session) {
    await using body = bodies.create();
    try {
      for await (const chunk of stream) {
        // The server reads the rest, and answers 552.
        if (stream.sizeExceeded) return undefined;
        await body.write(chunk);
      }
      const results = (await check?.(body, session, policy)) ?? "";
      await body.sync();
      const id = await store.add({
        received: new Date().toISOString(),
        client: session.remoteAddress,
        mailFrom: senderOf(session),
        recipients: session.envelope.rcptTo.map(({ address }) => address),
        head: trace(session, results),
        content: body.content,
        file: body.file,
      });
      body.keep();
      return `Stored as ${id}`;
    } catch (error) {
      // The client has gone, or sent a bare LF, or the message was refused.
      if (error instanceof SMTPError) throw error;
      console.error(error);
      const { code = "" } = error as { code?: string };
      // The row may be on the disk nevertheless. If it is not, the next start removes the file.
      if (code.startsWith("SQLITE_IOERR")) body.keep();
      if (FULL.includes(code)) throw full();
      throw refusal(451, "4.3.0", "Not stored, try again");
    }
  },
});

const FULL = ["ENOSPC", "EDQUOT", "SQLITE_FULL"];

/** The sender keeps the message and comes back. */
function full(): SMTPError {
  return refusal(452, "4.3.1", "Insufficient storage, try again");
}

function refusal(responseCode: number, enhancedCode: string, message: string): SMTPError {
  return new SMTPError(message, { responseCode, enhancedCode });
}

function senderOf({ envelope }: SMTPSession): string {
  return envelope.mailFrom ? envelope.mailFrom.address : "";
}

/** The lines that a final delivery puts on top of a message (RFC 5321 section 4.4), and what the checks found. */
function trace(session: SMTPSession, results: string): string {
  const { hostNameAppearsAs, clientHostname, remoteAddress, transmissionType } = session;
  // What a client calls itself may be anything.
  const client = hostNameAppearsAs.replace(/[^\w.:[\]-]/g, "?");
  return (
    `Return-Path: <${senderOf(session)}>\r\n${results}` +
    `Received: from ${client} (${clientHostname} [${remoteAddress}])\r\n` +
    `\tby ${name} with ${transmissionType} id ${session.id}.${session.transaction};\r\n` +
    `\t${new Date().toUTCString().replace("GMT", "+0000")}\r\n`
  );
}

// A public port gets handshakes that fail all day.
server.on("error", (error) => console.warn(error.message));
await orFail(`PORT=${port}`, () => server.listen(port));
const address = server.address();
console.log(`Listening on port ${typeof address === "object" ? address?.port : address}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void server
      .close()
      .then(() => store.close())
      .then(() => {
        db.close();
        lock.close();
        process.exit(0);
      });
  });
}
