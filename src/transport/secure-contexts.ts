import { constants } from "node:crypto";
import { hostname } from "node:os";
import { domainToUnicode } from "node:url";
import type { SMTPServerOptions, TLSOptions } from "../types/index.js";
import type { SecureContextHandle, SNIHandle, UpgradeOptions } from "./bun-tls.js";
import { selfSignedCertificate } from "./self-signed-certificate.js";
import {
  contextOptions,
  encodeALPN,
  hasIdentity,
  isIdentity,
  makeContext,
  type ContextOptions,
} from "./tls-options.js";

/** Whether clients are asked for a certificate, and refused without one that verifies. */
export type Verification = Pick<UpgradeOptions, "requestCert" | "rejectUnauthorized">;

/** The result of an entry of `sniOptions`. */
interface Host extends Verification {
  readonly context: SecureContextHandle;
}

/** Everything made from one set of TLS options; `update` replaces it as a whole. */
interface TLSSnapshot extends Verification {
  readonly options: ContextOptions;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly ALPNProtocols: Uint8Array | undefined;
  readonly name: string;
  readonly silent: boolean;
  /** `undefined` if no certificate was given and TLS was not needed yet. */
  context: SecureContextHandle | undefined;
}

/**
 * Whether a Bun can upgrade an accepted socket to TLS: 1.2.23 and 1.4.0 or later can, 1.3 cannot.
 * @param version default: the Bun that runs this
 */
export function canUpgrade(version: string = Bun.version): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/).map(Number);
  if (major !== 1) return major > 1;
  return minor >= 4 || (minor === 2 && patch >= 23);
}

/**
 * The secure contexts of a server, with its certificates: the default one and those of `sniOptions`. `update` replaces all
 * of them. Open sessions keep the context they began with. A client that resumes such a session after an update must make
 * a full handshake, because a new context has new ticket keys.
 *
 * `null`, `false`, an empty string and an empty array mean that an option is not given. The default of `minVersion` is
 * TLSv1.2, of `honorCipherOrder` true.
 */
export class SecureContexts {
  readonly #live: SMTPServerOptions;
  readonly #report: (error: Error, servername: string) => void;
  #current: TLSSnapshot;
  #selfSigned: { key: string; cert: string } | undefined;

  /**
   * @param options of the server; `SNICallback` is read from this object at each handshake, all others now
   * @param report called with errors of `SNICallback`, for the log; the client gets the default certificate
   * @throws TypeError that names the option, for example `sniOptions["mail.example.com"].key`, for a bad
   *   PEM, a key that does not match its certificate, one without the other
   */
  constructor(options: SMTPServerOptions, report: (error: Error, servername: string) => void = () => {}) {
    this.#live = options;
    this.#report = report;
    this.#current = makeSnapshot(options);
  }

  /** Whether the application has given a certificate, even if only for some host names. */
  get hasCertificate(): boolean {
    return hasIdentity(this.#current.options) || this.asksForName;
  }

  /** Whether the certificate depends on the host name that a client asks for. */
  get asksForName(): boolean {
    return this.#current.hosts.size > 0 || typeof this.#live.SNICallback === "function";
  }

  /** Makes new contexts. If it throws, as the constructor does, nothing has changed. */
  update(options: SMTPServerOptions): void {
    this.#current = makeSnapshot(options);
  }

  /**
   * The options of `upgradeTLS` for a handshake. Keep the object until the handshake is done, because `select` changes it
   * for the host that the client asks for, and `verdict` needs it. Without a certificate, a self-signed one is made at the
   * first call, with a warning on stderr unless `logger` is `false`.
   */
  upgradeOptions(): UpgradeOptions {
    const { requestCert, rejectUnauthorized, ALPNProtocols } = this.#current;
    const secureContext = (this.#current.context ??= this.#makeSelfSigned());
    return { secureContext, requestCert, rejectUnauthorized, ...(ALPNProtocols && { ALPNProtocols }) };
  }

  #makeSelfSigned(): SecureContextHandle {
    const { options, name, silent } = this.#current;
    if (!this.#selfSigned && !silent && !this.hasCertificate) {
      process.stderr.write(
        "WARNING: bun-smtp was given no TLS certificate and made a self-signed one: clients cannot tell this " +
          "server from another that claims to be it, and many refuse it, as Nodemailer does. Set the options key and cert " +
          'to the content of your PEM files, or disabledCommands: ["STARTTLS"] for a first try.\n',
      );
    }
    this.#selfSigned ??= selfSignedCertificate(name);
    return makeContext({ ...options, ...this.#selfSigned }, "");
  }

  /**
   * The context for the host name that a client asks for (SNI, RFC 6066 section 3), from `SNICallback` or, without one, from
   * `sniOptions`.
   *
   * @param handle the TLS session. It gets the entry's `requestCert` and `rejectUnauthorized`, because BoringSSL does not
   *   take them from a context
   * @param asked this handshake's `upgradeOptions()`; changed if the entry's values differ
   * @returns `undefined` for the default context; `true` if `SNICallback` answers later, through `handle`
   */
  select(
    servername: string,
    handle: SNIHandle,
    asked: UpgradeOptions,
  ): SecureContextHandle | true | undefined {
    const name = normalizeName(servername);
    const { SNICallback } = this.#live;
    if (typeof SNICallback === "function") return this.#ask(SNICallback, name, handle, asked);
    const host = this.#current.hosts.get(name);
    if (!host) return undefined;
    const { requestCert, rejectUnauthorized } = host;
    if (requestCert !== asked.requestCert || rejectUnauthorized !== asked.rejectUnauthorized) {
      handle.setVerifyMode(requestCert, rejectUnauthorized);
      Object.assign(asked, { requestCert, rejectUnauthorized });
    }
    return host.context;
  }

  /** Calls SNICallback. After an error, a throw, no context or an invalid one, the default context is used. */
  #ask(
    SNICallback: NonNullable<SMTPServerOptions["SNICallback"]>,
    name: string,
    handle: SNIHandle,
    asked: UpgradeOptions,
  ): SecureContextHandle | true | undefined {
    let answer: { context: SecureContextHandle | undefined } | undefined;
    let isLate = false;
    const callback = (error: unknown, given?: unknown): void => {
      if (answer) return;
      const context = error || !given ? undefined : toHandle(given, asked.secureContext);
      answer = { context };
      const problem =
        error || (given && !context && new TypeError("SNICallback: the answer must be a secure context"));
      if (problem) this.#report(problem instanceof Error ? problem : new Error(String(problem)), name);
      // Not before the handler has returned true: then the handshake would hang.
      if (isLate) handle.resumeSNI(context, false);
    };
    try {
      const returned: unknown = SNICallback(name, callback);
      if (returned instanceof Promise) returned.catch(callback);
    } catch (error) {
      callback(error);
    }
    if (answer) return answer.context;
    isLate = true;
    return true;
  }
}

/** Normalizes a host name: lower case, U-labels (as smtp-server passes them to SNICallback), no final dot. */
function normalizeName(name: string): string {
  const lower = name.trim().toLowerCase().replace(/\.$/, "");
  // Only for international names, because `domainToUnicode` would turn a name like "123" into an IPv4 address.
  const isInternational = /[^\0-\x7f]|(^|\.)xn--/.test(lower);
  return (isInternational && domainToUnicode(lower)) || lower;
}

function makeSnapshot(options: SMTPServerOptions): TLSSnapshot {
  const given = contextOptions(options, "");
  const { SNICallback } = options;
  if (SNICallback && typeof SNICallback !== "function")
    throw new TypeError("SNICallback: must be a function");
  const asked = verification(options);
  const hosts = makeHosts(options, given);
  const own =
    asked.requestCert || hosts.values().some((host) => host.requestCert) ? withoutTickets(given) : given;
  // Made even without a certificate, so that an invalid option throws now and not in a client's handshake.
  const context = makeContext(own, "");
  return {
    options: own,
    ...asked,
    hosts,
    ALPNProtocols: encodeALPN(options.ALPNProtocols),
    name: options.name ? String(options.name) : hostname(),
    silent: options.logger === false,
    context: hasIdentity(own) ? context : undefined,
  };
}

/**
 * Turns session resumption off if client certificates are requested. A resumed session would have the result of an earlier
 * check, in Bun 1.4.0 even of a check against the `ca` of another host.
 */
function withoutTickets(given: ContextOptions): ContextOptions {
  return { ...given, secureOptions: Number(given["secureOptions"] ?? 0) | constants.SSL_OP_NO_TICKET };
}

function verification(options: TLSOptions): { requestCert: boolean; rejectUnauthorized: boolean } {
  return { requestCert: !!options.requestCert, rejectUnauthorized: !!options.rejectUnauthorized };
}

/**
 * Options that an entry leaves out are those of the server. Otherwise an entry with only a certificate would change which
 * client certificates are accepted.
 */
function makeHosts(server: SMTPServerOptions, own: ContextOptions): Map<string, Host> {
  const { sniOptions } = server;
  if (sniOptions && typeof sniOptions !== "object") {
    throw new TypeError("sniOptions: must be an object or a Map of host names");
  }
  const entries: Iterable<[string, TLSOptions | null | undefined]> =
    sniOptions instanceof Map ? sniOptions : Object.entries(sniOptions ?? {});
  const shared = Object.fromEntries(Object.entries(own).filter(([name]) => !isIdentity(name)));
  const hosts = new Map<string, Host>();
  for (const [name, entry] of entries) {
    if (!entry) continue;
    const path = `sniOptions[${JSON.stringify(name)}]`;
    if (typeof entry !== "object") throw new TypeError(`${path}: must be an object of TLS options`);
    const given = contextOptions(entry, `${path}.`);
    const merged = { ...(hasIdentity(given) ? shared : own), ...given };
    if (!hasIdentity(merged)) throw new TypeError(`${path}.cert: a certificate and its key are missing`);
    const host = normalizeName(name);
    if (host === "") throw new TypeError(`${path}: must be a host name`);
    hosts.set(host, {
      context: makeContext(merged, `${path}.`),
      ...verification({
        requestCert: entry.requestCert ?? server.requestCert,
        rejectUnauthorized: entry.rejectUnauthorized ?? server.rejectUnauthorized,
      }),
    });
  }
  return hosts;
}

/** The native context in the answer of SNICallback, which is a SecureContext of node:tls or its `context`. */
function toHandle(given: unknown, sample: SecureContextHandle): SecureContextHandle | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  const context = "context" in given ? given.context : given;
  return context instanceof sample.constructor ? context : undefined;
}

/**
 * Decides whether a finished handshake is accepted.
 * @returns the error for one that is not
 *
 * Bun 1.4.0 and 1.4.5 call `handshake(tls, ok, error)` on the server side with these values, in TLS 1.2 and 1.3:
 *
 * | requestCert | rejectUnauthorized | certificate      | ok    | error.code                       | authorized | Bun then |
 * | ----------- | ------------------ | ---------------- | ----- | -------------------------------- | ---------- | -------- |
 * | false       | any                | any, never sent  | true  | UNABLE_TO_GET_ISSUER_CERT        | false      | goes on  |
 * | true        | false              | none             | true  | UNABLE_TO_GET_ISSUER_CERT        | false      | goes on  |
 * | true        | false              | expired          | true  | CERT_HAS_EXPIRED                 | false      | goes on  |
 * | true        | false              | of another CA    | true  | UNABLE_TO_VERIFY_LEAF_SIGNATURE  | false      | goes on  |
 * | true        | false              | a server's       | true  | INVALID_PURPOSE                  | false      | goes on  |
 * | true        | false or true      | good             | true  | (null)                           | true       | goes on  |
 * | true        | true               | none             | false | EPROTO                           | false      | closes   |
 * | true        | true               | any bad one      | true  | as above                         | false      | closes   |
 *
 * `ok` is also false for a handshake that breaks (EPROTO for garbage or no common version or cipher, ECONNRESET for a
 * client that disconnects). So `ok` alone says nothing about the certificate, and `error` means nothing if none was
 * requested. (A `rejectUnauthorized` that is missing in upgradeTLS means true, and one in a context has no effect.)
 */
export function verdict(
  asked: Verification,
  ok: boolean,
  error: Error | null,
  authorized: boolean,
): Error | undefined {
  if (!ok) return named(error ?? new Error("TLS handshake failed"));
  if (!asked.requestCert || !asked.rejectUnauthorized || authorized) return undefined;
  return error ?? new Error("The client certificate could not be verified");
}

/** Sets Node's code for a broken handshake. Bun has EPROTO for all of them, with the reason in the message. */
function named(error: Error): Error {
  const reason = /OPENSSL_internal:([A-Z0-9_]+)/.exec(error.message)?.[1];
  return reason ? Object.assign(error, { code: `ERR_SSL_${reason}` }) : error;
}
