import type { PathCommand } from "../wire/address.js";
import type { Action } from "./action.js";

/** Characters of a keyword that a reply shows: a client does not decide how long a reply is. */
const SHOWN = 64;

/** The 501 for too many parameters of MAIL or RCPT, and for one that is repeated or lacks its value. */
export function badParameter(path: PathCommand, wanting: readonly string[]): Action | undefined {
  if (path.tooMany) return { code: 501, text: "Error: too many parameters" };
  if (path.duplicate)
    return { code: 501, text: `Error: duplicate ${path.duplicate.slice(0, SHOWN)} parameter` };
  const { args } = path;
  const empty = args && wanting.find((keyword) => args[keyword] === true);
  return empty ? { code: 501, text: `Error: ${empty} parameter requires a value` } : undefined;
}
