import { pbkdf2Sync, randomBytes } from "node:crypto";
import type { AuthResponse, ScramRecord } from "../types/index.js";
import { hmacSHA256, sha256 } from "./crypto.js";
import { decodeBase64 } from "./encoding.js";
import { saslprep } from "./saslprep.js";

/**
 * PBKDF2 rounds where nobody says otherwise: over the 4096 that RFC 7677 wants at least, and about a
 * millisecond of CPU, for us and for a client on an old phone bearable.
 */
export const DEFAULT_ITERATIONS = 10_000;
const MIN_ITERATIONS = 4096;
const MAX_ITERATIONS = 0x7fff_ffff;
const SALT_OCTETS = 16;
const KEY_OCTETS = 32;

/** StoredKey and ServerKey of RFC 5802 section 3. */
export interface ScramKeys {
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** What a server needs for one exchange: what it shows, and the keys once the proof is there. */
export interface ScramSecret {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly keys: () => ScramKeys;
}

/**
 * Makes what to store for a user of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802 section 3, RFC 7677).
 * Synchronous: about 1 ms of CPU with the default, in proportion to `iterations`.
 *
 * @param password is prepared by SASLprep (RFC 4013), as the client does
 * @param options.iterations PBKDF2 rounds, 4096 or more. Default 10000. Each login costs the client as many.
 * @param options.salt default 16 random octets
 * @returns salt and keys in base64; the password can not be had from it but by guessing
 * @throws TypeError for an empty password, one with characters that SASLprep prohibits (control characters),
 *   an empty salt, or iterations that are no integer of 4096 or more
 */
export function scramCredentials(
  password: string,
  options: { iterations?: number | undefined; salt?: Uint8Array | undefined } = {},
): ScramRecord {
  const { iterations = DEFAULT_ITERATIONS, salt = randomBytes(SALT_OCTETS) } = options;
  const prepared = typeof password === "string" ? saslprep(password) : undefined;
  if (prepared === undefined) {
    throw new TypeError("password: a string is wanted that is not empty and has no control characters");
  }
  if (!Number.isInteger(iterations) || iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
    throw new TypeError(`iterations: an integer of ${MIN_ITERATIONS} or more is wanted`);
  }
  if (salt.length === 0) throw new TypeError("salt: at least one octet is wanted");
  const { storedKey, serverKey } = deriveKeys(prepared, salt, iterations);
  return {
    salt: Buffer.from(salt).toString("base64"),
    iterations,
    storedKey: storedKey.toString("base64"),
    serverKey: serverKey.toString("base64"),
  };
}

/**
 * What `credentials` of an answer give for `name`, `undefined` if they are none. A password goes with the
 * salt that is made up for the name, so that nobody sees whether there was one.
 */
export function secretOf(
  credentials: AuthResponse["credentials"],
  name: string,
  key: string | Uint8Array,
): ScramSecret | undefined {
  if (typeof credentials !== "object" || credentials === null) return undefined;
  if ("storedKey" in credentials) return stored(credentials);
  const password = typeof credentials.password === "string" ? saslprep(credentials.password) : undefined;
  return password === undefined ? undefined : fromPassword(password, name, key);
}

/** What an unknown name is shown: always the same salt for it, and keys that nobody has. */
export function madeUpSecret(name: string, key: string | Uint8Array): ScramSecret {
  return fromPassword(madeUp("password", name, key).toString("base64"), name, key);
}

function fromPassword(password: string, name: string, key: string | Uint8Array): ScramSecret {
  const salt = madeUp("salt", name, key).subarray(0, SALT_OCTETS);
  return { salt, iterations: DEFAULT_ITERATIONS, keys: () => deriveKeys(password, salt, DEFAULT_ITERATIONS) };
}

/** The record's keys. It may come from a database, so nothing of it is taken on trust. */
function stored(record: ScramRecord): ScramSecret | undefined {
  const [salt, storedKey, serverKey] = [record.salt, record.storedKey, record.serverKey].map((field) =>
    typeof field === "string" ? decodeBase64(field) : undefined,
  );
  const { iterations } = record;
  if (!salt?.length || storedKey?.length !== KEY_OCTETS || serverKey?.length !== KEY_OCTETS) return undefined;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAX_ITERATIONS) return undefined;
  return {
    salt,
    iterations,
    keys() {
      // The work that a password, or a name that does not exist, would have cost: else time tells them apart.
      deriveKeys("", salt, DEFAULT_ITERATIONS);
      return { storedKey, serverKey };
    },
  };
}

function deriveKeys(password: string, salt: Uint8Array, iterations: number): ScramKeys {
  const salted = pbkdf2Sync(password, salt, iterations, KEY_OCTETS, "sha256");
  return { storedKey: sha256(hmacSHA256(salted, "Client Key")), serverKey: hmacSHA256(salted, "Server Key") };
}

function madeUp(purpose: string, name: string, key: string | Uint8Array): Buffer {
  return hmacSHA256(key, `${purpose}\0${name}`);
}
