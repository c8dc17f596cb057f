import { cramMD5 } from "./cram-md5.js";
import { external } from "./external.js";
import { login } from "./login.js";
import type { Mechanism } from "./mechanism.js";
import { oauthBearer } from "./oauthbearer.js";
import { plain } from "./plain.js";
import { scramSHA256, scramSHA256Plus } from "./scram-sha-256.js";
import { xoauth2 } from "./xoauth2.js";

/** The mechanisms by name, in upper case. */
export const MECHANISMS: ReadonlyMap<string, Mechanism> = new Map(
  [plain, login, cramMD5, xoauth2, oauthBearer, scramSHA256, scramSHA256Plus, external].map((mechanism) => [
    mechanism.name,
    mechanism,
  ]),
);

export { Exchange, MAX_SASL_LINE, TOO_LONG } from "./exchange.js";
export { scramCredentials, verifyPassword } from "./scram.js";
export type {
  Challenge,
  Channel,
  Credentials,
  Failure,
  Mechanism,
  Outcome,
  SaslEnvironment,
  Success,
} from "./mechanism.js";
