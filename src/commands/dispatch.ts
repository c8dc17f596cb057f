import type { Action, Answer } from "./action.js";
import type { Client, Command } from "./client.js";
import { COMMAND } from "../diagnostics/channels.js";
import { traceOf } from "../diagnostics/client-trace.js";
import { userName } from "../session.js";
import { isHttpRequest, splitCommand, words } from "../wire/command.js";
import { COMMANDS } from "./index.js";

/** As in smtp-server; a message that is answered sets the count back. */
const MAX_UNRECOGNIZED = 10;

const SECURED = "/* secured */";

/** For a command whose octets would be read as commands: closes, so that nothing behind it is read. */
const LOST: Action = { code: 421, text: "Error: internal server error" };

/** Runs one command line, or says why it does not run. */
export function dispatch(client: Client, line: string): Answer | Promise<Answer> {
  const { verb, args } = splitCommand(line);
  try {
    return run(client, verb, args, line);
  } catch (error) {
    if (!COMMANDS.get(verb)?.refuse) throw error;
    client.report(error);
    return LOST;
  }
}

function run(client: Client, verb: string, args: string, line: string): Answer | Promise<Answer> {
  const known = COMMANDS.get(verb);
  const command = known && client.supports(verb) ? known : undefined;
  if (client.trace || COMMAND.isOn) traceOf(client).beginCommand(command ? verb : "");
  if (client.isLogged) logCommand(client, command ? verb : "", line, args);
  // A web page that makes a browser post to an SMTP port.
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

/** The first thing that must hold before this command and does not. */
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
  if (command.afterHello && !session.hostNameAppearsAs) {
    return { code: 503, text: `Error: send ${settings.lmtp ? "LHLO" : "HELO/EHLO"} first` };
  }
  if (command.afterAuth && authIsDue) return { code: 530, text: settings.authRequiredMessage };
  return undefined;
}

/**
 * Logs a command without its secrets: the arguments of AUTH, and a whole line that is no command,
 * which may be a password that came a line too late.
 */
function logCommand(client: Client, verb: string, line: string, args: string): void {
  let text = line;
  if (verb === "") text = `/* unrecognized, ${line.length} characters */`;
  else if (verb === "AUTH") text = ["AUTH", authMethod(args), SECURED].join(" ");
  client.log("debug", { tnx: "command", command: verb, user: userName(client.session) }, "C: %s", text);
}

/** The mechanism of an AUTH line if it looks like one: `AUTH <password>` is a mistake that people make. */
function authMethod(args: string): string {
  const [method = "", ...more] = words(args);
  return more.length > 0 || /^[A-Z0-9-]{4,20}$/.test(method) ? method.slice(0, 20) : "";
}

/** What the log shows of a line inside of an exchange. */
export function logContinuation(client: Client): void {
  client.log("debug", { tnx: "command", command: "AUTH", user: userName(client.session) }, "C: %s", SECURED);
}
