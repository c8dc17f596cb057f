import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { inspect } from "node:util";
import { HOOKS, type HookName } from "./hooks/names.js";
import { type FullLogger, silent } from "./logger.js";
import type { Logger, Resolver, SMTPServerOptions, TrustOption } from "./types/index.js";
import type { NewlinePolicy } from "./wire/line-reader.js";
import { normalizeAddress, trustListProblem } from "./wire/ip.js";
import { toUpperASCII } from "./wire/text.js";

const HOSTNAME = hostname();
/** Default of `scramSecret`: an unknown name gets the same salt each time in this process. */
const PROCESS_SECRET = randomBytes(32);

/** Limit of `maxCommandLength` in octets, so that even without a limit a client cannot use memory without bound. */
const COMMAND_LENGTH_CEILING = 1 << 20;

const NEWLINE_POLICIES: readonly NewlinePolicy[] = ["reject", "normalize", "accept"];

/** Numeric options with their unit, for the TypeError. */
const NUMBERS = [
  ["size", "bytes"],
  ["maxRecipients", "recipients"],
  ["maxClients", "connections"],
  ["maxClientsPerAddress", "connections"],
  ["maxAllowedUnauthenticatedCommands", "commands"],
  ["maxErrors", "replies"],
  ["maxAuthAttempts", "attempts"],
  ["maxCommandLength", "bytes"],
  ["socketTimeout", "milliseconds"],
  ["minDataRate", "bytes a second"],
  ["closeTimeout", "milliseconds"],
  ["earlyTalkerDelay", "milliseconds"],
] as const satisfies [keyof SMTPServerOptions, string][];

const LISTS = ["authMethods", "disabledCommands", "ignoredHosts"] as const;
const TRUST_LISTS = ["useProxy", "useXClient", "useXForward"] as const;

/** Reads a number or a numeric string from 0 on. @returns `undefined` for any other value, as if the option was not given */
function toNumber(value: unknown): number | undefined {
  const isNumeric = typeof value === "number" || (typeof value === "string" && value.trim() !== "");
  const number = isNumeric ? Number(value) : NaN;
  return number >= 0 ? number : undefined;
}

/** Reads a limit. 0, `Infinity` and `false` mean no limit. @returns `Infinity` for no limit */
function toLimit(value: unknown, byDefault: number): number {
  if (value === false) return Infinity;
  const number = toNumber(value) ?? byDefault;
  return number === 0 ? Infinity : number;
}

/** Reads milliseconds. 0 means the default, because a timeout of 0 would close every connection. */
function toTimeout(value: unknown, byDefault: number): number {
  const number = toNumber(value);
  // setTimeout fires at once for more than 2^31 - 1 ms, about three weeks.
  return number ? Math.min(number, 0x7fffffff) : byDefault;
}

/** A command or mechanism name in upper case: ASCII, as on the wire. */
function toName(value: unknown): string {
  return toUpperASCII(String(value).trim());
}

/** Command and mechanism names in upper case. */
function toNames(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : value ? [value] : [];
  return list.map(toName);
}

/**
 * Refuses invalid values. TLS options are checked where the secure context is made.
 * @throws TypeError that names the option and says what it must be
 */
export function checkOptions(options: SMTPServerOptions): void {
  if (typeof options !== "object") throw new TypeError(`options: must be an object, got ${show(options)}`);
  for (const [name, unit] of NUMBERS) {
    const value: unknown = options[name];
    if (value === undefined || value === null || value === false) continue;
    if (toNumber(value) === undefined) {
      throw new TypeError(`${name}: must be a number of ${unit}, 0 or more, got ${show(value)}`);
    }
  }
  for (const name of LISTS) {
    const value: unknown = options[name];
    if (value === undefined || value === null || value === false) continue;
    const isList = Array.isArray(value) && value.every((entry) => typeof entry === "string");
    // smtp-server takes a single name for a list of one.
    if (!isList && (name === "ignoredHosts" || typeof value !== "string")) {
      throw new TypeError(`${name}: must be an array of strings, got ${show(value)}`);
    }
  }
  for (const name of TRUST_LISTS) {
    const problem = trustListProblem(options[name]);
    if (problem) throw new TypeError(`${name}: ${problem}`);
  }
  for (const name of Object.keys(HOOKS) as HookName[]) {
    const value: unknown = options[name];
    // Without this check, an onData of the wrong type would count as missing, and mail would be accepted and dropped.
    if (value && typeof value !== "function") {
      const isPromise = value instanceof Promise;
      const hint = isPromise ? "; pass the function itself, without calling it" : "";
      throw new TypeError(`${name}: must be a function, got ${show(value)}${hint}`);
    }
  }
  const { bareNewlines, resolver, logger, secure, needsUpgrade } = options;
  if ((bareNewlines ?? false) !== false && !NEWLINE_POLICIES.some((known) => known === bareNewlines)) {
    throw new TypeError(`bareNewlines: must be "reject", "normalize" or "accept", got ${show(bareNewlines)}`);
  }
  if (resolver && typeof resolver.reverse !== "function") {
    throw new TypeError("resolver: must be an object with a method reverse(ip, callback)");
  }
  if (logger && logger !== true && typeof logger !== "object") {
    throw new TypeError(`logger: must be true, false or a logger object, got ${show(logger)}`);
  }
  if (needsUpgrade && !secure && toNames(options.disabledCommands).includes("STARTTLS")) {
    throw new TypeError("needsUpgrade: STARTTLS is in disabledCommands, so no client could ever upgrade");
  }
}

/** A value on one line, for an error message. */
function show(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Infinity });
}

/** The current options with their defaults. Only this class knows a default. */
export class Settings {
  readonly #owner: { readonly options: SMTPServerOptions; readonly logger: Logger | FullLogger };

  constructor(owner: { readonly options: SMTPServerOptions; readonly logger: Logger }) {
    this.#owner = owner;
  }

  /** The object that the application gave. */
  get raw(): SMTPServerOptions {
    return this.#owner.options;
  }
  get logger(): Logger {
    // A subclass may override it with a getter that throws. Mail must not be lost for that.
    try {
      return this.#owner.logger;
    } catch (error) {
      console.error(error);
      return silent;
    }
  }

  get name(): string {
    return this.raw.name ? String(this.raw.name) : HOSTNAME;
  }
  get banner(): string {
    return this.raw.banner ? String(this.raw.banner) : "";
  }
  get lmtp(): boolean {
    return !!this.raw.lmtp;
  }
  get protocol(): "LMTP" | "SMTP" {
    return this.lmtp ? "LMTP" : "SMTP";
  }
  get heloResponse(): string {
    return this.raw.heloResponse ? String(this.raw.heloResponse) : "%s Nice to meet you, %s";
  }

  get secure(): boolean {
    return !!this.raw.secure;
  }
  /** This server does the TLS handshake, before the greeting. */
  get implicitTLS(): boolean {
    return this.secure && !this.raw.secured;
  }
  /** Before STARTTLS, only NOOP, EHLO, LHLO, STARTTLS and QUIT are allowed. */
  get requiresStartTLS(): boolean {
    return !!this.raw.needsUpgrade && !this.secure;
  }

  /** Octets; `Infinity` for no limit, as in all limits below. */
  get size(): number {
    return toLimit(this.raw.size, 0);
  }
  get maxRecipients(): number {
    return toLimit(this.raw.maxRecipients, 0);
  }
  get maxClients(): number {
    return toLimit(this.raw.maxClients, 0);
  }
  get maxClientsPerAddress(): number {
    return toLimit(this.raw.maxClientsPerAddress, 0);
  }
  get maxAllowedUnauthenticatedCommands(): number {
    return toLimit(this.raw.maxAllowedUnauthenticatedCommands, 10);
  }
  get maxErrors(): number {
    return toLimit(this.raw.maxErrors, 0);
  }
  get maxAuthAttempts(): number {
    return toLimit(this.raw.maxAuthAttempts, 5);
  }
  /** Octets. */
  get maxCommandLength(): number {
    return Math.min(toLimit(this.raw.maxCommandLength, 16_384), COMMAND_LENGTH_CEILING);
  }

  /** Milliseconds, like the other times. */
  get socketTimeout(): number {
    return toTimeout(this.raw.socketTimeout, 60_000);
  }
  get closeTimeout(): number {
    return toTimeout(this.raw.closeTimeout, 30_000);
  }
  get earlyTalkerDelay(): number {
    return toTimeout(this.raw.earlyTalkerDelay, 0);
  }
  /** Bytes a second, 0 for no minimum. */
  get minDataRate(): number {
    const rate = toNumber(this.raw.minDataRate) ?? 0;
    return rate === Infinity ? 0 : rate;
  }

  get authMethods(): string[] {
    const names = toNames(this.raw.authMethods);
    return names.length > 0 ? names : ["PLAIN", "LOGIN"];
  }
  get authRequiredMessage(): string {
    const message: unknown = this.raw.authRequiredMessage;
    return typeof message === "string" ? message : "Error: authentication Required";
  }
  /** Key for the SCRAM salts of unknown names. */
  get scramSecret(): string | Uint8Array {
    return this.raw.scramSecret || PROCESS_SECRET;
  }
  get bareNewlines(): NewlinePolicy {
    // A wrong value that is set after construction must not allow more than the default.
    const { bareNewlines } = this.raw;
    return bareNewlines === "normalize" || bareNewlines === "accept" ? bareNewlines : "reject";
  }
  get hideEnhancedStatusCodes(): boolean {
    return this.raw.hideENHANCEDSTATUSCODES ?? true;
  }
  get hideDSN(): boolean {
    return this.raw.hideDSN ?? true;
  }
  get hideRequireTLS(): boolean {
    return this.raw.hideREQUIRETLS ?? true;
  }
  get hideBinaryMIME(): boolean {
    return this.raw.hideBINARYMIME ?? true;
  }

  /** Whether a command is switched off for a session. */
  isDisabled(verb: string, session: { readonly disabledCommands?: string[] | undefined }): boolean {
    const own: unknown = session.disabledCommands;
    const list: unknown = Array.isArray(own) ? own : this.raw.disabledCommands;
    if (!Array.isArray(list)) return toNames(list).includes(verb);
    if (list.length === 0) return false;
    return list.some((name) => name === verb || toName(name) === verb);
  }
  /** Whether a client is left out of the log. */
  isIgnored(address: string): boolean {
    const hosts: unknown = this.raw.ignoredHosts;
    return Array.isArray(hosts) && hosts.some((host) => normalizeAddress(String(host)) === address);
  }

  get useProxy(): TrustOption {
    return this.raw.useProxy ?? false;
  }
  get useXClient(): TrustOption {
    return this.raw.useXClient ?? false;
  }
  get useXForward(): TrustOption {
    return this.raw.useXForward ?? false;
  }
  get resolver(): Resolver | undefined {
    return this.raw.resolver || undefined;
  }
}
