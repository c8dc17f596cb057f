/** TLS options: checks them, and makes native secure contexts from them. Its TypeErrors name the invalid option. */
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { inspect } from "node:util";
import type { SMTPServerOptions, TLSOptions } from "../types/index.js";
import type { SecureContextHandle } from "./bun-tls.js";

/**
 * Options of a secure context in node:tls. `dhparam` is left out, because it would have no effect: BoringSSL has no
 * finite-field Diffie-Hellman. Its value `"auto"`, which programs for Node use, would throw.
 */
const CONTEXT_OPTIONS = [
  "key",
  "cert",
  "pfx",
  "passphrase",
  "ca",
  "crl",
  "ciphers",
  "minVersion",
  "maxVersion",
  "secureProtocol",
  "honorCipherOrder",
  "sessionTimeout",
  "sessionIdContext",
  "ticketKeys",
  "ecdhCurve",
  "sigalgs",
  "secureOptions",
] as const satisfies (keyof SecureContextOptions)[];

/** Every TLS option of the server, by name. */
export const TLS_OPTIONS: readonly (keyof SMTPServerOptions)[] = [
  ...CONTEXT_OPTIONS,
  "requestCert",
  "rejectUnauthorized",
  "ALPNProtocols",
  "sniOptions",
  "SNICallback",
];

/** Options of a certificate and its key. An entry of `sniOptions` uses its own or the server's, never a mixture. */
const IDENTITY: readonly string[] = ["key", "cert", "pfx", "passphrase"];

/** Options whose value is the content of a file. */
const FILES: readonly string[] = ["key", "cert", "pfx", "ca", "crl"];

/** Numeric options, which may be numeric strings. */
const NUMBERS: readonly string[] = ["sessionTimeout", "secureOptions"];

const VERSIONS: readonly unknown[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/** RFC 8996: TLS 1.0 and 1.1 must not be used. */
const DEFAULT_MIN_VERSION = "TLSv1.2";

/**
 * Cipher suites for TLS 1.2: only those with forward secrecy and AEAD. It is Mozilla's intermediate list (Server Side TLS
 * 5.7) without finite-field Diffie-Hellman, which BoringSSL does not have. The suites of TLS 1.3 are fixed and all have both.
 */
const DEFAULT_CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** Explanations of BoringSSL's errors. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/NO_START_LINE/, "it has no such PEM block (give the content of the file, not its path)"],
  [/BAD_END_LINE|BAD_BASE64_DECODE|SHORT_HEADER/, "its PEM block is cut off or damaged"],
  [/Invalid CA/, "it has no PEM certificate (give the content of the file, not its path)"],
  [/KEY_(VALUES|TYPE)_MISMATCH/, "it does not match the certificate"],
  [/BAD_DECRYPT|BAD_PASSWORD/, "the passphrase does not decrypt it"],
  [/NO_CIPHER_MATCH/, "this Bun has none of these ciphers"],
];

/** The given options of {@link CONTEXT_OPTIONS} by name. */
export type ContextOptions = Record<string, unknown>;

/** Whether an option belongs to a certificate. */
export function isIdentity(name: string): boolean {
  return IDENTITY.includes(name);
}

function isGiven(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  return !(Array.isArray(value) && value.length === 0);
}

/** Whether the options have a certificate. */
export function hasIdentity({ cert, pfx }: ContextOptions): boolean {
  return cert !== undefined || pfx !== undefined;
}

/**
 * Picks the options of a secure context. `null`, `false`, "" and [] mean that an option is not given.
 * @param prefix path of the options, for errors
 * @throws TypeError for mistakes that node:tls accepts: a certificate without its key, a file that was not read
 */
export function contextOptions(options: TLSOptions, prefix: string): ContextOptions {
  const given: ContextOptions = {};
  for (const name of CONTEXT_OPTIONS) {
    const value: unknown = options[name];
    if (!isGiven(value) || (value === false && name !== "honorCipherOrder")) continue;
    if (FILES.includes(name)) checkFile(value, prefix + name);
    given[name] = NUMBERS.includes(name) ? toNumber(value, prefix + name) : value;
  }
  const { key, cert, pfx } = given;
  if (cert && !key && !pfx) throw new TypeError(`${prefix}cert: its key is missing`);
  if (key && !cert && !pfx) throw new TypeError(`${prefix}key: its cert is missing`);
  return given;
}

function toNumber(value: unknown, name: string): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) throw new TypeError(`${name}: must be a number`);
  return number;
}

/** Refuses a Blob, because Bun would read the file synchronously, and a promise, because an `await` was forgotten. */
function checkFile(value: unknown, name: string): void {
  for (const part of Array.isArray(value) ? (value as unknown[]) : [value]) {
    if (part instanceof Blob || part instanceof Promise) {
      throw new TypeError(
        `${name}: must be a string or bytes; read the file first: await Bun.file(path).text()`,
      );
    }
  }
}

/** Whether TLS 1.0 or 1.1 is allowed. These have no AEAD suites, so Bun's own list of ciphers is kept. */
function asksForOldTLS({ minVersion, secureProtocol }: ContextOptions): boolean {
  return /^TLSv1(\.1)?$/.test(String(minVersion)) || /^TLSv1(_1)?_/.test(String(secureProtocol));
}

/**
 * Makes a secure context. Defaults: TLS 1.2 or later, cipher suites with forward secrecy, in the server's order.
 * @throws TypeError with `prefix`, the name of the invalid option, and what is wrong with it
 */
export function makeContext(given: ContextOptions, prefix: string): SecureContextHandle {
  const options: ContextOptions = { honorCipherOrder: true, ...given };
  if (!("secureProtocol" in given)) options["minVersion"] ??= DEFAULT_MIN_VERSION;
  if (!asksForOldTLS(options)) options["ciphers"] ??= DEFAULT_CIPHERS;
  const { minVersion, maxVersion } = options;
  for (const [name, version] of Object.entries({ minVersion, maxVersion })) {
    if (version !== undefined && !VERSIONS.includes(version))
      throw new TypeError(`${prefix}${name}: must be one of ${VERSIONS.join(", ")}, got ${inspect(version)}`);
  }
  if (VERSIONS.includes(maxVersion) && VERSIONS.indexOf(minVersion) > VERSIONS.indexOf(maxVersion)) {
    throw new TypeError(
      `${prefix}maxVersion: ${String(maxVersion)} is below minVersion ${String(minVersion)}`,
    );
  }
  if (options["passphrase"] === undefined && isEncrypted(options["key"]))
    throw new TypeError(
      `${prefix}key: it is encrypted, and its passphrase is missing: set the option passphrase`,
    );
  try {
    return native(options);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const meaning = REASONS.find(([reason]) => reason.test(message))?.[1];
    throw new TypeError(`${prefix}${culprit(options)}: ${meaning ? `${meaning}: ` : ""}${message}`, {
      cause,
    });
  }
}

/** Whether a PEM key is encrypted: PKCS #8 (RFC 7468 section 11), or the older form with a header (RFC 1421). */
function isEncrypted(key: unknown): boolean {
  const parts: unknown[] = Array.isArray(key) ? key : [key];
  return parts.some((part) => {
    const text = part instanceof Uint8Array ? Buffer.from(part).toString("latin1") : part;
    return (
      typeof text === "string" && /^-----BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(text)
    );
  });
}

function native(options: ContextOptions): SecureContextHandle {
  return createSecureContext(options as SecureContextOptions).context as SecureContextHandle;
}

/** Finds the invalid option: the one that fails even alone. If none does, key and certificate do not match. */
function culprit(options: ContextOptions): string {
  const { passphrase } = options;
  const alone = Object.keys(options).find((name) => {
    try {
      native({ passphrase, [name]: options[name] });
      return false;
    } catch {
      return true;
    }
  });
  return alone ?? "key";
}

/** Encodes the protocol list of RFC 7301 section 3.1, because Bun's upgradeTLS takes the wire format only. */
export function encodeALPN(protocols: unknown): Uint8Array | undefined {
  if (!isGiven(protocols) || protocols === false) return undefined;
  if (protocols instanceof Uint8Array) return protocols;
  const names: unknown[] = Array.isArray(protocols) ? protocols : [protocols];
  return Buffer.concat(
    names.flatMap((name) => {
      const bytes = typeof name === "string" || name instanceof Uint8Array ? Buffer.from(name) : Buffer.of();
      if (bytes.length < 1 || bytes.length > 255) {
        throw new TypeError("ALPNProtocols: must be an array of names of 1 to 255 bytes");
      }
      return [Buffer.of(bytes.length), bytes];
    }),
  );
}
