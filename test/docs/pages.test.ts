/** What the README and the pages show compiles and runs, the conversations are had, and the links lead somewhere. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  mock,
  setDefaultTimeout,
  spyOn,
  test,
} from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SMTPServer } from "../../src/index.js";
import { createAuthority } from "../support/certificates.js";
import { type Example, examplesOf, isRunnable, PAGES, runExample, typeErrors } from "../support/examples.js";
import { anchorsOf, withoutBlocks } from "../support/markdown.js";
import { unsubscribeAll } from "../support/subscribe.js";
import { TLSClient } from "../support/tls-client.js";

setDefaultTimeout(120_000);

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const directory = mkdtempSync(join(tmpdir(), "bun-smtp-docs-"));
const home = process.cwd();

/** Certificates that examples read, next to them. */
const FILES: Readonly<Record<string, readonly [key: string, cert: string]>> = {
  localhost: ["cert/key.pem", "cert/cert.pem"],
  "mx.example.com": ["etc/ssl/mx.key", "etc/ssl/mx.pem"],
  "server.test": ["server.key", "server.crt"],
};

beforeAll(() => {
  const authority = createAuthority("Test CA");
  for (const folder of ["cert", "etc/ssl", "run/mail"])
    mkdirSync(join(directory, folder), { recursive: true });
  writeFileSync(join(directory, "clients-ca.crt"), authority.cert);
  for (const [name, [keyFile, certFile]] of Object.entries(FILES)) {
    const { key, cert } = authority.issue(name);
    writeFileSync(join(directory, keyFile), key);
    writeFileSync(join(directory, certFile), cert);
  }
  process.chdir(directory);
});
afterAll(() => {
  process.chdir(home);
  rmSync(directory, { recursive: true });
});

const examples = PAGES.flatMap(examplesOf);

test("every TypeScript block type-checks", async () => {
  expect(examples.length).toBeGreaterThan(50);
  const folder = join(directory, "types");
  mkdirSync(folder);
  expect(await typeErrors(examples, folder)).toBe("");
});

const linesOf = (code: string): string[] =>
  code.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));

/** Whether the lines of a part stand in the whole, in order; some between them may be left out. */
function isCutOf(part: string, whole: readonly string[]): boolean {
  let at = -1;
  return linesOf(part).every((line) => (at = whole.indexOf(line, at + 1)) >= 0);
}

test("what is no whole program is cut out of one that is", () => {
  const sources = [...new Bun.Glob("docs/**/*.ts").scanSync(ROOT)]
    .filter((file) => !file.includes("node_modules"))
    .map((file) => linesOf(read(file)));
  const others = PAGES.flatMap((page) =>
    [...read(page).matchAll(/^```((?:ts|typescript|js|javascript)\b.*)\n([^]*?)^```$/gm)]
      .filter(([, mark, code = ""]) => {
        const isCut = mark === "ts fragment" && sources.some((source) => isCutOf(code, source));
        return mark !== "ts" && !isCut;
      })
      .map(([, mark, code]) => `${page}: ${mark}\n${code}`),
  );
  expect(others).toEqual([]);
});

// ---- the programs --------------------------------------------------------------------------------------

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
let server: SMTPServer | undefined;
let client: TLSClient | undefined;
afterEach(async () => {
  client?.destroy();
  await server?.close();
  client = server = undefined;
  unsubscribeAll();
  mock.restore();
});

async function start(example: Example): Promise<TLSClient> {
  for (const method of ["log", "warn", "error"] as const) spyOn(console, method).mockImplementation(() => {});
  spyOn(process.stderr, "write").mockImplementation(() => true);
  // What a program does every minute must not go on in the tests behind it.
  spyOn(globalThis, "setInterval").mockImplementation((() => 0) as never);
  const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
  server = await runExample(example, directory);
  for (const signal of SIGNALS) {
    for (const listener of process.listeners(signal)) {
      if (!before.get(signal)?.includes(listener)) process.off(signal, listener);
    }
  }
  // Read live. The test does not wait for a lookup, and the name of the loopback address differs between machines.
  Object.assign(server.options, { closeTimeout: 1, earlyTalkerDelay: 0, disableReverseLookup: true });
  const address = server.address();
  if (address === null) throw new Error("The server does not listen");
  const to = typeof address === "string" ? address : address.port;
  const isImplicit = server.options.secure && !server.options.secured;
  client = isImplicit && typeof to === "number" ? await TLSClient.implicit(to) : await TLSClient.plain(to);
  return client;
}

/** A reply as the page writes it, `…` for anything. */
function pattern(lines: readonly string[]): RegExp {
  const escaped = lines.map((line) => line.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", "[^]*?"));
  return new RegExp(`^${escaped.join("\n")}$`);
}

/** Has a conversation of a page. */
async function converse(text: string): Promise<void> {
  const replies: string[] = [];
  const hear = async (): Promise<void> => {
    // There may be several replies, one for each recipient in LMTP. `250-…` is all of one.
    while (replies.length > 0) {
      const end = replies.findIndex((line) => /^\d{3}(?: |-…$)/.test(line));
      const lines = replies.splice(0, end < 0 ? replies.length : end + 1);
      expect((await client?.reply())?.replaceAll("\r\n", "\n")).toMatch(pattern(lines));
    }
  };
  for (const line of text.trimEnd().split("\n")) {
    const [, mark, rest = ""] = /^(C:|S:|--) ?(.*)$/.exec(line) ?? [];
    if (mark === "S:") replies.push(rest);
    else {
      await hear();
      if (mark === "C:") client?.send(`${rest}\r\n`);
      else if (mark === "--") await client?.handshake();
      else throw new Error(`Not a line of a conversation: ${line}`);
    }
  }
  await hear();
}

// The guide to TLS has a test of its own for what each of its programs does.
const programs = examples.filter(
  (example) =>
    isRunnable(example) && (example.conversation !== undefined || !example.page.endsWith("/tls.md")),
);

describe.each(PAGES.filter((page) => programs.some((program) => program.page === page)))("%s", (page) => {
  const here = programs.filter((program) => program.page === page);
  test.each(here.map(({ title }) => title))("the program below %p runs", async (title) => {
    const example = here.find((candidate) => candidate.title === title) as Example;
    await start(example);
    if (example.conversation !== undefined) return converse(example.conversation);
    expect(await client?.reply()).toStartWith("220 ");
    expect(await client?.say(server?.options.lmtp ? "LHLO client" : "EHLO client")).toStartWith("250-");
    expect(await client?.say("QUIT")).toStartWith("221 ");
  });
});

test("conversations follow programs that are run", () => {
  const idle = examples.filter((example) => example.conversation !== undefined && !isRunnable(example));
  expect(idle.map(({ page, title }) => `${page}: ${title}`)).toEqual([]);
});

// ---- the links -----------------------------------------------------------------------------------------

const withoutCode = (path: string): string => withoutBlocks(readFileSync(path, "utf8"));

const linksOf = (page: string): string[] =>
  [...withoutCode(join(ROOT, page)).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link);

test.each(PAGES)("the links of %s lead somewhere", (page) => {
  const dead = linksOf(page).filter((link) => {
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? join(ROOT, page) : join(ROOT, dirname(page), file);
    return (
      !existsSync(target) || (anchor !== undefined && !anchorsOf(readFileSync(target, "utf8")).has(anchor))
    );
  });
  expect(dead).toEqual([]);
});

test("every page is reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    for (const link of linksOf(page)) {
      const target = join(dirname(page), link.split("#")[0] ?? "");
      if (PAGES.includes(target)) reached.add(target);
    }
  }
  expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
});
