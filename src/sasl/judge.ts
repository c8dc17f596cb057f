import { isError } from "../hooks/hook-call.js";
import { errorReply, replyCode, replyText } from "../hooks/reply-fields.js";
import type { AuthResponse } from "../types/index.js";
import type { Failure, Success } from "./mechanism.js";

/** The reply to a wrong name, a wrong password and an unknown user: a client cannot tell them apart. */
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

/** The failure of an error; a value that is no Error has the default text. */
export function refusal(error: unknown): Failure {
  return isError(error) ? { type: "failure", ...errorReply(error, REJECTED) } : REJECTED;
}

/** The success of a response that has a user. */
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

/** Whether a response without a user says by itself what the client gets. */
export function namesItsReply(response: AuthResponse): boolean {
  return (
    replyCode(response.responseCode, "refuses") !== undefined || replyText(response.message) !== undefined
  );
}
