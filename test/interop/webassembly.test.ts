/** The WebAssembly modules of src/wire/ are what their sources say. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { MODULE as DOT_REMOVAL } from "../../src/wire/dot-removal.js";
import { MODULE as NEWLINE_SEARCH } from "../../src/wire/newline-search.js";

/** As much of wabt as is used here: the types of the package are not there in a clean clone. */
interface Assembler {
  parseWat(
    name: string,
    source: string,
    features: object,
  ): { toBinary(options: object): { buffer: Uint8Array } };
}

test.each([
  ["newline-search", NEWLINE_SEARCH],
  ["dot-removal", DOT_REMOVAL],
])("%s.wat compiles to the module in its .ts file", async (name, module) => {
  const source = readFileSync(new URL(`../../src/wire/${name}.wat`, import.meta.url), "utf8");
  const wabt: string = "wabt";
  const { default: load } = (await import(wabt)) as { default: () => Promise<Assembler> };
  const { buffer } = (await load()).parseWat(`${name}.wat`, source, { bulk_memory: true }).toBinary({});
  expect(Buffer.from(buffer).toString("base64")).toBe(module);
});
