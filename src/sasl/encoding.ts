const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Strict base64 (RFC 4648 section 4): no other characters, all its padding, no stray bits in the last
 * character. What decodes must encode to the very same text, so no two texts are one message.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** UTF-8, or `undefined`: replacement characters would make one name of many. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
