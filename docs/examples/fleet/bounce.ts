/** The message that tells a sender which recipients did not get a message (RFC 3464). */
import { randomUUID } from "node:crypto";
import type { Reply } from "./client.js";
import type { Envelope } from "./envelope.js";

/** Octets of the returned header, of which a hostile message may have as many as it likes. */
const MAX_HEADER = 16 * 1024;

/** A recipient that is given up, and the last reply about it. */
export interface Failure {
  address: string;
  reply: Reply;
}

/**
 * Makes the bounce. The sender must not be the null sender: a bounce never gets a bounce (RFC 5321 section 6.1).
 * @param name the host name of the deliverer
 * @param beginning the first octets of the message, for its header
 */
export function bounce(
  { id, mailFrom, head, isUTF8 }: Envelope,
  failures: readonly Failure[],
  name: string,
  beginning: Uint8Array,
): { envelope: Envelope; body: Buffer } {
  const boundary = randomUUID();
  const lines = [
    `From: Mail Delivery System <postmaster@${name}>`,
    `To: <${mailFrom}>`,
    "Subject: Your message was not delivered",
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${randomUUID()}@${name}>`,
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    "Your message was not delivered to:",
    "",
    ...failures.flatMap(({ address, reply }) => [`<${address}>`, `    ${reply.text}`, ""]),
    "The headers of the message are below. Nothing more will be tried.",
    "",
    `--${boundary}`,
    `Content-Type: message/${isUTF8 ? "global-" : ""}delivery-status`,
    "",
    `Reporting-MTA: dns; ${name}`,
    `X-Queue-ID: ${id}`,
    "",
    ...failures.flatMap(({ address, reply }) => [
      `Final-Recipient: ${isUTF8 ? "utf-8" : "rfc822"}; ${address}`,
      "Action: failed",
      `Status: ${statusOf(reply)}`,
      `Diagnostic-Code: smtp; ${reply.text}`,
      "",
    ]),
    `--${boundary}`,
    "Content-Type: text/rfc822-headers; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
  ];
  const body = Buffer.concat([
    Buffer.from(`${lines.join("\r\n")}\r\n`),
    headerOf(Buffer.concat([Buffer.from(head), beginning])),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const envelope: Envelope = {
    // The same for a message that is given up twice, so that the stream drops the second.
    id: `${id}.bounce`,
    mailFrom: "",
    rcptTo: [mailFrom],
    head: "",
    isUTF8,
    tries: 0,
    isBounce: true,
  };
  return { envelope, body };
}

function headerOf(message: Buffer): Buffer {
  const end = message.indexOf("\r\n\r\n");
  if (end >= 0 && end <= MAX_HEADER) return message.subarray(0, end + 2);
  const cut = message.lastIndexOf("\r\n", MAX_HEADER);
  return message.subarray(0, cut + 2);
}

/** The enhanced status code of a reply (RFC 3463); a recipient that is given up has failed for good. */
function statusOf({ text }: Reply): string {
  const [, code = "0.0"] = /^\d{3}[ -][245]\.(\d{1,3}\.\d{1,3})\b/.exec(text) ?? [];
  return `5.${code}`;
}
