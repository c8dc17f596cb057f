/** The tests that the README and docs/guide/testing.md show, run as a user would run them. They want nodemailer, which is installed here. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examplesOf } from "../support/examples.js";

setDefaultTimeout(30_000);

const directory = mkdtempSync(join(tmpdir(), "bun-smtp-testing-"));
afterAll(() => rmSync(directory, { recursive: true }));

const examples = ["README.md", "docs/guide/testing.md"].flatMap(examplesOf);
const tests = examples.filter(({ code }) => /from "(bun|node):test"/.test(code) && code.includes("test("));

test("there are tests of bun:test and of node:test", () => expect(tests).toHaveLength(4));

test.each(tests.map(({ title }) => title))("the tests below %p pass", async (title) => {
  const code = (tests.find((example) => example.title === title)?.code ?? "")
    .replace('"bun-smtp"', JSON.stringify(join(import.meta.dir, "../../src/index.ts")))
    .replace('"bun-smtp/testing"', JSON.stringify(join(import.meta.dir, "../../src/testing.ts")))
    .replace('"nodemailer"', JSON.stringify(Bun.resolveSync("nodemailer", import.meta.dir)));
  writeFileSync(join(directory, "welcome.test.ts"), code);
  const run = Bun.spawn([process.execPath, "test", "welcome.test.ts"], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await run.stderr.text();
  expect(await run.exited, said).toBe(0);
  expect(said).toMatch(/^\s*[1-9] pass\n\s*0 fail$/m);
});
