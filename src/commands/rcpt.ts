import type { SMTPAddress, SMTPAddressArgs } from "../types/index.js";
import { parsePathCommand } from "../wire/address.js";
import { toUpperASCII } from "../wire/text.js";
import { type Action, withOctets } from "./action.js";
import type { Client, Command } from "./client.js";
import { badParameter } from "./parameters.js";
import { refused } from "./refusal.js";

const RECIPIENT_ACCEPTED: Action = withOctets({ code: 250, text: "Accepted", enhanced: "2.1.5" });

/** Parameters that must have a value. */
const RCPT_VALUES = ["NOTIFY", "ORCPT"];

/** RCPT TO (RFC 5321 4.1.1.3). */
export const RCPT: Command = {
  afterHello: true,
  afterAuth: true,
  run(client, _args, line) {
    const { session, settings } = client;
    const path = parsePathCommand(line, "RCPT TO", !!settings.raw.lenientAddressParsing);
    if (!path?.address) return { code: 501, text: "Error: Bad recipient address syntax", enhanced: "5.1.3" };
    const problem = badParameter(client, "RCPT", path, RCPT_VALUES);
    if (problem) return problem;
    if (!session.envelope.mailFrom) return { code: 503, text: "Error: need MAIL command" };
    if (client.message) return { code: 503, text: "Error: BDAT in progress" };
    const recipient = client.recipients.keep(path);
    const refusal = path.args && !settings.hideDSN ? enterDSN(recipient, path.args) : undefined;
    if (refusal) return refusal;
    if (isOneTooMany(client, recipient)) {
      return { code: 452, text: "Error: too many recipients", enhanced: "4.5.3", limit: "maxRecipients" };
    }
    return client.hook("onRcptTo", [recipient, session], (result) => {
      const refusal = refused("onRcptTo", result);
      if (refusal) return refusal;
      client.recipients.accept(recipient, session.envelope.rcptTo, line.length);
      return RECIPIENT_ACCEPTED;
    });
  },
};

/**
 * Whether a limit of recipients is reached. The limits of recipients.ts count repeated addresses too; `maxRecipients` does
 * not.
 */
function isOneTooMany({ settings, session, recipients }: Client, { address }: SMTPAddress): boolean {
  if (recipients.isFull) return true;
  return session.envelope.rcptTo.length >= settings.maxRecipients && !recipients.has(address);
}

const CONDITIONS = ["NEVER", "SUCCESS", "FAILURE", "DELAY"];

/** Checks NOTIFY and ORCPT (RFC 3461 4.1, 4.2) and stores them as `dsn`. */
function enterDSN(recipient: SMTPAddress, args: SMTPAddressArgs): Action | undefined {
  if (args.NOTIFY) {
    const notify = toUpperASCII(args.NOTIFY).split(",", CONDITIONS.length + 1);
    if (notify.length > CONDITIONS.length || !notify.every((condition) => CONDITIONS.includes(condition))) {
      return { code: 501, text: "Error: NOTIFY parameter must be NEVER, SUCCESS, FAILURE, or DELAY" };
    }
    if (notify.includes("NEVER") && notify.length > 1) {
      return { code: 501, text: "Error: NOTIFY=NEVER cannot be combined with other values" };
    }
    recipient.dsn = { notify };
  }
  if (args.ORCPT) {
    if (!/^[a-z0-9!#$%&'*+/=?^_`{|}~-]+;./i.test(args.ORCPT)) {
      return { code: 501, text: "Error: Bad ORCPT parameter syntax" };
    }
    recipient.dsn = { ...recipient.dsn, orcpt: args.ORCPT };
  }
  return undefined;
}
