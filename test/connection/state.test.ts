import { expect, test } from "bun:test";
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
