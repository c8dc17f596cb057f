import { hasControl } from "../wire/text.js";
import { judge } from "./judge.js";
import { challenge, credentials, INVALID } from "./mechanism.js";
import type { Mechanism, Outcome } from "./mechanism.js";

/** PLAIN (RFC 4616): `authzid NUL authcid NUL passwd`. */
export const plain: Mechanism = {
  name: "PLAIN",
  syntax: "Error: syntax: AUTH PLAIN token",
  initialResponse: true,
  begin: () => challenge("", read),
};

function read(message: string): Outcome {
  const [authzid = "", authcid = "", password, ...more] = message.split("\0");
  if (password === undefined || more.length > 0) return INVALID;
  // Some clients send their name as the authzid and leave the authcid empty.
  const username = authcid || authzid;
  if (username === "" || hasControl(username) || hasControl(authzid)) return INVALID;
  return credentials({ method: "PLAIN", username, authcid, authzid, password }, judge);
}
