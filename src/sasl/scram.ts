import { pbkdf2Sync, randomBytes } from "node:crypto";
import type { AuthResponse, ScramRecord } from "../types/index.js";
import { hmacSHA256, sha256 } from "./crypto.js";
import { decodeBase64 } from "./encoding.js";
import { saslprep } from "./saslprep.js";

/**
 * Default number of PBKDF2 rounds. RFC 7677 asks for at least 4096; this many take about a millisecond of our CPU,
 * and an old phone can bear them.
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

/** What a server needs for one exchange: the public part, and the keys once the client has sent its proof. */
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
 * @param options.salt default 16 random octets. The octets themselves: decode the base64 of a record.
 * @returns salt and keys in base64; the password can only be guessed from it
 * @throws TypeError for an empty password, one with characters that SASLprep prohibits (control characters),
 *   a salt that is empty or no Uint8Array, or iterations that are not an integer of at least 4096
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
  // A string has a length and octets too, but those of its base64: the keys would be of another salt.
  if (!(salt instanceof Uint8Array) || salt.length === 0) {
    throw new TypeError("salt: a Uint8Array with at least one octet is wanted");
  }
  const { storedKey, serverKey } = deriveKeys(prepared, salt, iterations);
  return {
    salt: Buffer.from(salt).toString("base64"),
    iterations,
    storedKey: storedKey.toString("base64"),
    serverKey: serverKey.toString("base64"),
  };
}

/**
 * The secret of an answer's `credentials` for `name`; `undefined` if they are unusable. A password gets the salt
 * that an unknown name would get, so that a client cannot see whether the name exists.
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

/** The secret for an unknown name: always the same salt for one name, and keys that no password gives. */
export function madeUpSecret(name: string, key: string | Uint8Array): ScramSecret {
  return fromPassword(madeUp("password", name, key).toString("base64"), name, key);
}

function fromPassword(password: string, name: string, key: string | Uint8Array): ScramSecret {
  const salt = madeUp("salt", name, key).subarray(0, SALT_OCTETS);
  return { salt, iterations: DEFAULT_ITERATIONS, keys: () => deriveKeys(password, salt, DEFAULT_ITERATIONS) };
}

/** The secret of a stored record. It may come from a database, so every field is checked. */
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
      // Does the work that a password or an unknown name costs, so that the time does not tell them apart.
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
