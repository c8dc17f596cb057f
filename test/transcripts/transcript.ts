import type { ChallengeMechanism, Login } from "../support/sasl-client.js";

/**
 * Reads a transcript: a text file that says what a client sends and what it must hear.
 *
 *   # comment               @ option=value          server options; the value is JSON where it can be
 *   @hook onRcptTo refuse-if bad 551 Not here       a hook that is not to accept (see hooks.ts)
 *   @from 203.0.113.9       the address that connects
 *   S: 250 Accepted         exactly this line       S~ ^250          a line that matches
 *   S* 250                  a reply of this code, to its last line
 *   C: MAIL FROM:<a@b.c>    a line                  C+ …             a line in the same packet as the one before
 *   C| a\r\nb\0\x80         raw bytes, a packet     C& …             raw bytes in the same packet
 *   C* 1000 NOOP\r\n        raw bytes, so many times, a packet
 *   C= CRAM-MD5 tim secret  the right answer to the challenge that was heard last, of a client that begins
 *   C=                      its next answer
 *   !tls [cert]             the handshake           !fin !reset      the client closes, vanishes
 *   !close                  the server must close   !silent          nothing may be said
 *   = data "text"           what a hook saw next: data, error, helo, mailFrom, rcptTo, auth, session.<field>, close,
 *                           hooks (the names of all but the last)
 */
export type Step =
  | { readonly type: "send"; readonly bytes: Buffer }
  | { readonly type: "exact"; readonly text: string }
  | { readonly type: "match"; readonly pattern: RegExp }
  | { readonly type: "reply"; readonly code: string }
  | {
      readonly type: "act";
      readonly act: "tls" | "fin" | "reset" | "close" | "silent";
      readonly argument: string;
    }
  | {
      readonly type: "answer";
      /** Of the client that begins; missing: the same goes on. */
      readonly login: Login | undefined;
      readonly cut: (bytes: Buffer) => readonly Buffer[];
    }
  | { readonly type: "saw"; readonly what: string; readonly value: unknown };

export interface Transcript {
  readonly name: string;
  readonly options: Record<string, unknown>;
  /** Hook → how it behaves. */
  readonly hooks: Record<string, string>;
  readonly from: string | undefined;
  readonly steps: readonly (Step & { readonly line: number })[];
}

/** `\r \n \0 \t \\ \xHH`; all else stands for its own UTF-8. */
export function unescapeBytes(text: string): Buffer {
  const parts = text.split(/(\\x[0-9a-fA-F]{2}|\\[rn0t\\])/);
  const named: Record<string, string> = { "\\r": "\r", "\\n": "\n", "\\0": "\0", "\\t": "\t", "\\\\": "\\" };
  return Buffer.concat(
    parts.map((part) =>
      part.startsWith("\\x") ? Buffer.of(parseInt(part.slice(2), 16)) : Buffer.from(named[part] ?? part),
    ),
  );
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function parseTranscript(name: string, source: string): Transcript {
  const options: Record<string, unknown> = {};
  const hooks: Record<string, string> = {};
  const steps: (Step & { line: number })[] = [];
  let from: string | undefined;
  for (const [index, text] of source.split("\n").entries()) {
    const line = index + 1;
    const wrong = (): Error => new Error(`${name}:${line}: cannot read ${JSON.stringify(text)}`);
    if (text.trim() === "" || text.startsWith("#")) continue;
    if (text.startsWith("@")) {
      const option = /^@ (\w+)=(.*)$/.exec(text);
      const hook = /^@hook (\w+) (.+)$/.exec(text);
      const address = /^@from (\S*)$/.exec(text);
      if (option) options[option[1] as string] = valueOf(option[2] as string);
      else if (hook) hooks[hook[1] as string] = hook[2] as string;
      else if (address) from = address[1];
      else throw wrong();
      continue;
    }
    const mark = text.slice(0, 2);
    const rest = text.slice(2).replace(/^ /, "");
    const send = (bytes: Buffer, samePacket = false): void => {
      const last = steps.at(-1);
      if (samePacket && last?.type === "send")
        steps[steps.length - 1] = { ...last, bytes: Buffer.concat([last.bytes, bytes]) };
      else steps.push({ type: "send", bytes, line });
    };
    if (mark === "C:") send(Buffer.from(`${rest}\r\n`));
    else if (mark === "C+") send(Buffer.from(`${rest}\r\n`), true);
    else if (mark === "C|") send(unescapeBytes(rest));
    else if (mark === "C&") send(unescapeBytes(rest), true);
    else if (mark === "C*") {
      const [, count = "", bytes = ""] = /^(\d+) (.*)$/.exec(rest) ?? [];
      send(Buffer.concat(Array.from({ length: Number(count) }, () => unescapeBytes(bytes))));
    } else if (mark === "C=") {
      const [mechanism, username = "", password = ""] = rest.split(" ");
      const login = mechanism
        ? { mechanism: mechanism as ChallengeMechanism, username, password }
        : undefined;
      steps.push({ type: "answer", login, cut: (bytes) => [bytes], line });
    } else if (mark === "S:") steps.push({ type: "exact", text: rest, line });
    else if (mark === "S~") steps.push({ type: "match", pattern: new RegExp(rest), line });
    else if (mark === "S*") steps.push({ type: "reply", code: rest.trim(), line });
    else if (mark.startsWith("!")) {
      const [act = "", argument = ""] = text.slice(1).trim().split(" ");
      if (!["tls", "fin", "reset", "close", "silent"].includes(act)) throw wrong();
      steps.push({ type: "act", act: act as "tls", argument, line });
    } else if (mark === "= ") {
      const [, what = "", value = ""] = /^(\S+)\s*(.*)$/.exec(rest) ?? [];
      steps.push({ type: "saw", what, value: valueOf(value), line });
    } else throw wrong();
  }
  return { name, options, hooks, from, steps };
}

/**
 * The same transcript with its packets cut.
 * @param cut gets the index of the packet, -1 for an answer that is made when its challenge is heard
 */
export function cutPackets(
  transcript: Transcript,
  cut: (bytes: Buffer, index: number) => readonly Buffer[],
): Transcript {
  let index = 0;
  const steps = transcript.steps.flatMap((step): Transcript["steps"] => {
    if (step.type === "answer") return [{ ...step, cut: (bytes) => cut(bytes, -1) }];
    return step.type === "send" ? cut(step.bytes, index++).map((bytes) => ({ ...step, bytes })) : [step];
  });
  return { ...transcript, steps };
}
