import { withAllFields, type Action } from "./action.js";
import type { Client, Command } from "./client.js";
import { addedKeywords, NO_KEYWORDS, ownKeywords } from "./extensions.js";
import { refused } from "./refusal.js";
import { enterHello, updateTransmissionType } from "../session.js";
import { isHeloName, words } from "../wire/command.js";

/** HELO, EHLO and LHLO. Their replies have no enhanced status code (RFC 2034 3). */
function hello(
  client: Client,
  verb: string,
  args: string,
  syntax: string,
  extended: boolean,
): Action | Promise<Action> {
  const { settings, session } = client;
  const [name, ...more] = words(args);
  if (!name || more.length > 0) return { code: 501, text: `Error: ${syntax} hostname`, enhanced: false };
  if (!isHeloName(name)) return { code: 501, text: "Error: Bad hostname syntax", enhanced: false };
  const { openingCommand, hostNameAppearsAs } = session;
  enterHello(session, verb, name, settings);
  return client.hook("onHelo", [session], (result) => {
    const refusal = refused("onHelo", result);
    if (refusal) {
      // RFC 5321 4.1.4: a refused EHLO leaves the client's state unchanged.
      session.openingCommand = openingCommand;
      session.hostNameAppearsAs = hostNameAppearsAs;
      updateTransmissionType(session, settings);
      return { ...refusal, enhanced: false };
    }
    const keywords = extended && result.type === "accepted" ? addedKeywords(result.value) : NO_KEYWORDS;
    const greeting = fill(settings.heloResponse, [settings.name, session.clientHostname]);
    const text = extended ? [greeting, ...ownKeywords(client), ...keywords] : greeting;
    // RFC 5321 4.1.4: an accepted EHLO in the middle of a transaction resets it.
    client.resetTransaction();
    client.keywords = keywords;
    return withAllFields({ code: 250, text, enhanced: false });
  });
}

/** Replaces each `%s` by the next name, and by nothing after the last name. */
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

/** LMTP's EHLO (RFC 2033 4.1). In SMTP it is an unknown command, see `supports`. */
export const LHLO: Command = {
  beforeUpgrade: true,
  run: (client, args) => hello(client, "LHLO", args, "syntax: LHLO", true),
};
