/** `ECDHE-RSA-`, both parts optional, then a block cipher with its mode and hash, or ChaCha20. */
const OPENSSL_NAME =
  /^(?:(DHE|ECDHE)-)?(?:(DSS|ECDSA|RSA)-)?(?:(AES|ARIA|CAMELLIA)(128|256)(?:-(GCM|CCM8?))?(?:-(SHA\d*))?|CHACHA20-POLY1305)$/;

/** Converts OpenSSL's name of a cipher to IANA's. Names of TLS 1.3 are the same in both; unknown ones stay as they are. */
export function standardCipherName(name: string): string {
  const match = OPENSSL_NAME.exec(name);
  if (!match) return name;
  const [, exchange, signature = "RSA", cipher, bits, mode = "CBC", hash] = match;
  const keys = exchange ? `${exchange}_${signature}` : signature;
  const parts = cipher ? [cipher, bits, mode.replace("CCM8", "CCM_8"), hash] : ["CHACHA20_POLY1305_SHA256"];
  return `TLS_${keys}_WITH_${parts.filter(Boolean).join("_")}`;
}
