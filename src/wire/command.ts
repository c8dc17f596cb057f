import { hasControl, toUpperASCII } from "./text.js";

/** A command line, cut at its first space. */
export interface Command {
  /** The verb in upper case. */
  verb: string;
  /** Everything after that space, as sent; empty without a space. */
  args: string;
}

/** Splits a command line (without its CRLF) into its verb and the rest (RFC 5321 section 4.1.1). */
export function splitCommand(line: string): Command {
  const space = line.indexOf(" ");
  return space < 0
    ? { verb: toUpperASCII(line), args: "" }
    : { verb: toUpperASCII(line.slice(0, space)), args: line.slice(space + 1) };
}

const SPACE = /\s+/;

/** Splits `text` at white space. */
export function words(text: string): string[] {
  const trimmed = text.trim();
  return trimmed === "" ? [] : trimmed.split(SPACE);
}

/** Whether `text` has no words. */
export function isBlank(text: string): boolean {
  return text === "" || text.trim() === "";
}

/** An `ehlo-keyword`, and `ehlo-param`s after one space each (RFC 5321 section 4.1.1.1). */
const EHLO_LINE = /^[A-Za-z0-9][A-Za-z0-9-]*(?: [!-~]+)*$/;
/** A reply line has 512 octets, the code and CRLF included (RFC 5321 section 4.5.3.1.5). */
const MAX_EHLO_LINE = 512 - "250-\r\n".length;

/** Whether `line` is a valid keyword line for the reply to EHLO. */
export function isEhloLine(line: string): boolean {
  return line.length <= MAX_EHLO_LINE && EHLO_LINE.test(line);
}

const HTTP_REQUEST = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT|PRI) .* HTTP\/\d\.\d$/i;

/** Whether `line` is the request line of HTTP/1.x or the preface of HTTP/2, as a web page makes a browser send it. */
export function isHttpRequest(line: string): boolean {
  // A fast check for the "/" and "." of "HTTP/1.1", which nearly no command has there.
  const end = line.length;
  return line.charCodeAt(end - 4) === 0x2f && line.charCodeAt(end - 2) === 0x2e && HTTP_REQUEST.test(line);
}

/** A host name has at most 255 octets, but some real clients send something a little longer. */
const MAX_HELO_NAME = 300;

/** Whether to accept `name` in HELO, EHLO or LHLO. It need not be a host name, because real clients send anything. */
export function isHeloName(name: string): boolean {
  return name.length <= MAX_HELO_NAME && !hasControl(name);
}
