import type { Answer } from "../commands/action.js";
import type { Client } from "../commands/client.js";
import { greeting } from "../commands/greeting.js";
import { refused } from "../commands/refusal.js";
import { reverseLookup } from "./reverse-lookup.js";

/** Looks up the client's host name. @param done gets "" if the client has none, or if reverse lookups are off */
export function lookUp(client: Client, done: (name: string) => void): void {
  const { settings, session } = client;
  const host = session.remoteAddress;
  if (settings.raw.disableReverseLookup || host === "") return done("");
  reverseLookup(host, settings.resolver, client.clock, ({ name, error, discarded }) => {
    const entry = { tnx: "connection" };
    if (error) {
      // Many addresses have no name, so this is not an error.
      client.log("debug", entry, "Reverse resolve for %s: %s", host, error.message);
    }
    if (discarded !== undefined) {
      const shown = JSON.stringify(discarded.slice(0, 255));
      client.log("info", entry, "Discarded invalid reverse resolved hostname %s for %s", shown, host);
    }
    done(name);
  });
}

/** Calls onConnect, and with implicit TLS onSecure. @returns the greeting or the refusal */
export function opening(client: Client): Answer | Promise<Answer> {
  const { session } = client;
  const answer = client.hook<Answer | Promise<Answer>>("onConnect", [session], (result) => {
    if (!client.isOpen) return [];
    if (client.isLogged) {
      client.log("info", { tnx: "connection" }, "Connection from %s", session.clientHostname);
    }
    const refusal = refused("onConnect", result);
    if (refusal) return { ...refusal, enhanced: false, next: "closing" };
    return session.secure ? askOnSecure(client, () => greet(client)) : greet(client);
  });
  return answer as Answer | Promise<Answer>;
}

/** Calls onSecure after a handshake, and continues with `then` if it accepts. */
export function askOnSecure(client: Client, then: () => Answer): Answer | Promise<Answer> {
  // A logger or a subscriber may close the connection of a client that it knows.
  if (!client.isOpen) return [];
  if (!client.hasHook("onSecure")) return then();
  return client.hook("onSecure", [client.socket, client.session], (result) => {
    const refusal = refused("onSecure", result);
    return refusal ? { ...refusal, enhanced: false, next: "closing" } : then();
  });
}

function greet(client: Client): Answer {
  if (!client.isOpen) return [];
  const { settings } = client;
  if (!settings.useXClient && !settings.useXForward) client.announce();
  return greeting(settings);
}
