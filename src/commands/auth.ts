import { Exchange, MECHANISMS, type Channel, type Outcome } from "../sasl/index.js";
import { updateTransmissionType } from "../session.js";
import { words } from "../wire/command.js";
import type { Action, Answer, Client, Command, HookResult } from "./client.js";
import { INTERNAL_ERROR } from "./refusal.js";

const PLUS = "SCRAM-SHA-256-PLUS";

function channelOf({ tls }: Client): Channel {
  if (!tls) return {};
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
 * application has switched STARTTLS off or hidden it, as smtp-server has it. That this Bun can not upgrade is no reason.
 */
function isSecureEnough({ session, settings }: Client): boolean {
  const { allowInsecureAuth, hideSTARTTLS } = settings.raw;
  return session.secure || !!allowInsecureAuth || !!hideSTARTTLS || settings.isDisabled("STARTTLS", session);
}

/** AUTH (RFC 4954). */
export const AUTH: Command = {
  afterHello: true,
  afterUpgrade: true,
  run(client, args) {
    const { session, settings } = client;
    if (!isSecureEnough(client)) return { code: 538, text: "Error: Must issue a STARTTLS command first" };
    if (session.user) return { code: 503, text: "Error: No identity changes permitted" };
    if (session.envelope.mailFrom) return { code: 503, text: "Error: Mail transaction in progress" };
    const [name = "", initialResponse, ...more] = words(args);
    const offered = mechanismsFor(client);
    const mechanism = offered.includes(name.toUpperCase()) && MECHANISMS.get(name.toUpperCase());
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
      const continuation = (line: string | undefined): Answer | Promise<Answer> =>
        carryOn(client, exchange, exchange.line(line));
      return { code: 334, text: outcome.text, continuation };
    }
    case "credentials": {
      const { username } = outcome.auth;
      return client.hook<Answer | Promise<Answer>>("onAuth", [outcome.auth, client.session], (result) =>
        judged(client, exchange, username, result),
      ) as Answer | Promise<Answer>;
    }
    case "success":
      client.session.user = outcome.user;
      updateTransmissionType(client.session, client.settings);
      return { code: outcome.code, text: outcome.text };
    case "failure": {
      if (outcome.problem)
        client.log("warn", { tnx: "auth", method: exchange.method }, "onAuth: %s", outcome.problem);
      const { code, text, enhanced } = outcome;
      return failed(client, enhanced === undefined ? { code, text } : { code, text, enhanced });
    }
  }
}

/** Logs what the application decided, by user name and never by credential, and lets the mechanism make a reply of it. */
function judged(
  client: Client,
  exchange: Exchange,
  user: string | undefined,
  result: HookResult,
): Answer | Promise<Answer> {
  const { method } = exchange;
  if (result.type === "crashed") return failed(client, INTERNAL_ERROR);
  const error = result.type === "refused" ? result.error : undefined;
  const outcome = exchange.answer(error, result.type === "accepted" ? result.value : undefined);
  if (outcome.type === "success")
    client.log("info", { tnx: "auth", method, user }, "%s authenticated using %s", user, method);
  else if (error)
    client.log(
      "info",
      { tnx: "autherror", method, user },
      "Authentication error for %s using %s",
      user,
      method,
    );
  else if (outcome.type === "failure")
    client.log(
      "info",
      { tnx: "authfail", method, user },
      "Authentication failed for %s using %s",
      user,
      method,
    );
  return carryOn(client, exchange, outcome);
}

/** The reply to a failed attempt; the last one that is allowed is followed by a 421. */
function failed(client: Client, reply: Action): Answer {
  const { counts, settings } = client;
  counts.failedLogins += 1;
  if (counts.failedLogins < settings.maxAuthAttempts) return reply;
  client.log("info", { tnx: "authfail" }, "Closing after %s failed logins", counts.failedLogins);
  return [reply, { code: 421, text: "Error: too many failed logins", enhanced: "4.7.0" }];
}
