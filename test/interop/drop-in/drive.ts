/**
 * Run as `bun drive.ts <program>` in a folder where the programs are installed: starts one of them, sends it
 * mail over the wire, and prints as JSON what the client heard and what the program shows of the mail.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { createSecureContext } from "node:tls";
import { join } from "node:path";
import type { DataStream, SMTPSession } from "bun-smtp";

interface Mailer {
  sendMail(mail: object): Promise<{ response: string }>;
  close(): void;
}
/** Not imported: the root's type-check knows nothing of these packages. */
const { createTransport } = createRequire(import.meta.url)("nodemailer") as {
  createTransport(options: object): Mailer;
};

const require = createRequire(join(process.cwd(), "package.json"));

const MAIL = {
  from: "sender@example.com",
  to: ["first@example.com", "second@example.com"],
  subject: "Grüße aus dem Test",
  text: "One line.\n.a line with a dot\n" + "and more of them\n".repeat(2000),
  html: "<p>One <b>line</b></p>",
  attachments: [{ filename: "data.bin", content: Buffer.from([0, 1, 2, 13, 10, 46, 13, 10, 255]) }],
  messageId: "<drop-in@example.com>",
  date: new Date(0),
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Sends the mail; the reply to it, or what the client was refused with. */
async function send(port: number, options: object = {}, mail: object = {}): Promise<string> {
  const client = createTransport({ host: "127.0.0.1", port, name: "client.test", ...options });
  try {
    return (await client.sendMail({ ...MAIL, ...mail })).response;
  } catch (error) {
    return `refused: ${(error as { response?: string }).response ?? String(error)}`;
  } finally {
    client.close();
  }
}

interface Attachment {
  filename?: string;
  fileName?: string;
  length?: number;
  size?: number;
  content?: Uint8Array;
}
/** What the parsers of these programs make of a mail, as far as it is shown. */
interface ParsedMail {
  subject?: string;
  text?: string;
  html?: string;
  attachments?: Attachment[];
}
interface Address {
  address: string;
}
/** A mail of maildev. */
interface StoredMail extends ParsedMail {
  id: string;
  envelope: { host: string; remoteAddress: string; from: Address; to: Address[] };
}
/** A mail of fake-smtp-server. */
interface ListedMail extends ParsedMail {
  from: { value: Address[] };
  to: { value: Address[] };
}
/** smtp-server-as-promised, which has no types. */
interface PromisedServer {
  listen(options: object): Promise<AddressInfo>;
  close(): Promise<void>;
}

/** What a parsed mail says, whatever the parser. */
function shown(mail: ParsedMail): object {
  return {
    subject: mail.subject,
    text: Bun.hash((mail.text ?? "").replaceAll("\r", "").trimEnd()).toString(36),
    html: mail.html,
    attachments: mail.attachments?.map(({ filename, fileName, length, size, content }) => ({
      name: filename ?? fileName,
      size: size ?? length ?? content?.length,
    })),
  };
}

/** A client that sends lines as they are; the replies, with the LMTP ones for each recipient. */
async function converse(port: number, lines: readonly string[], replies: number): Promise<string[]> {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  const heard: string[] = [];
  let text = "";
  let rest = [...lines];
  for await (const chunk of socket) {
    text += String(chunk);
    for (let match; (match = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(text));) {
      text = text.slice(match[0].length);
      heard.push(match[1] ?? "");
      const line = rest.shift();
      if (line !== undefined) socket.write(`${line}\r\n`);
    }
    if (heard.length === replies) break;
  }
  // Neither the greeting nor the EHLO keywords: CHUNKING is advertised here alone.
  return heard.slice(2);
}

/** The configuration of a program that reads it by wild-config. */
function configOf(program: string): unknown {
  process.env["NODE_CONFIG_DIR"] = join(process.cwd(), "node_modules", program, "config");
  return require("wild-config");
}

/** Puts something in the place of a module that wants a database. */
function replaceModule(path: string, exports: unknown): void {
  const id = require.resolve(path);
  require.cache[id] = { id, filename: id, loaded: true, exports } as NodeJS.Module;
}

const addresses = (list: Address[]): string[] => list.map(({ address }) => address);

const PROGRAMS: Record<string, () => Promise<object>> = {
  /** Subclasses, ES5 wrappers, `Readable` by stream.finished and is-stream-ended. */
  async "smtp-server-as-promised"() {
    const { SMTPServerAsPromised } = require("smtp-server-as-promised") as {
      SMTPServerAsPromised: new (options?: object) => PromisedServer;
    };
    const seen: unknown[] = [];
    class Server extends SMTPServerAsPromised {
      async onConnect({ remoteAddress }: { remoteAddress: string }) {
        seen.push(remoteAddress);
      }
      async onAuth({ username, password }: { username: string; password: string }) {
        if (password !== "secret") throw Object.assign(new Error("wrong password"), { responseCode: 454 });
        return { user: username };
      }
      async onMailFrom({ address }: Address) {
        if (address.startsWith("spam")) throw Object.assign(new Error("no spam"), { responseCode: 571 });
      }
      async onRcptTo({ address }: Address, session: SMTPSession) {
        const { mailFrom } = session.envelope;
        seen.push([address, session.user, mailFrom && mailFrom.address]);
      }
      async onData(stream: DataStream) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        await once(stream, "end");
        seen.push(shown(await require("mailparser").simpleParser(Buffer.concat(chunks))));
        if (stream.sizeExceeded) throw new Error("too large");
      }
      async onError(error: Error) {
        seen.push((error as NodeJS.ErrnoException).syscall);
      }
    }
    const server = new Server({ allowInsecureAuth: true, hideSTARTTLS: true, size: 200_000 });
    const { port } = await server.listen({ port: 0, host: "127.0.0.1" });
    const taken = await new Server()
      .listen({ port, host: "127.0.0.1" })
      .catch((error: NodeJS.ErrnoException) => error.code);
    const auth = { user: "me", pass: "secret" };
    const heard = [
      await send(port),
      await send(port, { auth: { user: "me", pass: "guess" } }),
      await send(port, { auth, authMethod: "LOGIN" }),
      await send(port, { auth }, { from: "spam@example.com" }),
      await send(port, { auth }, { text: "x".repeat(70).concat("\n").repeat(4000) }),
    ];
    await server.close();
    return { taken, heard, seen };
  },

  async "smtp-tester"() {
    const port = await freePort();
    const tester = require("smtp-tester").init(port);
    const caught = tester.captureOne("second@example.com", { wait: 5000 });
    const all: string[] = [];
    tester.bind((recipient: string) => all.push(recipient));
    const heard = [await send(port)];
    const { address, email } = await caught;
    await new Promise((resolve) => tester.stop(resolve));
    return {
      heard,
      address,
      sender: email.sender,
      receivers: email.receivers,
      seen: shown({ ...email, subject: email.headers.subject, text: email.body }),
    };
  },

  async "test-smtp-server"() {
    const { testSmtpServer } = require("test-smtp-server");
    const port = await freePort();
    const server = new testSmtpServer({ smtpPort: port });
    server.startServer();
    const tls = { secure: true, tls: { rejectUnauthorized: false } };
    const heard = [await send(port, tls), await send(port, { ...tls, auth: { user: "me", pass: "x" } })];
    const emails = server.getEmails();
    const seen = [];
    for (const email of emails) {
      const { mailFrom, rcptTo } = email.envelope;
      const parsed = await email.getParsed();
      seen.push([mailFrom.address, addresses(rcptTo), shown(parsed), email.buffer.length]);
    }
    server.stopServer();
    return { heard, seen, cleared: server.clearEmails() };
  },

  /** Two pipes from one stream, and `cert: null`. */
  async maildev() {
    const MailDev = require("maildev");
    const port = await freePort();
    const config = {
      smtp: port,
      ip: "127.0.0.1",
      disableWeb: true,
      silent: true,
      mailDirectory: mkdtempSync(join(tmpdir(), "drop-in-")),
    };
    const maildev = MailDev({ ...config, incomingUser: "me", incomingPass: "secret" });
    await maildev.listen();
    const stored = new Promise<StoredMail>((resolve) => maildev.on("new", resolve));
    const heard = [
      await send(port, { auth: { user: "me", pass: "guess" } }),
      await send(port, { auth: { user: "me", pass: "secret" } }),
    ];
    const email = await stored;
    await new Promise((resolve) => maildev.close(resolve));
    const { host, remoteAddress, from, to } = email.envelope;
    return {
      heard: heard.map((reply) => reply.replace(email.id, "<id>")),
      envelope: { host, remoteAddress, from: from.address, to: addresses(to) },
      seen: shown(email),
    };
  },

  /** Version 3: ECMAScript modules, pipeline() into a file and a parser at once, a limit of size. */
  async "maildev-3"() {
    const { MailDev } = (await import(join(process.cwd(), "node_modules/maildev-3/dist/index.js"))) as {
      MailDev: new (config: object) => { start(): Promise<void>; stop(): Promise<void> };
    };
    const [smtp, web] = [await freePort(), await freePort()];
    const maildev = new MailDev({
      smtp,
      web,
      ip: "127.0.0.1",
      webIp: "127.0.0.1",
      silent: true,
      maxMessageSize: 200_000,
      mailDirectory: mkdtempSync(join(tmpdir(), "drop-in-")),
      incomingUser: "me",
      incomingPass: "secret",
    });
    await maildev.start();
    const auth = { user: "me", pass: "secret" };
    const heard = [
      await send(smtp),
      await send(smtp, { auth: { user: "me", pass: "guess" } }),
      await send(smtp, { auth }),
      await send(smtp, { auth }, { text: "x".repeat(70).concat("\n").repeat(4000) }),
    ];
    const mails = (await (await fetch(`http://127.0.0.1:${web}/api/email`)).json()) as unknown;
    const list = (Array.isArray(mails) ? mails : (mails as { data: StoredMail[] }).data) as StoredMail[];
    const seen = [];
    for (const { id } of list) {
      const email = (await (await fetch(`http://127.0.0.1:${web}/api/email/${id}`)).json()) as StoredMail;
      const { host, remoteAddress, from, to } = email.envelope;
      seen.push([host, remoteAddress, from.address, addresses(to), shown(email)]);
    }
    await maildev.stop();
    return {
      heard: heard.map((reply) => list.reduce((text, { id }) => text.replace(id, "<id>"), reply)),
      seen,
    };
  },

  /** Its LMTP server as it is. What it asks of MongoDB and Redis is answered here. */
  async wildduck() {
    const port = await freePort();
    const config = configOf("wildduck") as { lmtp: object };
    Object.assign(config.lmtp, { enabled: true, port, host: "127.0.0.1" });
    const stored: unknown[] = [];
    replaceModule("wildduck/lib/message-handler", class {});
    replaceModule(
      "wildduck/lib/user-handler",
      class {
        get(address: string, _fields: object, done: (error: Error | null, user?: object) => void): void {
          const [name] = address.split("@");
          if (name === "broken") return done(new Error("no database"));
          done(null, name === "unknown" ? undefined : { _id: name });
        }
      },
    );
    replaceModule(
      "wildduck/lib/filter-handler",
      class {
        process(data: Record<string, unknown>, done: (error: null, response: object) => void): void {
          const { chunks, chunklen, meta, recipient, sender } = data as never as {
            chunks: Buffer[];
            chunklen: number;
            meta: { transhost: string; transtype: string; origin: string };
            recipient: string;
            sender: string;
          };
          const { transhost, transtype, origin } = meta;
          const octets = Bun.hash(Buffer.concat(chunks)).toString(36);
          stored.push([sender, recipient, chunklen, octets, transhost, transtype, origin]);
          const isFull = recipient.startsWith("full");
          const response = isFull
            ? Object.assign(new Error("Over quota"), { responseCode: 552 })
            : `kept for ${recipient}`;
          done(null, { userData: data["user"], response });
        }
      },
    );
    const start = require("wildduck/lmtp") as (
      done: (error: Error | null, server: { close(done: () => void): void }) => void,
    ) => void;
    const server = await new Promise<{ close(done: () => void): void }>((resolve, reject) => {
      start((error, started) => (error ? reject(error) : resolve(started)));
    });
    const line = "a line of text\r\n";
    const heard = await converse(
      port,
      [
        "LHLO client.test",
        "MAIL FROM:<sender@example.com>",
        "RCPT TO:<first@example.com>",
        "RCPT TO:<unknown@example.com>",
        "RCPT TO:<broken@example.com>",
        "RCPT TO:<full@example.com>",
        "DATA",
        `Subject: x\r\n\r\n..dot\r\n${line.repeat(3000)}.`,
        "RSET",
        "QUIT",
      ],
      12,
    );
    await new Promise<void>((resolve) => server.close(resolve));
    return { heard, stored };
  },

  /**
   * The part of its receiver that is an SMTP server, with its plugin handler. Its queue, which is MongoDB, is answered
   * here. The whole program hands its sockets from process to process, which needs `server.connect(socket)`.
   */
  async "zone-mta"() {
    configOf("zone-mta");
    replaceModule("zone-mta/lib/db", {});
    const plugins = require("zone-mta/lib/plugins");
    plugins.init("receiver");
    plugins.handler.addHook(
      "test",
      "smtp:auth",
      ({ password }: { password: string }, _session: object, next: (error?: Error) => void) =>
        next(
          password === "secret"
            ? undefined
            : Object.assign(new Error("Wrong password"), { responseCode: 454 }),
        ),
    );
    const SMTPInterface = require("zone-mta/lib/smtp-interface");
    const receiver = new SMTPInterface("feeder", {
      hostname: "mx.test",
      maxSize: 200_000,
      maxRecipients: 2,
      authentication: true,
      starttls: true,
      logger: true,
      allowInsecureAuth: true,
      disableReverseLookup: true,
      disableVersionString: true,
    });
    await new Promise<void>((resolve) => receiver.setup(resolve));
    receiver.sendCommand = (_command: string, done: (error: null, id: string) => void) => done(null, "id-1");
    const queued: unknown[] = [];
    receiver.maildrop = {
      async add(
        envelope: Record<string, unknown>,
        stream: AsyncIterable<Buffer>,
        done: (error: unknown, text?: string) => void,
      ) {
        try {
          const chunks: Buffer[] = [];
          for await (const chunk of stream) chunks.push(chunk);
          const { id, from, to, transhost, transtype, user, origin, tls } = envelope;
          const mail = await require("mailparser").simpleParser(Buffer.concat(chunks));
          queued.push({ id, from, to, transhost, transtype, user, origin, tls: !!tls, mail: shown(mail) });
          done(null, "Message queued as id-1");
        } catch (error) {
          done(error);
        }
      },
    };
    await new Promise<void>((resolve) => receiver.server.listen(0, "127.0.0.1", resolve));
    const { port } = receiver.server.server.address() as AddressInfo;
    const auth = { user: "me", pass: "secret" };
    // smtp-server on Bun has no certificate for its SNICallback.
    const plain = { ignoreTLS: true };
    const heard = [
      await send(port, plain),
      await send(port, { ...plain, auth: { user: "me", pass: "guess" } }),
      await send(port, { ...plain, auth }),
      await send(
        port,
        { ...plain, auth, authMethod: "LOGIN" },
        { to: ["a@example.com", "b@example.com", "c@example.com"] },
      ),
      await send(port, { ...plain, auth }, { text: "x".repeat(70).concat("\n").repeat(4000) }),
    ];
    // Its other process makes the TLS context of port 465 with this.
    const tlsOptions = require("smtp-server/lib/tls-options") as (
      options?: object,
    ) => Record<string, unknown>;
    const merged = tlsOptions({ key: "key", cert: "cert", ca: [], minVersion: "TLSv1.3", name: "x" });
    const { key, cert, minVersion, honorCipherOrder, name } = merged;
    createSecureContext(tlsOptions() as object);
    await new Promise<void>((resolve) => receiver.close(resolve));
    return { heard, queued, tlsOptions: { key, cert, minVersion, honorCipherOrder, name } };
  },

  /** A command line program with a JSON interface over HTTP. */
  async "fake-smtp-server"() {
    const [smtp, http] = [await freePort(), await freePort()];
    const args = [
      "-s",
      smtp,
      "--smtp-ip",
      "127.0.0.1",
      "-h",
      http,
      "--http-ip",
      "127.0.0.1",
      "-w",
      "sender@example.com",
    ];
    const script = join(process.cwd(), "node_modules/fake-smtp-server/index.js");
    const child = spawn(process.execPath, [script, ...args.map(String)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    try {
      let output = "";
      while (!output.includes("HTTP server listening"))
        output += String((await once(child.stderr, "data"))[0]);
      const tls = { tls: { rejectUnauthorized: false } };
      const heard = [await send(smtp, tls), await send(smtp, tls, { from: "other@example.com" })];
      const mails = (await (await fetch(`http://127.0.0.1:${http}/api/emails`)).json()) as ListedMail[];
      return {
        heard,
        seen: mails.map((mail) => [
          addresses(mail.from.value),
          addresses(mail.to.value),
          shown({ ...mail, attachments: [] }),
        ]),
      };
    } finally {
      child.kill();
    }
  },
};

const name = process.argv[2] ?? "";
const drive = PROGRAMS[name];
if (!drive) throw new Error(`one of ${Object.keys(PROGRAMS).join(", ")}`);
console.log(`RESULT ${JSON.stringify(await drive())}`);
process.exit(0);
