/**
 * The examples of the README and of the pages in docs/, each to be type-checked, and run as it stands there but
 * for ports and paths.
 *
 * A ```ts block is a program; a `ts fragment` is cut out of one in docs/examples. A program that declares
 * `const server = new …` is run. One that does not, and begins with `// name.ts`, is a module that later programs
 * of its page import. The next ```smtp block is the conversation that a client then has: `C:` lines,
 * the replies as `S:` lines in which `…` stands for anything, and `-- TLS handshake`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SMTPServer } from "../../src/index.js";

const ROOT: string = new URL("../..", import.meta.url).pathname;

/** The README and the pages, by their paths. */
export const PAGES: readonly string[] = [
  "README.md",
  // An example may have packages of its own, and these have pages.
  ...[...new Bun.Glob("docs/**/*.md").scanSync(ROOT)].filter((path) => !path.includes("node_modules")).sort(),
];

/** A TypeScript block of a page. */
export interface Example {
  page: string;
  /** The heading above it, with ` (2)` behind it for the second block there, and so on. */
  title: string;
  code: string;
  /** The block of SMTP behind it, before the next program. */
  conversation: string | undefined;
}

/** All TypeScript blocks of a page, in order. */
export function examplesOf(page: string): Example[] {
  const found: Example[] = [];
  let heading = "";
  let nth = 0;
  let last: Example | undefined;
  const parts = readFileSync(join(ROOT, page), "utf8").matchAll(/^```(.*)\n([^]*?)^```$|^#+ (.*)$/gm);
  for (const [, language, code = "", newHeading] of parts) {
    if (newHeading !== undefined) {
      heading = newHeading;
      nth = 0;
    } else if (language === "ts") {
      nth++;
      last = { page, title: nth === 1 ? heading : `${heading} (${nth})`, code, conversation: undefined };
      found.push(last);
    } else if (language === "smtp") {
      if (!last) throw new Error(`${page}: no program before the conversation below ${heading}`);
      last.conversation = code;
    }
  }
  return found;
}

/** Packages that examples import and that are not here: what of their types the examples need. */
const OTHERS = {
  mailparser: `
    import type { Stream } from "node:stream";
    export function simpleParser(source: Buffer | Stream | string): Promise<{
      subject?: string;
      attachments: { filename?: string; content: Buffer }[];
    }>;`,
  nodemailer: `
    export function createTransport(options: {
      host: string;
      port: number;
      requireTLS?: boolean;
      tls?: { ca?: string | undefined };
    }): {
      sendMail(
        mail:
          | { from: string; to: string; subject: string; text: string }
          | { envelope: { from: string; to: string[] }; raw: Buffer },
      ): Promise<unknown>;
    };`,
};

/** Whether an example is a program that makes a server, of packages that are here. */
export function isRunnable({ code }: Example): boolean {
  return (
    /^const server = new /m.test(code) && !Object.keys(OTHERS).some((name) => code.includes(`from "${name}"`))
  );
}

/**
 * What the compiler says about examples with the strict options of a user's project: nothing, if all is well.
 * Writes them into `directory`.
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
      paths: {
        "bun-smtp": [join(ROOT, "src/index.ts")],
        "bun-smtp/testing": [join(ROOT, "src/testing.ts")],
        "*": [join(directory, "others/*.d.ts")],
      },
    },
    include: ["*.ts"],
  };
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(config));
  mkdirSync(join(directory, "others"));
  for (const [name, types] of Object.entries(OTHERS))
    writeFileSync(join(directory, `others/${name}.d.ts`), types);
  examples.forEach(({ page, title, code }, index) => {
    const name = moduleName(examples[index] as Example) ?? `example-${index + 1}.ts`;
    writeFileSync(join(directory, name), `// ${page}: ${title}\n${code}`, { flag: "wx" });
  });
  const compiler = Bun.spawn([join(ROOT, "node_modules/.bin/tsc"), "--project", directory], {
    stdout: "pipe",
  });
  return await new Response(compiler.stdout).text();
}

/** The file name that a module begins with; `undefined` for a program, which may be in a file of any name. */
export function moduleName(example: Example): string | undefined {
  return isRunnable(example) ? undefined : /^\/\/ ([\w-]+\.ts)\n/.exec(example.code)?.[1];
}

let runs = 0;

/**
 * Runs an example in this process and gives what it declares by the name of `server`, which listens.
 * @param directory where it is written to, and what stands for `/` in its absolute paths
 */
export async function runExample(example: Example, directory: string): Promise<SMTPServer> {
  const adapt = (code: string): string =>
    code
      .replaceAll('"bun-smtp"', JSON.stringify(join(ROOT, "src/index.ts")))
      .replace(/"\/(?=etc\/|run\/)/g, `"${directory}/`);
  for (const other of examplesOf(example.page)) {
    const name = moduleName(other);
    if (name !== undefined) writeFileSync(join(directory, name), adapt(other.code));
  }
  let code = adapt(example.code);
  code = code.replace(/\.listen\(\d+(?:, "127\.0\.0\.1")?\)/g, '.listen(0, "127.0.0.1")');
  code = code.replace(/\.listen\(\{ port: \d+/g, '.listen({ port: 0, host: "127.0.0.1"');
  const file = join(directory, `run-${++runs}.ts`);
  writeFileSync(file, `${code}\nexport { server };\n`);
  const { server } = (await import(file)) as { server: SMTPServer };
  if (!code.includes(".listen(")) await server.listen(0, "127.0.0.1");
  else if (!server.server.listening) await new Promise<void>((resolve) => server.once("listening", resolve));
  return server;
}
