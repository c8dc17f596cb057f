/**
 * Delivers mail into Maildirs: an LMTP server on a unix socket, with an answer for each recipient.
 */
import { constants } from "node:fs";
import { copyFile, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type DataResult, type DataStream, SMTPError, SMTPServer } from "bun-smtp";
import { orFail, usage } from "./start.js";

usage(`
Delivers mail into Maildirs: an LMTP server on a unix socket.

  bun lmtp.ts /var/spool/postfix/run/lmtp.sock /var/mail   the socket (lmtp.sock), the folder of the mailboxes (mail)

A mailbox is a folder of /var/mail by the name of the address's local part; without a folder the recipient is
unknown. Postfix: virtual_transport = lmtp:unix:run/lmtp.sock, virtual_mailbox_domains = example.com
`);

const [socket = "lmtp.sock", root = "mail"] = process.argv.slice(2);

/** The folder of a mailbox; `undefined` for a name that is none, or that would lead out of `root`. */
function folderOf(address: string): string | undefined {
  const name = address.slice(0, address.lastIndexOf("@")).toLowerCase();
  return /^[a-z0-9_-][a-z0-9._-]{0,63}$/.test(name) ? join(root, name) : undefined;
}

async function exists(folder: string | undefined): Promise<boolean> {
  return folder !== undefined && (await stat(folder).catch(() => undefined))?.isDirectory() === true;
}

/** Writes the message once, whole, or throws. Its first line is one of final delivery (RFC 5321 section 4.4). */
async function store(stream: DataStream, path: string, sender: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.appendFile(`Return-Path: <${sender}>\r\n`);
    for await (const chunk of stream) {
      if (stream.sizeExceeded) break; // the server reads the rest of it
      await file.appendFile(chunk); // `write` may write a part of it only, when the disk is nearly full
    }
  } finally {
    await file.close();
  }
}

/** Waits until a file, or the names in a folder, are on the disk. */
async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  await file.sync().finally(() => file.close());
}

/** Puts a copy into a Maildir: under `tmp` first, so that no reader sees half of it. */
async function deliver(path: string, folder: string, name: string): Promise<void> {
  for (const part of ["tmp", "new", "cur"]) await mkdir(join(folder, part), { recursive: true });
  const copy = join(folder, "tmp", name);
  try {
    await copyFile(path, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await sync(copy);
    await rename(copy, join(folder, "new", name));
    await sync(join(folder, "new"));
  } catch (error) {
    await rm(copy, { force: true });
    throw error;
  }
}

/** As a Maildir's names want it. */
const host = hostname().replace(/[/:]/g, "_");
const spool = join(root, ".spool");
await orFail(root, () => mkdir(spool, { recursive: true }));

const server = new SMTPServer({
  lmtp: true,
  authOptional: true,
  disabledCommands: ["AUTH", "STARTTLS"],
  hideENHANCEDSTATUSCODES: false,
  size: 50 * 1024 * 1024,
  rejectOversized: true,

  async onRcptTo({ address }, _session) {
    if (await exists(folderOf(address))) return;
    throw new SMTPError(`No mailbox ${address}`, { responseCode: 550, enhancedCode: "5.1.1" });
  },

  async onData(stream, session) {
    const { envelope } = session;
    const id = `${session.id}_${session.transaction}`;
    const path = join(spool, id);
    try {
      await store(stream, path, envelope.mailFrom ? envelope.mailFrom.address : "");
      if (stream.sizeExceeded) return [];
      // One full disk, one folder without permission: the others have their mail all the same.
      return await Promise.all(
        envelope.rcptTo.map(async ({ address }, index): Promise<DataResult> => {
          try {
            // Two addresses may share a mailbox, but no file.
            const name = `${Math.floor(Date.now() / 1000)}.${id}_${index}.${host}`;
            await deliver(path, folderOf(address) ?? "", name);
            return `Delivered to ${address}`;
          } catch (error) {
            console.error(`${address}:`, error);
            return new SMTPError("Not delivered, try again", { responseCode: 451, enhancedCode: "4.2.0" });
          }
        }),
      );
    } catch (error) {
      console.error(error);
      throw new SMTPError("Not stored, try again", { responseCode: 451, enhancedCode: "4.3.0" });
    } finally {
      await rm(path, { force: true });
    }
  },
});

await orFail(socket, () => server.listen({ path: socket, mode: 0o660 }));
console.log(`Listening on ${socket}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
