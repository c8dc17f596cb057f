/**
 * A mail catcher: accepts every message, prints it, and shows it on a web page. Nothing is sent on, nothing is
 * written to disk. No certificate, no configuration.
 *
 *   bun start                             SMTP on port 2525, the page on http://localhost:8025
 *   PORT=1025 WEB_PORT=8080 bun start     on other ports; 0: any free one
 *   WEB_HOST=0.0.0.0 bun start            shows the page to other machines too
 */
import { type DataStream, SMTPError, SMTPServer } from "bun-smtp";
import { header, type Mail } from "../mime.js";
import { Mailbox, type Received } from "./mailbox.js";
import { serve } from "./web.js";

const { PORT = "2525", WEB_PORT = "8025", WEB_HOST = "127.0.0.1" } = process.env;

const MIB = 1024 * 1024;
/** What is kept. */
const MAX_MESSAGES = 500;
const MAX_OCTETS = 256 * MIB;
/** What may be on its way at a time: at most so much comes on top of what is kept. */
const MAX_INCOMING = 128 * MIB;
const LINES_SHOWN = 8;
const COLUMNS_SHOWN = 300;

const mailbox = new Mailbox(MAX_MESSAGES, MAX_OCTETS);
let incoming = 0;

const server = new SMTPServer({
  authOptional: true,
  disableReverseLookup: true,
  // Test programs log in with whatever they are configured with: let them.
  allowInsecureAuth: true,
  onAuth: (auth, _session, callback) => callback(null, { user: auth.username || "anonymous" }),
  size: 32 * MIB,
  rejectOversized: true,
  maxClients: 200,
  maxRecipients: 1000,

  async onData(stream, { id, transaction, remoteAddress, transmissionType, envelope }) {
    const source = await read(stream);
    if (stream.sizeExceeded) return;
    const received: Received = {
      id: `${id}-${transaction}`,
      received: new Date(),
      client: remoteAddress,
      protocol: transmissionType,
      mailFrom: envelope.mailFrom ? envelope.mailFrom.address : "",
      rcptTo: envelope.rcptTo.map(({ address }) => address),
    };
    print(received, mailbox.add(received, source), source.byteLength);
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

function print({ client, mailFrom, rcptTo }: Received, { headers, text, html }: Mail, octets: number): void {
  const lines = (text || html).trimEnd().split("\n");
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

/** A terminal takes orders from control characters; a mail shall give none. */
function printable(line: string): string {
  const start = line.length > COLUMNS_SHOWN ? `${line.slice(0, COLUMNS_SHOWN)}…` : line;
  return start.replace(/[^\P{Cc}\t]/gu, "\u{fffd}");
}

/** Waits until something listens; a port that is in use, for one, ends the program. */
async function listening<T>(name: string, port: string, listen: () => T | Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    console.error(
      code === "EADDRINUSE"
        ? `Port ${port} is in use. Take another one: ${name}=${Number(port) + 1} bun start`
        : `Cannot listen on port ${port}: ${message}`,
    );
    process.exit(1);
  }
}

await listening("PORT", PORT, () => server.listen(PORT));
const address = server.address();
const smtpPort = typeof address === "object" && address ? address.port : 0;
const web = await listening("WEB_PORT", WEB_PORT, () =>
  serve(mailbox, { hostname: WEB_HOST, port: Number(WEB_PORT), smtpPort }),
);
console.log(`Listening on port ${smtpPort}, the page is http://localhost:${web.url.port}. Ctrl-C ends.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.options.closeTimeout = 1000;
    void Promise.all([server.close(), web.stop()]).then(() => process.exit(0));
  });
}
