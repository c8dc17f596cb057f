import { isBlank } from "../wire/command.js";
import { withOctets, type Action } from "./action.js";
import type { Command } from "./client.js";
import { noArgument } from "./refusal.js";

const OK: Action = withOctets({ code: 250, text: "OK" });
const FLUSHED: Action = withOctets({ code: 250, text: "Flushed" });
const BYE: Action = withOctets({ code: 221, text: "Bye", next: "closing" });

export const NOOP: Command = { beforeUpgrade: true, run: () => OK };

export const RSET: Command = {
  run(client, args) {
    if (!isBlank(args)) return noArgument("RSET");
    client.resetTransaction();
    return FLUSHED;
  },
};

export const HELP: Command = {
  run: () => ({ code: 214, text: "See https://tools.ietf.org/html/rfc5321 for details" }),
};

/** Never says whether an address exists, as RFC 5321 7.3 allows. */
export const VRFY: Command = {
  run: (_client, args) =>
    isBlank(args)
      ? { code: 501, text: "Error: Syntax: VRFY address" }
      : { code: 252, text: "Try to send something. No promises though" },
};

export const QUIT: Command = {
  beforeUpgrade: true,
  run: (_client, args) => (isBlank(args) ? BYE : noArgument("QUIT")),
};

/** A backdoor of old sendmail. Here it accepts any password and only changes the replies to SHELL. */
export const WIZ: Command = {
  run({ session }, args) {
    if (isBlank(args)) return { code: 500, text: "You are no wizard!" };
    session.isWizard = true;
    return { code: 200, text: "Please pass, oh mighty wizard" };
  },
};

export const SHELL: Command = {
  run(client) {
    client.log("info", { tnx: "shell" }, "Client tried to invoke SHELL");
    return client.session.isWizard
      ? { code: 500, text: "Error: Invoking shell is not allowed. This incident will be reported." }
      : { code: 500, text: "Mere mortals must not mutter that mantra" };
  },
};

export const KILL: Command = {
  run(client) {
    client.log("info", { tnx: "kill" }, "Client tried to invoke KILL");
    return { code: 500, text: "Can not kill Mom" };
  },
};
