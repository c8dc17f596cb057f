import { createHmac } from "node:crypto";
import { hasControl } from "../wire/text.js";
import { equalSecrets, randomNonce } from "./crypto.js";
import { judge } from "./judge.js";
import { challenge, credentials, INVALID } from "./mechanism.js";
import type { Mechanism } from "./mechanism.js";

/** CRAM-MD5 (RFC 2195): the client sends its name and the HMAC-MD5 of our challenge. onAuth must know the password. */
export const cramMD5: Mechanism = {
  name: "CRAM-MD5",
  syntax: "Error: syntax: AUTH CRAM-MD5",
  initialResponse: false,
  begin({ hostname, nonce = randomNonce, now = Date.now }) {
    const sent = `<${nonce()}.${Math.floor(now() / 1000)}@${hostname}>`;
    return challenge(sent, (message) => {
      // The last space ends the name, because a name may contain spaces and the digest may not.
      const space = message.lastIndexOf(" ");
      const username = message.slice(0, Math.max(space, 0));
      const challengeResponse = message.slice(space + 1).toLowerCase();
      if (username === "" || hasControl(username) || !/^[0-9a-f]{32}$/.test(challengeResponse))
        return INVALID;
      const validatePassword = (password: string): boolean => matches(password, sent, challengeResponse);
      return credentials(
        { method: "CRAM-MD5", username, challenge: sent, challengeResponse, validatePassword },
        judge,
      );
    });
  },
};

/** A missing password, as of an unknown user, never matches. */
function matches(password: string | null | undefined, sent: string, response: string): boolean {
  if (password === null || password === undefined) return false;
  return equalSecrets(createHmac("md5", password).update(sent).digest("hex"), response);
}
