/** The first import of index.ts: reports a runtime that cannot run the library before anything else fails. */

/**
 * Other runtimes lack the sockets. An older Bun has them, and fails in the constructor if TLS is asked for.
 *
 * @param versions `process.versions`: only Bun has `bun`, every runtime that imitates Node has `node`
 * @returns the problem and its remedy; `undefined` if the library can run
 */
export function runtimeProblem(versions: Readonly<Record<string, string | undefined>>): string | undefined {
  const { bun, deno, node } = versions;
  if (bun !== undefined) return undefined;
  const found = deno ? `Deno ${deno}` : node ? `Node.js ${node}` : "no Bun";
  return `bun-smtp needs Bun 1.4.0 or later, and this is ${found}: run the program with "bun" (https://bun.sh)`;
}

const problem = runtimeProblem(globalThis.process?.versions ?? {});
if (problem) throw new Error(problem);
