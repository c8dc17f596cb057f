/** bun-smtp: an SMTP and LMTP server for Bun. */
import "./runtime.js";
import { SMTPServer } from "./server.js";

export { SMTPError } from "./errors.js";
export { scramCredentials } from "./sasl/index.js";
export { SMTPServer };
export type { Listening } from "./listener.js";
export type { SMTPServerEvents } from "./server.js";
export type { ListenOptions } from "./listen-target.js";
export type * from "./smtp-server-types.js";
export type * from "./types.js";

/** For programs that import the whole package, as from the CommonJS days of smtp-server. */
const library: { SMTPServer: typeof SMTPServer } = { SMTPServer };
export default library;
