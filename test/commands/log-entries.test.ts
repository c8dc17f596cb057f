/** The log entries of commands: their levels and fields, by which programs choose and count them. */
import { describe, expect, test } from "bun:test";
import { format } from "node:util";
import type { Logger, SMTPServerOptions } from "../../src/index.js";
import { hello, makeServer } from "../support/client.js";

type Entry = Record<string, unknown>;

/**
 * The entries of a conversation after EHLO, without the fields that say whose they are.
 * @param said gets the first argument of each entry
 */
async function entriesOf(
  options: SMTPServerOptions,
  lines: readonly string[],
  said: unknown[] = [],
): Promise<Entry[]> {
  const entries: Entry[] = [];
  const method =
    (level: string) =>
    ({ component, cid, host, port, ...fields }: Entry, _text: string, ...args: unknown[]): void => {
      void [component, cid, host, port];
      entries.push({ level, ...fields });
      said.push(args[0]);
    };
  const logger = Object.fromEntries(
    ["trace", "debug", "info", "warn", "error", "fatal"].map((level) => [level, method(level)]),
  ) as Logger;
  const client = await hello(makeServer({ allowInsecureAuth: true, useXClient: true, ...options, logger }));
  const before = entries.length;
  for (const line of lines) {
    client.send(`${line}\r\n`);
    await client.idle();
  }
  return entries.slice(before);
}

const plain = (name: string): string => `AUTH PLAIN ${btoa(`\0${name}\0secret`)}`;
const users: SMTPServerOptions = {
  onAuth(auth, _session, callback) {
    if (auth.username === "crash") throw new Error("the database is away");
    if (auth.username === "mallory") callback(new Error("no"));
    else callback(null, auth.username === "eve" ? {} : { user: { username: auth.username } });
  },
};

describe("above the level debug", () => {
  const table: [string, SMTPServerOptions, string[], Entry[]][] = [
    ["a login", users, [plain("ann")], [{ level: "info", tnx: "auth", method: "PLAIN", user: "ann" }]],
    [
      "a login that is refused",
      users,
      [plain("mallory")],
      [{ level: "info", tnx: "authfail", method: "PLAIN", user: "mallory" }],
    ],
    [
      "a login without a name",
      users,
      ["AUTH LOGIN", "*"],
      [{ level: "info", tnx: "authfail", method: "LOGIN", user: undefined }],
    ],
    [
      "one failed login too many",
      { ...users, maxAuthAttempts: 1 },
      [plain("eve")],
      [
        { level: "info", tnx: "authfail", method: "PLAIN", user: "eve" },
        { level: "info", tnx: "authfail", method: "PLAIN", user: "eve" },
      ],
    ],
    [
      "an answer of onAuth that does not fit the mechanism",
      { ...users, authMethods: ["SCRAM-SHA-256"] },
      ["AUTH SCRAM-SHA-256", btoa("n,,n=ann,r=abc"), btoa(`c=biws,r=abc,p=${btoa("p".repeat(32))}`)],
      [
        { level: "warn", tnx: "authfail", method: "SCRAM-SHA-256", user: "ann" },
        { level: "info", tnx: "authfail", method: "SCRAM-SHA-256", user: "ann" },
      ],
    ],
    [
      "XCLIENT with an address",
      users,
      ["XCLIENT ADDR=192.0.2.7"],
      [{ level: "info", tnx: "xclient", address: "192.0.2.7" }],
    ],
    [
      "XFORWARD with an address",
      { useXForward: true },
      ["XFORWARD NAME=client.test", "XFORWARD ADDR=192.0.2.7"],
      [{ level: "info", tnx: "xforward", address: "192.0.2.7" }],
    ],
    [
      "XCLIENT with a login",
      users,
      ["XCLIENT LOGIN=ann"],
      [{ level: "info", tnx: "auth", method: "XCLIENT", user: "ann" }],
    ],
    [
      "XCLIENT with a login that is refused",
      users,
      ["XCLIENT LOGIN=mallory"],
      [{ level: "info", tnx: "autherror", method: "XCLIENT", user: "mallory" }],
    ],
    [
      "one error too many",
      { maxErrors: 2 },
      ["NONSENSE", "RSET now"],
      [{ level: "info", tnx: "errors", errors: 2 }],
    ],
    ["SHELL", {}, ["SHELL"], [{ level: "info", tnx: "shell" }]],
    ["KILL", {}, ["KILL"], [{ level: "info", tnx: "kill" }]],
  ];
  test.each(table)("%s", async (_, options, lines, expected) => {
    const entries = await entriesOf(options, lines);
    expect(entries.filter(({ level, tnx }) => level !== "debug" && tnx !== "close")).toEqual(expected);
  });
});

test("at the level debug: each line, with the command and the user", async () => {
  const user = "ann";
  expect(await entriesOf(users, ["noop", "hunter2", "AUTH PLAIN", btoa("\0ann\0secret"), "RSET"])).toEqual([
    { level: "debug", tnx: "command", command: "NOOP", user: undefined },
    { level: "debug", tnx: "send", user: undefined },
    { level: "debug", tnx: "command", command: "", user: undefined },
    { level: "debug", tnx: "send", user: undefined },
    { level: "debug", tnx: "command", command: "AUTH", user: undefined },
    { level: "debug", tnx: "send", user: undefined },
    { level: "debug", tnx: "command", command: "AUTH", user: undefined },
    { level: "info", tnx: "auth", method: "PLAIN", user },
    { level: "debug", tnx: "send", user },
    { level: "debug", tnx: "command", command: "RSET", user },
    { level: "debug", tnx: "send", user },
  ]);
});

test.each([
  ["ann", "ann"],
  [{ username: "ann", id: 7 }, "ann"],
  [{ id: 7 }, { id: 7 }],
  [null, null],
  [false, false],
])("session.user %p is %p in an entry", async (user, shown) => {
  const users: unknown[] = [];
  const logger: Logger = { debug: (entry) => void users.push((entry as Entry)["user"]) };
  const server = makeServer({ logger });
  const client = await hello(server);
  users.length = 0;
  for (const { session } of server.connections) session.user = user;
  expect(await client.say("NOOP")).toBe("250 OK");
  expect(users).toEqual([shown, shown]);
});

test("the texts of failed logins are those that the filter for fail2ban looks for", async () => {
  const texts: string[] = [];
  const logger: Logger = { info: (_entry, text, ...args) => void texts.push(format(text, ...args)) };
  const client = await hello(makeServer({ logger, allowInsecureAuth: true, maxErrors: 2 }));
  await client.chat(plain("ann"), "AUTH LOGIN", "*");
  expect(texts.slice(1)).toEqual([
    "Authentication failed for ann using PLAIN",
    "Authentication failed for an unknown user using LOGIN",
    "Closing after 2 errors",
  ]);
});

test("what is no command may be a secret, so the log has its length", async () => {
  const said: unknown[] = [];
  await entriesOf({}, ["hunter2"], said);
  expect(said).toContain("/* unrecognized, 7 characters */");
});
