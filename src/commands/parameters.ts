import type { PathCommand } from "../wire/address.js";
import type { Action } from "./action.js";
import type { Client } from "./client.js";
import { unexplained } from "./extensions.js";

/** Characters of a keyword that a reply shows: a client does not decide how long a reply is. */
const SHOWN = 64;

/**
 * The 501 for too many parameters of MAIL or RCPT, and for one that is repeated or lacks its value; with
 * `rejectUnknownParameters` the 555 for one of no extension in the EHLO reply (RFC 5321 4.1.1.11).
 */
export function badParameter(
  client: Client,
  verb: "MAIL" | "RCPT",
  path: PathCommand,
  wanting: readonly string[],
): Action | undefined {
  if (path.tooMany) return { code: 501, text: "Error: too many parameters" };
  if (path.duplicate)
    return { code: 501, text: `Error: duplicate ${path.duplicate.slice(0, SHOWN)} parameter` };
  const { args } = path;
  const empty = args && wanting.find((keyword) => args[keyword] === true);
  if (empty) return { code: 501, text: `Error: ${empty} parameter requires a value` };
  const unknown = args && client.settings.raw.rejectUnknownParameters && unexplained(client, verb, args);
  if (!unknown) return undefined;
  return { code: 555, text: `Error: ${unknown.slice(0, SHOWN)} parameter not recognized or not implemented` };
}
