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
servers[0]?.listen(0, "127.0.0.1", function () {
  console.log(typeof other.listen, servers[0]?.server.listening);
  void servers[0]?.close();
});
