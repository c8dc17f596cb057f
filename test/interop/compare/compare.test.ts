/**
 * smtp-server 3.21.6 and this library: the same lines, the same options, the same hooks. What differs is printed;
 * all of it is in differences.ts with its reason, and all that is there differs.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { CASES } from "./cases.js";
import { compare, original } from "./compare.js";
import { MEANT, reasonFor } from "./differences.js";

setDefaultTimeout(120_000);

test.skipIf(!original)(
  "the same replies, and the same values to the hooks, but for what is meant",
  async () => {
    const met = new Map<string, number>();
    const unmeant: string[] = [];
    for (const difference of await compare()) {
      const reason = reasonFor(difference);
      const { options, sent, theirs, ours } = difference;
      if (reason) met.set(reason, (met.get(reason) ?? 0) + 1);
      else
        unmeant.push(`${options} ${JSON.stringify(sent)}\n  smtp-server: ${theirs}\n  bun-smtp:    ${ours}`);
    }
    console.log(`${CASES.length} transcripts; the two differ in`);
    for (const { reason } of MEANT) console.log(`  ${met.get(reason) ?? 0}: ${reason}`);
    expect(unmeant).toEqual([]);
    expect(MEANT.map(({ reason }) => reason).filter((reason) => !met.has(reason))).toEqual([]);
  },
);
