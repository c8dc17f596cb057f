/**
 * Delivers mail into Maildirs: an LMTP server on a unix socket, with an answer for each recipient.
 *
 *   bun docs/examples/lmtp.ts /run/mail/lmtp.sock /var/mail
 *
 * Postfix: virtual_transport = lmtp:unix:/run/mail/lmtp.sock. A mailbox is a folder of /var/mail by the name
 * of the address's local part; without a folder the recipient is unknown.
 */
import { constants } from "node:fs";
import { copyFile, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type DataResult, type DataStream, SMTPError, SMTPServer } from "bun-smtp";

const [socket = "lmtp.sock", root = "mail"] = process.argv.slice(2);

/** The folder of a mailbox; `undefined` for a name that is none, or that would lead out of `root`. */
function folderOf(address: string): string | undefined {
  const name = address.slice(0, address.lastIndexOf("@")).toLowerCase();
  return /^[a-z0-9_-][a-z0-9._-]{0,63}$/.test(name) ? join(root, name) : undefined;
}

async function exists(folder: string | undefined): Promise<boolean> {
  return folder !== undefined && (await stat(folder).catch(() => undefined))?.isDirectory() === true;
}

/** Writes the message once, whole and on the disk, or throws. */
async function store(stream: DataStream, path: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of stream) await file.write(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Puts a copy into a Maildir: under `tmp` first, so that nobody reads half of it. */
async function deliver(path: string, folder: string, name: string): Promise<void> {
  for (const part of ["tmp", "new", "cur"]) await mkdir(join(folder, part), { recursive: true });
  await copyFile(path, join(folder, "tmp", name), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const copy = await open(join(folder, "tmp", name), "r+");
  await copy.sync().finally(() => copy.close());
  await rename(join(folder, "tmp", name), join(folder, "new", name));
}

const spool = join(root, ".spool");
await mkdir(spool, { recursive: true });

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
    const name = `${Date.now()}.${session.id}_${session.transaction}.${hostname().replace(/[/:]/g, "_")}`;
    const path = join(spool, name);
    try {
      await store(stream, path);
      if (stream.sizeExceeded) return [];
      // One full disk, one folder without permission: the others have their mail all the same.
      return await Promise.all(
        session.envelope.rcptTo.map(async ({ address }, index): Promise<DataResult> => {
          try {
            // Two addresses may share a mailbox, but no file.
            await deliver(path, folderOf(address) ?? "", `${index}.${name}`);
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

await server.listen({ path: socket, mode: 0o660 });
console.log(`Listening on ${socket}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
