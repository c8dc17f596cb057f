import type { AuthResponse } from "../types/index.js";
import { judge, namesItsReply, REJECTED } from "./judge.js";
import { challenge } from "./mechanism.js";
import type { Failure, Outcome } from "./mechanism.js";

const NOT_ACCEPTED: Failure = { ...REJECTED, text: "Error: Username and Password not accepted" };

/**
 * Turns the answer of onAuth into the next step. Without a user, the client first gets the reason as JSON in a 334,
 * acknowledges it with any line, and then gets 535 (RFC 7628 section 3.2.3). If the answer has its own code or text, the
 * client gets that reply at once.
 */
export function judgeBearer(error: unknown, response: AuthResponse): Outcome {
  if (error || response.user || namesItsReply(response)) return judge(error, response);
  return challenge(json(response.data), NOT_ACCEPTED);
}

/** The application's object may be cyclic or throw; the client still needs a reply. */
function json(data: unknown): string {
  try {
    return JSON.stringify(data || {}) ?? "{}";
  } catch {
    return "{}";
  }
}

/**
 * Parses the fields of a bearer message: `key=value` between control-A octets.
 * @returns the values by key in lower case; `undefined` for a field without "=" or a repeated field
 */
export function bearerFields(text: string): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  for (const field of text.split("\x01")) {
    if (field === "") continue;
    const equals = field.indexOf("=");
    const key = field.slice(0, Math.max(equals, 0)).toLowerCase();
    if (key === "" || fields.has(key)) return undefined;
    fields.set(key, field.slice(equals + 1));
  }
  return fields;
}
