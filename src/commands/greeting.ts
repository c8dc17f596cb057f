import type { Settings } from "../options.js";
import { type Action, withAllFields } from "./action.js";

/** The 220 greeting (RFC 5321 4.3.1). It has no enhanced status code (RFC 2034 3). */
export function greeting({ name, protocol, banner }: Settings): Action {
  const service = protocol === "LMTP" ? "LMTP" : "ESMTP";
  const text = banner ? `${name} ${service} ${banner}` : `${name} ${service}`;
  return withAllFields({ code: 220, text, enhanced: false, next: "ready" });
}
