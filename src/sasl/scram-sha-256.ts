import type { AuthMethod, AuthResponse } from "../types/index.js";
import { hasControl } from "../wire/text.js";
import { equalSecrets, hmacSHA256, randomNonce, sha256 } from "./crypto.js";
import { decodeBase64 } from "./encoding.js";
import { decodeSaslname, parseGS2 } from "./gs2.js";
import type { GS2Header } from "./gs2.js";
import { acceptance, refusal, REJECTED } from "./judge.js";
import { challenge, credentials, INVALID } from "./mechanism.js";
import type { Failure, Mechanism, Outcome, SaslEnvironment, Success } from "./mechanism.js";
import { saslprep } from "./saslprep.js";
import { madeUpSecret, secretOf } from "./scram.js";
import type { ScramSecret } from "./scram.js";

/** SCRAM-SHA-256 (RFC 5802, RFC 7677): both sides prove that they know the password without sending it. */
export const scramSHA256: Mechanism = scram("SCRAM-SHA-256");

/** SCRAM-SHA-256-PLUS: also bound to this TLS session, so that a man in the middle cannot pass it on (RFC 9266). */
export const scramSHA256Plus: Mechanism = {
  ...scram("SCRAM-SHA-256-PLUS"),
  available: ({ exportKeyingMaterial }) => exportKeyingMaterial !== undefined,
};

function scram(name: AuthMethod): Mechanism {
  return {
    name,
    syntax: `Error: syntax: AUTH ${name} message`,
    initialResponse: true,
    begin: (environment) => challenge("", (message) => first(name, environment, message)),
  };
}

/** Most characters of a client nonce, because the server sends it back. Real ones have 18 to 32. */
const MAX_NONCE = 512;

/** client-first-message-bare; `m=` is reserved and must be refused. */
const FIRST = /^n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-ln-z]=[^,]+)*$/;

/** client-final-message: the part without the proof, then c, r and p. */
const FINAL = /^(c=([^,]+),r=([^,]+)(?:,[A-Za-ln-oq-z]=[^,]+)*),p=([^,]+)$/;

const DOWNGRADE: Failure = { ...REJECTED, text: "Error: server does support channel binding" };
const UNKNOWN_BINDING: Failure = { ...REJECTED, text: "Error: unsupported channel binding type" };
const NO_BINDING: Failure = { type: "failure", code: 454, text: "Error: channel binding not available" };
const NO_CREDENTIALS =
  "onAuth answered a user without usable credentials: they must be { password } or what scramCredentials() gives";

function first(method: AuthMethod, environment: SaslEnvironment, message: string): Outcome {
  const header = parseGS2(message);
  const bare = header && !hasControl(message) ? FIRST.exec(header.rest) : null;
  if (!header || !bare) return INVALID;
  const [, saslname = "", clientNonce = ""] = bare;
  const username = prepare(saslname);
  const authzid = header.authzid && saslprep(header.authzid);
  if (username === undefined || authzid === undefined || clientNonce.length > MAX_NONCE) return INVALID;
  const cbindInput = bind(method, environment, header);
  if (!Buffer.isBuffer(cbindInput)) return cbindInput;

  const nonce = clientNonce + (environment.nonce ?? randomNonce)();
  const { scramSecret } = environment;
  return credentials({ method, username, authzid }, (error, response) => {
    const known = error ? undefined : secretOf(response.credentials, username, scramSecret);
    const secret = known ?? madeUpSecret(username, scramSecret);
    const serverFirst = `r=${nonce},s=${secret.salt.toString("base64")},i=${secret.iterations}`;
    const claim: Claim = { cbindInput, nonce, signed: `${header.rest},${serverFirst}`, secret };
    const verdict = known && response.user ? acceptance(response) : rejection(error, response);
    return challenge(serverFirst, (reply) => final(claim, verdict, reply));
  });
}

function prepare(saslname: string): string | undefined {
  const name = decodeSaslname(saslname);
  return name === undefined ? undefined : saslprep(name);
}

/** @returns the cbind-input that the client must send in `c=`: its GS2 header, with PLUS also keying material of the TLS session */
function bind(method: AuthMethod, environment: SaslEnvironment, header: GS2Header): Buffer | Failure {
  const { binding } = header;
  const text = Buffer.from(header.text);
  if (method === "SCRAM-SHA-256") {
    if (typeof binding === "object") return INVALID;
    // A man in the middle removed PLUS from the list (RFC 5802 section 6).
    return binding === "y" && environment.offersPlus ? DOWNGRADE : text;
  }
  if (typeof binding !== "object") return INVALID;
  if (binding.name !== "tls-exporter") return UNKNOWN_BINDING;
  const material = environment.exportKeyingMaterial?.(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  return material ? Buffer.concat([text, material]) : NO_BINDING;
}

/** The values that the client-final-message is checked against. */
interface Claim {
  readonly cbindInput: Buffer;
  readonly nonce: string;
  /** The part of the AuthMessage that is known before the client-final-message. */
  readonly signed: string;
  readonly secret: ScramSecret;
}

/**
 * For every reason the client gets the same reply after the same number of lines, so that it learns nothing about names.
 * Only a 421 differs, because it closes the connection.
 */
function rejection(error: unknown, response: AuthResponse): Failure {
  const refused = error ? refusal(error) : REJECTED;
  if (refused.code === 421) return refused;
  return !error && response.user ? { ...REJECTED, problem: NO_CREDENTIALS } : REJECTED;
}

function final(claim: Claim, verdict: Success | Failure, message: string): Outcome {
  const match = hasControl(message) ? null : FINAL.exec(message);
  if (!match) return INVALID;
  const [, withoutProof = "", binding = "", nonce = "", encodedProof = ""] = match;
  const proof = decodeBase64(encodedProof);
  const bound = decodeBase64(binding);
  if (!bound || proof?.length !== 32) return INVALID;
  const authMessage = `${claim.signed},${withoutProof}`;
  const { storedKey, serverKey } = claim.secret.keys();
  const signature = hmacSHA256(storedKey, authMessage);
  const clientKey = proof.map((octet, i) => octet ^ (signature[i] ?? 0));
  const isProven = equalSecrets(sha256(clientKey), storedKey);
  if (verdict.type === "failure") return verdict;
  if (!isProven || !bound.equals(claim.cbindInput) || nonce !== claim.nonce) return REJECTED;
  return challenge(`v=${hmacSHA256(serverKey, authMessage).toString("base64")}`, (last) =>
    last === "" ? verdict : INVALID,
  );
}
