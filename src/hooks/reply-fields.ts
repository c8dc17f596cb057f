import type { SMTPErrorLike } from "../types/index.js";

/** The reply that an answer of a hook stands for. */
export interface ReplyFields {
  readonly code: number;
  readonly text: string;
  /** Enhanced status code (RFC 3463), if the answer has one. */
  readonly enhanced?: string;
}

/** Reply codes that accept, and reply codes that refuse. */
const RANGES = { accepts: [200, 299], refuses: [400, 599] } as const;

/**
 * Reads a `responseCode`, which applications set to anything.
 * @returns the code if it is an integer of the range, or a string of three digits that says one
 */
export function replyCode(value: unknown, range: keyof typeof RANGES): number | undefined {
  const [first, last] = RANGES[range];
  const code = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof code === "number" && Number.isInteger(code) && code >= first && code <= last
    ? code
    : undefined;
}

/** Reads a `message`, which applications set to numbers and objects too. */
export function replyText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** @returns the reply of an error, with `fallback` for what the error does not say */
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
