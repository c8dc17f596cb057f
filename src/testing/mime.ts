/**
 * A small MIME reader: what a test or a page shows of a message. It never throws, whatever the message is made of,
 * and its time grows with the size of the message and no faster. Lines end in CRLF. Programs that work with mail
 * want a complete one, such as mailparser.
 */

/** A header field. */
export interface Header {
  /** As the sender writes it. */
  name: string;
  /** Unfolded and decoded. */
  value: string;
}

/** A part of a message that is neither its text nor its HTML. */
export interface Attachment {
  /** The file name that the sender gives, without control characters and slashes; "" for none. */
  name: string;
  /** The media type in lower case, without parameters. */
  type: string;
  /** What `cid:` links of the HTML call it, "" for none. */
  contentId: string;
  /** Decoded. */
  content: Uint8Array;
}

/** The content of a message, all texts decoded. */
export interface Mail {
  /** The header fields in their order. */
  headers: Header[];
  /** The inline text/plain parts, with LF. */
  text: string;
  /** The inline text/html parts, as hostile as the sender likes. */
  html: string;
  /** All other parts, attached mails among them. */
  attachments: Attachment[];
}

// No honest mail has more of these; one that does only costs time.
const MAX_HEAD = 256 * 1024;
const MAX_DEPTH = 8;
const MAX_PARTS = 200;

/**
 * Reads a message.
 * @param message its octets, lines end in CRLF
 * @returns what could be read; it never throws
 */
export function parseMail(message: Uint8Array): Mail {
  const [head, body] = splitHead(latin1(message));
  const headers = parseHeaders(head);
  const mail: Mail = { headers, text: "", html: "", attachments: [] };
  let left = MAX_PARTS;

  function visit(headers: readonly Header[], body: string, depth: number): void {
    if (left-- <= 0) return;
    const type = parseValue(header(headers, "Content-Type"));
    const kind = type.value || "text/plain";
    const boundary = parameter(type, "boundary");
    if (kind.startsWith("multipart/") && boundary !== "" && depth < MAX_DEPTH) {
      for (const part of splitParts(body, boundary)) {
        const [head, content] = splitHead(part);
        visit(parseHeaders(head), content, depth + 1);
      }
      return;
    }
    const content = decodeTransfer(body, header(headers, "Content-Transfer-Encoding"));
    const disposition = parseValue(header(headers, "Content-Disposition"));
    const name = decodeWords(parameter(disposition, "filename") || parameter(type, "name"));
    if (
      disposition.value !== "attachment" &&
      name === "" &&
      (kind === "text/plain" || kind === "text/html")
    ) {
      const text = decodeText(content, parameter(type, "charset")).replaceAll("\r\n", "\n");
      if (kind === "text/html") mail.html += text;
      else mail.text += mail.text === "" ? text : `\n${text}`;
      return;
    }
    mail.attachments.push({
      name: name.replace(/[\p{Cc}\p{Cf}]/gu, "").replace(/[/\\]/g, "_"),
      type: kind,
      contentId: /^<(.*)>$/.exec(header(headers, "Content-ID"))?.[1] ?? "",
      content,
    });
  }

  visit(headers, body, 0);
  return mail;
}

/** The first header of a name; "" where there is none. */
export function header(headers: readonly Header[], name: string): string {
  const wanted = name.toLowerCase();
  return headers.find((header) => header.name.toLowerCase() === wanted)?.value ?? "";
}

/** Each character one octet: what is not decoded yet is kept so. */
function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
}

function splitHead(source: string): [head: string, body: string] {
  if (source.startsWith("\r\n")) return ["", source.slice(2)];
  const end = source.indexOf("\r\n\r\n");
  return end < 0 ? [source, ""] : [source.slice(0, end), source.slice(end + 4)];
}

function parseHeaders(head: string): Header[] {
  const lines = head
    .slice(0, MAX_HEAD)
    .replace(/\r\n(?=[ \t])/g, "")
    .split("\r\n");
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) return [];
    // RFC 6532: what is not ASCII is UTF-8.
    const value = Buffer.from(line.slice(colon + 1).trim(), "latin1").toString();
    return { name: line.slice(0, colon).trimEnd(), value: decodeWords(value) };
  });
}

/** The parts of a multipart body (RFC 2046 section 5.1.1); one whose end is missing ends with the body. */
function splitParts(body: string, boundary: string): string[] {
  const text = `\r\n${body}`;
  const delimiter = `\r\n--${boundary}`;
  const parts: string[] = [];
  let start = -1;
  for (let at = text.indexOf(delimiter); at >= 0; at = text.indexOf(delimiter, at + delimiter.length)) {
    const end = text.indexOf("\r\n", at + delimiter.length);
    const rest = text.slice(at + delimiter.length, end < 0 ? undefined : end).trimEnd();
    if (rest !== "" && rest !== "--") continue; // another boundary that begins like this one
    if (start >= 0) parts.push(text.slice(start, at));
    if (rest === "--" || end < 0 || parts.length === MAX_PARTS) return parts;
    start = end + 2;
  }
  if (start >= 0) parts.push(text.slice(start));
  return parts;
}

interface Parameter {
  name: string;
  text: string;
  /** Its place where it comes in sections (RFC 2231), as `filename*1`; `filename*` is the first and only one. */
  section: number | undefined;
  /** Its octets are written as `%A0`. */
  isEncoded: boolean;
}

/** A value with its parameters (RFC 2045 section 5.1), names and value in lower case. */
interface Value {
  value: string;
  parameters: readonly Parameter[];
}

function parseValue(text: string): Value {
  const found = text.matchAll(/;\s*([^\s=;*]+)(\*\d{1,3})?(\*)?\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g);
  const parameters = Array.from(found, ([, name = "", section, star, quoted, plain = ""]) => ({
    name: name.toLowerCase(),
    text: quoted?.replace(/\\(.)/g, "$1") ?? plain,
    section: section ? Number(section.slice(1)) : star ? 0 : undefined,
    isEncoded: star !== undefined,
  }));
  return { value: (text.split(";", 1)[0] ?? "").trim().toLowerCase(), parameters };
}

/** The text of a parameter, "" for none. Where it comes in two forms, the one with a charset counts. */
function parameter({ parameters }: Value, name: string): string {
  const found = parameters.filter((parameter) => parameter.name === name);
  const sections = found.filter(({ section }) => section !== undefined);
  if (sections.length === 0) return found[0]?.text ?? "";
  let charset = "";
  const octets = sections
    .sort((one, other) => (one.section ?? 0) - (other.section ?? 0))
    .map(({ text, isEncoded }, index) => {
      if (!isEncoded) return Buffer.from(text);
      const [, of, content = text] = (index === 0 && /^([^']*)'[^']*'(.*)$/s.exec(text)) || [];
      charset = of ?? charset;
      return fromHex(content, "%");
    });
  return decodeText(Buffer.concat(octets), charset);
}

/** Decodes the encoded-words of a text (RFC 2047). */
export function decodeWords(text: string): string {
  const word = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([QB])\?([^?\s]*)\?=/gi;
  // White space between two of them is no part of the text, and a character may be cut in two.
  const joined = text.replace(/(\?[QB]\?[^?\s]*\?=)\s+(?==\?[^?\s]+\?[QB]\?[^?\s]*\?=)/gi, "$1");
  return joined.replace(/(?:=\?[^?\s]+\?[QB]\?[^?\s]*\?=)+/gi, (words) => {
    let decoded = "";
    let charset = "";
    let octets: Buffer[] = [];
    for (const [, of = "", encoding = "", content = ""] of words.matchAll(word)) {
      if (of.toLowerCase() !== charset) {
        decoded += decodeText(Buffer.concat(octets), charset);
        octets = [];
        charset = of.toLowerCase();
      }
      octets.push(
        encoding.toUpperCase() === "B"
          ? Buffer.from(content, "base64")
          : fromHex(content.replaceAll("_", " "), "="),
      );
    }
    return decoded + decodeText(Buffer.concat(octets), charset);
  });
}

function decodeTransfer(body: string, encoding: string): Uint8Array {
  switch (encoding.toLowerCase()) {
    case "base64":
      return Buffer.from(body, "base64");
    case "quoted-printable":
      return fromHex(body.replace(/=[ \t]*\r\n/g, ""), "=");
    default:
      return Buffer.from(body, "latin1");
  }
}

/** Replaces `sign` with two hex digits behind it by that octet; anything else stays. */
function fromHex(text: string, sign: "=" | "%"): Buffer {
  const octets = Buffer.from(text, "latin1");
  const code = sign.charCodeAt(0);
  let length = 0;
  for (let at = 0; at < octets.length; at++) {
    let octet = octets[at] ?? 0;
    if (octet === code) {
      const digits = text.slice(at + 1, at + 3);
      if (/^[\da-f]{2}$/i.test(digits)) {
        octet = parseInt(digits, 16);
        at += 2;
      }
    }
    octets[length++] = octet;
  }
  return octets.subarray(0, length);
}

/** An unknown charset, none, and "us-ascii" that is not: UTF-8. */
function decodeText(octets: Uint8Array, charset: string): string {
  if (!/^(?:us-)?ascii$/i.test(charset)) {
    try {
      return new TextDecoder((charset || "utf-8") as Bun.Encoding).decode(octets);
    } catch {
      // read as UTF-8 below
    }
  }
  return new TextDecoder().decode(octets);
}
