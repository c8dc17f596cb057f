/** What a message of the queue looks like. */

/** What the queue knows about a message, beside its octets. */
export interface Envelope {
  id: string;
  /** The reverse-path; "" for the null sender, who never gets a bounce. */
  mailFrom: string;
  rcptTo: string[];
  /** The lines that the receiver puts on top. */
  head: string;
  /** The name of the object that has the octets; without it they follow in the queue's message. */
  object?: string;
  /** The address or the headers are not ASCII, so that the next server has to know SMTPUTF8. */
  isUTF8: boolean;
  /** How often a deliverer has tried already, when the message was queued. */
  tries: number;
  /** It is a bounce, which leaves by the relay. */
  isBounce?: true;
}

/** The payload of a message of the queue: a line of JSON, then the octets. */
export function encode(envelope: Envelope, body: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify(envelope)}\n`), ...body]);
}

/** Takes a payload apart. */
export function decode(payload: Uint8Array): { envelope: Envelope; body: Buffer } {
  const octets = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const end = octets.indexOf(10);
  const envelope = JSON.parse(octets.toString("utf8", 0, end)) as Envelope;
  return { envelope, body: octets.subarray(end + 1) };
}
