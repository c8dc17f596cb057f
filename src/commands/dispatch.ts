import type { Action, Answer } from "./action.js";
import type { Client, Command } from "./client.js";
import { COMMAND } from "../diagnostics/channels.js";
import { traceOf } from "../diagnostics/client-trace.js";
import { MECHANISMS } from "../sasl/index.js";
import { userName } from "../session.js";
import { isHttpRequest, splitCommand, words } from "../wire/command.js";
import { toUpperASCII } from "../wire/text.js";
import { COMMANDS } from "./index.js";

/** As in smtp-server. Each message that gets its reply resets the count. */
const MAX_UNRECOGNIZED = 10;

const SECURED = "/* secured */";

/** The reply if BDAT throws. It closes, because the octets of the chunk would be read as commands. */
const FAILED_BDAT: Action = { code: 421, text: "Error: internal server error" };

/** Runs a command line, or returns the refusal. */
export function dispatch(client: Client, line: string): Answer | Promise<Answer> {
  const { verb, args } = splitCommand(line);
  try {
    return run(client, verb, args, line);
  } catch (error) {
    if (!COMMANDS.get(verb)?.refuse) throw error;
    client.report(error);
    return FAILED_BDAT;
  }
}

function run(client: Client, verb: string, args: string, line: string): Answer | Promise<Answer> {
  const known = COMMANDS.get(verb);
  const command = known && client.supports(verb) ? known : undefined;
  if (client.trace || COMMAND.isOn) traceOf(client).beginCommand(command ? verb : "");
  if (client.isLogged) logCommand(client, command ? verb : "", line, args);
  // A logger or a subscriber may close the connection of a client that it knows.
  if (!client.isOpen) return [];
  // A web page can make a browser send an HTTP request to an SMTP port.
  if (isHttpRequest(line)) return { code: 421, text: "HTTP requests not allowed" };
  const refusal = command ? missing(client, verb, command) : unrecognized(client);
  if (!refusal) return (command as Command).run(client, args, line);
  return known?.refuse && refusal.code !== 421 ? known.refuse(client, args, refusal) : refusal;
}

function unrecognized({ counts }: Client): Action {
  counts.unrecognized += 1;
  return counts.unrecognized >= MAX_UNRECOGNIZED
    ? { code: 421, text: "Error: too many unrecognized commands" }
    : { code: 500, text: "Error: command not recognized" };
}

/** The refusal for the first condition of this command that is not met. */
function missing(client: Client, verb: string, command: Command): Action | undefined {
  const { settings, session, counts } = client;
  const authIsDue = !session.user && !settings.raw.authOptional && client.supports("AUTH");
  if (authIsDue && verb !== "AUTH") {
    counts.unauthenticated += 1;
    if (counts.unauthenticated >= settings.maxAllowedUnauthenticatedCommands) {
      const limit = "maxAllowedUnauthenticatedCommands";
      return { code: 421, text: "Error: too many unauthenticated commands", limit };
    }
  }
  if (!command.beforeUpgrade && settings.requiresStartTLS && !session.secure) {
    return { code: 530, text: "Must issue a STARTTLS command first" };
  }
  // Not by hostNameAppearsAs: XFORWARD sets it to the name that another client gave, if that is known.
  if (command.afterHello && !session.openingCommand) {
    return { code: 503, text: `Error: send ${settings.lmtp ? "LHLO" : "HELO/EHLO"} first` };
  }
  if (command.afterAuth && authIsDue) return { code: 530, text: settings.authRequiredMessage };
  return undefined;
}

/**
 * Logs a command without secrets. It leaves out the arguments of AUTH, and a line that is not a command, because it may be
 * a password, sent after an AUTH that was refused.
 */
function logCommand(client: Client, verb: string, line: string, args: string): void {
  let text = line;
  if (verb === "") text = `/* unrecognized, ${line.length} characters */`;
  else if (verb === "AUTH") text = ["AUTH", ...authMethod(args), SECURED].join(" ");
  client.log("debug", { tnx: "command", command: verb, user: userName(client.session) }, "C: %s", text);
}

/** The mechanism of an AUTH line, if it is one: some people type `AUTH <password>` or `AUTH <password> PLAIN`. */
function authMethod(args: string): string[] {
  return words(args)
    .slice(0, 1)
    .filter((name) => MECHANISMS.has(toUpperASCII(name)));
}

/** Logs a line of an AUTH exchange without its content. */
export function logContinuation(client: Client): void {
  client.log("debug", { tnx: "command", command: "AUTH", user: userName(client.session) }, "C: %s", SECURED);
}
