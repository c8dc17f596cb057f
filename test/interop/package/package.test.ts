/**
 * The package as people get it: the tarball, and a clone that was never built, copied in by `file:` or linked.
 * Each in an ECMAScript and in a CommonJS project, under its own name and as smtp-server: the programs beside
 * compile under each way of TypeScript to find a module, and run. Needs no registry.
 */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { anchorsOf, withoutBlocks } from "../../support/markdown.js";
import { pack, run, scratch } from "../drop-in/install.js";
import { program, testWith } from "../harness.js";

setDefaultTimeout(120_000);

const ROOT = join(import.meta.dir, "../../..");
const MODULES = join(ROOT, "node_modules");
const PROGRAMS = join(import.meta.dir, "programs");
const folder = await scratch();
process.on("exit", () => void rm(folder, { recursive: true, force: true }));

const SOURCES = ["tarball", "file", "link"] as const;
const TYPES = ["module", "commonjs"] as const;
const projects = SOURCES.flatMap((source) =>
  TYPES.map((type) => ({ source, type, name: `${source}-${type}` })),
);
let tarball = "";
/** Each page and the manifest, as they were before the tarball was made. */
const before = await texts(ROOT);

/** What packing changes for its time, by path: the manifest and the pages. */
async function texts(root: string): Promise<Record<string, string>> {
  const pages = [...new Bun.Glob("docs/**/*.{md,txt}").scanSync(root)].filter(
    (page) => !page.includes("node_modules") && page !== "docs/llms-full.txt",
  );
  const paths = ["package.json", "README.md", ...pages].sort();
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path, await readFile(join(root, path), "utf8")])),
  );
}

/** A clone in which neither `bun install` nor `bun run build` was run. */
async function clone(to: string): Promise<void> {
  await cp(join(ROOT, "src"), join(to, "src"), { recursive: true });
  const manifest = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as Record<string, unknown>;
  // Bun installs those of a folder too, and they are all that would need a registry.
  delete manifest["devDependencies"];
  await writeFile(join(to, "package.json"), JSON.stringify(manifest));
}

beforeAll(async () => {
  tarball = await pack(folder);
  await clone(join(folder, "clone"));
  const types = join(folder, "node_modules/@types");
  await mkdir(types, { recursive: true });
  for (const name of ["@types/bun", "@types/node", "bun-types", "undici-types"])
    await symlink(join(MODULES, name), join(folder, "node_modules", name));
  for (const { source, type, name } of projects) {
    const project = join(folder, name);
    await cp(PROGRAMS, project, { recursive: true });
    const from = source === "tarball" ? `file:${tarball}` : "file:../clone";
    const dependencies = source === "link" ? {} : { "bun-smtp": from, "smtp-server": from };
    await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type, dependencies }));
    await run([process.execPath, "install"], project);
    if (source !== "link") continue;
    await mkdir(join(project, "node_modules"), { recursive: true });
    for (const alias of ["bun-smtp", "smtp-server"])
      await symlink(join(folder, "clone"), join(project, "node_modules", alias));
  }
});

describe("types, skipLibCheck: false", () => {
  test.each([
    ["bundler", "preserve"],
    ["node16", "node16"],
    ["nodenext", "nodenext"],
  ])("moduleResolution: %s", async (moduleResolution, module) => {
    const compilerOptions = {
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: "esnext",
      types: ["bun"],
      module,
      moduleResolution,
    };
    const tsconfig = join(folder, `tsconfig.${moduleResolution}.json`);
    const include = projects.map(({ name }) => join(folder, name, "*"));
    await writeFile(tsconfig, JSON.stringify({ compilerOptions, include }));
    const output = await run([join(MODULES, ".bin/tsc"), "-p", tsconfig, "--listFilesOnly"], folder);
    for (const { name } of projects) expect(output).toContain(`/${name}/main.ts\n`);
    // Of several copies of one version TypeScript reads the first.
    expect(output).toMatch(/\/tarball-\w+\/node_modules\/[\w-]+\/dist\/index\.d\.ts\n/);
    expect(output).toMatch(/\/file-\w+\/node_modules\/[\w-]+\/src\/index\.ts\n/);
    expect(await run([join(MODULES, ".bin/tsc"), "-p", tsconfig], folder)).toBe("");
  });
});

/** The oldest that reads the declarations. It knows neither `import … with` nor some types of newer libraries. */
test("types, TypeScript 5.0", async () => {
  const compilerOptions = {
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    target: "es2022",
    types: ["node"],
  };
  const tsconfig = join(folder, "tsconfig.oldest.json");
  const files = ["tarball-commonjs/plain.cts", "tarball-module/plain.cts"];
  await writeFile(
    tsconfig,
    JSON.stringify({
      compilerOptions: { ...compilerOptions, module: "node16", moduleResolution: "node16" },
      files,
    }),
  );
  const tsc = join(import.meta.dir, "../node_modules/typescript-5.0/lib/tsc.js");
  expect(await run([process.execPath, tsc, "--version"], folder)).toBe("Version 5.0.4\n");
  expect(await run([process.execPath, tsc, "-p", tsconfig], folder)).toBe("");
});

describe("programs", () => {
  test.each(projects)("$name: import", async ({ name }) => {
    const output = await run([process.execPath, "main.ts"], join(folder, name));
    expect(output).toBe('4 true\nacme a@example.com b@example.com "hi\\r\\n"\ntrue 250\n');
  });
  test.each(projects)("$name: require", async ({ name }) => {
    expect(await run([process.execPath, "plain.cts"], join(folder, name))).toBe("function true\n");
  });

  test("a clone by its path", async () => {
    const text = `import { SMTPServer } from "./clone"; console.log(new SMTPServer().server.listening)`;
    await writeFile(join(folder, "path.ts"), text);
    expect(await run([process.execPath, "path.ts"], folder)).toBe("false\n");
  });

  test("a bundle of what is published, as CommonJS, is the same", async () => {
    const project = join(folder, "tarball-commonjs");
    const outfile = join(folder, "bundle.cjs");
    // A bundler that knows nothing of Bun's condition takes dist/.
    const build = [
      "build",
      "--target=node",
      "--format=cjs",
      "--outfile",
      outfile,
      join(project, "plain.cts"),
    ];
    await run([process.execPath, ...build], project);
    expect(await readFile(outfile, "utf8")).toMatch(/bun-smtp\/dist\/index-\w+\.js/);
    expect(await run([process.execPath, outfile], folder)).toBe("function true\n");
  });
});

testWith("node")("Node.js gets one line that says what is missing", async () => {
  for (const type of TYPES) {
    const file = join(folder, `tarball-${type}`, "node.js");
    await writeFile(file, type === "module" ? 'import "bun-smtp"' : 'require("smtp-server/lib/smtp-server")');
    const child = Bun.spawn([program("node") ?? "", file], { stdout: "pipe", stderr: "pipe" });
    const complaint = await child.stderr.text();
    expect(await child.exited).not.toBe(0);
    expect(complaint).toMatch(/^Error: bun-smtp needs Bun 1\.4\.0 or later, and this is Node\.js \d+\./m);
  }
});

describe("the tarball", () => {
  const installed = join(folder, "tarball-module/node_modules/bun-smtp");
  const packed = async (): Promise<string[]> => {
    return (await readdir(installed, { recursive: true }))
      .filter((name) => /\.\w+$|LICENSE/.test(name))
      .sort();
  };

  test("has what users need and nothing else", async () => {
    const needed =
      /^(package\.json|README\.md|LICENSE|dist\/.*\.(c?js|d\.c?ts|html|css)|docs\/.*\.(md|svg|txt))$/;
    const files = await packed();
    expect(files).toEqual(
      expect.arrayContaining(["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts"]),
    );
    expect(files.filter((file) => !needed.test(file))).toEqual([]);
  });

  test("each link of a page leads into the package, to a heading if it names one", async () => {
    const pages = (await packed()).filter((file) => /\.(md|txt)$/.test(file));
    expect(pages.length).toBeGreaterThan(25);
    const dead: string[] = [];
    for (const page of pages) {
      const text = withoutBlocks(await readFile(join(installed, page), "utf8"));
      for (const [, link = ""] of text.matchAll(/\]\((?!https?:)([^)\s]+)/g)) {
        const [to = "", anchor] = link.split("#");
        const target = join(installed, to === "" ? page : join(dirname(page), to));
        const isThere = await Bun.file(target).exists();
        const hasAnchor =
          anchor === undefined || (isThere && anchorsOf(await Bun.file(target).text()).has(anchor));
        if (!isThere || !hasAnchor) dead.push(`${page}: ${link}`);
      }
    }
    expect(dead).toEqual([]);
  });

  test("is small", async () => {
    expect((await stat(tarball)).size).toBeLessThan(200_000);
  });

  test("a stack trace has the names of the source, and lines that can be read", async () => {
    const text = `
import * as all from "bun-smtp";
import * as testing from "bun-smtp/testing";
const own = Object.entries({ ...all, ...testing }).filter(([name]) => name !== "default");
console.log(own.flatMap(([name, value]) => (value.name === name ? [] : [name + " is " + value.name])));
const { SMTPServer, SMTPError } = all;
console.log(new SMTPServer().constructor.name, new SMTPError("x").constructor.name, new SMTPError("x").name);
try { new SMTPServer({ size: -1 }) } catch (error) { console.log(error.stack) }
try { await testing.startInbox({ port: "x" }) } catch (error) { console.log(error.stack) }
Error.stackTraceLimit = 100;
const onMailFrom = () => console.log(new Error("in a hook").stack);
const client = await testing.connect(new SMTPServer({ authOptional: true, onMailFrom }));
await client.command("EHLO client");
await client.command("MAIL FROM:<a@example.com>");
process.exit();
`;
    const project = join(folder, "tarball-module");
    await writeFile(join(project, "names.ts"), text);
    const output = await run([process.execPath, "names.ts"], project);
    expect(output).toStartWith("[]\nSMTPServer SMTPError SMTPError\n");
    expect(output).toMatch(/at checkOptions \(.*\n.* at new SMTPServer \(/);
    expect(output).toMatch(
      /at checkInteger \(.*\n.* at checkOptions\d? \(.*\n.* at new Inbox \(.*\n.* at startInbox \(/,
    );
    const [, frames = ""] = output.split("in a hook");
    const names = Array.from(
      frames.matchAll(/at (?:async |new )*(\S+) \(.*\/dist\//g),
      ([, name = ""]) => name,
    );
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => /^#?\w{1,2}$/.test(name))).toEqual([]);
    // Bun prints the lines above the one that throws.
    for (const file of (await packed()).filter((name) => /^dist\/[^/]+\.js$/.test(name))) {
      const lines = (await readFile(join(installed, file), "utf8")).split("\n");
      expect(lines.filter((line) => line.length > 500 && !line.includes('= "AGFzb'))).toEqual([]);
    }
  });

  test("has the mail catcher as its program", async () => {
    const project = join(folder, "tarball-module");
    const catcher = Bun.spawn(["node_modules/.bin/bun-smtp", "--port", "0", "--web-port", "0"], {
      cwd: project,
      stdout: "pipe",
      stderr: "inherit",
    });
    try {
      const reader = catcher.stdout.getReader();
      const said = new TextDecoder().decode((await reader.read()).value);
      const page = /the page is (\S+)\. Ctrl-C/.exec(said)?.[1];
      for (const file of ["", "/script.js", "/links.js", "/style.css"]) {
        const response = await fetch(`${page}${file}`);
        expect(response.status).toBe(200);
        expect((await response.text()).length).toBeGreaterThan(100);
      }
    } finally {
      catcher.kill();
      await catcher.exited;
    }
  });

  test("packing leaves the manifest and the pages as they were", async () => {
    expect(await texts(ROOT)).toEqual(before);
    expect(await readFile(join(installed, "package.json"), "utf8")).not.toMatch(/src\//);
    const paths = JSON.parse(before["package.json"] ?? "") as { exports: object };
    expect(JSON.stringify(paths.exports)).toContain("./src/testing.ts");
  });

  describe("packing that is interrupted", () => {
    const where = join(folder, "interrupted");
    const build = (task: string): Promise<string> => run([process.execPath, ".ci/build.ts", task], where);
    beforeAll(async () => {
      for (const path of ["src", "docs", ".ci", "README.md", "package.json", "tsconfig.json"]) {
        const filter = (from: string): boolean => !from.includes("node_modules");
        await cp(join(ROOT, path), join(where, path), { recursive: true, filter });
      }
      await symlink(MODULES, join(where, "node_modules"));
    });

    test("is undone by the next task, whatever was written already", async () => {
      await build("publish");
      const published = await texts(where);
      const changed = Object.keys(before).filter((path) => published[path] !== before[path]);
      expect(changed).toEqual(expect.arrayContaining(["README.md", "docs/index.md", "package.json"]));
      // It was interrupted before it came to this page.
      await writeFile(join(where, "docs/index.md"), before["docs/index.md"] ?? "");
      await build("restore");
      expect(await texts(where)).toEqual(before);
    });

    test("and packing again publishes the same", async () => {
      await build("publish");
      const published = await texts(where);
      await build("publish");
      expect(await texts(where)).toEqual(published);
      await build("restore");
      expect(await texts(where)).toEqual(before);
    });

    test("keeps what was written meanwhile", async () => {
      await build("publish");
      await writeFile(join(where, "README.md"), "# Written meanwhile\n");
      await rm(join(where, "docs/cookbook.md"));
      await build("restore");
      const { "docs/cookbook.md": _removed, ...others } = before;
      expect(await texts(where)).toEqual({ ...others, "README.md": "# Written meanwhile\n" });
    });
  });

  test("a clone without its tools says what to do", async () => {
    const where = join(folder, "bare");
    await cp(join(folder, "clone"), where, { recursive: true });
    await cp(join(ROOT, ".ci"), join(where, ".ci"), { recursive: true });
    const packing = Bun.spawn([process.execPath, "pm", "pack"], {
      cwd: where,
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await packing.stderr.text()).toContain("run bun install first");
    expect(await packing.exited).not.toBe(0);
  });

  const bin = (name: string): string => join(import.meta.dir, "../node_modules/.bin", name);
  test("publint has no error and no warning", async () => {
    const output = await run([process.execPath, bin("publint"), tarball, "--strict"], folder);
    expect(output).toContain("Linting...");
    expect(output).not.toMatch(/Errors|Warnings/);
  });
  test("are the types wrong? No", async () => {
    const output = await run([process.execPath, bin("attw"), tarball, "--format", "json"], folder);
    expect(JSON.parse(output)).toEqual(expect.objectContaining({ problems: {} }));
  });
});
