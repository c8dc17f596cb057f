const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Strict base64 (RFC 4648 section 4): no other characters, all padding, no stray bits in the last character.
 * The octets must encode to the same text, so that no two texts mean one message.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** @returns `undefined` for octets that are not UTF-8: with replacement characters different names would be equal */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
