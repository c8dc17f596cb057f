/** What the README promises to a reader who tries it: `bun start`, its curl command, and what is printed. */
import { expect, setDefaultTimeout } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TEST_TIMEOUT, testWith } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);

const root = join(import.meta.dir, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The first code block of the README that begins with `start`. */
function block(start: string): string {
  const code = Array.from(readme.matchAll(/^```\w*\n([^]*?)^```$/gm), ([, text = ""]) => text);
  const found = code.find((text) => text.startsWith(start));
  if (found === undefined) throw new Error(`the README has no block that begins with ${start}`);
  return found;
}

/** Starts the mail catcher on free ports. */
async function start() {
  const child = Bun.spawn([process.execPath, "start"], {
    cwd: root,
    env: { ...process.env, PORT: "0", WEB_PORT: "0" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = { text: "" };
  const more = child.stdout.getReader();
  const decoder = new TextDecoder();
  /** Reads on until something was printed; `undefined` at the end. */
  const until = async (wanted: RegExp | undefined): Promise<RegExpExecArray | undefined> => {
    for (;;) {
      const match = wanted?.exec(output.text);
      if (match) return match;
      const { done, value } = await more.read();
      if (done) return undefined;
      output.text += decoder.decode(value, { stream: true });
    }
  };
  const port = (await until(/^Listening on port (\d+)/m))?.[1];
  if (port === undefined) throw new Error(`no port: ${output.text}${await child.stderr.text()}`);
  return { child, output, port, until };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  testWith("curl")(
    `the command of the README prints what it says, and ${signal} ends the program`,
    async () => {
      const { child, output, port, until } = await start();
      try {
        const command = block("printf").replace("smtp://localhost:2525", `smtp://localhost:${port}`);
        const curl = Bun.spawn(["sh", "-c", command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
        const complaint = await curl.stderr.text();
        expect(await curl.exited, complaint).toBe(0);
        const printed = block("--- from");
        await until(/^ {2}Is this thing on\?\n/m);
        expect(output.text).toEndWith(printed);
      } finally {
        child.kill(signal);
      }
      await until(undefined);
      expect(await child.exited).toBe(0);
      expect(await child.stderr.text()).not.toMatch(/error/i);
    },
  );
}
