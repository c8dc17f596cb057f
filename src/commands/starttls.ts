import { words } from "../wire/command.js";
import type { Command } from "./client.js";
import { noArgument } from "./refusal.js";

/** STARTTLS (RFC 3207). Plaintext after this line is never read as a command. */
export const STARTTLS: Command = {
  beforeUpgrade: true,
  run(client, args) {
    if (words(args).length > 0) return noArgument("STARTTLS");
    if (client.session.secure) return { code: 503, text: "Error: TLS already active" };
    return { code: 220, text: "Ready to start TLS", next: "upgrading" };
  },
};
