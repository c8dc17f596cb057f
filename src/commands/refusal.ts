import type { HookResult } from "../hooks/hook-call.js";
import { errorReply } from "../hooks/reply-fields.js";
import type { SMTPErrorLike } from "../types/index.js";
import type { Action } from "./action.js";

/** Default reply code and text of a hook's refusal. */
const DEFAULTS = {
  onConnect: { code: 554, text: "Error: connection refused" },
  onSecure: { code: 554, text: "Error: connection refused" },
  onHelo: { code: 550, text: "Error: host name refused" },
  onAuth: { code: 535, text: "Error: Authentication credentials invalid" },
  onMailFrom: { code: 550, text: "Error: sender refused" },
  onRcptTo: { code: 550, text: "Error: recipient refused" },
  onData: { code: 450, text: "Error: message refused" },
} as const;

/** The reply to an error of the application, not of the client. */
export const INTERNAL_ERROR: Action = { code: 451, text: "Error: internal server error" };

/** The 501 for an argument of a command that takes none (RFC 5321 4.1.1). */
export function noArgument(verb: string): Action {
  return { code: 501, text: `Error: syntax: ${verb}` };
}

/** The reply for a hook's error. */
export function refusal(hook: keyof typeof DEFAULTS, error: SMTPErrorLike): Action {
  return errorReply(error, DEFAULTS[hook]);
}

/** The reply for a hook that refused or crashed; `undefined` if it accepted. */
export function refused(hook: keyof typeof DEFAULTS, result: HookResult): Action | undefined {
  if (result.type === "accepted") return undefined;
  return result.type === "crashed" ? INTERNAL_ERROR : refusal(hook, result.error);
}
