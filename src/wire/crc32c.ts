/** CRC-32C (RFC 9260 appendix A): Castagnoli's polynomial with its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** The change of the sum by each octet. */
const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let sum = octet;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
  return sum;
});

/** The checksum of all parts in a row, as an unsigned number. */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let sum = ~0;
  for (const part of parts)
    for (const octet of part) sum = (TABLE[(sum ^ octet) & 0xff] as number) ^ (sum >>> 8);
  return ~sum >>> 0;
}
