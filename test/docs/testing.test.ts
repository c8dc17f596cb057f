/** docs/reference/testing.md says what the source of bun-smtp/testing says. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as library from "../../src/testing.js";
import { moduleOf } from "../support/declarations.js";
import { codeIn, rowsOf } from "../support/markdown.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const page = read("docs/reference/testing.md");
const rows = rowsOf(page);
const files = [...new Bun.Glob("src/testing/*.ts").scanSync(ROOT)];
const interfaces = new Map(files.flatMap((file) => [...moduleOf(join(ROOT, file)).interfaces]));

/** Names of the tables below a heading, methods without their arguments. */
const named = (heading: string): string[] =>
  rows
    .filter((row) => row.heading === heading)
    .flatMap((row) => codeIn(row.cells[0] ?? ""))
    .map((code) => code.replace(/\(.*/, ""));
const fieldsOf = (name: string): string[] => (interfaces.get(name) ?? []).map((member) => member.name);

describe.each([
  ["startInbox", ["InboxOptions"]],
  ["Inbox", ["Inbox", "NextOptions", "WantedMessage"]],
  ["Message", ["Message"]],
  ["refuse", ["FailureStages", "Failure"]],
  ["connect", ["ConnectOptions"]],
  ["TestClient", ["TestClient"]],
  ["Reply", ["Reply"]],
] as const)("%s", (heading, types) => {
  test("has a row for each member, and no other", () => {
    const members = types.flatMap(fieldsOf).filter((name) => /^\w+$/.test(name));
    const wanted = members.filter((name) => !["constructor", "open"].includes(name));
    expect(wanted.length).toBeGreaterThan(3);
    expect(named(heading).toSorted()).toEqual([...new Set(wanted)].toSorted());
  });
});

test("names every export, and every exported type", () => {
  for (const name of Object.keys(library)) expect(page).toContain(`${name}(`);
  const [, list = ""] = page.split("## Types of this entry point");
  const exported = [...read("src/testing.ts").matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(
    ([, type, names = ""]) =>
      names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "" && (type || name.startsWith("type ")))
        .map((name) => name.replace("type ", "")),
  );
  expect(codeIn(list).toSorted()).toEqual(exported.toSorted());
});

test("the entry point for require has the same functions", () => {
  const declared = [...read("src/testing/index.d.cts").matchAll(/^export const (\w+)/gm)].map(
    ([, name]) => name,
  );
  expect(declared.toSorted()).toEqual(Object.keys(library).toSorted());
});
