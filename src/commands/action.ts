import { formatReply } from "../wire/reply.js";
import type { Action } from "./client.js";

/**
 * An action with all its fields. What every session hears has one shape then, and what handles it is compiled
 * once: else a few connections that begin among thousands of messages are reason enough to compile it anew.
 */
export function whole(action: Action): Action {
  const { code, text, enhanced, octets, close, ready, upgrade, continuation, body } = action;
  return { code, text, enhanced, octets, close, ready, upgrade, continuation, body };
}

/** An action that is always the same, its octets made once. */
export function fixed(action: Action): Action {
  const octets = { plain: formatReply(action, false), enhanced: formatReply(action, true) };
  return whole({ ...action, octets });
}
