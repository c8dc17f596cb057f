import type { Difference } from "./compare.js";

/** A difference from smtp-server 3.21.6 that is meant. The migration guide has them too, with what to do. */
export interface Meant {
  /** An RFC, or a rule of safety. */
  readonly reason: string;
  /** The line at which the two part. */
  readonly sent: RegExp;
  /** Reply codes, theirs and ours. */
  readonly codes: `${number} → ${number}` | `${number} → closed`;
  /** Only with these options. */
  readonly options?: RegExp;
}

const PATH = String.raw`^(?:MAIL FROM|RCPT TO):`;
const path = (text: string): RegExp => new RegExp(PATH + text);

export const MEANT: readonly Meant[] = [
  // ---- addresses
  {
    reason: "RFC 5321 4.1.2: a quoted local part may hold a space, @, > and two dots",
    sent: path(String.raw`<"a( |@|>|\.\.)b"@c\.test>`),
    codes: "501 → 250",
  },
  {
    reason: "RFC 5321 4.1.2: a quote alone ends nothing",
    sent: path('<"?a"?b?@c.test>'),
    codes: "250 → 501",
  },
  { reason: "RFC 5321 4.1.3: an address literal has no zone", sent: path(".*%eth0"), codes: "250 → 501" },
  { reason: "RFC 5952: one form of an IPv6 literal", sent: path(".*::ffff:"), codes: "250 → 250" },
  { reason: "RFC 5321 4.1.2: a source route is no path", sent: path("<@r.test:>"), codes: "250 → 501" },
  { reason: "RFC 5890 2.3.2.1: an A-label in any case", sent: path("<a@XN--"), codes: "250 → 250" },
  {
    reason: "RFC 5891: an A-label of a control character is none",
    sent: path("<a@xn--a.de>"),
    codes: "250 → 501",
  },
  {
    reason: "RFC 5891: such an A-label stays as it is in lenient mode",
    sent: path("<a@xn--a.de>"),
    codes: "250 → 250",
    options: /lenient/,
  },
  {
    reason: "RFC 1123 2.1: no hyphen at the edge of a domain",
    sent: path("<a@(-c.test|c.test-)>"),
    codes: "250 → 501",
  },
  {
    reason: "RFC 6531: octets that are no UTF-8 would make one address of many",
    sent: path("<(ü@c|a@ü)"),
    codes: "250 → 501",
  },
  {
    reason: "RFC 5321 4.5.3.1.3: a path may have 256 octets",
    sent: path(String.raw`<a@(b\.){125}`),
    codes: "501 → 250",
  },
  {
    reason: "RFC 5321 4.1.2: specials of a local part are quoted",
    sent: path(String.raw`<(a,b|a;b|a:b|\(c\)a)@a.test>`),
    codes: "250 → 501",
  },
  {
    reason: "a quoted word of a local part may hold a space, in lenient mode",
    sent: path(String.raw`<a\."b c"\.d@a.test>`),
    codes: "501 → 250",
    options: /lenient/,
  },
  {
    reason: "RFC 1035 2.3.4: a label has 63 octets at most",
    sent: path("<a@b{64}.test>"),
    codes: "250 → 501",
  },
  {
    reason: "RFC 5891 5.4: an A-label is what its U-label is encoded to",
    sent: path("<a@xn--mnchen-psa.de>"),
    codes: "250 → 501",
  },
  {
    reason: "RFC 5891 5.4: such an A-label stays as it is in lenient mode",
    sent: path("<a@xn--mnchen-psa.de>"),
    codes: "250 → 250",
    options: /lenient/,
  },
  {
    reason: "lenient mode takes a path without brackets",
    sent: path("a@a.test$"),
    codes: "501 → 250",
    options: /lenient/,
  },
  // ---- parameters
  {
    reason: "RFC 5321 4.1.2: a keyword is letters, digits and hyphens",
    sent: /test> (=1|x_y=1|-A=1|__proto__=1|#\$%=!@#)$/,
    codes: "250 → 501",
  },
  {
    reason: "RFC 3461 4, RFC 4954 5: ENVID, ORCPT and AUTH are xtext",
    sent: /(ENVID=a\+b|ORCPT=rfc822;a\+b|AUTH=<hey\+A>)$/,
    codes: "250 → 501",
  },
  { reason: "RFC 3461 4.4: ENVID has 100 octets at most", sent: /ENVID=e{101}$/, codes: "250 → 501" },
  {
    reason: "RFC 6533 3: an ORCPT of type utf-8 is decoded",
    sent: /ORCPT=utf-8;\\x\{FC\}@b\.test$/,
    codes: "250 → 250",
  },
  { reason: "32 parameters are enough", sent: /( p\d+){33}$/, codes: "250 → 501" },
  { reason: "RFC 6533 3: xtext octets are UTF-8", sent: /ENVID=a\+C3\+A9$/, codes: "250 → 250" },
  { reason: "RFC 6533 3: xtext octets are UTF-8, or refused", sent: /X=\+E9$/, codes: "250 → 501" },
  { reason: "RFC 4954 5: AUTH= needs a value", sent: /AUTH=$/, codes: "250 → 501" },
  // ---- extensions that only this library has
  { reason: "RFC 3030: CHUNKING", sent: /^EHLO/, codes: "250 → 250", options: /"hideCHUNKING":false/ },
  { reason: "RFC 3030: BDAT reads its octets, here forever", sent: /^BDAT 1$/, codes: "500 → closed" },
  { reason: "RFC 9422: LIMITS", sent: /^EHLO/, codes: "250 → 250", options: /maxRecipients/ },
  // ---- AUTH
  { reason: "RFC 4616 2: PLAIN has a name", sent: /^AUTH PLAIN AAA=$/, codes: "535 → 501" },
  { reason: "RFC 4616 2: PLAIN is UTF-8", sent: /^AUTH PLAIN APwAcA==$/, codes: "235 → 501" },
  { reason: "RFC 4954 4: base64 with its padding", sent: /^AUTH PLAIN AHUAcA$/, codes: "235 → 501" },
  {
    reason: "RFC 4954 4: what is no base64 is 5.5.2",
    sent: /^AUTH PLAIN (\*|AGE|A!B=)$/,
    codes: "501 → 501",
    options: /ENHANCED/,
  },
  { reason: "RFC 4954 4: what is no base64 is no name that is missing", sent: /^!$/, codes: "501 → 501" },
  { reason: "RFC 2195 2: a name, a space and a digest", sent: /^dQ==$/, codes: "535 → 501", options: /CRAM/ },
  {
    reason: "RFC 4954 4: no AUTH in a transaction",
    sent: /^AUTH PLAIN AHUAcA==$/,
    codes: "235 → 503",
    options: /hideSTARTTLS/,
  },
  {
    reason: "RFC 4954 4: a mechanism that is not there is not advertised",
    sent: /^EHLO/,
    codes: "250 → 250",
    options: /FOO/,
  },
  {
    reason: "the default mechanisms in the documented order",
    sent: /^EHLO/,
    codes: "250 → 250",
    options: /"authMethods":\[\]/,
  },
  // ---- answers of hooks
  { reason: "an error is a refusal: responseCode counts from 400", sent: /<odd@/, codes: "250 → 550" },
  {
    reason: "SMTP has one reply for a message: an Error among many refuses it",
    sent: /^each/,
    codes: "250 → 450",
  },
  // ---- XCLIENT and XFORWARD
  { reason: "Postfix XFORWARD_README: PORT is a number", sent: /^XFORWARD PORT=x$/, codes: "250 → 501" },
  { reason: "Postfix XCLIENT_README: PORT is a number", sent: /^XCLIENT PORT=x$/, codes: "220 → 501" },
  { reason: "Postfix XCLIENT_README: DESTADDR and DESTPORT", sent: /^XCLIENT DESTADDR/, codes: "501 → 220" },
  // ---- the rest
  { reason: "RFC 5321 4.1.1: QUIT takes no argument", sent: /^QUIT x$/, codes: "221 → 501" },
  { reason: "RFC 5321 4.1.1: RSET takes no argument", sent: /^RSET x$/, codes: "250 → 501" },
  { reason: "RFC 5321 4.1.1: DATA takes no argument", sent: /^DATA x$/, codes: "354 → 501" },
  {
    reason: "RFC 2034 3: a status code on every 5xx",
    sent: /^LHLO/,
    codes: "500 → 500",
    options: /ENHANCED/,
  },
  {
    reason: "a name that belongs to another address is forgotten",
    sent: /^EHLO b$/,
    codes: "250 → 250",
    options: /useX(Forward|Client)/,
  },
  {
    reason: "false is no limit, as documented",
    sent: /^NOOP$/,
    codes: "421 → 250",
    options: /"maxAllowedUnauthenticatedCommands":false/,
  },
];

const code = (replies: string): string => (replies.startsWith("(closed)") ? "closed" : replies.slice(0, 3));

/** Why the two differ here, if that is meant. */
export function reasonFor({ options, sent, theirs, ours }: Difference): string | undefined {
  const codes = `${code(theirs)} → ${code(ours)}`;
  const isMeant = (meant: Meant): boolean =>
    meant.codes === codes && meant.sent.test(sent) && (meant.options?.test(options) ?? true);
  return MEANT.find(isMeant)?.reason;
}
