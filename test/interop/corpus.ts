/** Messages that a careless program would change: each must arrive byte for byte. */

const header = "From: a@client.test\r\nTo: b@mx.test\r\nSubject: interop\r\n\r\n";

/** Every octet but CR and LF, sixteen a line; NUL and the C1 range included. */
function everyOctet(): Buffer {
  const lines: Buffer[] = [];
  for (let first = 0; first < 256; first += 16) {
    const octets = Array.from({ length: 16 }, (_, index) => first + index);
    lines.push(Buffer.from(octets.filter((octet) => octet !== 0x0a && octet !== 0x0d)), Buffer.from("\r\n"));
  }
  return Buffer.concat([Buffer.from(header), ...lines]);
}

/** 1 MB of lines of every length from 0 to 76, every seventh with dots in front. */
function megabyte(): Buffer {
  const lines = [header];
  for (let size = header.length, line = 0; size < 1_000_000; line += 1) {
    const text = `${line % 7 === 0 ? ".".repeat((line % 3) + 1) : ""}${"x".repeat(line % 77)}\r\n`;
    lines.push(text);
    size += text.length;
  }
  return Buffer.from(lines.join(""));
}

/** What is in it → the message. */
export const corpus: ReadonlyMap<string, Buffer> = new Map(
  Object.entries({
    "nothing at all": "",
    "an empty line": "\r\n",
    "one dot": ".\r\n",
    "lines of dots": `${header}.\r\n..\r\n...\r\n.x\r\n. \r\n\r\n.\r\n\r\n..\r\n`,
    "a dot first": `.${header}.\r\n`,
    "a line of 20 000 octets": `${header}${"0123456789".repeat(2000)}\r\n.\r\n`,
    "dots where a buffer may end": `${header}${`${"y".repeat(1021)}\r\n.\r\n`.repeat(70)}`,
    "UTF-8": `${header.replace("interop", "Grüße ☃")}naïve — 漢字 🐇\r\n`,
    "Latin-1": Buffer.from(`${header}na\u00efve \u00ff\u0080\u00a0\r\n`, "latin1"),
    "every octet": everyOctet(),
    "no end of the last line": `${header}the end`,
    "no end of the last line, a dot": `${header}the end\r\n.`,
    "one megabyte": megabyte(),
  }).map(([name, message]) => [name, Buffer.from(message)]),
);

/** SMTP has no message without an end of its last line (RFC 5321 4.1.1.4): a client adds it. */
export function withLastLineEnd(message: Buffer): Buffer {
  const ended = message.length === 0 || message.subarray(-2).equals(Buffer.from("\r\n"));
  return ended ? message : Buffer.concat([message, Buffer.from("\r\n")]);
}

/** A message as DATA has it: dots stuffed, and the end (RFC 5321 4.5.2). */
export function onTheWire(message: Buffer): Buffer {
  const text = withLastLineEnd(message).toString("latin1");
  return Buffer.from(`${text.replace(/^\.|(?<=\r\n)\./g, "..")}.\r\n`, "latin1");
}

/** Where two messages part, shown; `undefined` if they are the same. */
export function difference(got: Buffer | undefined, wanted: Buffer): string | undefined {
  if (got === undefined) return "nothing arrived";
  if (got.equals(wanted)) return undefined;
  const same = wanted.findIndex((octet, index) => octet !== got[index]);
  const at = same === -1 ? wanted.length : same;
  const near = (message: Buffer): string =>
    JSON.stringify(message.toString("latin1", Math.max(0, at - 20), at + 60));
  return `octet ${at} of ${wanted.length}, ${got.length} arrived: ${near(got)} instead of ${near(wanted)}`;
}
