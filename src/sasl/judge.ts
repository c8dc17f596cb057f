import { isError } from "../hooks/hook-call.js";
import { errorReply, replyCode, replyText } from "../hooks/reply-fields.js";
import type { AuthResponse } from "../types/index.js";
import type { Failure, Success } from "./mechanism.js";

/** One reply to wrong names, wrong passwords and unknown users, so that a client cannot tell which names exist. */
export const REJECTED: Failure = {
  type: "failure",
  code: 535,
  text: "Error: Authentication credentials invalid",
};

/**
 * Turns onAuth's answer into the outcome of the login, for all mechanisms.
 * - an error: its `responseCode` (400 to 599, a numeric string too, else 535) and its message;
 * - a `user`: 235, or the response's 2xx `responseCode` and `message`;
 * - neither: 535, or the response's 4xx or 5xx `responseCode` and `message`.
 */
export function judge(error: unknown, response: AuthResponse): Success | Failure {
  if (error) return refusal(error);
  return response.user ? acceptance(response) : rejection(response);
}

/** The failure for an error. A value that is not an Error means the default code and text. */
export function refusal(error: unknown): Failure {
  return isError(error) ? { type: "failure", ...errorReply(error, REJECTED) } : REJECTED;
}

/** The success for a response that has a user. */
export function acceptance(response: AuthResponse): Success {
  return {
    type: "success",
    user: response.user,
    code: replyCode(response.responseCode, "accepts") ?? 235,
    text: replyText(response.message) ?? "Authentication successful",
  };
}

function rejection(response: AuthResponse): Failure {
  return {
    type: "failure",
    code: replyCode(response.responseCode, "refuses") ?? REJECTED.code,
    text: replyText(response.message) ?? REJECTED.text,
  };
}

/** Whether a response without a user has its own code or text for the client. */
export function namesItsReply(response: AuthResponse): boolean {
  return (
    replyCode(response.responseCode, "refuses") !== undefined || replyText(response.message) !== undefined
  );
}
