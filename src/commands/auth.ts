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

/** The TLS session for SASL. Empty after XCLIENT ADDR, because certificate and session are the proxy's, not the client's. */
function channelOf({ tls, session }: Client): Channel {
  if (!tls || session.xClient.has("ADDR")) return {};
  return {
    exportKeyingMaterial: (length, label, context) => tls.exportKeyingMaterial(length, label, context),
    peerCertificate: () => (tls.authorized ? tls.peerCertificate() : undefined),
  };
}

/** The mechanisms of the option `authMethods` that this connection can use, in the order to advertise them. */
export function mechanismsFor(client: Client): string[] {
  return client.settings.authMethods.filter((name) => {
    const mechanism = MECHANISMS.get(name);
    return mechanism && (!mechanism.available || mechanism.available(channelOf(client)));
  });
}

/**
 * Whether passwords may be sent on this connection: over TLS, with `allowInsecureAuth` or, as in smtp-server, if the
 * application has disabled or hidden STARTTLS. It is not enough that this Bun cannot upgrade.
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

/** Carries out a step of the exchange, until there is a reply. */
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

/** Publishes the outcome of a login on the diagnostics channel. */
export function publishLogin(
  { session }: Client,
  method: string,
  outcome: AuthEvent["outcome"],
  code: number,
): void {
  if (CHANNEL.isOn) CHANNEL.publish({ session, method, outcome, code });
}

/** Continues the exchange with the result of onAuth. A crash ends it. */
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

/** The reply to a failed attempt, with a 421 after the last one that is allowed. The log gets the user name, never a credential. */
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
  const reply: Action = { code, text, enhanced };
  if (counts.failedLogins < settings.maxAuthAttempts) return reply;
  client.log("info", entry, "Closing after %s failed logins", counts.failedLogins);
  return [
    reply,
    { code: 421, text: "Error: too many failed logins", enhanced: "4.7.0", limit: "maxAuthAttempts" },
  ];
}
