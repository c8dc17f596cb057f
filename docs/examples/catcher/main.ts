/**
 * A mail catcher: accepts every message, prints it, and shows it on a web page. Nothing is sent on. `bunx bun-smtp`
 * starts it in any folder, `bun start` in a clone of the repository.
 */
import { parseArgs } from "node:util";
import { type DataStream, SMTPError, SMTPServer } from "bun-smtp";
import { header, type Mail, parseMail } from "bun-smtp/testing";
import { certificate, fail, numberOf, orFail } from "../start.js";
import { Failures, parseRules } from "./failures.js";
import { Mailbox, type Received } from "./mailbox.js";
import { serve } from "./web.js";
import { textOfHTML } from "./text-of-html.js";

const HELP = `
Catches mail and shows it on a web page. Nothing is sent on.

  bunx bun-smtp                          SMTP on port 2525, the page on http://localhost:8025
  bunx bun-smtp --port 1025              on another port
  bunx bun-smtp --database mail.sqlite   keeps the mail

Options, each also a variable:
  --port, PORT          the port for SMTP (2525), 0 for any free one
  --web-port, WEB_PORT  the port of the page (8025), 0 for any free one
  --web-host, WEB_HOST  where the page listens (127.0.0.1); 0.0.0.0 shows it to other machines too
  --database, DATABASE  an SQLite file that keeps the mail (in memory)
  --cert, CERT          a certificate, a PEM file, for STARTTLS
  --key, KEY            its key
  --starttls, STARTTLS  1 offers STARTTLS without a certificate too: the server makes one, which clients
                        such as Nodemailer refuse by default; 0 does not offer it
  --fail, FAIL          refuses on purpose: stage:code or stage:code:percent, with commas between them;
                        a stage is connect, auth, mail, rcpt or data, as in rcpt:451:20,data:552
  --help, -h            prints this
An option wins over its variable, which may also stand in the file .env of the folder (Bun reads it).

Refused too: the address refuse-452@example.com, ann+refuse-550-5.1.1@example.com, the user name refuse-535, and
a message with the header "X-Catcher-Fail: 452 4.2.2 Mailbox full".

Any user name and password will do. Lines that end in LF alone are taken, and end in CRLF afterwards.
`;

const string = { type: "string" } as const;
const { help, ...flags } = options();

function options() {
  try {
    return parseArgs({
      options: {
        help: { type: "boolean", short: "h" },
        port: string,
        "web-port": string,
        "web-host": string,
        database: string,
        cert: string,
        key: string,
        starttls: string,
        fail: string,
      },
    }).values;
  } catch (error) {
    // Its first sentence. The others are about arguments that begin with a dash.
    return fail(`${(error as Error).message.split(". ", 1)[0]}: --help lists what there is`);
  }
}

if (help) {
  console.log(HELP.trim());
  process.exit(0);
}
const { env } = process;
for (const [name, value] of Object.entries(flags)) env[name.toUpperCase().replace("-", "_")] = value;

const port = numberOf("PORT", 2525);
const webPort = numberOf("WEB_PORT", 8025);
const webHost = env["WEB_HOST"] || "127.0.0.1";
const startTLS = env["STARTTLS"] ? numberOf("STARTTLS", 0, 1) === 1 : Boolean(env["CERT"]);
const path = env["DATABASE"];
const rules = env["FAIL"] ?? "";

const MIB = 1024 * 1024;
/** What is kept. */
const MAX_MESSAGES = 500;
const MAX_OCTETS = 256 * MIB;
/** What may be on its way at a time: at most so much comes on top of what is kept. */
const MAX_INCOMING = 128 * MIB;
const LINES_SHOWN = 8;
const COLUMNS_SHOWN = 300;

const failures = orFail(`FAIL=${rules}`, () => new Failures(parseRules(rules)));
const tls = await orFail("CERT, KEY", certificate);
const mailbox = orFail(`DATABASE=${path}`, () => new Mailbox(MAX_MESSAGES, MAX_OCTETS, path || undefined));
let incoming = 0;

const server = new SMTPServer({
  ...tls,
  // Clients such as Nodemailer use STARTTLS where it is offered, and refuse a certificate that no authority signed.
  hideSTARTTLS: !startTLS,
  authOptional: true,
  disableReverseLookup: true,
  hideENHANCEDSTATUSCODES: false,
  // npm's "sendmail" ends lines with LF alone.
  bareNewlines: "normalize",
  // Test programs log in with whatever they are configured with: let them.
  allowInsecureAuth: true,
  size: 32 * MIB,
  rejectOversized: true,
  maxClients: 200,
  maxRecipients: 1000,

  async onConnect(_session) {
    failures.check("connect");
  },
  async onAuth({ username }, _session) {
    failures.check("auth", username);
    return { user: username || "anonymous" };
  },
  async onMailFrom({ address }, _session) {
    failures.check("mail", address);
  },
  async onRcptTo({ address }, _session) {
    failures.check("rcpt", address);
  },
  async onData(stream, { id, transaction, remoteAddress, transmissionType, envelope }) {
    const source = await read(stream);
    if (stream.sizeExceeded) return;
    failures.check("data");
    const mail = parseMail(source);
    failures.checkMessage(mail.headers);
    const received: Received = {
      id: `${id}-${transaction}`,
      received: new Date(),
      client: remoteAddress,
      protocol: transmissionType,
      mailFrom: envelope.mailFrom ? envelope.mailFrom.address : "",
      rcptTo: envelope.rcptTo.map(({ address }) => address),
    };
    store(received, source, mail);
    print(received, mail, source.byteLength);
  },
});

/** The whole message. One that is too big leaves the loop, and the server reads the rest of it. */
async function read(stream: DataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
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

function store(received: Received, source: Uint8Array, mail: Mail): void {
  try {
    mailbox.add(received, source, mail);
  } catch (error) {
    console.error(`Not stored: ${(error as Error).message}`); // a disk that is full
    throw new SMTPError("Not stored, try again", { responseCode: 452, enhancedCode: "4.3.1" });
  }
}

function print({ client, mailFrom, rcptTo }: Received, { headers, text, html }: Mail, octets: number): void {
  const lines = (text.trim() === "" ? textOfHTML(html).replace(/\s+/g, " ").trim() : text.trimEnd()).split(
    "\n",
  );
  const shown = [
    `--- from ${client}, ${octets} bytes`,
    `From:    <${mailFrom}>`,
    ...rcptTo.map((address) => `To:      <${address}>`),
    `Subject: ${header(headers, "Subject") || "(none)"}`,
    ...lines.slice(0, LINES_SHOWN).map((line) => `  ${line}`),
  ];
  if (lines.length > LINES_SHOWN) shown.push(`  … ${lines.length - LINES_SHOWN} more lines`);
  console.log(shown.map(printable).join("\n"));
}

/** A terminal takes orders from control characters, so a mail must not bring any. */
function printable(line: string): string {
  const start = line.length > COLUMNS_SHOWN ? `${line.slice(0, COLUMNS_SHOWN)}…` : line;
  return start.replace(/[^\P{Cc}\t]/gu, "\u{fffd}");
}

await orFail(`PORT=${port}`, () => server.listen(port));
const address = server.address();
const smtpPort = typeof address === "object" && address ? address.port : 0;
const web = orFail(`WEB_PORT=${webPort}`, () =>
  serve(mailbox, { hostname: webHost, port: webPort, smtpPort, startTLS, isKept: Boolean(path) }),
);
console.log(`Listening on port ${smtpPort}, the page is http://localhost:${web.url.port}. Ctrl-C ends.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.options.closeTimeout = 1000;
    void Promise.all([server.close(), web.stop()]).then(() => {
      mailbox.close();
      process.exit(0);
    });
  });
}
