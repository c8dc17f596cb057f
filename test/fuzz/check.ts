/** What must hold of every session, whatever the client sent. */
import { random } from "../support/random.js";
import { makeScript } from "./grammar.js";
import { checkClientView } from "./client-view.js";
import { play, playByUnit, type Trace } from "./play.js";
import { byteByByte, describe, randomly, type Script, whole } from "./script.js";

export interface Outcome {
  /** Octets that the client sent. */
  readonly bytes: number;
  /** Replies of this session, code and text. */
  readonly replies: readonly string[];
  /** What did not hold, with the script that shows it. */
  readonly finding: string | undefined;
}

/** Plays the session of a seed in four ways and compares. */
export async function checkSeed(seed: number): Promise<Outcome> {
  return checkScript(makeScript(seed));
}

export async function checkScript(script: Script): Promise<Outcome> {
  const dice = random(script.seed ^ 0x5eed);
  const first = await playByUnit(script);
  const others = {
    whole: await play(script, whole),
    "byte by byte": await play(script, byteByByte),
    "random splits": await play(script, randomly(dice.below)),
  };
  const problems = [...first.problems, ...checkReplies(first.heard), ...checkClientView(script, first)];
  for (const [name, trace] of Object.entries(others)) {
    problems.push(...trace.problems.map((problem) => `${name}: ${problem}`));
    problems.push(...differences(first, trace).map((difference) => `${name} differs: ${difference}`));
  }
  return {
    bytes: first.bytes,
    replies: stable(first.heard).split("\r\n"),
    finding: problems.length > 0 ? [...problems, describe(script)].join("\n") : undefined,
  };
}

/** Challenges of CRAM-MD5 and SCRAM are new each time. */
function stable(heard: string): string {
  return heard.replace(/^334 (?!VXNlcm5hbWU6|UGFzc3dvcmQ6)\S{12,}$/gm, "334 (challenge)");
}

function differences(one: Trace, other: Trace): string[] {
  const views = (trace: Trace): Record<string, string> => ({
    replies: stable(trace.heard),
    calls: trace.calls.join("\n"),
    messages: JSON.stringify(trace.messages, null, 1),
    closed: String(trace.closed),
  });
  const [left, right] = [views(one), views(other)];
  return Object.keys(left)
    .filter((name) => left[name] !== right[name])
    .map((name) => `${name}\n--- unit by unit\n${left[name]}\n--- it\n${right[name]}\n---`);
}

/** RFC 5321 4.2: digits, and nothing in the text that could be taken for another line. */
function checkReplies(heard: string): string[] {
  if (heard === "") return [];
  if (heard === "* BAD Invalid PROXY header\r\n") return [];
  const isWhole = heard.endsWith("\r\n");
  const bad = heard
    .slice(0, -2)
    .split("\r\n")
    .find((line) => !/^[2-5]\d\d(?:[ -][^\x00-\x1f\x7f]*)?$/.test(line));
  return [
    ...(isWhole ? [] : ["half a reply"]),
    ...(bad === undefined ? [] : [`not a reply: ${JSON.stringify(bad)}`]),
  ];
}
