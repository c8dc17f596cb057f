import { setClientHostname, updateTransmissionType } from "../session.js";
import type { AuthObject, AuthResponse, SMTPSession } from "../types/index.js";
import { parseAttributes } from "../wire/attributes.js";
import { isTrusted } from "../wire/ip.js";
import { toLowerASCII } from "../wire/text.js";
import type { HookResult } from "../hooks/hook-call.js";
import { replyText } from "../hooks/reply-fields.js";
import type { Action } from "./action.js";
import type { Client, Command } from "./client.js";
import { publishLogin } from "./auth.js";
import { greeting } from "./greeting.js";
import { INTERNAL_ERROR } from "./refusal.js";

/** Attributes of http://www.postfix.org/XCLIENT_README.html, in the order of the EHLO reply. */
export const XCLIENT_NAMES: ReadonlySet<string> = new Set(
  "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT".split(" "),
);
/** Attributes of http://www.postfix.org/XFORWARD_README.html. */
export const XFORWARD_NAMES: ReadonlySet<string> = new Set(
  "NAME ADDR PORT PROTO HELO IDENT SOURCE".split(" "),
);

const UNAVAILABLE = {
  XCLIENT: new Set(["[UNAVAILABLE]", "[TEMPUNAVAIL]"]),
  XFORWARD: new Set(["[UNAVAILABLE]"]),
};

type Attributes = Map<string, string | false>;

/**
 * Whether the client may use XCLIENT or XFORWARD. The address that connected decides, or that of a PROXY header. After
 * XCLIENT ADDR the answer is always no, because the session then belongs to the named client, which is not trusted.
 */
export function mayUse(client: Client, verb: "XCLIENT" | "XFORWARD"): boolean {
  const { settings, session } = client;
  const option = verb === "XCLIENT" ? settings.useXClient : settings.useXForward;
  return !session.xClient.has("ADDR") && client.supports(verb) && isTrusted(option, client.peerAddress);
}

/** Checks a command. @returns its attributes, or the refusal */
function admit(client: Client, verb: "XCLIENT" | "XFORWARD", args: string): Attributes | Action {
  if (!mayUse(client, verb)) return { code: 550, text: "Error: Not allowed", enhanced: "5.7.0" };
  if (client.session.envelope.mailFrom) return { code: 503, text: "Error: Mail transaction in progress" };
  const parsed = parseAttributes(
    args,
    verb === "XCLIENT" ? XCLIENT_NAMES : XFORWARD_NAMES,
    UNAVAILABLE[verb],
  );
  return "error" in parsed ? { code: 501, text: parsed.error } : parsed.attributes;
}

/** Keeps the value that a field of the session had before the first attribute of this name replaced it. */
function keepOriginal(map: SMTPSession["xClient"], name: string, value: string | number): void {
  const key = `${name}:DEFAULT`;
  if (!map.has(key)) map.set(key, value);
}

/** Applies ADDR, NAME and PORT of both commands: the session then has the named client's address and names. */
function applyClient(
  client: Client,
  map: SMTPSession["xClient"],
  verb: string,
  attributes: Attributes,
): void {
  const { session } = client;
  const tnx = verb.toLowerCase();
  const [address, name, port] = [attributes.get("ADDR"), attributes.get("NAME"), attributes.get("PORT")];
  if (address) {
    client.log("info", { tnx, address }, `${verb} from %s through %s`, address, session.remoteAddress);
    keepOriginal(map, "ADDR", session.remoteAddress);
    session.remoteAddress = address;
  }
  if (name !== undefined || address) {
    keepOriginal(map, "NAME", session.clientHostname);
    setClientHostname(session, name || "");
  }
  if (port !== undefined) {
    keepOriginal(map, "PORT", session.remotePort);
    session.remotePort = Number(port) || 0;
  }
  for (const [key, value] of attributes) map.set(key, key === "PORT" ? Number(value) || 0 : value);
}

/** XFORWARD: an MTA describes the original client of the next message to a content filter. */
export const XFORWARD: Command = {
  run(client, args) {
    const attributes = admit(client, "XFORWARD", args);
    if (!(attributes instanceof Map)) return attributes;
    const { session } = client;
    applyClient(client, session.xForward, "XFORWARD", attributes);
    const helo = attributes.get("HELO");
    if (helo !== undefined) {
      keepOriginal(session.xForward, "HELO", session.hostNameAppearsAs);
      session.hostNameAppearsAs = toLowerASCII(helo || "");
    }
    // A hook may have taken back the sender, and left recipients that the next message must not have.
    client.resetTransaction();
    if (attributes.get("ADDR")) client.announce(true);
    return { code: 250, text: "OK" };
  },
};

/** XCLIENT: the session starts over as that of the named client, with a new greeting. */
export const XCLIENT: Command = {
  run(client, args) {
    const attributes = admit(client, "XCLIENT", args);
    if (!(attributes instanceof Map)) return attributes;
    const { session, settings } = client;
    applyClient(client, session.xClient, "XCLIENT", attributes);
    // A logger may close the connection of a client that it knows.
    if (!client.isOpen) return [];
    applyDestination(session, attributes);
    // The named client sends its own HELO.
    if (attributes.get("ADDR")) Object.assign(session, { hostNameAppearsAs: false, openingCommand: false });
    // The proxy's login does not apply to the named client, not even until onAuth has answered.
    if (attributes.has("ADDR") || attributes.has("LOGIN")) session.user = false;
    updateTransmissionType(session, settings);
    const login = attributes.get("LOGIN");
    const startOver = (): Action => {
      client.resetTransaction();
      if (attributes.has("ADDR")) client.announce();
      return greeting(settings);
    };
    return login ? checkLogin(client, login, startOver) : startOver();
  },
};

function applyDestination(session: SMTPSession, attributes: Attributes): void {
  const [address, port] = [attributes.get("DESTADDR"), attributes.get("DESTPORT")];
  if (address) {
    keepOriginal(session.xClient, "DESTADDR", session.localAddress);
    session.localAddress = address;
  }
  if (port) {
    keepOriginal(session.xClient, "DESTPORT", session.localPort);
    session.localPort = Number(port);
  }
}

/** LOGIN calls onAuth. An answer without a response accepts the client without a user. A refusal closes. */
function checkLogin(client: Client, username: string, startOver: () => Action): Action | Promise<Action> {
  const auth = { method: "XCLIENT", username, password: null } as object as AuthObject;
  return client.hook("onAuth", [auth, client.session], (result: HookResult): Action => {
    if (result.type === "crashed") {
      publishLogin(client, "XCLIENT", "crashed", INTERNAL_ERROR.code);
      return { ...INTERNAL_ERROR, next: "closing" };
    }
    if (result.type === "refused") {
      publishLogin(client, "XCLIENT", "refused", 550);
      client.log(
        "info",
        { tnx: "autherror", method: "XCLIENT", user: username },
        "%s refused for XCLIENT",
        username,
      );
      return {
        code: 550,
        text: replyText(result.error.message) ?? "Authentication credentials invalid",
        next: "closing",
      };
    }
    const response = result.value as AuthResponse | null | undefined;
    if (response) {
      publishLogin(client, "XCLIENT", response.user ? "accepted" : "refused", response.user ? 220 : 550);
      if (!response.user) return { code: 550, text: "Authentication credentials invalid", next: "closing" };
      client.session.user = response.user;
      client.log(
        "info",
        { tnx: "auth", method: "XCLIENT", user: username },
        "%s logged in by XCLIENT",
        username,
      );
    }
    return startOver();
  });
}
