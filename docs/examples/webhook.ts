/**
 * Posts each mail to a URL: the message as the body, `message/rfc822`, the envelope in headers. What the
 * other side answers decides: 2xx accepts, 4xx but 408 and 429 refuses for good, anything else and the sender tries again.
 */
import { SMTPError, SMTPServer } from "bun-smtp";
import { fail, numberOf, orFail, usage } from "./start.js";

usage(`
Posts each mail to a URL.

  WEBHOOK=https://example.com/mail DOMAIN=example.com bun webhook.ts

Variables:
  WEBHOOK  the URL to post to
  DOMAIN   the domain to take mail for (example.com)
  PORT     the port (2525), 0 for any free one
`);

const { WEBHOOK, DOMAIN = "example.com" } = process.env;
if (!WEBHOOK) fail("WEBHOOK is not set: give the URL to post to, as in WEBHOOK=https://example.com/mail");
if (!/^https?:$/.test(URL.parse(WEBHOOK)?.protocol ?? ""))
  fail(`WEBHOOK=${WEBHOOK}: not a URL of http or https`);
const port = numberOf("PORT", 2525);

const TRY_AGAIN = { responseCode: 451, enhancedCode: "4.3.0" };
const FOR_GOOD = { responseCode: 554, enhancedCode: "5.6.0" };

/** An address may have any character in it, a header may not. */
const header = (text: string): string => encodeURIComponent(text);

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH"],
  hideENHANCEDSTATUSCODES: false,
  // Mails are in memory until they are posted: at most 40 of 25 MiB.
  maxClients: 40,
  size: 25 * 1024 * 1024,
  rejectOversized: true,

  async onRcptTo({ address }, _session) {
    if (address.toLowerCase().endsWith(`@${DOMAIN}`)) return;
    throw new SMTPError("Relaying denied", { responseCode: 550, enhancedCode: "5.7.1" });
  },

  async onData(stream, { id, transaction, remoteAddress, envelope }) {
    // The whole message first: a client that disconnects must not leave half a mail with the service.
    const chunks: Buffer[] = [];
    for await (const chunk of stream) {
      if (stream.sizeExceeded) return; // the server reads the rest of it, and answers 552
      chunks.push(chunk);
    }
    const response = await fetch(WEBHOOK, {
      method: "POST",
      body: Buffer.concat(chunks),
      headers: {
        "Content-Type": "message/rfc822",
        // The same for a repetition of the request, not for one of the message.
        "Idempotency-Key": `${id}-${transaction}`,
        "X-Client": remoteAddress,
        "X-Mail-From": header(envelope.mailFrom ? envelope.mailFrom.address : ""),
        "X-Rcpt-To": envelope.rcptTo.map(({ address }) => header(address)).join(","),
      },
      // Followed, a redirection may turn the POST into a GET, and the mail is gone.
      redirect: "manual",
      signal: AbortSignal.timeout(60_000),
    }).catch((error: unknown) => {
      console.error(error);
      throw new SMTPError("Not delivered, try again", TRY_AGAIN);
    });
    if (response.ok) return;
    const { status } = response;
    console.error(`${WEBHOOK} answered ${status}`);
    const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
    throw isFinal
      ? new SMTPError("Message refused", FOR_GOOD)
      : new SMTPError("Not delivered, try again", TRY_AGAIN);
  },
});

await orFail(`PORT=${port}`, () => server.listen(port));
const address = server.address();
console.log(`Listening on port ${typeof address === "object" ? address?.port : address}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
