import {
  Exchange,
  MECHANISMS,
  type Channel,
  type Failure,
  type Outcome,
  type Success,
} from "../sasl/index.js";
import { AUTH as CHANNEL } from "../diagnostics/channels.js";
import { enterUser } from "../session.js";
import { words } from "../wire/command.js";
import { toUpperASCII } from "../wire/text.js";
import type { HookResult } from "../hooks/hook-call.js";
import type { AuthEvent } from "../types/index.js";
import type { Action, Answer } from "./action.js";
import type { Client, Command } from "./client.js";
import { INTERNAL_ERROR } from "./refusal.js";

const PLUS = "SCRAM-SHA-256-PLUS";

/** After XCLIENT ADDR there is none: certificate and TLS session are those of the proxy, not of the client that it named. */
function channelOf({ tls, session }: Client): Channel {
  if (!tls || session.xClient.has("ADDR")) return {};
  return {
    exportKeyingMaterial: (length, label, context) => tls.exportKeyingMaterial(length, label, context),
    peerCertificate: () => (tls.authorized ? tls.peerCertificate() : undefined),
  };
}

/** The mechanisms of option `authMethods` that can be had on this connection, in the order advertised. */
export function mechanismsFor(client: Client): string[] {
  return client.settings.authMethods.filter((name) => {
    const mechanism = MECHANISMS.get(name);
    return mechanism && (!mechanism.available || mechanism.available(channelOf(client)));
  });
}

/**
 * Whether passwords may be sent as this connection is: over TLS, with `allowInsecureAuth`, or where the
 * application has switched STARTTLS off or hidden it, as smtp-server has it. A Bun that cannot upgrade is no reason.
 */
function isSecureEnough({ session, settings }: Client): boolean {
  const { allowInsecureAuth, hideSTARTTLS } = settings.raw;
  return session.secure || !!allowInsecureAuth || !!hideSTARTTLS || settings.isDisabled("STARTTLS", session);
}

/** AUTH (RFC 4954). */
export const AUTH: Command = {
  afterHello: true,
  run(client, args) {
    const { session, settings } = client;
    if (!isSecureEnough(client)) return { code: 538, text: "Error: Must issue a STARTTLS command first" };
    if (session.user) return { code: 503, text: "Error: No identity changes permitted" };
    if (session.envelope.mailFrom) return { code: 503, text: "Error: Mail transaction in progress" };
    const [name = "", initialResponse, ...more] = words(args);
    const offered = mechanismsFor(client);
    const method = toUpperASCII(name);
    const mechanism = offered.includes(method) && MECHANISMS.get(method);
    if (!mechanism) return { code: 504, text: "Error: Unrecognized authentication type" };
    if (more.length > 0) return { code: 501, text: mechanism.syntax };
    const exchange = new Exchange(mechanism, {
      ...channelOf(client),
      hostname: settings.name,
      offersPlus: offered.includes(PLUS),
      scramSecret: settings.scramSecret,
    });
    return carryOn(client, exchange, exchange.begin(initialResponse));
  },
};

/** Does what a step of the exchange asks for, until there is something to say to the client. */
function carryOn(client: Client, exchange: Exchange, outcome: Outcome): Answer | Promise<Answer> {
  switch (outcome.type) {
    case "challenge": {
      const read = (line: string | undefined): Answer | Promise<Answer> =>
        carryOn(client, exchange, exchange.line(line));
      return { code: 334, text: outcome.text, reader: { type: "sasl", read } };
    }
    case "credentials":
      return client.hook<Answer | Promise<Answer>>("onAuth", [outcome.auth, client.session], (result) =>
        judged(client, exchange, result),
      ) as Answer | Promise<Answer>;
    case "success":
      return succeeded(client, exchange, outcome);
    case "failure":
      return failed(client, exchange, outcome);
  }
}

/** Publishes what came of a login. */
export function publishLogin(
  { session }: Client,
  method: string,
  outcome: AuthEvent["outcome"],
  code: number,
): void {
  if (CHANNEL.isOn) CHANNEL.publish({ session, method, outcome, code });
}

/** Makes a reply of what the application decided. A crash of the hook ends the exchange. */
function judged(client: Client, exchange: Exchange, result: HookResult): Answer | Promise<Answer> {
  if (result.type === "crashed") {
    publishLogin(client, exchange.method, "crashed", INTERNAL_ERROR.code);
    return INTERNAL_ERROR;
  }
  const error = result.type === "refused" ? result.error : undefined;
  return carryOn(
    client,
    exchange,
    exchange.answer(error, result.type === "accepted" ? result.value : undefined),
  );
}

function succeeded(client: Client, { method, username }: Exchange, { user, code, text }: Success): Action {
  enterUser(client.session, user, client.settings);
  publishLogin(client, method, "accepted", code);
  client.log("info", { tnx: "auth", method, user: username }, "%s authenticated using %s", username, method);
  return { code, text };
}

/** The reply to a failed attempt; the last one that is allowed is followed by a 421. Logged by user name, never by credential. */
function failed(
  client: Client,
  { method, username }: Exchange,
  { code, text, enhanced, problem }: Failure,
): Answer {
  const { counts, settings } = client;
  const entry = { tnx: "authfail", method, user: username };
  if (problem) client.log("warn", entry, "onAuth: %s", problem);
  client.log("info", entry, "Authentication failed for %s using %s", username ?? "an unknown user", method);
  counts.failedLogins += 1;
  publishLogin(client, method, "refused", code);
  const reply: Action = enhanced === undefined ? { code, text } : { code, text, enhanced };
  if (counts.failedLogins < settings.maxAuthAttempts) return reply;
  client.log("info", entry, "Closing after %s failed logins", counts.failedLogins);
  return [
    reply,
    { code: 421, text: "Error: too many failed logins", enhanced: "4.7.0", limit: "maxAuthAttempts" },
  ];
}
