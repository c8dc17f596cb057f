import { expect, test } from "bun:test";
import { checkSeed } from "./check.js";
import { referenceUnstuff } from "./client-view.js";

const SESSIONS = 300;

test("fuzzed sessions hear and do the same however their bytes are cut", async () => {
  const findings: string[] = [];
  for (let seed = 1; seed <= SESSIONS; seed++) findings.push(...(await checkSeed(seed)).findings);
  expect(findings).toEqual([]);
});

test("the sessions get far enough to mean something", async () => {
  const replies = new Set<string>();
  for (let seed = 1; seed <= SESSIONS; seed++)
    for (const reply of (await checkSeed(seed)).replies) replies.add(reply);
  for (const wanted of [
    /^235/,
    /^354/,
    /^250 OK: message queued/,
    /^250 OK: \d+ octets/,
    /^220 Ready/,
    /^550 .*bare <LF>/,
    /^552/,
    /^421/,
  ]) {
    expect([...replies].filter((reply) => wanted.test(reply))).not.toBeEmpty();
  }
});

test.each([
  [".\r\n", "", ""],
  ["..\r\n.\r\nQUIT\r\n", ".\r\n", "QUIT\r\n"],
  ["a\r\n.b\r\n..\r\n.\r\n", "a\r\nb\r\n.\r\n", ""],
  ["\r\n\n.\r\n\r\n.\r\n", "\r\n\n.\r\n\r\n", ""],
])("the reference reads %j", (raw, content, rest) => {
  expect(referenceUnstuff(raw)).toEqual({ content, rest });
});
