/** Plays every case to smtp-server and to this library, and finds the first step at which they part. */
import { createRequire } from "node:module";
import { SMTPServer } from "../../../src/index.js";
import { CASES, SAME } from "./cases.js";
import { playOne, type Heard, type ServerClass } from "./play.js";

/** One transcript's first difference: replies, and behind them what the hooks were given. */
export interface Difference {
  /** As JSON, without those that all cases have. */
  readonly options: string;
  readonly sent: string;
  readonly theirs: string;
  readonly ours: string;
}

/** The original waits 100 ms before it greets: many are asked at a time. */
const AT_A_TIME = 30;

/** smtp-server's class; `undefined`, said on stderr, where it is not installed. */
export const original: ServerClass | undefined = load();

function load(): ServerClass | undefined {
  try {
    return (createRequire(import.meta.url)("smtp-server") as { SMTPServer: ServerClass }).SMTPServer;
  } catch {
    console.warn("skipped: smtp-server is not installed (bun install in test/interop)");
    return undefined;
  }
}

const text = ({ replies, seen }: Heard): string => (seen === "" ? replies : `${replies} ${seen}`);

export async function compare(): Promise<Difference[]> {
  if (!original) return [];
  const theirClass = original;
  const found: Difference[] = [];
  const next = CASES.values();
  const worker = async (): Promise<void> => {
    for (const { options, client } of next) {
      const all = { ...SAME, ...options };
      const [theirs, ours] = await Promise.all([
        playOne(theirClass, { ...all }, client),
        playOne(SMTPServer, { ...all }, client),
      ]);
      const at = theirs.findIndex((heard, i) => text(heard) !== (ours[i] && text(ours[i])));
      const [their, our] = [theirs[at], ours[at]];
      if (!their) continue;
      const shown = JSON.stringify(options);
      found.push({
        options: shown,
        sent: their.sent,
        theirs: text(their),
        ours: our ? text(our) : "(closed)",
      });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return found;
}
