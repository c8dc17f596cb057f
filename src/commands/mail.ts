import type { SMTPAddress, SMTPAddressArgs } from "../types/index.js";
import { parsePathCommand } from "../wire/address.js";
import { toLowerASCII, toUpperASCII } from "../wire/text.js";
import { withOctets, type Action } from "./action.js";
import type { Client, Command } from "./client.js";
import { tooBig } from "./message.js";
import { badParameter } from "./parameters.js";
import { refused } from "./refusal.js";

const SENDER_ACCEPTED: Action = withOctets({ code: 250, text: "Accepted", enhanced: "2.1.0" });

/** Parameters that must have a value. */
const MAIL_VALUES = ["BODY", "SIZE", "RET", "ENVID", "AUTH"];

/** Octets of an envelope identifier (RFC 3461 4.4). */
const MAX_ENVID = 100;

/** Checks of the MAIL parameters, in this order. `undefined` means valid. */
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
  // RFC 3461 4.4. Checked even if DSN is hidden, because `args` has it decoded.
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

/** MAIL FROM (RFC 5321 4.1.1.2). */
export const MAIL: Command = {
  afterHello: true,
  afterAuth: true,
  run(client, _args, line) {
    const { session, settings } = client;
    const path = parsePathCommand(line, "MAIL FROM", !!settings.raw.lenientAddressParsing);
    client.announce();
    // A listener of `connect` may close the connection.
    if (!client.isOpen) return [];
    if (!path) return { code: 501, text: "Error: Bad sender address syntax", enhanced: "5.1.7" };
    const problem = badParameter(client, "MAIL", path, MAIL_VALUES);
    if (problem) return problem;
    if (session.envelope.mailFrom) return { code: 503, text: "Error: nested MAIL command" };
    const reversePath: SMTPAddress = { address: path.address, args: path.args };
    const refusal = path.args && badValue(path.args, client);
    if (refusal) return refusal;
    // During the hook the envelope has the parameters, but the reverse-path only after it has accepted.
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
