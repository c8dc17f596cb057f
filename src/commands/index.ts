import { AUTH } from "./auth.js";
import { BDAT } from "./bdat.js";
import type { Command } from "./client.js";
import { DATA } from "./data.js";
import { EHLO, HELO, LHLO } from "./hello.js";
import { MAIL } from "./mail.js";
import { RCPT } from "./rcpt.js";
import { HELP, KILL, NOOP, QUIT, RSET, SHELL, VRFY, WIZ } from "./simple.js";
import { STARTTLS } from "./starttls.js";
import { XCLIENT, XFORWARD } from "./xclient.js";

/** The commands by verb. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    HELO,
    EHLO,
    LHLO,
    STARTTLS,
    AUTH,
    MAIL,
    RCPT,
    DATA,
    BDAT,
    RSET,
    NOOP,
    VRFY,
    HELP,
    QUIT,
    XCLIENT,
    XFORWARD,
    WIZ,
    SHELL,
    KILL,
  }),
);
