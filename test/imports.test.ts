import { describe, expect, test } from "bun:test";
import { dirname, join, normalize } from "node:path";

/** From top to bottom: a file imports from its own layer and from layers further down, type-only imports included. */
const LAYERS: readonly string[] = [
  "index.ts",
  "testing.ts",
  "runtime.ts",
  "testing/",
  "server/",
  "transport/",
  "connection/",
  "commands/",
  "message/",
  "sasl/",
  "session.ts",
  "options.ts",
  "diagnostics/",
  "hooks/",
  "logger.ts",
  "wire/",
  "errors.ts",
  "time/",
  "types/",
];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
  readonly names: string;
}

const SOURCE = new URL("../src/", import.meta.url).pathname;
const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SOURCE })].sort();

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");

/** Every import and re-export of a file, whatever its form. */
function importsOf(file: string, text: string): Import[] {
  const code = withoutComments(text);
  const statements = code.matchAll(/^\s*(?:import|export)\s+(type\s+)?([^;"']*?)\s*from\s*"([^"]+)"/gm);
  const bare = code.matchAll(/^\s*import\s+"([^"]+)"|\b(?:import|require)\(\s*"([^"]+)"\s*\)/gm);
  const resolve = (to: string): string =>
    to.startsWith(".") ? normalize(join(dirname(file), to)).replace(/\.js$/, ".ts") : to;
  return [
    ...statements.map(([, type, names = "", to = ""]) => {
      const inner = /^\{([\s\S]*)\}$/.exec(names)?.[1]?.split(",") ?? [];
      const listed = inner.map((name) => name.trim()).filter((name) => name !== "");
      const typeOnly = !!type || (listed.length > 0 && listed.every((name) => name.startsWith("type ")));
      return { from: file, to: resolve(to), typeOnly, names };
    }),
    ...bare.map(([, plain, called]) => ({
      from: file,
      to: resolve(plain ?? called ?? ""),
      typeOnly: false,
      names: "",
    })),
  ];
}

const sources = await Promise.all(
  files.map(async (file) => ({ file, text: await Bun.file(SOURCE + file).text() })),
);
const imports = sources.flatMap(({ file, text }) => importsOf(file, text));
const inside = imports.filter(({ to }) => files.includes(to));

function layer(file: string): number {
  return LAYERS.findIndex((name) => (name.endsWith("/") ? file.startsWith(name) : file === name));
}

const show = ({ from, to }: Import): string => `${from} imports ${to}`;

describe("the reader of imports", () => {
  const forms: [string, string, boolean][] = [
    ['import { a } from "./errors.js";', "errors.ts", false],
    ['import type { A } from "./errors.js";', "errors.ts", true],
    ['import { type A, type B } from "./errors.js";', "errors.ts", true],
    ['import { type A, b } from "./errors.js";', "errors.ts", false],
    ['import {\n  a,\n  type B,\n} from "./errors.js";', "errors.ts", false],
    ['import * as all from "./errors.js";', "errors.ts", false],
    ['import one from "./errors.js";', "errors.ts", false],
    ['import "./errors.js";', "errors.ts", false],
    ['export type * from "./types/index.js";', "types/index.ts", true],
    ['export { a } from "./errors.js";', "errors.ts", false],
    ['const x = await import("./errors.js");', "errors.ts", false],
    ['type X = import("./errors.js").SMTPError;', "errors.ts", false],
    ['import { isIP } from "node:net";', "node:net", false],
  ];
  for (const [text, to, typeOnly] of forms) {
    test(text.replaceAll("\n", " "), () => {
      expect(importsOf("index.ts", text)).toMatchObject([{ to, typeOnly }]);
    });
  }
  test("a comment imports nothing", () => {
    expect(
      importsOf("index.ts", '/**\n * import { a } from "./b.js";\n */\n// import { a } from "./b.js";'),
    ).toEqual([]);
  });
});

test("every file has a layer, and every relative import a file", () => {
  expect(files.filter((file) => layer(file) < 0)).toEqual([]);
  const lost = imports.filter(({ to }) => !files.includes(to) && !/^(node|bun):/.test(to) && to !== "bun");
  expect(lost.map(show)).toEqual([]);
});

test("every import runs down the layers", () => {
  expect(inside.filter(({ from, to }) => layer(to) < layer(from)).map(show)).toEqual([]);
});

test("only the server uses the transport, and the inbox for tests its certificate", () => {
  const users = inside.filter(
    ({ from, to }) => to.startsWith("transport/") && !from.startsWith("transport/"),
  );
  expect(users.filter(({ from }) => !from.startsWith("server/")).map(show)).toEqual([
    "testing/inbox.ts imports transport/self-signed-certificate.ts",
  ]);
});

test("the transport knows those above the wire by their types only", () => {
  const known = inside.filter(
    ({ from, to }) => from.startsWith("transport/") && !/^(transport|wire)\//.test(to),
  );
  expect(known.filter(({ typeOnly }) => !typeOnly).map(show)).toEqual([]);
});

test("only the transport and the certificate know Bun's sockets", () => {
  const users = sources.filter(({ text }) => /\bBun\.(listen|connect)\b|from "(bun|node:tls)"/.test(text));
  const values = users.filter(
    ({ file, text }) =>
      /\bBun\.(listen|connect)\b/.test(text) ||
      importsOf(file, text).some(({ to, typeOnly }) => /^(bun|node:tls)$/.test(to) && !typeOnly),
  );
  expect(values.map(({ file }) => file).filter((file) => !file.startsWith("transport/"))).toEqual([]);
});

test("only the clock of time/ reads the process's time and starts its timers", () => {
  const users = sources.filter(({ text }) =>
    /\bperformance\.now\b|(?<![.\w])(?:set|clear)(?:Timeout|Interval)\(/.test(withoutComments(text)),
  );
  expect(users.map(({ file }) => file)).toEqual(["time/clock.ts"]);
});

test("wire/ and sasl/ are pure", () => {
  const pure = (folder: string, allowed: RegExp): string[] =>
    imports
      .filter(({ from, to, typeOnly }) => from.startsWith(folder) && !typeOnly && !allowed.test(to))
      .map(show);
  expect(pure("wire/", /^(wire\/|node:net$|node:url$)/)).toEqual([]);
  expect(pure("sasl/", /^(sasl\/|wire\/|errors\.ts$|hooks\/|node:crypto$)/)).toEqual([]);
});

test("wire/ has of Node.js the judges of IP addresses and IDNA only", () => {
  const names = imports
    .filter(({ from, to }) => from.startsWith("wire/") && to.startsWith("node:"))
    .map((one) => one.names);
  const others = names
    .flatMap((list) => list.match(/\w+/g) ?? [])
    .filter((name) => !/^(isIP|isIPv4|isIPv6|domainToASCII|domainToUnicode|as|decode)$/.test(name));
  expect(others).toEqual([]);
});

test("types/ and errors.ts import nothing from other layers", () => {
  const taken = inside.filter(
    ({ from, to }) => /^(types\/|errors\.ts)/.test(from) && !to.startsWith("types/"),
  );
  expect(taken.map(show)).toEqual([]);
});

test("no import runs in a circle", () => {
  const edges = new Map<string, string[]>(files.map((file) => [file, []]));
  for (const { from, to } of inside) edges.get(from)?.push(to);
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) return void circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

describe("size", () => {
  test("at most 10 files stand at the root of src/", () => {
    const root = [...new Bun.Glob("*").scanSync({ cwd: SOURCE })];
    expect(root.length).toBeLessThanOrEqual(10);
  });

  test("no file is longer than 450 lines", () => {
    const long = sources.filter(({ text }) => text.split("\n").length > 450).map(({ file }) => file);
    expect(long).toEqual([]);
  });
});

test("test/setup.ts loads nothing of src/, for mutation testing cannot change what is loaded before its own preload", async () => {
  const root = join(SOURCE, "..");
  const seen = new Set(["test/setup.ts"]);
  for (const file of seen) {
    for (const { to, typeOnly } of importsOf(file, await Bun.file(join(root, file)).text()))
      if (!typeOnly && /^(?:src|test)\//.test(to)) seen.add(to);
  }
  expect(seen.size).toBeGreaterThan(2);
  expect([...seen].filter((file) => file.startsWith("src/"))).toEqual([]);
});
