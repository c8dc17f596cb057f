/** A fuzzed session: what one client does, and the server that it does it to. */
import type { SMTPServerOptions } from "../../src/index.js";
import type { Login } from "../support/sasl-client.js";
import type { Reading } from "./reading.js";

/** What a client does. Bytes are kept in the pieces that the grammar made them of: a line, a message, a header. */
export type Step =
  | { readonly type: "send"; readonly units: readonly Buffer[] }
  /** The pieces of one unit, with time between them. */
  | { readonly type: "drip"; readonly pieces: readonly Buffer[]; readonly gap: number }
  /** An AUTH exchange whose answers are made of the server's challenges. */
  | { readonly type: "login"; readonly login: Login; readonly fault?: Fault | undefined }
  /** Milliseconds in which nothing comes. */
  | { readonly type: "pass"; readonly ms: number }
  /** The client's side of the handshake, if the server waits for it. */
  | { readonly type: "tls" }
  /** The client closes its side. */
  | { readonly type: "fin" };

/** One octet of one answer is wrong. */
export interface Fault {
  /** Which answer, from 0. */
  readonly answer: number;
  /** Which octet of it; counted round. */
  readonly at: number;
  /** `turn`: another one of the same alphabet; `break`: one of none. */
  readonly kind: "turn" | "break";
}

/** What the client does in the end. */
export type Ending =
  /** It is gone without a word. */
  | "vanish"
  /** It stays and says nothing: the server must end it. */
  | "silence"
  /** An octet now and then: the server must end that too. */
  | "trickle";

export interface Script {
  /** Makes the same script again. */
  readonly seed: number;
  readonly options: SMTPServerOptions;
  readonly hooks: {
    /** How they answer. */
    readonly answerBy: "callback" | "promise";
    /** How onData reads. */
    readonly reading: Reading;
  };
  /** The server's work takes so long that it lets others have their turn in the middle of it. */
  readonly isBusy: boolean;
  readonly steps: readonly Step[];
  readonly ending: Ending;
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
export function describe({ seed, options, hooks, isBusy, steps, ending }: Script): string {
  return [
    `# seed ${seed}`,
    `@ ${JSON.stringify({ ...options, ...hooks, isBusy })}`,
    ...steps.flatMap(describeStep),
    `!${ending}`,
  ].join("\n");
}

function describeStep(step: Step): string[] {
  switch (step.type) {
    case "send":
      return step.units.map((unit) => `C| ${escapeBytes(unit)}`);
    case "drip":
      return step.pieces.flatMap((piece) => [`C| ${escapeBytes(piece)}`, `!pass ${step.gap}`]);
    case "login":
      return [`!login ${JSON.stringify({ ...step.login, exported: undefined, fault: step.fault })}`];
    case "pass":
      return [`!pass ${step.ms}`];
    default:
      return [`!${step.type}`];
  }
}

/** Bytes as the transcripts of test/transcripts write them; of a long run of one octet only how long it is. */
export function escapeBytes(bytes: Buffer): string {
  const named: Record<string, string> = { "\r": "\\r", "\n": "\\n", "\0": "\\0", "\\": "\\\\" };
  return bytes
    .toString("latin1")
    .replace(
      /[^\x20-\x5b\x5d-\x7e]/g,
      (char) => named[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
    )
    .replace(/([a-zA-Z])\1{39,}/g, (run, octet: string) => `(${run.length} × ${octet})`);
}
