/** The test that docs/guide/testing.md shows, run as a user would run it. It wants nodemailer, which is installed here. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examplesOf } from "../support/examples.js";

setDefaultTimeout(30_000);

const directory = mkdtempSync(join(tmpdir(), "bun-smtp-testing-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("the server inside of a test gets what nodemailer sends", async () => {
  const example = examplesOf("docs/guide/testing.md").find(({ code }) => code.includes('from "bun:test"'));
  const code = (example?.code ?? "")
    .replace('"bun-smtp"', JSON.stringify(join(import.meta.dir, "../../src/index.ts")))
    .replace('"nodemailer"', JSON.stringify(Bun.resolveSync("nodemailer", import.meta.dir)));
  writeFileSync(join(directory, "welcome.test.ts"), code);
  const run = Bun.spawn([process.execPath, "test", "welcome.test.ts"], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await run.stderr.text();
  expect(await run.exited, said).toBe(0);
  expect(said).toMatch(/^\s*1 pass$/m);
});
