import { describe, expect, test } from "bun:test";
import { runtimeProblem } from "../src/runtime.js";

describe("what the library runs on", () => {
  test.each(["1.4.0", "1.4.0-canary.20+0123abc", "1.4.5", "1.10.0", "2.0.0"])(
    "Bun %s: nothing to say",
    (bun) => {
      expect(runtimeProblem({ bun, node: "24.3.0" })).toBeUndefined();
    },
  );

  test.each(["0.8.1", "1.0.36", "1.2.23", "1.3.14", "1.3.6-canary.1+0123abc"])("Bun %s is too old", (bun) => {
    expect(runtimeProblem({ bun, node: "24.3.0" })).toBe(
      `bun-smtp needs Bun 1.4.0 or later, and this is Bun ${bun}: run "bun upgrade"`,
    );
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

  test("this one", () => expect(runtimeProblem(process.versions)).toBeUndefined());
});
