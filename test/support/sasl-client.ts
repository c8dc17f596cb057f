/** What a client answers to a challenge, written after the RFCs and not after the server. */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

export type ChallengeMechanism = "CRAM-MD5" | "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS";

export interface Login {
  readonly mechanism: ChallengeMechanism;
  readonly username: string;
  readonly password: string;
  /** What the TLS session exports for channel binding (RFC 9266); of use to PLUS alone. */
  readonly exported?: Uint8Array;
}

/** Takes what a 334 says, decoded. @returns the answer, not yet in base64; `undefined` where the client gives up */
export type SaslClient = (challenge: string) => string | undefined;

/** A client of one exchange, from the first 334 on. */
export function saslClient(login: Login): SaslClient {
  return login.mechanism === "CRAM-MD5" ? cramMD5(login) : scram(login);
}

/** RFC 2195. */
function cramMD5({ username, password }: Login): SaslClient {
  return (challenge) => `${username} ${createHmac("md5", password).update(challenge).digest("hex")}`;
}

const CLIENT_NONCE = "fyko+d2lbbFgONRv9qkxdawL";

/** RFC 5802 section 3, RFC 7677. */
function scram({ mechanism, username, password, exported = new Uint8Array() }: Login): SaslClient {
  const header = mechanism === "SCRAM-SHA-256-PLUS" ? "p=tls-exporter,," : "n,,";
  const binding = Buffer.concat([Buffer.from(header), header === "n,," ? new Uint8Array() : exported]);
  const first = `n=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${CLIENT_NONCE}`;
  let expected: string | undefined;
  let step = 0;
  return (challenge) => {
    step += 1;
    if (step === 1) return `${header}${first}`;
    if (step > 2) return challenge === expected ? "" : undefined;
    const [, nonce = "", salt = "", iterations = ""] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge) ?? [];
    if (!nonce.startsWith(CLIENT_NONCE)) return undefined;
    const salted = saltedPassword(password, salt, Number(iterations));
    const withoutProof = `c=${binding.toString("base64")},r=${nonce}`;
    const signed = `${first},${challenge},${withoutProof}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash("sha256").update(clientKey).digest(), signed);
    expected = `v=${hmac(hmac(salted, "Server Key"), signed).toString("base64")}`;
    const proof = Buffer.from(clientKey.map((octet, at) => octet ^ (signature[at] ?? 0)));
    return `${withoutProof},p=${proof.toString("base64")}`;
  };
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Made once for a password: the dear part, and a client may keep it (RFC 5802 section 5.1). */
const salted = new Map<string, Buffer>();

function saltedPassword(password: string, salt: string, iterations: number): Buffer {
  const key = JSON.stringify([password, salt, iterations]);
  let made = salted.get(key);
  if (!made) {
    made = pbkdf2Sync(password, Buffer.from(salt, "base64"), iterations, 32, "sha256");
    salted.set(key, made);
  }
  return made;
}
