import { userName } from "../session.js";
import { formatReply } from "../wire/reply.js";
import type { Action } from "./action.js";
import type { Client } from "./client.js";

/** Applies `maxErrors` to a handler's reply: the n-th 5xx becomes a 421, which closes. */
export function applyErrorLimit(client: Client, reply: Action): Action {
  if (reply.code < 500) return reply;
  const { counts, settings } = client;
  counts.errors += 1;
  if (counts.errors < settings.maxErrors) return reply;
  client.log("info", { tnx: "errors", errors: counts.errors }, "Closing after %s errors", counts.errors);
  return { code: 421, text: "Error: too many errors", enhanced: "4.7.0", limit: "maxErrors" };
}

/** Formats a reply, logs it, and stores it as `session.error` if it refuses. */
export function encodeReply(client: Client, reply: Action): string {
  const { session, settings } = client;
  const text = formatReply(reply, !settings.hideEnhancedStatusCodes);
  if (reply.code >= 400) session.error = text.trimEnd();
  if (client.trace) client.trace.replied(reply);
  if (client.isLogged) {
    // One entry for each line, because the logger escapes CRLF.
    for (const line of text.trimEnd().split("\r\n")) {
      client.log("debug", { tnx: "send", user: userName(session) }, "S: %s", line);
    }
  }
  return text;
}
