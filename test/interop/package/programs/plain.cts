/** The same by `require`. */
import smtp = require("bun-smtp");
import testing = require("bun-smtp/testing");
import deep = require("smtp-server/lib/smtp-server");
const { SMTPServer, SMTPError } = smtp;

const servers: smtp.SMTPServer[] = [new SMTPServer(), new smtp.default.SMTPServer()];
const other: deep.SMTPServer = new deep.SMTPServer({
  onConnect: (_session, callback) => callback(new SMTPError("no")),
});
const wanted: testing.WantedMessage = { to: /@/ };
void testing.startInbox().then(async (inbox) => {
  inbox.refuse({ data: wanted });
  await inbox.close();
});
const options: smtp.SMTPServerOptions = {
  onRcptTo: (_address, _session, callback) => setTimeout(callback, 5),
};
export const forward = (address: smtp.SMTPServerAddress, session: smtp.SMTPServerSession) =>
  options.onRcptTo!(address, session, () => {});
export const isLong = (auth: smtp.AuthObject) => auth.method === "PLAIN" && auth.password.length > 8;
export const mistakes: smtp.SMTPServerOptions[] = [
  // @ts-expect-error a code is no answer
  { onData: async () => 250 },
  // @ts-expect-error a login is answered by its user
  { onAuth: async () => true },
];
servers[0]?.listen(0, "127.0.0.1", function () {
  console.log(typeof other.listen, servers[0]?.server.listening);
  void servers[0]?.close();
});
