import { hasControl } from "../wire/text.js";
import { bearerFields, judgeBearer } from "./bearer.js";
import { challenge, credentials, INVALID } from "./mechanism.js";
import type { Mechanism, Outcome } from "./mechanism.js";

/** XOAUTH2 (as Google and Microsoft document it): `user=…^Aauth=Bearer …^A^A`, where ^A is the control-A octet. */
export const xoauth2: Mechanism = {
  name: "XOAUTH2",
  syntax: "Error: syntax: AUTH XOAUTH2 token",
  initialResponse: true,
  begin: () => challenge("", read),
};

function read(message: string): Outcome {
  const fields = bearerFields(message);
  const username = fields?.get("user")?.trim() ?? "";
  const authorization = fields?.get("auth")?.trim() ?? "";
  if (username === "" || hasControl(username) || hasControl(authorization)) return INVALID;
  const [scheme = "", ...words] = authorization.split(/\s+/);
  const accessToken = words.join(" ");
  if (scheme.toLowerCase() !== "bearer" || accessToken === "") return INVALID;
  return credentials({ method: "XOAUTH2", username, accessToken }, judgeBearer);
}
