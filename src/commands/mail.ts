import type { SMTPAddress, SMTPAddressArgs } from "../types/index.js";
import type { PathCommand } from "../wire/address.js";
import { parsePathCommand } from "../wire/address.js";
import { toLowerASCII, toUpperASCII } from "../wire/text.js";
import { withOctets, type Action } from "./action.js";
import type { Client, Command } from "./client.js";
import { tooBig } from "./message.js";
import { refused } from "./refusal.js";

const SENDER_ACCEPTED: Action = withOctets({ code: 250, text: "Accepted", enhanced: "2.1.0" });
const RECIPIENT_ACCEPTED: Action = withOctets({ code: 250, text: "Accepted", enhanced: "2.1.5" });

/** Parameters that mean nothing without a value. */
const MAIL_VALUES = ["BODY", "SIZE", "RET", "ENVID", "AUTH"];
const RCPT_VALUES = ["NOTIFY", "ORCPT"];

/** Octets of an envelope identifier (RFC 3461 4.4). */
const MAX_ENVID = 100;

/** What a MAIL parameter must look like, in the order of the checks. `undefined`: it is fine. */
const MAIL_PARAMETERS: readonly ((args: SMTPAddressArgs, client: Client) => Action | undefined)[] = [
  // RFC 1870: size-value = 1*20DIGIT
  function SIZE(args, { settings }) {
    if (args.SIZE === undefined) return undefined;
    if (!/^\d{1,20}$/.test(args.SIZE)) return { code: 501, text: "Error: Bad message size syntax" };
    return !settings.raw.hideSize && Number(args.SIZE) > settings.size ? tooBig(settings.size) : undefined;
  },
  // RFC 6152, RFC 3030
  function BODY(args, client) {
    if (args.BODY === undefined) return undefined;
    const types = acceptsBinary(client) ? ["7BIT", "8BITMIME", "BINARYMIME"] : ["7BIT", "8BITMIME"];
    if (types.includes(toUpperASCII(args.BODY))) return undefined;
    const wanted = types.slice(0, -1).join(", ") + " or " + types.at(-1);
    return { code: 501, text: `Invalid BODY parameter value. Must be ${wanted}` };
  },
  // RFC 6531
  (args) => flag(args, "SMTPUTF8"),
  // RFC 8689
  function REQUIRETLS(args, { session }) {
    if (args.REQUIRETLS === undefined) return undefined;
    if (!session.secure) return { code: 530, text: "REQUIRETLS not permitted on non-TLS connections" };
    return flag(args, "REQUIRETLS");
  },
  // RFC 3461 4.4. Its syntax is checked with DSN hidden too: `args` has it decoded.
  function ENVID(args) {
    if (args.ENVID === undefined || Buffer.byteLength(args.ENVID) <= MAX_ENVID) return undefined;
    return { code: 501, text: `Error: ENVID parameter over ${MAX_ENVID} octets` };
  },
  // RFC 3461 4.3
  function RET(args, { settings }) {
    if (args.RET === undefined || settings.hideDSN || /^(FULL|HDRS)$/i.test(args.RET)) return undefined;
    return { code: 501, text: "Invalid RET parameter value. Must be FULL or HDRS" };
  },
];

function flag(args: SMTPAddressArgs, keyword: "SMTPUTF8" | "REQUIRETLS"): Action | undefined {
  if (args[keyword] === undefined || args[keyword] === true) return undefined;
  return { code: 501, text: `Invalid ${keyword} parameter. This flag does not accept a value` };
}

function acceptsBinary(client: Client): boolean {
  return !client.settings.hideBinaryMIME && client.supports("BDAT");
}

/** Characters of a keyword that a reply shows: a client does not decide how long a reply is. */
const SHOWN = 64;

/** 501 for too many parameters, and for one that is given twice or lacks its value. */
function badParameter(path: PathCommand, wanting: readonly string[]): Action | undefined {
  if (path.tooMany) return { code: 501, text: "Error: too many parameters" };
  if (path.duplicate)
    return { code: 501, text: `Error: duplicate ${path.duplicate.slice(0, SHOWN)} parameter` };
  const { args } = path;
  const empty = args && wanting.find((keyword) => args[keyword] === true);
  return empty ? { code: 501, text: `Error: ${empty} parameter requires a value` } : undefined;
}

/** MAIL FROM (RFC 5321 4.1.1.2). */
export const MAIL: Command = {
  afterHello: true,
  afterAuth: true,
  run(client, _args, line) {
    const { session, settings } = client;
    const path = parsePathCommand(line, "MAIL FROM", !!settings.raw.lenientAddressParsing);
    client.announce();
    if (!path) return { code: 501, text: "Error: Bad sender address syntax", enhanced: "5.1.7" };
    const problem = badParameter(path, MAIL_VALUES);
    if (problem) return problem;
    if (session.envelope.mailFrom) return { code: 503, text: "Error: nested MAIL command" };
    const reversePath: SMTPAddress = { address: path.address, args: path.args };
    const refusal = path.args && badValue(path.args, client);
    if (refusal) return refusal;
    // The hook sees the parameters in the envelope, the reverse-path only once it is accepted.
    if (path.args) enterParameters(client, path.args);
    return client.hook("onMailFrom", [reversePath, session], (result) => {
      const refusal = refused("onMailFrom", result);
      if (refusal) {
        client.resetTransaction();
        return refusal;
      }
      session.envelope.mailFrom = reversePath;
      return SENDER_ACCEPTED;
    });
  },
};

function badValue(args: SMTPAddressArgs, client: Client): Action | undefined {
  for (const check of MAIL_PARAMETERS) {
    const refusal = check(args, client);
    if (refusal) return refusal;
  }
  return undefined;
}

function enterParameters({ session: { envelope } }: Client, args: SMTPAddressArgs): void {
  if (args.BODY) envelope.bodyType = toLowerASCII(args.BODY) as typeof envelope.bodyType;
  if (args.SMTPUTF8) envelope.smtpUtf8 = true;
  if (args.REQUIRETLS) envelope.requireTLS = true;
  if (envelope.dsn) {
    if (args.RET) envelope.dsn.ret = toUpperASCII(args.RET) as "FULL" | "HDRS";
    if (args.ENVID) envelope.dsn.envid = args.ENVID;
  }
}

/** RCPT TO (RFC 5321 4.1.1.3). */
export const RCPT: Command = {
  afterHello: true,
  afterAuth: true,
  run(client, _args, line) {
    const { session, settings } = client;
    const path = parsePathCommand(line, "RCPT TO", !!settings.raw.lenientAddressParsing);
    if (!path?.address) return { code: 501, text: "Error: Bad recipient address syntax", enhanced: "5.1.3" };
    const problem = badParameter(path, RCPT_VALUES);
    if (problem) return problem;
    if (!session.envelope.mailFrom) return { code: 503, text: "Error: need MAIL command" };
    if (client.message) return { code: 503, text: "Error: BDAT in progress" };
    const recipient = client.recipients.keep(path);
    const refusal = path.args && !settings.hideDSN ? enterDSN(recipient, path.args) : undefined;
    if (refusal) return refusal;
    if (isOneTooMany(client, recipient)) {
      return { code: 452, text: "Error: too many recipients", enhanced: "4.5.3" };
    }
    return client.hook("onRcptTo", [recipient, session], (result) => {
      const refusal = refused("onRcptTo", result);
      if (refusal) return refusal;
      client.recipients.accept(recipient, session.envelope.rcptTo, line.length);
      return RECIPIENT_ACCEPTED;
    });
  },
};

function isOneTooMany({ settings, session, recipients }: Client, { address }: SMTPAddress): boolean {
  if (recipients.isFull) return true;
  return session.envelope.rcptTo.length >= settings.maxRecipients && !recipients.has(address);
}

const CONDITIONS = ["NEVER", "SUCCESS", "FAILURE", "DELAY"];

/** Checks NOTIFY and ORCPT (RFC 3461 4.1, 4.2) and enters them as `dsn`. */
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
