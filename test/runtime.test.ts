import { describe, expect, test } from "bun:test";
import { runtimeProblem } from "../src/runtime.js";

describe("what the library runs on", () => {
  test("Bun: nothing to say", () => {
    expect(runtimeProblem({ bun: "1.4.0", node: "24.3.0" })).toBeUndefined();
  });

  test.each([
    ["Node.js 22.12.0", { node: "22.12.0", v8: "12.4" }],
    ["Deno 2.5.0", { node: "22.12.0", deno: "2.5.0" }],
    ["no Bun", {}],
  ])("%s", (found, versions) => {
    expect(runtimeProblem(versions)).toBe(
      `bun-smtp needs Bun 1.4.0 or later, and this is ${found}: run the program with "bun" (https://bun.sh)`,
    );
  });

  test("a runtime without process, as browsers are", async () => {
    const { process } = globalThis;
    let loaded: Promise<unknown>;
    try {
      Reflect.deleteProperty(globalThis, "process");
      loaded = import(`../src/runtime.js?without=${"process"}`);
      await loaded.catch(() => {});
    } finally {
      globalThis.process = process;
    }
    expect(loaded).rejects.toThrow("this is no Bun: run");
  });

  test("this one", () => expect(runtimeProblem(process.versions)).toBeUndefined());
});
