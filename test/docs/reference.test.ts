/**
 * The reference pages say what the source says: every option with its type and default, every hook, session field,
 * event, reply and public type, and nothing that does not exist.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { refusal } from "../../src/commands/refusal.js";
import { PARAMETERS } from "../../src/commands/extensions.js";
import { COMMANDS } from "../../src/commands/index.js";
import { HOOKS } from "../../src/hooks/names.js";
import { SMTPServer } from "../../src/index.js";
import { Settings } from "../../src/options.js";
import { MECHANISMS } from "../../src/sasl/index.js";
import { formatReply } from "../../src/wire/reply.js";
import { type Member, membersOf, type Module, moduleOf } from "../support/declarations.js";
import { PAGES } from "../support/examples.js";
import { CHANNELS } from "../support/subscribe.js";
import { codeIn, type Row, rowsOf } from "../support/markdown.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const reference = (page: string): string => read(`docs/reference/${page}.md`);

// ---- the source ----------------------------------------------------------------------------------------

/** The subjects of src/types/, which index.ts exports. */
const SUBJECTS = ["auth", "diagnostics", "error", "hooks", "options", "session", "socket", "stream"];
const modules = SUBJECTS.map(
  (subject) => [`src/types/${subject}.ts`, moduleOf(join(ROOT, `src/types/${subject}.ts`))] as const,
);
const types: Module = {
  interfaces: new Map(modules.flatMap(([, { interfaces }]) => [...interfaces])),
  names: modules.flatMap(([, { names }]) => names),
  docs: new Map(modules.flatMap(([, { docs }]) => [...docs])),
};
const smtpServer = moduleOf(join(ROOT, "src/types/smtp-server.ts"));
const members = (name: string): Member[] => types.interfaces.get(name) ?? [];
const namesOf = (name: string): string[] => members(name).map((member) => member.name);

describe("the reader of the source", () => {
  test("finds the interfaces and their members", () => {
    expect(namesOf("TLSCipherInfo")).toEqual(["name", "standardName", "version"]);
    expect(members("SMTPEnvelope")[2]).toEqual({
      name: "bodyType",
      type: '"7bit" | "8bitmime" | "binarymime"',
      doc: expect.stringContaining("Body encoding"),
    });
    expect(namesOf("SMTPServerOptions").length).toBeGreaterThan(50);
    expect(types.names.length + smtpServer.names.length).toBeGreaterThan(45);
  });

  test("knows every file of src/types/ that index.ts exports", () => {
    const exported = [...read("src/types/index.ts").matchAll(/"\.\/(\w+)\.js"/g)].map(
      ([, subject]) => subject ?? "",
    );
    expect(SUBJECTS).toEqual(exported);
  });

  test("misses no exported declaration", () => {
    for (const [path, { names }] of [...modules, ["src/types/smtp-server.ts", smtpServer] as const]) {
      expect(names).toHaveLength(new Set(read(path).match(/^export .*? (\w+)/gm)).size);
    }
  });
});

/** The names that the first cells of the tables have, below a heading or anywhere. */
const firstCells = (page: string, heading?: string): string[] =>
  rowsOf(reference(page))
    .filter((row) => heading === undefined || row.heading === heading)
    .flatMap((row) => codeIn(row.cells[0] ?? ""));

// ---- options -------------------------------------------------------------------------------------------

/** Those of node:tls that the server uses, and that our types inherit. */
const INHERITED = [
  ...["key", "cert", "pfx", "passphrase", "ca", "crl", "minVersion", "maxVersion", "ciphers", "ecdhCurve"],
  ...["sigalgs", "honorCipherOrder", "secureOptions", "sessionTimeout", "ALPNProtocols"],
];

const optionMembers = [...members("SMTPServerOptions"), ...members("TLSOptions")];
const optionRows = rowsOf(reference("configuration"));
const optionNames = optionRows.map((row) => codeIn(row.cells[0] ?? "")[0] ?? "");

/** A getter of {@link Settings} by the name of its option, in any case. */
const getters = new Map(
  Object.keys(Object.getOwnPropertyDescriptors(Settings.prototype)).map((name) => [name.toLowerCase(), name]),
);
const settings = new Settings({ options: {}, logger: {} });

/** What src/options.ts says where nothing was given; `undefined` where it has no word for it. */
function defaultOf(option: string): unknown {
  const getter = getters.get(option.toLowerCase());
  const value: unknown = getter === undefined ? undefined : Reflect.get(settings, getter);
  return value === Infinity ? 0 : value;
}

/** What a cell, or a docstring's `@default`, says. */
function literal(text: string): unknown {
  const code = text.replaceAll("*", "").replaceAll("`", "");
  const number = /^\d[\d ]*/.exec(code)?.[0].replaceAll(" ", "");
  if (number !== undefined) return Number(number);
  try {
    return JSON.parse(code);
  } catch {
    return undefined;
  }
}

describe("configuration.md", () => {
  test("has a row for each option, and no other", () => {
    expect(optionNames.toSorted()).toEqual(
      [...optionMembers.map(({ name }) => name), ...INHERITED].toSorted(),
    );
  });

  test("the inherited options are those that a secure context is made of", () => {
    const [, list = ""] = /CONTEXT_OPTIONS = \[([^\]]*)\]/.exec(read("src/transport/tls-options.ts")) ?? [];
    const used = [...list.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
    // Not for people: they are what minVersion, maxVersion and several processes are for.
    const internal = ["secureProtocol", "sessionIdContext", "ticketKeys"];
    expect([...INHERITED, ...internal].toSorted()).toEqual([...used, "ALPNProtocols"].toSorted());
  });

  /** Options whose default is no value: what the page says instead. */
  const WORDS: Readonly<Record<string, string>> = {
    name: "`os.hostname()`",
    scramSecret: "random for each process",
    resolver: "`node:dns`",
    cert: "self-signed",
    ca: "those that Bun trusts",
    ciphers: "forward-secret AEAD",
    ecdhCurve: "Bun's",
    sigalgs: "Bun's",
    sessionTimeout: "Bun's",
    onAuth: "refuses",
    onData: "reads, drops and accepts",
    ...Object.fromEntries(
      ["onConnect", "onSecure", "onHelo", "onMailFrom", "onRcptTo"].map((name) => [name, "accepts"]),
    ),
  };
  /** Defaults that are not in src/options.ts. */
  const ELSEWHERE: Readonly<Record<string, unknown>> = {
    component: "smtp-server",
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    honorCipherOrder: true,
    disabledCommands: [],
    ignoredHosts: [],
    logger: false,
  };
  const NONE = [
    "key",
    "pfx",
    "passphrase",
    "crl",
    "sniOptions",
    "SNICallback",
    "secureOptions",
    "ALPNProtocols",
    "onClose",
  ];

  test.each(optionRows.map((row) => [codeIn(row.cells[0] ?? "")[0] ?? "", row] as const))(
    "the default of %p",
    (option, row) => {
      const said = row.cells[2] ?? "";
      if (NONE.includes(option)) return expect(said).toBe("–");
      if (option in WORDS) return expect(said).toBe(WORDS[option] as string);
      // What src/options.ts does not mention is a flag that is off.
      expect(literal(said)).toEqual(ELSEWHERE[option] ?? defaultOf(option) ?? false);
    },
  );

  test.each(optionMembers.map((member) => [member.name, member] as const))(
    "the type of %p",
    (option, { type }) => {
      const said = optionRows[optionNames.indexOf(option)]?.cells[1]?.replaceAll("`", "");
      const wanted = type
        .replace(/^\| /, "")
        .replace(/ \| (undefined|null)\b/g, "")
        .replace(/^number \| string/, "number")
        .replace("readonly string[]", "string[]");
      expect(said).toBe(option === "SNICallback" ? "(servername, callback) => void" : wanted);
    },
  );
});

// ---- docstrings ----------------------------------------------------------------------------------------

const server = moduleOf(join(ROOT, "src/server/server.ts"));
/** Methods of EventEmitter that SMTPServer declares again for its own events. */
const EMITTER = /^(on|once|off|emit|\w+Listener)$/;
const errors = moduleOf(join(ROOT, "src/errors.ts"));
const listenTarget = moduleOf(join(ROOT, "src/server/listen-arguments.ts"));

test("every public type and member has a docstring", () => {
  const bare = [types, smtpServer, errors].flatMap(({ names, docs, interfaces }) => [
    ...names.filter((name) => !docs.get(name)?.trim()),
    ...names.flatMap((name) =>
      (interfaces.get(name) ?? []).filter(({ doc }) => !doc.trim()).map((member) => `${name}.${member.name}`),
    ),
  ]);
  const ofServer = ["SMTPServer", "SMTPServerEvents"].flatMap((name) =>
    (server.interfaces.get(name) ?? [])
      .filter((member) => !member.doc.trim() && !EMITTER.test(member.name))
      .map((member) => `${name}.${member.name}`),
  );
  expect([...bare, ...ofServer]).toEqual([]);
});

test("the @default of each option is the one of the page", () => {
  const differing = optionMembers.flatMap(({ name, doc }) => {
    const inDoc = /@default (.*?)(?:\s*\*?\s*$|\n)/.exec(doc)?.[1];
    const onPage = optionRows[optionNames.indexOf(name)]?.cells[2] ?? "";
    const value = literal(onPage);
    if (value === undefined) return [];
    return inDoc !== undefined && Bun.deepEquals(literal(inDoc), value)
      ? []
      : [`${name}: ${inDoc}, ${onPage}`];
  });
  expect(differing).toEqual([]);
});

// ---- callbacks -----------------------------------------------------------------------------------------

describe("callbacks.md", () => {
  const rows = rowsOf(reference("callbacks")).filter((row) => row.heading === "Callbacks");

  test("has a row and a section for each hook, and no other", () => {
    const hooks = Object.keys(HOOKS);
    expect(rows.flatMap((row) => codeIn(row.cells[0] ?? ""))).toEqual(hooks);
    const sections = [...reference("callbacks").matchAll(/^## (on\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(hooks as typeof sections);
  });

  test("each section begins with the hook's parameters", () => {
    for (const [hook, parameters] of Object.entries(HOOKS)) {
      const call = new RegExp(`^## ${hook}\n\n\`${hook}\\(([^)]*)\\)\``, "m").exec(
        reference("callbacks"),
      )?.[1];
      expect(call?.split(", ")).toEqual([...parameters]);
    }
  });

  test("the codes of errors are those of the source", () => {
    for (const hook of [
      "onConnect",
      "onSecure",
      "onHelo",
      "onAuth",
      "onMailFrom",
      "onRcptTo",
      "onData",
    ] as const) {
      const row = rows.find(({ cells }) => cells[0]?.includes(`\`${hook}\``));
      expect(row?.cells[4]).toStartWith(String(refusal(hook, new Error()).code));
    }
  });

  test("onSecure's socket", () => {
    const cells = firstCells("callbacks", "onSecure").map((name) => name.replace(/\(.*/, ""));
    expect(cells.toSorted()).toEqual(namesOf("SecureSocket").toSorted());
  });
});

// ---- session, events, types ----------------------------------------------------------------------------

describe("session.md", () => {
  const page = reference("session");
  const NAMES = [
    "TLSCipherInfo",
    "ProxyInfo",
    "ProxyTLSInfo",
    "SMTPEnvelope",
    "SMTPAddress",
    "DSNEnvelope",
    "DSNRcpt",
    "DataStream",
  ];
  const known = /^interface KnownArgs \{\n([^]*?)^\}/m.exec(read("src/types/session.ts"))?.[1] ?? "";
  const interfaces: [string, Member[]][] = [
    ...NAMES.map((name): [string, Member[]] => [name, members(name)]),
    ["SMTPAddressArgs", membersOf(known)],
  ];
  const rows = rowsOf(page);

  test("has a row for each field of the session", () => {
    const elsewhere = new Set(interfaces.map(([name]) => name));
    const own = rows
      .filter((row) => !elsewhere.has(row.heading))
      .flatMap((row) => codeIn(row.cells[0] ?? ""));
    expect(own.toSorted()).toEqual(namesOf("SMTPSession").toSorted());
  });

  test.each(interfaces)("has a row for each field of %s", (name, fields) => {
    expect(fields.length).toBeGreaterThan(1);
    expect(firstCells("session", name).toSorted()).toEqual(fields.map((field) => field.name).toSorted());
  });

  test("the types are those of the source", () => {
    const fields = [...members("SMTPSession"), ...interfaces.flatMap(([, all]) => all)];
    const differing = rows.flatMap(({ cells: [name = "", said = ""] }) => {
      const wanted = fields
        .filter((field) => field.name === codeIn(name)[0])
        .map((field) => field.type.replace(/ \| undefined$/, ""));
      return wanted.includes(said.replaceAll("`", "").replace(/ \| undefined$/, ""))
        ? []
        : [`${name}: ${said}`];
    });
    expect(differing).toEqual([]);
  });
});

test("authentication.md has the fields of credentials and answers", () => {
  const page = read("docs/guide/authentication.md");
  const said = new Set(codeIn(page).map((code) => code.replace(/[(:].*/, "")));
  const fields = [...namesOf("AuthFields"), ...namesOf("AuthResponse")].filter((name) => name !== "method");
  expect(fields.length).toBeGreaterThan(10);
  expect(fields.filter((name) => !said.has(name))).toEqual([]);
  for (const mechanism of MECHANISMS.keys()) expect([...said]).toContain(mechanism);
});

test("own-extensions.md has each known parameter with its command and keyword", () => {
  const rows = rowsOf(read("docs/guide/own-extensions.md")).filter(
    ({ heading, cells }) => heading === "Which parameters are known" && cells[0]?.startsWith("`"),
  );
  const said = rows.flatMap(({ cells: [names = "", of, keywords = ""] }) =>
    codeIn(names).map((name) => {
      const by = keywords.startsWith("the same") ? [name] : codeIn(keywords);
      return [name, { of, by }];
    }),
  );
  expect(Object.fromEntries(said)).toEqual(PARAMETERS);
});

describe("diagnostics.md", () => {
  const tables: [string, string][] = [
    ["Trace", "Trace"],
    ["bun-smtp:connection", "ConnectionTrace"],
    ["bun-smtp:command", "CommandTrace"],
    ["bun-smtp:hook", "HookTrace"],
    ["bun-smtp:message", "MessageTrace"],
    ["bun-smtp:auth", "AuthEvent"],
    ["bun-smtp:tls", "TLSEvent"],
  ];
  test.each(tables)("%s has the fields of %s, with their types", (heading, name) => {
    const rows = rowsOf(reference("diagnostics")).filter((row) => row.heading === heading);
    const said = rows.map(({ cells }) =>
      [cells[0], cells[1]?.replaceAll("\\|", "|")].map((cell) => cell?.replaceAll("`", "")),
    );
    expect(said).toEqual(members(name).map((field) => [field.name, field.type]));
  });

  test("has each channel of the source", () => {
    const source = read("src/diagnostics/channels.ts");
    const channels = [...source.matchAll(/"(bun-smtp:\w+)"/g)].map(([, name = ""]) => name);
    expect(firstCells("diagnostics", "Diagnostics channels")).toEqual(channels);
    expect([...new Set(CHANNELS.map((name) => /bun-smtp:\w+/.exec(name)?.[0] ?? ""))]).toEqual(channels);
    expect(tables.map(([heading]) => heading).slice(1)).toEqual(channels);
  });
});

describe("events.md", () => {
  test("has a row for each event of the server, and no other", () => {
    const events = server.interfaces.get("SMTPServerEvents")?.map(({ name }) => name) ?? [];
    expect(events).toHaveLength(4);
    expect(firstCells("events", "SMTPServer").toSorted()).toEqual(events.toSorted());
  });

  test("has the fields of ConnectionInfo", () => {
    const fields = smtpServer.interfaces.get("SMTPServerConnectionInfo")?.map(({ name }) => name);
    expect(firstCells("events", "ConnectionInfo")).toEqual(fields ?? []);
  });
});

describe("server.md", () => {
  const page = reference("server");

  test("has each public member of the class", () => {
    const own = server.interfaces.get("SMTPServer")?.map(({ name }) => name) ?? [];
    const missing = own.filter((name) => !EMITTER.test(name) && !new RegExp(`\\b${name}\\b`).test(page));
    expect(missing).toEqual([]);
    expect(own).toContain("updateSecureContext");
  });

  test("has the options of listen, and the members of a connection", () => {
    const said = codeIn(page).map((code) => code.replace(/\(.*/, ""));
    const options = listenTarget.interfaces.get("ListenOptions")?.map(({ name }) => name) ?? [];
    expect(options).toContain("reusePort");
    const wanted = [...options, ...namesOf("SMTPConnection")];
    expect(wanted.filter((name) => !said.includes(name))).toEqual([]);
  });

  test("names every exported type, and none that is not exported", () => {
    const exported = [
      ...types.names,
      ...smtpServer.names,
      ...[...read("src/index.ts").matchAll(/export type \{ (\w+) \}/g)].map(([, name = ""]) => name),
    ];
    const tables = rowsOf(page).filter((row) => row.heading === "Types");
    const isAlias = (row: Row): boolean => /SMTPServer[A-Z]|^`ms`/.test(row.cells[0] ?? "");
    expect(tables.filter(isAlias).length).toBeGreaterThan(5);
    expect([...new Set(tables.flatMap((row) => codeIn(row.cells[0] ?? "")))].toSorted()).toEqual(
      exported.toSorted(),
    );
  });
});

// ---- errors and replies --------------------------------------------------------------------------------

describe("errors-and-replies.md", () => {
  const page = reference("errors-and-replies");
  const spans = codeIn(page);
  const replies = spans.filter((span) => /^\d{3} /.test(span));
  const sources = [...new Bun.Glob("**/*.ts").scanSync(join(ROOT, "src"))].map((file) => read(`src/${file}`));

  /** Code and text of each reply that stands in the source as such, `%` for what varies. */
  const written = sources
    .flatMap((source) => [...source.matchAll(/\bcode: (\d{3}),\s+text: ("[^"\n]*"|`[^`\n]*`)/g)])
    .map(([, code = "", text = ""]) => `${code} ${text.slice(1, -1).replace(/\$\{[^]*?\}/g, "%")}`)
    // An exchange that is over asks for no further line.
    .filter((reply) => reply !== "503 Error: bad sequence of commands");

  const varies = (text: string): RegExp =>
    new RegExp(
      `^${text
        .replace(/%\w*/g, "\0")
        .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        .replaceAll("\0", ".*")}$`,
    );
  const alike = (one: string, other: string): boolean => varies(one).test(other) || varies(other).test(one);

  test("has each reply of the source", () => {
    expect(written.length).toBeGreaterThan(50);
    expect(written.filter((reply) => !replies.some((said) => alike(reply, said)))).toEqual([]);
  });

  test("has no reply that is not in the source", () => {
    // What the source puts together from parts is looked for by its words.
    const all = sources.join("\n");
    const unknown = replies.filter((said) => {
      if (written.some((reply) => alike(reply, said))) return false;
      const words = said
        .slice(4)
        .split(/%\w*|<[A-Z]+>/)
        .map((part) => part.trim())
        .filter((part) => part !== "" && part !== "ESMTP" && part !== "LMTP");
      return !words.every((part) => all.includes(part));
    });
    expect(unknown).toEqual([]);
  });

  test("has each code that transcripts hear", () => {
    const heard = new Set(
      [...new Bun.Glob("test/transcripts/**/*.smtp").scanSync(ROOT)].flatMap((file) =>
        [...read(file).matchAll(/^S[:*] ?(\d{3})/gm)].map(([, code = ""]) => code),
      ),
    );
    heard.delete("551"); // a hook's
    expect(heard.size).toBeGreaterThan(15);
    expect([...heard].filter((code) => !replies.some((said) => said.startsWith(code)))).toEqual([]);
  });

  test("the enhanced status codes are those that are sent", () => {
    const cells = rowsOf(page)
      .filter((row) => row.heading === "Enhanced status codes")
      .flatMap(({ cells }) => [0, 2, 4, 6].map((at) => [cells[at] ?? "", cells[at + 1] ?? ""] as const))
      .filter(([code]) => code !== "");
    const table = new Map(cells);
    expect(table.get("any other")).toBe("x.0.0");
    for (let code = 400; code < 600; code++) {
      const [, enhanced = ""] = /^\d+ (\S+)/.exec(formatReply({ code, text: "x" }, true)) ?? [];
      expect(`${code} ${table.get(String(code)) ?? `${String(code)[0]}.0.0`}`).toBe(`${code} ${enhanced}`);
    }
  });

  test("has the codes of errors", () => {
    const codes = sources
      .flatMap((source) => [...source.matchAll(/code: "(E[A-Z_]+)"|code = "(E[A-Z_]+)"/g)])
      .map(([, one, other]) => one ?? other ?? "");
    expect(codes).toContain("EBARENEWLINE");
    expect(codes.filter((code) => !spans.includes(code))).toEqual([]);
    expect(firstCells("errors-and-replies", "SMTPError")).toEqual(
      expect.arrayContaining(errors.interfaces.get("SMTPError")?.map(({ name }) => name) ?? [""]),
    );
  });
});

test("errors-and-replies.md quotes the error of an option as it is thrown", () => {
  expect(reference("errors-and-replies")).toContain("`size: ");
  const [quoted] = codeIn(reference("errors-and-replies")).filter((code) => code.startsWith("size: "));
  expect(() => new SMTPServer({ size: -1 })).toThrow(new TypeError(quoted));
});

// ---- extensions ----------------------------------------------------------------------------------------

test("extensions.md has each EHLO keyword, in the order of the reply, and each mechanism", () => {
  const heard = [...read("test/transcripts/order/ehlo-all.smtp").matchAll(/^S: 250[- ]([A-Z0-9]+)/gm)];
  const keywords = heard.map(([, keyword = ""]) => keyword);
  expect(keywords).toContain("CHUNKING");
  // REQUIRETLS is for connections that STARTTLS is not for.
  keywords.splice(keywords.indexOf("STARTTLS") + 1, 0, "REQUIRETLS");
  expect(firstCells("extensions", "In the EHLO reply")).toEqual(keywords);
  expect(firstCells("extensions", "SASL mechanisms").toSorted()).toEqual([...MECHANISMS.keys()].toSorted());
});

describe("design.md", () => {
  const page = read("docs/design.md");
  const said = new Set(rowsOf(page).flatMap((row) => codeIn(row.cells[0] ?? "")));

  test("has each layer of src/", () => {
    const layers = [...new Bun.Glob("**/*.ts").scanSync(join(ROOT, "src"))].map((file) =>
      file.replace(/\/.*/, "/"),
    );
    expect([...new Set(layers)].filter((layer) => !said.has(layer) && !layer.endsWith(".d.ts"))).toEqual([]);
  });

  test("has each command", () => {
    const jokes = ["WIZ", "SHELL", "KILL"];
    expect([...COMMANDS.keys()].filter((verb) => !jokes.includes(verb) && !page.includes(verb))).toEqual([]);
  });
});

test("new SMTPServer shows a summary on hover", () => {
  const doc = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*constructor\(/.exec(read("src/server/server.ts"))?.[1];
  expect(doc).toMatch(/^\s*\* [A-Z].*\.\n/);
});

// ---- no page names what does not exist -----------------------------------------------------------------

test("no page names an option that does not exist", () => {
  // dhparam and noDelay are options of Node that the pages say are ignored.
  const options = new Set<string>([...optionNames, "dhparam", "noDelay"]);
  /** Other things that are written as `name: value`: fields of answers, of messages, of connections, of listen. */
  const others = new Set([
    ...["AuthFields", "AuthResponse", "SMTPErrorLike", "SMTPSession", "SMTPEnvelope"].flatMap(namesOf),
    ...(listenTarget.interfaces.get("ListenOptions") ?? []).map(({ name }) => name),
    ...["key", "tls", "sniOptions", "iterations", "method"],
  ]);
  const looksLikeOption =
    /^(?:hide|max|min|use|allow|disable|require|reject|ignored?|honor)[A-Z0-9]\w*$|^\w+(?:Timeout|Delay|Callback)$/;
  const wrong = PAGES.flatMap((page) =>
    codeIn(read(page)).flatMap((code) => {
      const [, given] = /^(\w+): (?!it\b|a\b|its\b)/.exec(code) ?? [];
      if (given !== undefined && !options.has(given) && !others.has(given)) return [`${page}: ${code}`];
      const isElse = others.has(code) || types.names.includes(code);
      if (looksLikeOption.test(code) && !options.has(code) && !isElse) return [`${page}: ${code}`];
      return [];
    }),
  );
  expect(wrong).toEqual([]);
});
