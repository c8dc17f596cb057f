import type { SMTPErrorLike } from "../types/index.js";
import type { HookResult } from "../hooks/hook-call.js";
import type { Action } from "./action.js";

/** Reply code and text of a hook's refusal that brings none of its own. */
const DEFAULTS = {
  onConnect: [554, "Error: connection refused"],
  onSecure: [554, "Error: connection refused"],
  onAuth: [535, "Error: Authentication credentials invalid"],
  onMailFrom: [550, "Error: sender refused"],
  onRcptTo: [550, "Error: recipient refused"],
  onData: [450, "Error: message refused"],
} as const;

/** What a client hears when the application failed, not the client. */
export const INTERNAL_ERROR: Action = { code: 451, text: "Error: internal server error" };

/** `responseCode` if it is one that refuses: an integer from 400 to 599, or a string that says one. */
export function refusalCode(value: unknown): number | undefined {
  const code = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof code === "number" && Number.isInteger(code) && code >= 400 && code <= 599 ? code : undefined;
}

/** An error's text, `""` where it has none: programs assign numbers and objects to `message` too. */
export function messageOf(error: SMTPErrorLike): string {
  const message: unknown = error.message;
  return typeof message === "string" ? message : "";
}

/** The reply that a hook's error stands for. */
export function refusal(hook: keyof typeof DEFAULTS, error: SMTPErrorLike): Action {
  const [code, text] = DEFAULTS[hook];
  const reply = { code: refusalCode(error.responseCode) ?? code, text: messageOf(error) || text };
  return typeof error.enhancedCode === "string" ? { ...reply, enhanced: error.enhancedCode } : reply;
}

/** The refusal of a hook that did not accept, `undefined` if it did. */
export function refused(hook: keyof typeof DEFAULTS, result: HookResult): Action | undefined {
  if (result.type === "accepted") return undefined;
  return result.type === "crashed" ? INTERNAL_ERROR : refusal(hook, result.error);
}
