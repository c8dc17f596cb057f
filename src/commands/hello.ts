import { withAllFields, type Action } from "./action.js";
import { mechanismsFor } from "./auth.js";
import type { Client, Command } from "./client.js";
import { isHeloName, words } from "../wire/command.js";
import { toLowerASCII } from "../wire/text.js";
import { mayUse, XCLIENT_NAMES, XFORWARD_NAMES } from "./xclient.js";

/** EHLO keywords that an option `hide…` of the same name hides, in the order advertised. */
const HIDEABLE: readonly { keyword: string; hidden(client: Client): unknown }[] = [
  { keyword: "PIPELINING", hidden: ({ settings }) => settings.raw.hidePIPELINING },
  { keyword: "8BITMIME", hidden: ({ settings }) => settings.raw.hide8BITMIME },
  { keyword: "SMTPUTF8", hidden: ({ settings }) => settings.raw.hideSMTPUTF8 },
  { keyword: "ENHANCEDSTATUSCODES", hidden: ({ settings }) => settings.hideEnhancedStatusCodes },
  { keyword: "DSN", hidden: ({ settings }) => settings.hideDSN },
];

/** The lines of an EHLO reply after the first (RFC 5321 4.1.1.1). */
function keywords(client: Client): string[] {
  const { settings, session } = client;
  const { raw } = settings;
  const lines: string[] = [];
  for (const { keyword, hidden } of HIDEABLE) if (!hidden(client)) lines.push(keyword);
  if (client.supports("AUTH") && !session.user) {
    const mechanisms = mechanismsFor(client);
    if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(" ")}`);
  }
  if (!session.secure && client.canUpgrade && client.supports("STARTTLS") && !raw.hideSTARTTLS)
    lines.push("STARTTLS");
  if (session.secure && !settings.hideRequireTLS) lines.push("REQUIRETLS");
  if (Number.isFinite(settings.size)) lines.push(raw.hideSize ? "SIZE" : `SIZE ${settings.size}`);
  if (mayUse(client, "XCLIENT")) lines.push(`XCLIENT ${[...XCLIENT_NAMES].join(" ")}`);
  if (mayUse(client, "XFORWARD")) lines.push(`XFORWARD ${[...XFORWARD_NAMES].join(" ")}`);
  if (client.supports("BDAT") && !raw.hideCHUNKING) {
    lines.push("CHUNKING");
    if (!settings.hideBinaryMIME) lines.push("BINARYMIME");
  }
  if (Number.isFinite(settings.maxRecipients)) lines.push(`LIMITS RCPTMAX=${settings.maxRecipients}`);
  return lines;
}

/** Replies to the opening commands carry no enhanced status code (RFC 2034 3). */
function hello(client: Client, verb: string, args: string, syntax: string, extended: boolean): Action {
  const { settings, session } = client;
  const [name, ...more] = words(args);
  if (!name || more.length > 0) return { code: 501, text: `Error: ${syntax} hostname`, enhanced: false };
  if (!isHeloName(name)) return { code: 501, text: "Error: Bad hostname syntax", enhanced: false };
  session.openingCommand = verb;
  session.hostNameAppearsAs = toLowerASCII(name);
  client.resetTransaction();
  const greeting = fill(settings.heloResponse, [settings.name, session.clientHostname]);
  const text = extended ? [greeting, ...keywords(client)] : greeting;
  return withAllFields({ code: 250, text, enhanced: false });
}

/** A text with a name for each `%s`; nothing where there is no name left. */
function fill(template: string, names: readonly string[]): string {
  const [start = "", ...parts] = template.split("%s");
  return parts.reduce((text, part, i) => text + (names[i] ?? "") + part, start);
}

function notInLMTP(verb: string): Action {
  return { code: 500, text: `Error: ${verb} not allowed in LMTP server`, enhanced: false };
}

export const HELO: Command = {
  run: (client, args) =>
    client.settings.lmtp ? notInLMTP("HELO") : hello(client, "HELO", args, "Syntax: HELO", false),
};

export const EHLO: Command = {
  beforeUpgrade: true,
  run: (client, args) =>
    client.settings.lmtp ? notInLMTP("EHLO") : hello(client, "EHLO", args, "syntax: EHLO", true),
};

/** LMTP's EHLO (RFC 2033 4.1); no command at all in SMTP, see `supports`. */
export const LHLO: Command = {
  beforeUpgrade: true,
  run: (client, args) => hello(client, "LHLO", args, "syntax: LHLO", true),
};
