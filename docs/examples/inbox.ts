/**
 * A mail catcher: accepts every message and prints it. No certificate, no configuration.
 *
 *   bun start                      listens on port 2525
 *   PORT=1025 bun start            on another one; PORT=0: any free one
 */
import { type DataStream, type SMTPSession, SMTPServer } from "bun-smtp";

const LINES_SHOWN = 8;

const server = new SMTPServer({
  authOptional: true,
  disableReverseLookup: true,
  // Test programs log in with whatever they are configured with: let them.
  allowInsecureAuth: true,
  onAuth: (auth, _session, callback) => callback(null, { user: auth.username || "anonymous" }),
  onData: async (stream, session) => {
    print(session, await text(stream));
  },
});

async function text(stream: DataStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function print({ envelope, remoteAddress }: SMTPSession, message: string): void {
  const [head = "", ...body] = message.split("\r\n\r\n");
  const subject = /^subject:[ \t]*(.*(?:\r\n[ \t].*)*)/im.exec(head)?.[1]?.replace(/\r\n/g, "") ?? "(none)";
  const lines = body.join("\r\n\r\n").trimEnd().split("\r\n");
  console.log(`--- from ${remoteAddress}, ${Buffer.byteLength(message)} bytes`);
  console.log(`From:    <${envelope.mailFrom ? envelope.mailFrom.address : ""}>`);
  for (const { address } of envelope.rcptTo) console.log(`To:      <${address}>`);
  console.log(`Subject: ${subject}`);
  for (const line of lines.slice(0, LINES_SHOWN)) console.log(`  ${line}`);
  if (lines.length > LINES_SHOWN) console.log(`  … ${lines.length - LINES_SHOWN} more lines`);
}

await server.listen(process.env["PORT"] || 2525);
const address = server.address();
console.log(
  `Listening on port ${typeof address === "object" && address ? address.port : address}. Ctrl-C ends.`,
);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.options.closeTimeout = 1000;
    void server.close().then(() => process.exit(0));
  });
}
