import { hasControl } from "../wire/text.js";
import { bearerFields, judgeBearer } from "./bearer.js";
import { parseGS2 } from "./gs2.js";
import { challenge, credentials, INVALID } from "./mechanism.js";
import type { Judge, Mechanism, Outcome } from "./mechanism.js";

/** OAUTHBEARER (RFC 7628): a GS2 header, then `host=`, `port=` and `auth=Bearer` between control-A octets. */
export const oauthBearer: Mechanism = {
  name: "OAUTHBEARER",
  syntax: "Error: syntax: AUTH OAUTHBEARER token",
  initialResponse: true,
  begin: () => challenge("", read),
};

const PAIRS = /^\x01(?:[A-Za-z]+=[^\x01]*\x01)*\x01$/;

/** RFC 6750 section 2.1, with all printable ASCII in the token, because some issuers use more characters. */
const AUTHORIZATION = /^bearer +([\x21-\x7e]+)$/i;

function read(message: string): Outcome {
  const header = parseGS2(message);
  // OAUTHBEARER has no channel binding.
  if (!header || typeof header.binding === "object" || !PAIRS.test(header.rest)) return INVALID;
  const fields = bearerFields(header.rest);
  const authorization = fields?.get("auth");
  if (!fields || authorization === undefined) return INVALID;
  const host = fields.get("host");
  const port = fields.get("port");
  // With an empty `auth=` the client asks which scope it needs (RFC 7628 section 4.3). It gets onAuth's `data`.
  const accessToken = authorization === "" ? "" : AUTHORIZATION.exec(authorization)?.[1];
  if (accessToken === undefined || (port !== undefined && !isPortNumber(port))) return INVALID;
  if (hasControl(header.authzid) || (host !== undefined && hasControl(host))) return INVALID;
  return credentials(
    {
      method: "OAUTHBEARER",
      username: header.authzid,
      accessToken,
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port: Number(port) }),
    },
    accessToken === "" ? withoutUser : judgeBearer,
  );
}

/** Ignores the user of the answer: without a token there is no login, even if onAuth accepts every client. */
const withoutUser: Judge = (error, response) => {
  const { data, message, responseCode } = response;
  return judgeBearer(error, { data, message, responseCode });
};

function isPortNumber(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
