/** Clients and servers that a test has opened: setup.ts ends them after it, so that none outlives its test. */
const open = new Set<() => unknown>();

/**
 * Ends something after the test, unless it ends before.
 * @param end called once; a promise that it returns is waited for
 * @returns to be called when it has ended of itself
 */
export function endAfterTest(end: () => unknown): () => void {
  open.add(end);
  return () => void open.delete(end);
}

/** Ends what is open, the newest first: clients before their server, which waits for them. */
export async function endAll(): Promise<void> {
  while (open.size > 0) {
    const ends = [...open].reverse();
    open.clear();
    for (const end of ends) await end();
  }
}
