/**
 * The examples of a guide page, each to be run as it stands there, but for ports and paths.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT: string = new URL("../..", import.meta.url).pathname;

/** A TypeScript block of a page. */
export interface Example {
  /** The heading above it, with ` (2)` behind it for the second block there, and so on. */
  title: string;
  code: string;
}

/** All TypeScript blocks of a page, in order. */
export function examplesOf(page: string): Example[] {
  const found: Example[] = [];
  let heading = "";
  let nth = 0;
  for (const [, newHeading, code] of readFileSync(join(ROOT, page), "utf8").matchAll(
    /^#+ (.*)$|^```ts\n([^]*?)^```$/gm,
  )) {
    if (newHeading !== undefined) {
      heading = newHeading;
      nth = 0;
    } else if (code !== undefined) {
      nth++;
      found.push({ title: nth === 1 ? heading : `${heading} (${nth})`, code });
    }
  }
  return found;
}

/**
 * What the compiler says about the examples of a page with the strict options of a user's project: nothing,
 * if all is well. Writes them into `directory`.
 */
export async function typeErrors(examples: readonly Example[], directory: string): Promise<string> {
  const config = {
    compilerOptions: {
      target: "ESNext",
      module: "NodeNext",
      moduleDetection: "force",
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ["bun"],
      typeRoots: [join(ROOT, "node_modules/@types")],
      paths: { "bun-smtp": [join(ROOT, "src/index.ts")] },
    },
    include: ["*.ts"],
  };
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(config));
  examples.forEach(({ code }, index) => writeFileSync(join(directory, `example-${index + 1}.ts`), code));
  const compiler = Bun.spawn([join(ROOT, "node_modules/.bin/tsc"), "--project", directory], {
    stdout: "pipe",
  });
  return await new Response(compiler.stdout).text();
}

let runs = 0;

/**
 * Runs an example in this process and gives what it declares by the name of `server`.
 * @param directory where it is written to
 * @param replace texts of the example and what stands for them here
 */
export async function runExample(
  example: Example,
  directory: string,
  replace: Readonly<Record<string, string>>,
): Promise<import("../../src/index.js").SMTPServer> {
  let code = example.code.replaceAll('"bun-smtp"', JSON.stringify(join(ROOT, "src/index.ts")));
  code = code.replace(/\.listen\(\d+\)/g, ".listen(0, '127.0.0.1')");
  for (const [text, replacement] of Object.entries(replace)) code = code.replaceAll(text, replacement);
  const file = join(directory, `run-${++runs}.ts`);
  writeFileSync(file, `${code}\nexport { server };\n`);
  return ((await import(file)) as { server: import("../../src/index.js").SMTPServer }).server;
}
