import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { domainToUnicode } from "node:url";
import { hostname } from "node:os";
import type { SMTPServerOptions, TLSOptions } from "../types.js";
import type { SecureContextHandle, SNIHandle, UpgradeOptions } from "./bun-tls.js";
import { selfSignedCertificate } from "./certificate.js";

/** Options that node:tls makes a secure context of. */
const CONTEXT_OPTIONS = [
  "key",
  "cert",
  "ca",
  "pfx",
  "passphrase",
  "crl",
  "dhparam",
  "ciphers",
  "minVersion",
  "maxVersion",
  "honorCipherOrder",
  "sessionTimeout",
  "sessionIdContext",
  "ticketKeys",
  "ecdhCurve",
  "sigalgs",
  "secureOptions",
] as const satisfies (keyof SecureContextOptions)[];

/** Those whose values are PEM or DER, and may be read from a file that nobody awaited. */
const FILES: readonly string[] = ["key", "cert", "ca", "pfx", "crl", "dhparam"];

type ContextOptions = Record<string, unknown>;

/**
 * Whether a Bun can upgrade an accepted socket to TLS: 1.3 can not.
 * @param version default: the Bun that runs this
 */
export function canUpgrade(version: string = Bun.version): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 1 || (major === 1 && minor >= 4);
}

/**
 * The secure contexts of a server: a default and those of `sniOptions`, each made once and replaced as a
 * whole by `update`. Sessions that are open keep the one they began with.
 */
export class SecureContexts {
  #live: SMTPServerOptions;
  #default: SecureContextHandle | undefined;
  #named: ReadonlyMap<string, SecureContextHandle>;

  /**
   * @param options the server's; `SNICallback` is read from it live
   * @throws TypeError that names the option, for a bad PEM, a key that does not match, a cert without key
   */
  constructor(options: SMTPServerOptions) {
    this.#live = options;
    this.#default = ownContext(options);
    this.#named = namedContexts(options.sniOptions);
  }

  /** Whether the application gave a certificate. */
  get hasCertificate(): boolean {
    return this.#default !== undefined || this.#named.size > 0;
  }

  /** Makes all contexts anew. Throws as the constructor does, and changes nothing then. */
  update(options: SMTPServerOptions): void {
    const own = ownContext(options);
    const named = namedContexts(options.sniOptions);
    this.#default = own;
    this.#named = named;
    this.#live = options;
  }

  /** What `upgradeTLS` wants. Without a certificate of the application's a self-signed one is made here, once. */
  upgradeOptions(): UpgradeOptions {
    const { requestCert, rejectUnauthorized, ALPNProtocols } = this.#live;
    this.#default ??= this.#selfSigned();
    return {
      secureContext: this.#default,
      requestCert: !!requestCert,
      rejectUnauthorized: !!requestCert && !!rejectUnauthorized,
      ...(ALPNProtocols ? { ALPNProtocols } : {}),
    };
  }

  #selfSigned(): SecureContextHandle {
    if (this.#live.logger !== false) {
      console.error(
        "WARNING: bun-smtp has no TLS certificate (options key and cert) and made a self-signed one. " +
          "Clients can not tell this server from another.",
      );
    }
    return makeContext({ ...this.#live, ...selfSignedCertificate(this.#live.name || hostname()) }, "");
  }

  /**
   * The context for the name that a client asks for (SNI).
   * @param handle takes the context later, where `true` is returned
   * @returns `undefined` for the default one
   */
  select(servername: string, handle: SNIHandle): SecureContextHandle | true | undefined {
    const name = normalizeName(servername);
    const { SNICallback } = this.#live;
    return typeof SNICallback === "function" ? ask(SNICallback, name, handle) : this.#named.get(name);
  }
}

/** Calls SNICallback. An error, nothing, or a throw is the default context. */
function ask(
  SNICallback: NonNullable<SMTPServerOptions["SNICallback"]>,
  name: string,
  handle: SNIHandle,
): SecureContextHandle | true | undefined {
  let answer: { context: SecureContextHandle | undefined } | undefined;
  let isLate = false;
  const callback = (error: Error | null, context?: SecureContext): void => {
    if (answer) return;
    answer = { context: error || !context ? undefined : native(context) };
    if (isLate) handle.resumeSNI(answer.context, false);
  };
  try {
    SNICallback(name, callback);
  } catch {
    callback(null);
  }
  if (answer) return answer.context;
  isLate = true;
  return true;
}

/** One spelling for a host name: lower case, U-labels, no root dot. */
function normalizeName(name: string): string {
  const lower = name.trim().toLowerCase().replace(/\.$/, "");
  return domainToUnicode(lower) || lower;
}

function namedContexts(sniOptions: SMTPServerOptions["sniOptions"]): Map<string, SecureContextHandle> {
  const entries: Iterable<[string, TLSOptions]> =
    sniOptions instanceof Map ? sniOptions : Object.entries(sniOptions ?? {});
  const contexts = new Map<string, SecureContextHandle>();
  for (const [name, options] of entries) {
    const context = ownContext(options, `sniOptions[${JSON.stringify(name)}].`);
    if (!context)
      throw new TypeError(`sniOptions[${JSON.stringify(name)}]: key and cert, or pfx, are wanted`);
    contexts.set(normalizeName(name), context);
  }
  return contexts;
}

/** The context of the certificate that was given, `undefined` where there is none. */
function ownContext(options: TLSOptions, prefix = ""): SecureContextHandle | undefined {
  const { key, cert, pfx } = options;
  if (cert && !key && !pfx) throw new TypeError(`${prefix}cert: there is no key for it`);
  if (key && !cert && !pfx) throw new TypeError(`${prefix}key: there is no cert for it`);
  // Without a certificate the other options are still to be checked now, and not in a client's handshake.
  const context = makeContext(options, prefix);
  return cert || pfx ? context : undefined;
}

function makeContext(options: TLSOptions, prefix: string): SecureContextHandle {
  const given: ContextOptions = {};
  for (const name of CONTEXT_OPTIONS) {
    const value: unknown = options[name];
    if (value === undefined || value === null) continue;
    if (FILES.includes(name)) checkFile(value, prefix + name);
    given[name] = value;
  }
  given["minVersion"] ??= "TLSv1.2";
  try {
    return native(createSecureContext(given as SecureContextOptions));
  } catch (cause) {
    throw new TypeError(`${prefix}${culprit(given)}: ${(cause as Error).message}`, { cause });
  }
}

/** node:tls takes a file of Bun's that nobody has read for something empty, and the mistake shows much later. */
function checkFile(value: unknown, name: string): void {
  for (const part of Array.isArray(value) ? (value as unknown[]) : [value]) {
    if (part instanceof Blob || part instanceof Promise) {
      throw new TypeError(
        `${name}: a string or bytes are wanted; read the file first: await Bun.file(path).text()`,
      );
    }
  }
}

/** The option that makes no secure context even alone; if each does, key and certificate do not belong together. */
function culprit(given: ContextOptions): string {
  const { passphrase } = given;
  const alone = Object.keys(given).find((name) => {
    const options = { [name]: given[name], ...(name === "key" || name === "pfx" ? { passphrase } : {}) };
    try {
      createSecureContext(options as SecureContextOptions);
      return false;
    } catch {
      return true;
    }
  });
  return alone ?? "key";
}

function native(context: SecureContext | SecureContextHandle): SecureContextHandle {
  return "context" in context ? (context.context as SecureContextHandle) : context;
}

/**
 * Why a finished handshake is no session, `undefined` if it is one. For a client certificate that does not
 * verify Bun says `ok` all the same, with the reason in `error`, so `authorized` decides. Where no
 * certificate was asked for, `error` is set as well and means nothing.
 */
export function verdict(
  { requestCert, rejectUnauthorized }: Pick<UpgradeOptions, "requestCert" | "rejectUnauthorized">,
  ok: boolean,
  error: Error | null,
  authorized: boolean,
): Error | undefined {
  if (!ok) return error ?? new Error("TLS handshake failed");
  if (!requestCert || !rejectUnauthorized || authorized) return undefined;
  return error ?? new Error("The client certificate could not be verified");
}
