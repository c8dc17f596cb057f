/**
 * Published programs that depend on smtp-server, with it and with this package in its place: the same mail, and
 * what client and program saw of it is printed side by side and must be the same. Needs a package registry.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { install, pack, run, scratch } from "./install.js";

setDefaultTimeout(60_000);

const PROGRAMS = [
  "smtp-server-as-promised",
  "smtp-tester",
  "test-smtp-server",
  "maildev",
  "maildev-3",
  "wildduck",
  "zone-mta",
  "fake-smtp-server",
];

const folder = await scratch();
process.on("exit", () => void rm(folder, { recursive: true, force: true }));
const [theirs, ours] = [join(folder, "smtp-server"), join(folder, "bun-smtp")];

let missing: unknown;
try {
  await install(join(import.meta.dir, "programs"), theirs);
} catch (error) {
  missing = error;
  console.warn(`skipped: the programs cannot be installed, is there a package registry? ${String(error)}`);
}
if (!missing) await install(join(import.meta.dir, "programs"), ours, await pack(folder));

async function drive(program: string, where: string): Promise<unknown> {
  const output = await run([process.execPath, join(import.meta.dir, "drive.ts"), program], where);
  return JSON.parse(/^RESULT (.*)$/m.exec(output)?.[1] ?? "null");
}

describe.skipIf(!!missing)("the same with this package in the place of smtp-server", () => {
  test.each(PROGRAMS)("%s", async (program) => {
    const [expected, found] = [await drive(program, theirs), await drive(program, ours)];
    console.log(
      `${program}\n  smtp-server  ${JSON.stringify(expected)}\n  bun-smtp     ${JSON.stringify(found)}`,
    );
    expect(expected).toHaveProperty("heard");
    expect(found).toEqual(expected);
  });

  test("it is this package that they run on", async () => {
    const name = "console.log(require('smtp-server/package.json').name)";
    expect((await run([process.execPath, "-e", name], ours)).trim()).toBe("bun-smtp");
    expect((await run([process.execPath, "-e", name], theirs)).trim()).toBe("smtp-server");
  });
});
