import { expect, test } from "bun:test";
import { crc32c } from "../../src/wire/crc32c.js";

// RFC 3720 B.4 and the check value of the catalogue of CRCs.
const VECTORS: [name: string, octets: Buffer, sum: number][] = [
  ["32 zeros", Buffer.alloc(32), 0x8a9136aa],
  ["32 ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
  ["32 rising octets", Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ["32 falling octets", Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
  ["digits", Buffer.from("123456789"), 0xe3069283],
  ["nothing", Buffer.alloc(0), 0],
];

test.each(VECTORS)("%s, whole and in parts", (_, octets, sum) => {
  expect(crc32c(octets)).toBe(sum);
  for (let at = 0; at <= octets.length; at++) {
    expect(crc32c(octets.subarray(0, at), octets.subarray(at))).toBe(sum);
  }
});
