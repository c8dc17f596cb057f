import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { checkSeed, type Outcome } from "./check.js";
import { referenceUnstuff } from "./client-view.js";
import { play } from "./play.js";
import { byteByByte, type Fault, type Script } from "./script.js";
import { hello, makeServer } from "../support/client.js";
import type { ChallengeMechanism } from "../support/sasl-client.js";
import { trace } from "../support/subscribe.js";
import { collectWarnings } from "../support/warnings.js";

// Hooks are late here on purpose.
collectWarnings();

// These work for seconds, longer on a busy machine.
setDefaultTimeout(120_000);

const SESSIONS = 300;
const outcomes = new Map<number, Promise<Outcome>>();

/** Plays the session of a seed once for all tests. */
function played(seed: number): Promise<Outcome> {
  const outcome = outcomes.get(seed) ?? checkSeed(seed);
  outcomes.set(seed, outcome);
  return outcome;
}

test("fuzzed sessions hear and do the same however their bytes are cut", async () => {
  for (let seed = 1; seed <= SESSIONS; seed++) expect((await played(seed)).finding).toBeUndefined();
});

test("the sessions get far enough to mean something", async () => {
  const replies = new Set<string>();
  for (let seed = 1; seed <= SESSIONS; seed++)
    for (const reply of (await played(seed)).replies) replies.add(reply);
  for (const wanted of [
    /^235/,
    /^354/,
    /^250 OK: message queued/,
    /^250 OK: \d+ octets/,
    /^220 Ready/,
    /^550 .*bare <LF>/,
    /^552/,
    /^421 Timeout/,
    /^421 Error: data rate too low/,
  ]) {
    expect([...replies].filter((reply) => wanted.test(reply))).not.toBeEmpty();
  }
});

test("what begins on a diagnostics channel ends once, whatever clients and hooks do", async () => {
  const counts: Record<string, { begun: number; open: Set<object>; endedTwice: number }> = {};
  for (const name of ["connection", "command", "hook", "message"]) {
    const count = (counts[name] = { begun: 0, open: new Set<object>(), endedTwice: 0 });
    trace<object>(`bun-smtp:${name}`, {
      start: (message) => void (count.open.add(message), (count.begun += 1)),
      asyncEnd: (message) => void (count.open.delete(message) || (count.endedTwice += 1)),
    });
  }
  for (let seed = 1; seed <= 40; seed++) expect((await checkSeed(seed)).finding).toBeUndefined();
  for (const { begun, open, endedTwice } of Object.values(counts)) {
    expect(begun).toBeGreaterThan(50);
    expect({ open: [...open], endedTwice }).toEqual({ open: [], endedTwice: 0 });
  }
});

test("the time of a session is its own: a server beside it has its timers elsewhere", async () => {
  const script: Script = {
    seed: 0,
    options: {},
    hooks: { answerBy: "callback", reading: "iterate" },
    isBusy: false,
    steps: [{ type: "send", units: [Buffer.from("EHLO client\r\n")] }],
    ending: "silence",
  };
  const playing = play(script, byteByByte);
  const beside = await hello(makeServer());
  expect((await playing).problems).toEqual([]);
  expect(await beside.say("NOOP")).toBe("250 OK");
});

test.each([
  [".\r\n", "", ""],
  ["..\r\n.\r\nQUIT\r\n", ".\r\n", "QUIT\r\n"],
  ["a\r\n.b\r\n..\r\n.\r\n", "a\r\nb\r\n.\r\n", ""],
  ["\r\n\n.\r\n\r\n.\r\n", "\r\n\n.\r\n\r\n", ""],
])("the reference reads %j", (raw, content, rest) => {
  expect(referenceUnstuff(raw)).toEqual({ content, rest });
});

describe.each<ChallengeMechanism>(["CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])(
  "a login by %s",
  (mechanism) => {
    const script = (fault?: Fault): Script => ({
      seed: 0,
      options: { authMethods: [mechanism], maxAuthAttempts: 0 },
      hooks: { answerBy: "callback", reading: "iterate" },
      isBusy: false,
      steps: [
        { type: "send", units: [Buffer.from("EHLO client\r\nSTARTTLS\r\n")] },
        { type: "tls" },
        { type: "send", units: [Buffer.from("EHLO client\r\n")] },
        {
          type: "login",
          login: { mechanism, username: "user", password: "pencil", exported: Buffer.alloc(32, 7) },
          fault,
        },
      ],
      ending: "vanish",
    });

    test("succeeds with the right answers", async () => {
      const { heard, problems } = await play(script(), byteByByte);
      expect(problems).toEqual([]);
      expect(heard).toEndWith("\r\n235 Authentication successful\r\n");
    });

    test("fails with any octet of any answer wrong", async () => {
      const answers = mechanism === "CRAM-MD5" ? 1 : 3;
      // SCRAM costs a millisecond each time; none of its answers has as many octets.
      const step = mechanism === "CRAM-MD5" ? 1 : 13;
      for (let answer = 0; answer < answers; answer++) {
        for (let at = answer; at < 160; at += step) {
          for (const kind of ["turn", "break"] as const) {
            const { heard, problems } = await play(script({ answer, at, kind }), byteByByte);
            expect(problems).toEqual([]);
            expect(heard).toMatch(/\r\n(?:501|535) [^\r\n]*\r\n$/);
          }
        }
      }
    });
  },
);
