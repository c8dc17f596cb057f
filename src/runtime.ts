/** Must be the first import of index.ts: it reports a runtime other than Bun before another import fails on it. */

/**
 * Checks the runtime. Other runtimes lack Bun's sockets. An older Bun has them and fails only if TLS is configured, so the
 * constructor of the server reports it.
 *
 * @param versions `process.versions`: only Bun has `bun`; runtimes that are compatible with Node have `node` too
 * @returns the problem and its solution; `undefined` if the library can run
 */
export function runtimeProblem(versions: Readonly<Record<string, string | undefined>>): string | undefined {
  const { bun, deno, node } = versions;
  if (bun !== undefined) return undefined;
  const found = deno ? `Deno ${deno}` : node ? `Node.js ${node}` : "no Bun";
  return `bun-smtp needs Bun 1.4.0 or later, and this is ${found}: run the program with "bun" (https://bun.sh)`;
}

const problem = runtimeProblem(globalThis.process?.versions ?? {});
if (problem) throw new Error(problem);
