import { expect, test } from "bun:test";
import { COMMANDS } from "../../src/commands/index.js";
import { READERS, type State, TRANSITIONS } from "../../src/connection/state.js";
import { codeIn, rowsOf } from "../support/markdown.js";

const states = Object.keys(TRANSITIONS) as State[];
const page = rowsOf(await Bun.file(new URL("../../docs/design.md", import.meta.url)).text());
const rowOf = (state: State): readonly string[] =>
  page.find((row) => row.heading === "The states of a connection" && codeIn(row.cells[0] ?? "")[0] === state)
    ?.cells ?? [];

test("design.md has the transitions of each state", () => {
  const said = states.map((state) => [state, codeIn(rowOf(state)[3] ?? "").toSorted()]);
  expect(said).toEqual(states.map((state) => [state, [...TRANSITIONS[state]].toSorted()]));
});

test("design.md has the readers of each state", () => {
  const said = states.map((state) => [state, codeIn(rowOf(state)[2] ?? "").toSorted()]);
  expect(said).toEqual(states.map((state) => [state, [...READERS[state]].toSorted()]));
});

test("every state can be reached, and every state but the last can be left", () => {
  const reached = new Set<State>(["greeting"]);
  for (const state of reached) for (const next of TRANSITIONS[state]) reached.add(next);
  expect([...reached].toSorted()).toEqual(states.toSorted());
  expect(states.filter((state) => TRANSITIONS[state].length === 0)).toEqual(["closed"]);
});

test("design.md has what must hold before each command runs", () => {
  const rows = page.filter(({ cells }) => cells.length === 5 && /^[A-Z, ]+$/.test(cells[0] ?? ""));
  const said = new Map(
    rows.flatMap(({ cells }) => {
      const [names = "", upgrade, hello, auth] = cells;
      return names.split(", ").map((verb) => [verb, [upgrade, hello, auth]] as const);
    }),
  );
  const yes = (holds: boolean): string => (holds ? "yes" : "");
  for (const [verb, { beforeUpgrade, afterHello, afterAuth }] of COMMANDS) {
    expect([verb, said.get(verb)]).toEqual([
      verb,
      [yes(!beforeUpgrade), yes(afterHello === true), yes(afterAuth === true)],
    ]);
  }
  expect([...said.keys()].toSorted()).toEqual([...COMMANDS.keys()].toSorted());
});
