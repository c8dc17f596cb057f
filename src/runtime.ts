/** The first import of index.ts: where the library can not work, this is said before anything else goes wrong. */

const OLDEST = "1.4.0";

/**
 * Of the Buns before 1.4.0 nearly none can upgrade an accepted socket to TLS; other runtimes have no such sockets.
 *
 * @param versions those of `process`: `bun` is there in Bun alone, `node` in all that imitate Node
 * @returns what is wrong and what to do; `undefined` where the library can run
 */
export function runtimeProblem(versions: Readonly<Record<string, string | undefined>>): string | undefined {
  const { bun, deno, node } = versions;
  if (bun === undefined) {
    const found = deno ? `Deno ${deno}` : node ? `Node.js ${node}` : "no Bun";
    return `bun-smtp needs Bun ${OLDEST} or later, and this is ${found}: run the program with "bun" (https://bun.sh)`;
  }
  const [major = 0, minor = 0] = bun.split(".").map(Number);
  if (major > 1 || (major === 1 && minor >= 4)) return undefined;
  return `bun-smtp needs Bun ${OLDEST} or later, and this is Bun ${bun}: run "bun upgrade"`;
}

const problem = runtimeProblem(globalThis.process?.versions ?? {});
if (problem) throw new Error(problem);
