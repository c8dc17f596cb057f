import { isError } from "../hooks/hook-call.js";
import type { AuthResponse } from "../types/index.js";
import type { Failure, Success } from "./mechanism.js";

/** Wrong name, wrong password, no such user: all the same to a client. */
export const REJECTED: Failure = {
  type: "failure",
  code: 535,
  text: "Error: Authentication credentials invalid",
};

/**
 * What onAuth's answer means, for every mechanism.
 * - an error: its `responseCode` (400 to 599, a numeric string too, else 535) and its message;
 * - a `user`: 235, or the response's 2xx `responseCode` and `message`;
 * - neither: 535, or the response's 4xx or 5xx `responseCode` and `message`.
 */
export function judge(error: unknown, response: AuthResponse): Success | Failure {
  if (error) return refusal(error);
  return response.user ? acceptance(response) : rejection(response);
}

/** The reply of an error: one that is no Error has the default text. */
export function refusal(error: unknown): Failure {
  if (!isError(error)) return REJECTED;
  const failure = {
    ...REJECTED,
    code: replyCode(error.responseCode, 4, 5) ?? REJECTED.code,
    text: text(error.message) ?? REJECTED.text,
  };
  return typeof error.enhancedCode === "string" ? { ...failure, enhanced: error.enhancedCode } : failure;
}

/** The reply for a response that has a user. */
export function acceptance(response: AuthResponse): Success {
  return {
    type: "success",
    user: response.user,
    code: replyCode(response.responseCode, 2, 2) ?? 235,
    text: text(response.message) ?? "Authentication successful",
  };
}

function rejection(response: AuthResponse): Failure {
  return {
    ...REJECTED,
    code: replyCode(response.responseCode, 4, 5) ?? REJECTED.code,
    text: text(response.message) ?? REJECTED.text,
  };
}

/** Whether a response without a user says by itself how it is to be answered. */
export function namesItsReply(response: AuthResponse): boolean {
  return replyCode(response.responseCode, 4, 5) !== undefined || text(response.message) !== undefined;
}

/** A reply code whose first digit is in the range, from an integer or a string of three digits. */
function replyCode(value: unknown, from: number, to: number): number | undefined {
  const code = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  if (typeof code !== "number" || !Number.isInteger(code)) return undefined;
  return code >= from * 100 && code < (to + 1) * 100 ? code : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
