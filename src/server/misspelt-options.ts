import { TLS_OPTIONS } from "../transport/tls-options.js";
import type { SMTPServerOptions } from "../types/index.js";

/** The options besides those of TLS. A test compares them with the type. */
export const OPTIONS: readonly string[] = [
  "name banner lmtp heloResponse secure secured needsUpgrade size hideSize rejectOversized maxRecipients maxClients",
  "maxClientsPerAddress maxAllowedUnauthenticatedCommands maxErrors maxAuthAttempts maxCommandLength socketTimeout",
  "minDataRate closeTimeout earlyTalkerDelay authMethods authOptional allowInsecureAuth authRequiredMessage",
  "scramSecret hideSTARTTLS hidePIPELINING hide8BITMIME hideSMTPUTF8 hideCHUNKING hideENHANCEDSTATUSCODES hideDSN",
  "hideREQUIRETLS hideBINARYMIME disabledCommands rejectUnknownParameters lenientAddressParsing bareNewlines useProxy",
  "useXClient useXForward ignoredHosts disableReverseLookup resolver logger component",
  "onConnect onSecure onHelo onAuth onMailFrom onRcptTo onData onClose",
].flatMap((names) => names.split(" "));

/** Characters of a name that may be meant by another one. */
const SHORTEST = 4;

const KNOWN: ReadonlySet<string> = new Set([...OPTIONS, ...TLS_OPTIONS]);

/**
 * Warns on stderr of unknown options whose name is nearly that of an option: a server without its `onRcptTo` would accept
 * every recipient. Others are ignored, because programs share one object between libraries.
 */
export function warnOfMisspelt(options: SMTPServerOptions): void {
  if (options.logger === false) return;
  for (const name of Object.keys(options)) {
    if (KNOWN.has(name)) continue;
    const meant = [...KNOWN].find((known) => isNearly(name, known));
    if (meant !== undefined)
      process.stderr.write(
        `WARNING: ${name}: bun-smtp has no such option, and ignores it; is ${meant} meant?\n`,
      );
  }
}

/** Whether two names differ in case only, or by one character that is missing, added, wrong, or in the other place. */
function isNearly(name: string, known: string): boolean {
  const [one, other] = [name.toLowerCase(), known.toLowerCase()];
  // Another short name is often one character away.
  if (known.length < SHORTEST) return one === other;
  let start = 0;
  while (start < one.length && one[start] === other[start]) start++;
  let end = 0;
  while (end < Math.min(one.length, other.length) - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  const [left, right] = [one.slice(start, one.length - end), other.slice(start, other.length - end)];
  if (left.length <= 1 && right.length <= 1) return true;
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
}
