import { describe, expect, spyOn, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SMTPServer, type SMTPServerOptions } from "../../src/index.js";
import { OPTIONS } from "../../src/server/misspelt-options.js";

/** What a server with these options prints. */
function printed(options: object): string[] {
  const texts: string[] = [];
  const spy = spyOn(process.stderr, "write").mockImplementation((text) => texts.push(String(text)) > 0);
  try {
    new SMTPServer(options as SMTPServerOptions);
  } finally {
    spy.mockRestore();
  }
  return texts;
}

describe("an unknown option", () => {
  test.each([
    ["maxRecipient", "maxRecipients"],
    ["maxRecipientss", "maxRecipients"],
    ["authOptionl", "authOptional"],
    ["authOptoinal", "authOptional"],
    ["disableCommands", "disabledCommands"],
    ["socketTimeOut", "socketTimeout"],
    ["onRcptto", "onRcptTo"],
    ["onRecptTo", "onRcptTo"],
    ["onDate", "onData"],
    ["cyphers", "ciphers"],
    ["crt", "cert"],
    ["KEY", "key"],
    ["sniOption", "sniOptions"],
  ])("%s is nearly %s: said on stderr", (name, meant) => {
    expect(printed({ [name]: undefined })).toEqual([
      `WARNING: ${name}: bun-smtp has no such option, and ignores it; is ${meant} meant?\n`,
    ]);
  });

  test.each(["maxxxClients", "maxClientzy"])("%s is two characters away: nothing is said", (name) => {
    expect(printed({ [name]: 1 })).toEqual([]);
  });

  test.each([
    "host",
    "port",
    "user",
    "pass",
    "tls",
    "cb",
    "keys",
    "onError",
    "maxMessages",
    "auth",
    "onReset",
  ])("%s is of another library: nothing is said", (name) => {
    expect(printed({ [name]: 1 })).toEqual([]);
  });

  test.each(["sizexx", "sizeee", "ise", "onRcxpTo", "onRctxTo", "onRctpxTo"])(
    "%s is two characters away from an option: nothing is said",
    (name) => {
      expect(printed({ [name]: 1 })).toEqual([]);
    },
  );

  test("each option is known", () => {
    expect(printed(Object.fromEntries(OPTIONS.map((name) => [name, undefined])))).toEqual([]);
  });

  test("nothing is said without a logger", () => {
    expect(printed({ maxRecipient: 5, logger: false })).toEqual([]);
  });
});

test("the list has the options of the type", () => {
  const source = readFileSync(new URL("../../src/types/options.ts", import.meta.url), "utf8");
  const body = source.slice(source.indexOf("export interface SMTPServerOptions"));
  const names = Array.from(body.matchAll(/^ {2}(\w+)\?:/gm), ([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(40);
  const ofTLS = new Set(["sniOptions", "SNICallback"]);
  expect(OPTIONS.toSorted()).toEqual(names.filter((name) => !ofTLS.has(name)).toSorted());
});
