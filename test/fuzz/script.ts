/** A fuzzed session: what one client does, and the server that it does it to. */
import type { SMTPServerOptions } from "../../src/index.js";

/** What a client does. Bytes are kept in the pieces that the grammar made them of: a line, a message, a header. */
export type Step =
  | { readonly type: "send"; readonly units: readonly Buffer[] }
  /** The client's side of the handshake, if the server waits for one. */
  | { readonly type: "tls" }
  /** The client closes its side. */
  | { readonly type: "fin" };

export interface Script {
  /** Makes the same script again. */
  readonly seed: number;
  readonly options: SMTPServerOptions;
  readonly steps: readonly Step[];
}

/** How the bytes of one step reach the server. */
export type Cut = (units: readonly Buffer[]) => readonly Buffer[];

/** All in one packet. */
export const whole: Cut = (units) => [Buffer.concat(units)];

/** A packet for each byte. */
export const byteByByte: Cut = (units) => {
  const bytes = Buffer.concat(units);
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
};

/** Packets of 1 to 64 bytes. */
export function randomly(below: (limit: number) => number): Cut {
  return (units) => {
    const bytes = Buffer.concat(units);
    const packets: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + below(below(2) ? 4 : 64);
      packets.push(bytes.subarray(at, end));
      at = end;
    }
    return packets;
  };
}

/** The script as text: what a finding prints. */
export function describe({ seed, options, steps }: Script): string {
  const lines = steps.flatMap((step) =>
    step.type === "send" ? step.units.map((unit) => `C| ${escapeBytes(unit)}`) : [`!${step.type}`],
  );
  return [`# seed ${seed}`, `@ ${JSON.stringify(options)}`, ...lines].join("\n");
}

/** Bytes as the transcripts of test/transcripts write them. */
export function escapeBytes(bytes: Buffer): string {
  const named: Record<string, string> = { "\r": "\\r", "\n": "\\n", "\0": "\\0", "\\": "\\\\" };
  return bytes
    .toString("latin1")
    .replace(
      /[^\x20-\x5b\x5d-\x7e]/g,
      (char) => named[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
}
