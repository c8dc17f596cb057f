/** A program with nothing but the package: it serves, mails itself, and prints what came. Types and values are both used. */
import { connect, type AddressInfo } from "node:net";
import {
  scramCredentials,
  SMTPError,
  SMTPServer,
  verifyPassword,
  type DataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from "bun-smtp";
import { connect as converse, startInbox, type Inbox, type Reply } from "bun-smtp/testing";
import library, { SMTPServer as Alias } from "smtp-server";
import { SMTPServer as Deep, type SMTPSession } from "smtp-server/lib/smtp-server";
import deep from "smtp-server/lib/smtp-server.js";

declare module "bun-smtp" {
  interface SMTPServerSession {
    tenant?: string;
  }
}

class Catcher extends SMTPServer {
  override async onData(stream: DataStream, session: SMTPServerSession): Promise<void> {
    const { mailFrom, rcptTo } = session.envelope;
    const text = await new Response(stream).text();
    console.log(session.tenant, mailFrom && mailFrom.address, rcptTo[0]?.address, JSON.stringify(text));
  }
}

const options: SMTPServerOptions = {
  authOptional: true,
  disableReverseLookup: true,
  logger: false,
  async onRcptTo(address, session: SMTPSession) {
    Object.assign(session, { tenant: "acme" });
    if (address.address === "nobody@example.com") throw new SMTPError("no", { responseCode: 550 });
  },
  onMailFrom: (_address, _session, callback) => callback(),
};
// @ts-expect-error an option of the wrong type is found
export const wrong: SMTPServerOptions = { size: {} };
// Each form of import has the same class, whatever the name that it is installed under.
const others: SMTPServer[] = [new Deep(options)];
const aliases: Alias[] = [new Alias(options), new library.SMTPServer(), new deep.SMTPServer()];
const isRight: boolean = verifyPassword("secret", scramCredentials("secret"));
console.log(others.length + aliases.length, isRight);

async function inMemory(): Promise<void> {
  const inbox: Inbox = await startInbox();
  const client = await converse(inbox.server);
  const hello: Reply = await client.command("EHLO x");
  console.log(inbox.port > 0, hello.code);
  await client.close();
  await inbox.close();
}

const server: SMTPServer = new Catcher(options);
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  const lines = ["EHLO x", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", "hi\r\n.", "QUIT"];
  const socket = connect(port, "127.0.0.1");
  let heard = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk) => {
    heard += String(chunk);
    // One line for each whole reply.
    if (!/^\d{3} .*\r\n$/m.test(heard)) return;
    heard = "";
    const line = lines.shift();
    if (line) socket.write(`${line}\r\n`);
  });
  socket.on("close", () => void server.close().then(inMemory));
});
