/** A message in the inbox, and how a test names the one that it wants. */
import type { SMTPEnvelope, SMTPSession } from "../types/index.js";
import { checkMatch, type Match, matches, matchesAddress } from "./given.js";
import { type Attachment, type Header, parseMail } from "./mime.js";

/** A message that an inbox received. */
export interface Message {
  /** The sender of the envelope (MAIL FROM), "" for `<>`. */
  from: string;
  /** The recipients of the envelope (RCPT TO), in their order. Blind copies are among them. */
  to: string[];
  /** The header field Subject, decoded; "" for none. */
  subject: string;
  /** The first value of each header field, decoded, by its name in lower case: `headers["reply-to"]`. */
  headers: Record<string, string>;
  /** All header fields in their order. */
  headerLines: Header[];
  /** The text/plain parts, decoded, lines end in LF. */
  text: string;
  /** The text/html parts, decoded, lines end in LF. */
  html: string;
  /** All other parts. */
  attachments: Attachment[];
  /** The envelope with its parameters: `envelope.mailFrom.args`, `envelope.smtpUtf8`, `envelope.dsn`. */
  envelope: SMTPEnvelope;
  /** Whether it came over TLS. */
  secure: boolean;
  /** The user name of the login; `undefined` without one. */
  user: unknown;
  /** The octets as they came; lines end in CRLF. */
  raw: Buffer;
}

/** What a message has to be: all that is given must be so. A string is equal, a RegExp matches. */
export interface WantedMessage {
  /** One recipient of the envelope, in any case. */
  to?: Match | undefined;
  /** The sender of the envelope, in any case. */
  from?: Match | undefined;
  /** The subject, decoded. */
  subject?: Match | undefined;
}

export const WANTED: readonly string[] = ["to", "from", "subject"];

export function checkWanted(where: string, { to, from, subject }: WantedMessage): void {
  for (const [name, value] of Object.entries({ to, from, subject })) checkMatch(`${where}: ${name}`, value);
}

export function isWanted({ to, from, subject }: WantedMessage, message: Message): boolean {
  if (to !== undefined && !message.to.some((address) => matchesAddress(to, address))) return false;
  if (from !== undefined && !matchesAddress(from, message.from)) return false;
  return subject === undefined || matches(subject, message.subject);
}

export function makeMessage(raw: Buffer, { envelope, secure, user }: SMTPSession): Message {
  const { headers: headerLines, ...content } = parseMail(raw);
  // Not by assignment: a client may name a field "__proto__".
  const headers: Record<string, string> = Object.fromEntries(
    headerLines.toReversed().map(({ name, value }) => [name.toLowerCase(), value]),
  );
  return {
    from: envelope.mailFrom ? envelope.mailFrom.address : "",
    to: envelope.rcptTo.map(({ address }) => address),
    subject: headers["subject"] ?? "",
    headers,
    headerLines,
    ...content,
    envelope,
    secure,
    user: user || undefined,
    raw,
  };
}

/** The message in a line of an error. */
export const describe = ({ from, to, subject }: Message): string =>
  `from <${from}> to <${to.join(">, <")}>: ${JSON.stringify(subject)}`;
