/** Plays every case to smtp-server and to this library, and finds the first step at which they part. */
import { createRequire } from "node:module";
import { SMTPServer } from "../../../src/index.js";
import { CASES, SAME, show } from "./cases.js";
import { playOne, type Heard, type ServerClass } from "./play.js";

const { SMTPServer: Theirs } = createRequire(import.meta.url)("smtp-server") as { SMTPServer: ServerClass };

export interface Difference {
  readonly options: string;
  readonly sent: string;
  readonly theirs: string;
  readonly ours: string;
}

const AT_ONCE = 30;

const text = ({ replies, seen }: Heard): string => (seen === "" ? replies : `${replies} ${seen}`);

export async function compare(): Promise<Difference[]> {
  const found: Difference[] = [];
  const next = CASES.values();
  const worker = async (): Promise<void> => {
    for (const { options, client } of next) {
      const all = { ...SAME, ...options };
      const [theirs, ours] = [
        await playOne(Theirs, { ...all }, client),
        await playOne(SMTPServer, { ...all }, client),
      ];
      const at = theirs.findIndex((heard, i) => text(heard) !== (ours[i] && text(ours[i])));
      const [their, our] = [theirs[at], ours[at]];
      if (their)
        found.push({
          options: show(options),
          sent: their.sent,
          theirs: text(their),
          ours: our ? text(our) : "",
        });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

if (import.meta.main) {
  for (const { options, sent, theirs, ours } of await compare())
    console.log(`${options} ${JSON.stringify(sent)}\n  - ${theirs}\n  + ${ours}`);
  console.log(`${CASES.length} transcripts`);
  process.exit(0);
}
