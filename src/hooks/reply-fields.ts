import type { SMTPErrorLike } from "../types/index.js";

/** The fields of a reply that a hook's answer can set. */
export interface ReplyFields {
  readonly code: number;
  readonly text: string;
  /** Enhanced status code (RFC 3463), if the answer has one. */
  readonly enhanced?: string;
}

/** First and last reply code that accepts, and that refuses. */
const RANGES = { accepts: [200, 299], refuses: [400, 599] } as const;

/**
 * Reads a `responseCode`, which may have any value.
 * @returns the code if it is an integer in the range, or a string of three digits in the range
 */
export function replyCode(value: unknown, range: keyof typeof RANGES): number | undefined {
  const [first, last] = RANGES[range];
  const code = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof code === "number" && Number.isInteger(code) && code >= first && code <= last
    ? code
    : undefined;
}

/** Reads a `message`, which may have any value. @returns a text that is not empty */
export function replyText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** @returns the reply of an error, with `fallback` for fields that the error lacks */
export function errorReply(
  error: SMTPErrorLike,
  fallback: { readonly code: number; readonly text: string },
): ReplyFields {
  const code = replyCode(error.responseCode, "refuses") ?? fallback.code;
  const text = replyText(error.message) ?? fallback.text;
  return typeof error.enhancedCode === "string"
    ? { code, text, enhanced: error.enhancedCode }
    : { code, text };
}
