/** The first import of index.ts: where the library can not work, this is said before anything else goes wrong. */

/**
 * Other runtimes have no such sockets. An older Bun has them: it fails only where TLS is asked for, in the constructor.
 *
 * @param versions those of `process`: `bun` is there in Bun alone, `node` in all that imitate Node
 * @returns what is wrong and what to do; `undefined` where the library can run
 */
export function runtimeProblem(versions: Readonly<Record<string, string | undefined>>): string | undefined {
  const { bun, deno, node } = versions;
  if (bun !== undefined) return undefined;
  const found = deno ? `Deno ${deno}` : node ? `Node.js ${node}` : "no Bun";
  return `bun-smtp needs Bun 1.4.0 or later, and this is ${found}: run the program with "bun" (https://bun.sh)`;
}

const problem = runtimeProblem(globalThis.process?.versions ?? {});
if (problem) throw new Error(problem);
