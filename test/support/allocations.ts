import { spyOn } from "bun:test";

/** How many octets of Buffers `work` allocates by itself or makes copies in. */
export function allocatedBy(work: () => void): number {
  let octets = 0;
  const originals = { concat: Buffer.concat, allocUnsafeSlow: Buffer.allocUnsafeSlow };
  const spies = [
    spyOn(Buffer, "concat").mockImplementation((...args) => {
      const made = originals.concat(...args);
      octets += made.length;
      return made;
    }),
    spyOn(Buffer, "allocUnsafeSlow").mockImplementation((size) => {
      octets += size;
      return originals.allocUnsafeSlow(size);
    }),
  ];
  try {
    work();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return octets;
}
