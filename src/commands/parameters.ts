import type { PathCommand } from "../wire/address.js";
import type { Action } from "./action.js";
import type { Client } from "./client.js";
import { unexplained } from "./extensions.js";

/** Most characters of a keyword in a reply, so that a client cannot make replies of any length. */
const SHOWN = 64;

/**
 * Checks the parameters of MAIL or RCPT: 501 if they are too many, or if one is repeated or lacks its value; with
 * `rejectUnknownParameters` 555 if one belongs to no extension in the EHLO reply (RFC 5321 4.1.1.11).
 * @param wanting keywords that must have a value
 * @returns the refusal; `undefined` if all are valid
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
