import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";

export function sha256(data: string | Uint8Array): Buffer {
  return hash("sha256", data, "buffer");
}

export function hmacSHA256(key: string | Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Compares in constant time. It compares hashes, because `timingSafeEqual` throws for different lengths. */
export function equalSecrets(a: string | Uint8Array, b: string | Uint8Array): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

/** 128 random bits in hex. */
export function randomNonce(): string {
  return randomBytes(16).toString("hex");
}
