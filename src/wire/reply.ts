import { clean } from "./text.js";

/** A reply (RFC 5321 4.2) before it is written. */
export interface Reply {
  /** Three digits. */
  readonly code: number;
  /** One line, or the lines of a multiline reply. Control characters become spaces when it is written. */
  readonly text: string | readonly string[];
  /** Enhanced status code (RFC 3463). Default: the usual one of `code`. `false`: this reply never has one. */
  readonly enhanced?: string | false | undefined;
  /** The formatted reply without and with its enhanced status code, prepared for a reply that never changes. */
  readonly octets?: { readonly plain: string; readonly enhanced: string } | undefined;
}

/** The usual enhanced status code of each reply code (RFC 3463, RFC 5248), as smtp-server has them. */
const ENHANCED: Readonly<Record<number, string>> = {
  235: "2.7.0",
  251: "2.1.5",
  252: "2.1.5",
  420: "4.4.2",
  421: "4.4.2",
  450: "4.2.1",
  451: "4.3.0",
  452: "4.2.2",
  454: "4.7.0",
  500: "5.5.2",
  501: "5.5.4",
  502: "5.5.1",
  503: "5.5.1",
  504: "5.5.4",
  521: "5.3.2",
  523: "5.3.4",
  530: "5.7.0",
  535: "5.7.8",
  538: "5.7.0",
  550: "5.1.1",
  551: "5.1.6",
  552: "5.2.2",
  553: "5.1.3",
  554: "5.6.0",
  555: "5.5.4",
  556: "5.1.10",
  557: "5.7.1",
  558: "5.2.3",
};

/** A valid enhanced status code. An application's error may contain any string here, even CR and LF. */
const STATUS = /^[245]\.\d{1,3}\.\d{1,3}$/;

/** The enhanced status code to send: only 2xx, 4xx and 5xx have one, of the same class (RFC 2034). */
function enhancedOf(reply: Reply): string {
  const { code, enhanced } = reply;
  const kind = Math.floor(code / 100);
  if (enhanced === false || kind === 3) return "";
  if (enhanced?.startsWith(`${kind}.`) && STATUS.test(enhanced)) return enhanced;
  return ENHANCED[code] ?? `${kind}.0.0`;
}

/**
 * Formats a reply (RFC 5321 4.2), with the CRLF of each line.
 * @param withEnhanced add enhanced status codes (`hideENHANCEDSTATUSCODES: false`)
 */
export function formatReply(reply: Reply, withEnhanced: boolean): string {
  if (reply.octets) return withEnhanced ? reply.octets.enhanced : reply.octets.plain;
  const enhanced = withEnhanced ? enhancedOf(reply) : "";
  const prefix = enhanced && `${enhanced} `;
  if (typeof reply.text === "string") {
    // An empty challenge is "334 " with its space (RFC 4954 4). Other replies without a text end after the code.
    const text = prefix + clean(reply.text);
    return text || reply.code === 334 ? `${reply.code} ${text}\r\n` : `${reply.code}\r\n`;
  }
  const last = reply.text.length - 1;
  let lines = "";
  for (let i = 0; i <= last; i++) {
    lines += `${reply.code}${i === last ? " " : "-"}${prefix}${clean(reply.text[i] as string)}\r\n`;
  }
  return lines;
}
