/**
 * How many file descriptors the process may have. Once `accept` fails because there is none (EMFILE), Bun's
 * event loop spins
 * until there is one: the kernel goes on saying that a client waits. So the last ones are never left to clients.
 */

/** Descriptors that clients do not get, or an eighth where there are few: hooks open files, resolvers sockets. */
const RESERVED = 32;

/** @returns the soft limit of open files (RLIMIT_NOFILE); `Infinity` where the system has none or does not tell */
export function descriptorLimit(): number {
  const report = process.report?.getReport() as
    { userLimits?: { open_files?: { soft?: unknown } } } | undefined;
  const soft = report?.userLimits?.open_files?.soft;
  return typeof soft === "number" ? soft : Infinity;
}

/**
 * The kernel gives the lowest number that is free, so a number says how many are in use.
 * @returns the lowest descriptor that no client gets
 */
export function firstReserved(limit: number = descriptorLimit()): number {
  return limit - Math.min(RESERVED, Math.floor(limit / 8));
}
