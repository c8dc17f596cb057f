/** A reply of a server. */
export interface Reply {
  /** Three digits, 200 to 599. */
  code: number;
  /** The text of each line, without code and separator. */
  lines: string[];
  /** The lines with LF between them. */
  text: string;
  /** As it came: all lines, each with its CRLF. */
  raw: string;
}

const WHOLE = /^(?:\d{3}-[^\r\n]*\r\n)*(\d{3})(?: [^\r\n]*)?\r\n/;

/** Takes the first whole reply off what came: the reply and the rest. `undefined` where it has not come to its end. */
export function takeReply(received: string): [reply: Reply, rest: string] | undefined {
  const [octets, code] = WHOLE.exec(received) ?? [];
  if (octets === undefined) return undefined;
  const raw = Buffer.from(octets, "latin1").toString();
  const lines = raw
    .slice(0, -2)
    .split("\r\n")
    .map((line) => line.slice(4));
  return [{ code: Number(code), lines, text: lines.join("\n"), raw }, received.slice(octets.length)];
}
