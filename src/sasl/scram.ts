import { pbkdf2Sync, randomBytes } from "node:crypto";
import type { AuthResponse, ScramRecord } from "../types/index.js";
import { equalSecrets, hmacSHA256, sha256 } from "./crypto.js";
import { decodeBase64 } from "./encoding.js";
import { saslprep } from "./saslprep.js";

/**
 * Default number of PBKDF2 rounds. RFC 7677 requires at least 4096. This number takes about a millisecond of CPU here, and
 * is acceptable on an old phone.
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

/** The stored data of one exchange. The keys are derived only when the client has sent its proof. */
export interface ScramSecret {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly keys: () => ScramKeys;
}

/**
 * Makes the record to store for a user of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802 section 3, RFC 7677).
 * Synchronous. It takes about 1 ms of CPU with the default, and time in proportion to `iterations`.
 *
 * @param password the user's password; prepared by SASLprep (RFC 4013), as the client does
 * @param options.iterations PBKDF2 rounds, an integer of 4096 or more. Each login costs the client as many. Default: 10000
 * @param options.salt the octets of the salt; decode the base64 of a record first. Default: 16 random octets
 * @returns salt and keys in base64. The password cannot be computed from them, only guessed
 * @throws TypeError for an empty password, a password with characters that SASLprep prohibits (control characters), a salt
 *   that is empty or not a Uint8Array, or iterations that are not an integer of at least 4096
 */
export function scramCredentials(
  password: string,
  options: { iterations?: number | undefined; salt?: Uint8Array | undefined } = {},
): ScramRecord {
  const { iterations = DEFAULT_ITERATIONS, salt = randomBytes(SALT_OCTETS) } = options;
  const prepared = typeof password === "string" ? saslprep(password) : undefined;
  if (prepared === undefined) {
    throw new TypeError("password: must be a string that is not empty and has no control characters");
  }
  if (!Number.isInteger(iterations) || iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
    throw new TypeError(`iterations: must be an integer of ${MIN_ITERATIONS} or more`);
  }
  // A string in base64 would pass without this check, and the keys would belong to another salt.
  if (!(salt instanceof Uint8Array) || salt.length === 0) {
    throw new TypeError("salt: must be a Uint8Array with at least one octet");
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
 * Checks a password of PLAIN or LOGIN against a record made for SCRAM-SHA-256 (RFC 5802). Compares in constant time.
 * Synchronous. It takes as long as `scramCredentials()` with the record's `iterations`.
 *
 * @param password prepared by SASLprep (RFC 4013). A missing or empty one, or one with prohibited characters, is wrong
 * @param credentials the same as onAuth answers for SCRAM: the record, or `{ password }`. For an unknown name pass `null` or
 *   `undefined`: the result is `false`, after the same time as for a record with the default `iterations`
 * @returns whether the password is right
 * @throws TypeError for malformed credentials. It names the wrong field, but not its value
 */
export function verifyPassword(
  password: string | null | undefined,
  credentials: AuthResponse["credentials"] | null,
): boolean {
  const known = credentials === null || credentials === undefined ? undefined : readCredentials(credentials);
  if (typeof known === "string") throw new TypeError(`credentials: ${known}`);
  const prepared = typeof password === "string" ? saslprep(password) : undefined;
  // Returns at once for every name. The time depends only on the password, which the client knows.
  if (prepared === undefined) return false;
  if (known && "storedKey" in known) {
    return equalSecrets(deriveKeys(prepared, known.salt, known.iterations).storedKey, known.storedKey);
  }
  deriveDummyKeys();
  return known !== undefined && equalSecrets(prepared, known.password);
}

/**
 * The secret for the `credentials` of an answer; `undefined` if they are invalid. For a password the salt is the one that
 * an unknown name gets, so that a client cannot see whether the name exists.
 */
export function secretOf(
  credentials: AuthResponse["credentials"],
  name: string,
  key: string | Uint8Array,
): ScramSecret | undefined {
  const known = readCredentials(credentials);
  if (typeof known === "string") return undefined;
  if ("password" in known) return fromPassword(known.password, name, key);
  const { salt, iterations, storedKey, serverKey } = known;
  return {
    salt,
    iterations,
    keys() {
      deriveDummyKeys();
      return { storedKey, serverKey };
    },
  };
}

/** The secret for an unknown name. A name always gets the same salt, and no password matches the keys. */
export function madeUpSecret(name: string, key: string | Uint8Array): ScramSecret {
  return fromPassword(madeUp("password", name, key).toString("base64"), name, key);
}

function fromPassword(password: string, name: string, key: string | Uint8Array): ScramSecret {
  const salt = madeUp("salt", name, key).subarray(0, SALT_OCTETS);
  return { salt, iterations: DEFAULT_ITERATIONS, keys: () => deriveKeys(password, salt, DEFAULT_ITERATIONS) };
}

/** Valid credentials: a prepared password, or a decoded record. */
type KnownCredentials = { readonly password: string } | (ScramKeys & Omit<ScramSecret, "keys">);

/**
 * Decodes `credentials` and checks every field, because they may come from a database.
 *
 * @returns the problem as a text, if they are invalid
 */
function readCredentials(credentials: unknown): KnownCredentials | string {
  const isObject = typeof credentials === "object" && credentials !== null;
  const { salt, iterations, storedKey, serverKey, password } = isObject
    ? (credentials as Record<string, unknown>)
    : {};
  if (storedKey === undefined) {
    if (password === undefined) return "must be { password } or what scramCredentials() makes";
    const prepared = typeof password === "string" ? saslprep(password) : undefined;
    if (prepared === undefined) return "password must not be empty or have control characters";
    return { password: prepared };
  }
  const octets = { salt: octetsOf(salt), storedKey: octetsOf(storedKey), serverKey: octetsOf(serverKey) };
  if (!octets.salt?.length) return "salt must be octets in base64";
  if (octets.storedKey?.length !== KEY_OCTETS) return "storedKey must be 32 octets in base64";
  if (octets.serverKey?.length !== KEY_OCTETS) return "serverKey must be 32 octets in base64";
  const rounds = Number.isInteger(iterations) ? (iterations as number) : 0;
  if (rounds < 1 || rounds > MAX_ITERATIONS) return "iterations must be an integer of 1 or more";
  return { salt: octets.salt, iterations: rounds, storedKey: octets.storedKey, serverKey: octets.serverKey };
}

function octetsOf(field: unknown): Buffer | undefined {
  return typeof field === "string" ? decodeBase64(field) : undefined;
}

/** Derives keys and drops them, so that passwords, records and unknown names all take the same time. */
function deriveDummyKeys(): void {
  deriveKeys("", Buffer.alloc(SALT_OCTETS), DEFAULT_ITERATIONS);
}

function deriveKeys(password: string, salt: Uint8Array, iterations: number): ScramKeys {
  const salted = pbkdf2Sync(password, salt, iterations, KEY_OCTETS, "sha256");
  return { storedKey: sha256(hmacSHA256(salted, "Client Key")), serverKey: hmacSHA256(salted, "Server Key") };
}

function madeUp(purpose: string, name: string, key: string | Uint8Array): Buffer {
  return hmacSHA256(key, `${purpose}\0${name}`);
}
