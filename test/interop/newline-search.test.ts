/** The module of src/wire/newline-search.ts is what its source says. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { MODULE } from "../../src/wire/newline-search.js";

/** As much of wabt as is used here: the types of the package are not there in a clean clone. */
interface Assembler {
  parseWat(name: string, source: string): { toBinary(options: object): { buffer: Uint8Array } };
}

test("newline-search.wat compiles to the module in newline-search.ts", async () => {
  const source = readFileSync(new URL("../../src/wire/newline-search.wat", import.meta.url), "utf8");
  const name: string = "wabt";
  const { default: load } = (await import(name)) as { default: () => Promise<Assembler> };
  const { buffer } = (await load()).parseWat("newline-search.wat", source).toBinary({});
  expect(Buffer.from(buffer).toString("base64")).toBe(MODULE);
});
