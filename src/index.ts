/** bun-smtp: an SMTP and LMTP server for Bun. */
import "./runtime.js";
import { SMTPServer } from "./server/server.js";

export { SMTPError } from "./errors.js";
export { scramCredentials, verifyPassword } from "./sasl/scram.js";
export { SMTPServer };
export type { Listening } from "./server/listener.js";
export type { SMTPServerEvents } from "./server/server.js";
export type { ListenOptions } from "./server/listen-arguments.js";
export type * from "./types/smtp-server.js";
export type * from "./types/index.js";

/** The default export, for programs that import all of smtp-server with `import smtp from "smtp-server"`. */
const library: { SMTPServer: typeof SMTPServer } = { SMTPServer };
export default library;
