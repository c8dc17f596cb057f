/**
 * The example mx under load, killed with SIGKILL and started again, many times: no message that was answered 250 is
 * lost, none is stored that is not whole, and no file is left that belongs to none.
 * `bun crash.ts [--rounds 20] [--messages 500]`, of which each round has so many.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrashTest } from "../support/crash.js";
import { expectBound, finish, flag } from "./harness.js";

const rounds = flag("rounds", 20);
const directory = mkdtempSync(join(tmpdir(), "bun-smtp-crash-"));
const crash = new CrashTest(directory);
await crash.prepare();
try {
  for (let round = 1; round <= rounds; round++) {
    await crash.round(flag("messages", 500));
    const { answered, unheard, files, leftOver } = await crash.check();
    console.log(
      `round ${round}: ${answered} answered, ${unheard} stored and not heard, ${files} in files, ${leftOver} files left over and removed`,
    );
  }
  expectBound(`after each of ${rounds} kills all was there that was answered, octet for octet`, true);
} catch (error) {
  expectBound((error as Error).message, false);
}
rmSync(directory, { recursive: true });
finish();
