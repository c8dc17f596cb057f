const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes strict base64 (RFC 4648 section 4): no other characters, full padding, no extra bits in the last character.
 * It encodes the octets again and compares, so only one text decodes to a message.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** @returns `undefined` for invalid UTF-8, because replacement characters would make different names equal */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
