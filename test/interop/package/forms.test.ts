/**
 * The package as it is published, installed as `"smtp-server": "file:…"`: its declarations compile in a program
 * that has nothing but @types/node, and every form of import gives the class. Needs no registry.
 */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pack, run, scratch } from "../drop-in/install.js";

setDefaultTimeout(60_000);

const ROOT = join(import.meta.dir, "../../..");
const modules = join(ROOT, "node_modules");
const folder = await scratch();
process.on("exit", () => void rm(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const tarball = await pack(folder);
  const dependencies = { "bun-smtp": `file:${tarball}`, "smtp-server": `file:${tarball}` };
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
  await run([process.execPath, "install"], folder);
  for (const name of ["@types/node", "undici-types"])
    await cp(join(modules, name), join(folder, "node_modules", name), { recursive: true, dereference: true });
});

/** Compiles files with what a program's own tsconfig.json says. */
async function compile(name: string, files: Record<string, string>, options: object): Promise<string> {
  const where = join(folder, name);
  await mkdir(where);
  for (const [file, text] of Object.entries(files)) await writeFile(join(where, file), text);
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    target: "es2022",
    lib: ["es2022"],
    types: ["node"],
    ...options,
  };
  await writeFile(
    join(where, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: Object.keys(files) }),
  );
  return run([join(modules, ".bin/tsc"), "-p", where], folder);
}

const ours = await readFile(join(ROOT, "test/types/bun-smtp.ts"), "utf8");
const theirs = (await readFile(join(ROOT, "test/types/smtp-server.ts"), "utf8")).replaceAll(
  '"bun-smtp"',
  '"smtp-server"',
);
const required = `
import smtp = require("smtp-server");
import deep = require("smtp-server/lib/smtp-server");
const { SMTPServer } = smtp;
const servers: smtp.SMTPServer[] = [new SMTPServer(), new deep.SMTPServer()];
servers[0]?.listen(0);
`;
const again = `export * from "smtp-server"; export { default } from "smtp-server/lib/smtp-server.js";`;

describe("declarations, skipLibCheck: false", () => {
  test("module: nodenext", () =>
    compile(
      "nodenext",
      { "a.mts": theirs, "b.cts": required, "c.mts": again, "d.ts": theirs },
      { module: "nodenext" },
    ));
  test("module: commonjs", () =>
    compile("commonjs", { "a.ts": theirs }, { module: "commonjs", moduleResolution: "bundler" }));
  test("module: esnext, for a bundler, newest lib with its own ReadableStream", () =>
    compile(
      "esnext",
      { "a.ts": theirs, "b.ts": ours },
      {
        module: "esnext",
        moduleResolution: "bundler",
        lib: ["esnext", "dom"],
        target: "esnext",
      },
    ));
  test("exactOptionalPropertyTypes, noUncheckedIndexedAccess", () =>
    compile(
      "exact",
      { "a.mts": theirs },
      {
        module: "nodenext",
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
      },
    ));
});

describe("forms of import", () => {
  const forms: Record<string, [file: string, text: string]> = {
    "require and destructure": ["a.cjs", 'const { SMTPServer } = require("smtp-server"); print(SMTPServer)'],
    "require and a member": ["b.cjs", 'print(require("smtp-server").SMTPServer)'],
    "require, default": ["c.cjs", 'print(require("smtp-server").default.SMTPServer)'],
    "a named import": ["d.mjs", 'import { SMTPServer } from "smtp-server"; print(SMTPServer)'],
    "the default import": ["e.mjs", 'import smtp from "smtp-server"; print(smtp.SMTPServer)'],
    "import *": ["f.mjs", 'import * as smtp from "smtp-server"; print(smtp.SMTPServer)'],
    "import()": ["g.mjs", 'print((await import("smtp-server")).SMTPServer)'],
    "export *": ["h.mjs", 'import { SMTPServer } from "./again.mjs"; print(SMTPServer)'],
    __exportStar: ["i.cjs", 'const all = { ...require("smtp-server") }; print(all.SMTPServer)'],
    "lib/smtp-server": ["j.cjs", 'print(require("smtp-server/lib/smtp-server").SMTPServer)'],
    "lib/smtp-server.js": [
      "k.mjs",
      'import { SMTPServer } from "smtp-server/lib/smtp-server.js"; print(SMTPServer)',
    ],
    "the own name": ["l.cjs", 'print(require("bun-smtp").SMTPServer)'],
  };
  const print = "function print(Server) { console.log(typeof new Server({ logger: false }).listen) }\n";
  test.each(Object.entries(forms))("%s", async (_name, [file, text]) => {
    await writeFile(join(folder, "again.mjs"), again);
    await writeFile(join(folder, file), print + text);
    expect(await run([process.execPath, join(folder, file)], folder)).toBe("function\n");
  });
});
