/**
 * The limit of file descriptors. If `accept` fails for lack of one (EMFILE), the kernel keeps reporting the waiting client
 * and Bun's event loop spins until a descriptor is free. So clients never get the last ones.
 */

/** Descriptors that are kept for the files of hooks and the sockets of resolvers; an eighth of the limit if that is less. */
const RESERVED = 32;

/** @returns the soft limit of open files (RLIMIT_NOFILE); `Infinity` if it is unlimited or unknown */
export function descriptorLimit(): number {
  const report = process.report?.getReport() as
    { userLimits?: { open_files?: { soft?: unknown } } } | undefined;
  const soft = report?.userLimits?.open_files?.soft;
  return typeof soft === "number" ? soft : Infinity;
}

/**
 * The kernel assigns the lowest free number, so a descriptor's number tells how many are in use.
 * @returns the lowest descriptor that no client gets
 */
export function firstReserved(limit: number = descriptorLimit()): number {
  return limit - Math.min(RESERVED, Math.floor(limit / 8));
}
