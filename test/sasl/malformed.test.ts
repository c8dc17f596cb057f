import { describe, expect, test } from "bun:test";
import type { PeerCertificate } from "node:tls";
import { scramCredentials } from "../../src/sasl/index.js";
import { base64, EXPORTED, scramFinal, talk, tlsEnvironment } from "./harness.js";
import type { ScramFinal } from "./harness.js";

const salt = Buffer.from("0123456789abcdef");
const iterations = 4096;
const credentials = scramCredentials("pencil", { salt, iterations });
const certificate = { subject: { CN: "client.example" } } as PeerCertificate;
const environment = { ...tlsEnvironment, peerCertificate: () => certificate };

const INVALID = "501 Error: invalid userdata";
const REJECTED = "535 Error: Authentication credentials invalid";
const TOO_LONG = "500 Error: authentication exchange line is too long";

const DIGEST = "b913a602c7eda7a495b4e6e7334d3890";
const OVER_LONG = "A".repeat(12_289);

const FIRST = "AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNONCE}";
const PLUS = "AUTH SCRAM-SHA-256-PLUS {p=tls-exporter,,n=user,r=CLIENTNONCE}";
const plusHeader = "p=tls-exporter,,";

/** A last message that would be right, but for what is replaced. */
const proof = (wrong: Partial<ScramFinal> = {}): string => `{${scramFinal({ salt, iterations, ...wrong })}}`;
const plusProof = (wrong: Partial<ScramFinal> = {}): string =>
  proof({ header: plusHeader, binding: EXPORTED, ...wrong });
const edited = (edit: (message: string) => string): string => `{${edit(scramFinal({ salt, iterations }))}}`;

/** What the client says, and the last reply. The reply before it was a 334, if there was one. */
const CASES: readonly (readonly [title: string, lines: readonly [string, ...string[]], reply: string])[] = [
  // Base64, the same for every mechanism and step.
  ...(
    [
      ["a character outside of the alphabet", "dGlt!A=="],
      ["white space inside", "dG lt"],
      ["white space after", "dGlt "],
      ["missing padding", "dGk"],
      ["half of the padding", "dA="],
      ["too much padding", "dGlt===="],
      ["padding in the middle", "dA==dA=="],
      ["padding alone", "===="],
      ["a lone =", "="],
      ["bits left over in the last character", "dGl="],
      ["the URL alphabet", "_-_-"],
      ["a length that base64 never has", "dGltd"],
      ["a star and more", "**"],
      ["a star after white space", " *"],
      ["a NUL", "dGlt\0"],
      ["a character beyond ASCII", "dGlt\u00e9AAA"],
    ] as const
  ).flatMap(([title, line]) =>
    (
      [
        ["PLAIN", ["AUTH PLAIN"]],
        ["LOGIN, the password", ["AUTH LOGIN {tim}"]],
        ["CRAM-MD5", ["AUTH CRAM-MD5"]],
        ["SCRAM, the last message", [FIRST]],
      ] as const
    ).map(([where, before]) => [`${where}: ${title}`, [...before, line], INVALID] as const),
  ),
  ["PLAIN: an initial response that is no base64", ["AUTH PLAIN %%%%"], INVALID],
  ["PLAIN: a star as initial response", ["AUTH PLAIN *"], INVALID],
  ["XOAUTH2: no base64", ["AUTH XOAUTH2 %%%%"], INVALID],
  ["OAUTHBEARER: no base64", ["AUTH OAUTHBEARER", "%%%%"], INVALID],
  ["EXTERNAL: no base64", ["AUTH EXTERNAL", "%%%%"], INVALID],
  ["SCRAM: no base64", ["AUTH SCRAM-SHA-256", "%%%%"], INVALID],

  // Length.
  ["PLAIN: over-long", ["AUTH PLAIN", OVER_LONG], TOO_LONG],
  ["PLAIN: over-long initial response", [`AUTH PLAIN ${OVER_LONG}`], TOO_LONG],
  ["LOGIN: over-long name", ["AUTH LOGIN", OVER_LONG], TOO_LONG],
  ["LOGIN: over-long password", ["AUTH LOGIN", "dGlt", OVER_LONG], TOO_LONG],
  ["CRAM-MD5: over-long", ["AUTH CRAM-MD5", OVER_LONG], TOO_LONG],
  ["XOAUTH2: over-long", ["AUTH XOAUTH2", OVER_LONG], TOO_LONG],
  ["OAUTHBEARER: over-long", ["AUTH OAUTHBEARER", OVER_LONG], TOO_LONG],
  ["SCRAM: over-long first message", ["AUTH SCRAM-SHA-256", OVER_LONG], TOO_LONG],
  ["SCRAM: over-long last message", [FIRST, OVER_LONG], TOO_LONG],
  ["EXTERNAL: over-long", ["AUTH EXTERNAL", OVER_LONG], TOO_LONG],

  // PLAIN.
  ["PLAIN: nothing", ["AUTH PLAIN", ""], INVALID],
  ["PLAIN: no NUL", ["AUTH PLAIN {tim}"], INVALID],
  ["PLAIN: one NUL", ["AUTH PLAIN {tim\0secret}"], INVALID],
  ["PLAIN: three NULs", ["AUTH PLAIN {\0tim\0secret\0}"], INVALID],
  ["PLAIN: a NUL in the password", ["AUTH PLAIN {\0tim\0sec\0ret}"], INVALID],
  ["PLAIN: NULs alone", [`AUTH PLAIN ${base64("\0".repeat(5000))}`], INVALID],
  ["PLAIN: no name at all", ["AUTH PLAIN {\0\0secret}"], INVALID],
  ["PLAIN: LF in the name", ["AUTH PLAIN {\0tim\n\0secret}"], INVALID],
  ["PLAIN: CR in the authzid", ["AUTH PLAIN {t\rim\0tim\0secret}"], INVALID],
  ["PLAIN: DEL in the name", ["AUTH PLAIN {\0tim\x7f\0secret}"], INVALID],
  ["PLAIN: NEL, a line end beyond ASCII", ["AUTH PLAIN {\0tim\u0085\0secret}"], INVALID],
  [
    "PLAIN: a name that is no UTF-8",
    [`AUTH PLAIN ${base64(Buffer.from("\0t\xefm\0secret", "latin1"))}`],
    INVALID,
  ],
  ["PLAIN: half a surrogate pair", ["AUTH PLAIN AO2ggAB4"], INVALID],
  ["PLAIN: an overlong NUL", ["AUTH PLAIN AMCAAHg="], INVALID],

  // LOGIN.
  ["LOGIN: no name", ["AUTH LOGIN", ""], "501 Error: missing username"],
  ["LOGIN: LF in the name", ["AUTH LOGIN {tim\n}"], INVALID],
  ["LOGIN: NUL in the name", ["AUTH LOGIN", "{ti\0m}"], INVALID],
  ["LOGIN: C1 in the name", ["AUTH LOGIN", "{ti\u009bm}"], INVALID],
  ["LOGIN: a name that is no UTF-8", ["AUTH LOGIN /w=="], INVALID],
  ["LOGIN: a password that is no UTF-8", ["AUTH LOGIN dGlt", "/w=="], INVALID],

  // CRAM-MD5.
  ["CRAM-MD5: an initial response", ["AUTH CRAM-MD5 dGlt"], "501 Error: syntax: AUTH CRAM-MD5"],
  ["CRAM-MD5: nothing", ["AUTH CRAM-MD5", ""], INVALID],
  ["CRAM-MD5: a name alone", ["AUTH CRAM-MD5", "{tim}"], INVALID],
  ["CRAM-MD5: a digest alone", ["AUTH CRAM-MD5", `{${DIGEST}}`], INVALID],
  ["CRAM-MD5: no name", ["AUTH CRAM-MD5", `{ ${DIGEST}}`], INVALID],
  ["CRAM-MD5: a short digest", ["AUTH CRAM-MD5", `{tim ${DIGEST.slice(1)}}`], INVALID],
  ["CRAM-MD5: a long digest", ["AUTH CRAM-MD5", `{tim ${DIGEST}0}`], INVALID],
  ["CRAM-MD5: a digest that is not hex", ["AUTH CRAM-MD5", `{tim g${DIGEST.slice(1)}}`], INVALID],
  ["CRAM-MD5: a line end after the digest", ["AUTH CRAM-MD5", `{tim ${DIGEST}\n}`], INVALID],
  ["CRAM-MD5: something after the digest", ["AUTH CRAM-MD5", `{tim ${DIGEST} x}`], INVALID],
  ["CRAM-MD5: NUL in the name", ["AUTH CRAM-MD5", `{ti\0m ${DIGEST}}`], INVALID],

  // XOAUTH2.
  ["XOAUTH2: nothing", ["AUTH XOAUTH2", ""], INVALID],
  ["XOAUTH2: no user", ["AUTH XOAUTH2 {auth=Bearer t\x01\x01}"], INVALID],
  ["XOAUTH2: an empty user", ["AUTH XOAUTH2 {user=\x01auth=Bearer t\x01\x01}"], INVALID],
  ["XOAUTH2: no token", ["AUTH XOAUTH2 {user=a\x01\x01}"], INVALID],
  ["XOAUTH2: an empty token", ["AUTH XOAUTH2 {user=a\x01auth=Bearer \x01\x01}"], INVALID],
  ["XOAUTH2: another scheme", ["AUTH XOAUTH2 {user=a\x01auth=Basic t\x01\x01}"], INVALID],
  ["XOAUTH2: a field without =", ["AUTH XOAUTH2 {user=a\x01x\x01auth=Bearer t\x01\x01}"], INVALID],
  ["XOAUTH2: a field without a key", ["AUTH XOAUTH2 {user=a\x01=x\x01auth=Bearer t\x01\x01}"], INVALID],
  ["XOAUTH2: two users", ["AUTH XOAUTH2 {user=a\x01USER=b\x01auth=Bearer t\x01\x01}"], INVALID],
  ["XOAUTH2: two tokens", ["AUTH XOAUTH2 {user=a\x01auth=Bearer t\x01auth=Bearer u\x01\x01}"], INVALID],
  ["XOAUTH2: CRLF in the user", ["AUTH XOAUTH2 {user=a\r\nb\x01auth=Bearer t\x01\x01}"], INVALID],
  ["XOAUTH2: LF in the token", ["AUTH XOAUTH2 {user=a\x01auth=Bearer t\nu\x01\x01}"], INVALID],
  ["XOAUTH2: NUL in the token", ["AUTH XOAUTH2 {user=a\x01auth=Bearer t\0u\x01\x01}"], INVALID],

  // OAUTHBEARER.
  ["OAUTHBEARER: nothing", ["AUTH OAUTHBEARER", ""], INVALID],
  ["OAUTHBEARER: the acknowledgement first", ["AUTH OAUTHBEARER AQ=="], INVALID],
  ["OAUTHBEARER: no GS2 header", ["AUTH OAUTHBEARER {\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: a GS2 header in the token", ["AUTH OAUTHBEARER {abc\x01auth=Bearer tn,,\x01\x01}"], INVALID],
  ["OAUTHBEARER: half of a GS2 header", ["AUTH OAUTHBEARER {n,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: an unknown flag", ["AUTH OAUTHBEARER {x,,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: a flag in upper case", ["AUTH OAUTHBEARER {N,,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: channel binding", ["AUTH OAUTHBEARER {p=tls-exporter,,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: an empty identity", ["AUTH OAUTHBEARER {n,a=,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: an identity without a=", ["AUTH OAUTHBEARER {n,tim,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: an unknown escape", ["AUTH OAUTHBEARER {n,a=t=2cm,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: LF in the identity", ["AUTH OAUTHBEARER {n,a=t\nm,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: NUL in the identity", ["AUTH OAUTHBEARER {n,a=t\0m,\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: no separator after the header", ["AUTH OAUTHBEARER {n,,auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: one separator at the end", ["AUTH OAUTHBEARER {n,,\x01auth=Bearer t\x01}"], INVALID],
  ["OAUTHBEARER: three at the end", ["AUTH OAUTHBEARER {n,,\x01auth=Bearer t\x01\x01\x01}"], INVALID],
  [
    "OAUTHBEARER: an end in the middle",
    ["AUTH OAUTHBEARER {n,,\x01host=h\x01\x01auth=Bearer t\x01\x01}"],
    INVALID,
  ],
  ["OAUTHBEARER: a key with a digit", ["AUTH OAUTHBEARER {n,,\x01h0=x\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: no auth", ["AUTH OAUTHBEARER {n,,\x01host=h\x01\x01}"], INVALID],
  ["OAUTHBEARER: no pairs at all", ["AUTH OAUTHBEARER {n,,\x01\x01}"], INVALID],
  ["OAUTHBEARER: two auths", ["AUTH OAUTHBEARER {n,,\x01auth=Bearer t\x01AUTH=Bearer u\x01\x01}"], INVALID],
  ["OAUTHBEARER: another scheme", ["AUTH OAUTHBEARER {n,,\x01auth=Basic t\x01\x01}"], INVALID],
  ["OAUTHBEARER: a longer scheme", ["AUTH OAUTHBEARER {n,,\x01auth=XBearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: a scheme alone", ["AUTH OAUTHBEARER {n,,\x01auth=Bearer\x01\x01}"], INVALID],
  ["OAUTHBEARER: two words for a token", ["AUTH OAUTHBEARER {n,,\x01auth=Bearer t u\x01\x01}"], INVALID],
  ["OAUTHBEARER: a token beyond ASCII", ["AUTH OAUTHBEARER {n,,\x01auth=Bearer té\x01\x01}"], INVALID],
  ["OAUTHBEARER: port 0", ["AUTH OAUTHBEARER {n,,\x01port=0\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: port 65536", ["AUTH OAUTHBEARER {n,,\x01port=65536\x01auth=Bearer t\x01\x01}"], INVALID],
  ["OAUTHBEARER: a port in words", ["AUTH OAUTHBEARER {n,,\x01port=smtp\x01auth=Bearer t\x01\x01}"], INVALID],
  [
    "OAUTHBEARER: a port with an exponent",
    ["AUTH OAUTHBEARER {n,,\x01port=1e3\x01auth=Bearer t\x01\x01}"],
    INVALID,
  ],
  [
    "OAUTHBEARER: a port with a sign",
    ["AUTH OAUTHBEARER {n,,\x01port=+25\x01auth=Bearer t\x01\x01}"],
    INVALID,
  ],
  [
    "OAUTHBEARER: a port of six digits",
    ["AUTH OAUTHBEARER {n,,\x01port=000025\x01auth=Bearer t\x01\x01}"],
    INVALID,
  ],
  ["OAUTHBEARER: LF in the host", ["AUTH OAUTHBEARER {n,,\x01host=h\n\x01auth=Bearer t\x01\x01}"], INVALID],

  // EXTERNAL.
  ["EXTERNAL: NUL in the identity", ["AUTH EXTERNAL {a\0b}"], INVALID],
  ["EXTERNAL: LF in the identity", ["AUTH EXTERNAL", "{a\nb}"], INVALID],
  ["EXTERNAL: no UTF-8", ["AUTH EXTERNAL", "/w=="], INVALID],

  // SCRAM, the first message.
  ["SCRAM: nothing", ["AUTH SCRAM-SHA-256", ""], INVALID],
  ["SCRAM: a PLAIN message", ["AUTH SCRAM-SHA-256 {\0tim\0secret}"], INVALID],
  ["SCRAM: no GS2 header", ["AUTH SCRAM-SHA-256 {n=user,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: a header that GS2 has for other mechanisms", ["AUTH SCRAM-SHA-256 {F,n,,n=user,r=N}"], INVALID],
  ["SCRAM: an unknown flag", ["AUTH SCRAM-SHA-256 {x,,n=user,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: an empty identity", ["AUTH SCRAM-SHA-256 {n,a=,n=user,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: no name", ["AUTH SCRAM-SHA-256 {n,,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: an empty name", ["AUTH SCRAM-SHA-256 {n,,n=,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: something before the name", ["AUTH SCRAM-SHA-256 {n,,xn=user,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: no nonce", ["AUTH SCRAM-SHA-256 {n,,n=user}"], INVALID],
  ["SCRAM: an empty nonce", ["AUTH SCRAM-SHA-256 {n,,n=user,r=}"], INVALID],
  ["SCRAM: nonce before name", ["AUTH SCRAM-SHA-256 {n,,r=CLIENTNONCE,n=user}"], INVALID],
  ["SCRAM: a space in the nonce", ["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENT NONCE}"], INVALID],
  ["SCRAM: a nonce beyond ASCII", ["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNÖNCE}"], INVALID],
  ["SCRAM: an over-long nonce", [`AUTH SCRAM-SHA-256 {n,,n=user,r=${"x".repeat(513)}}`], INVALID],
  ["SCRAM: m= first", ["AUTH SCRAM-SHA-256 {n,,m=x,n=user,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: m= among the extensions", ["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNONCE,m=x}"], INVALID],
  ["SCRAM: an extension without a value", ["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNONCE,e}"], INVALID],
  ["SCRAM: an extension with a long name", ["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNONCE,ext=1}"], INVALID],
  ["SCRAM: NUL in an extension", ["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNONCE,e=\0}"], INVALID],
  ["SCRAM: a comma at the end", ["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNONCE,}"], INVALID],
  ["SCRAM: a bare = in the name", ["AUTH SCRAM-SHA-256 {n,,n=us=er,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: an escape of another character", ["AUTH SCRAM-SHA-256 {n,,n=us=41er,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: an escape in lower case", ["AUTH SCRAM-SHA-256 {n,,n=us=3der,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: NUL in the name", ["AUTH SCRAM-SHA-256 {n,,n=us\0er,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: LF in the name", ["AUTH SCRAM-SHA-256 {n,,n=us\ner,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: a name of nothing that is seen", ["AUTH SCRAM-SHA-256 {n,,n=\u00ad,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: a name with a prohibited character", ["AUTH SCRAM-SHA-256 {n,,n=us\ue000er,r=N}"], INVALID],
  ["SCRAM: a prohibited identity", ["AUTH SCRAM-SHA-256 {n,a=\u202ea,n=user,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: a line end after all", ["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNONCE\n}"], INVALID],
  ["SCRAM: channel binding without PLUS", ["AUTH SCRAM-SHA-256 {p=tls-exporter,,n=user,r=N}"], INVALID],
  [
    "SCRAM: y where PLUS is offered",
    ["AUTH SCRAM-SHA-256 {y,,n=user,r=CLIENTNONCE}"],
    "535 Error: server does support channel binding",
  ],
  ["PLUS: n", ["AUTH SCRAM-SHA-256-PLUS {n,,n=user,r=CLIENTNONCE}"], INVALID],
  ["PLUS: y", ["AUTH SCRAM-SHA-256-PLUS {y,,n=user,r=CLIENTNONCE}"], INVALID],
  ["PLUS: a binding without a name", ["AUTH SCRAM-SHA-256-PLUS {p=,,n=user,r=CLIENTNONCE}"], INVALID],
  ...["tls-unique", "tls-server-end-point", "TLS-EXPORTER", "x"].map(
    (type) =>
      [
        `PLUS: bound by ${type}`,
        [`AUTH SCRAM-SHA-256-PLUS {p=${type},,n=user,r=CLIENTNONCE}`],
        "535 Error: unsupported channel binding type",
      ] as const,
  ),

  // SCRAM, the last message.
  ["SCRAM: nothing for a proof", [FIRST, ""], INVALID],
  ["SCRAM: the first message again", [FIRST, "{n,,n=user,r=CLIENTNONCE}"], INVALID],
  ["SCRAM: no proof", [FIRST, edited((m) => m.replace(/,p=.*/, ""))], INVALID],
  ["SCRAM: an empty proof", [FIRST, edited((m) => m.replace(/p=.*/, "p="))], INVALID],
  ["SCRAM: a proof that is no base64", [FIRST, edited((m) => m.replace(/p=.*/, "p=%%%%"))], INVALID],
  ["SCRAM: a short proof", [FIRST, edited((m) => m.replace(/p=.*/, "p=AAAA"))], INVALID],
  [
    "SCRAM: a long proof",
    [FIRST, edited((m) => m.replace(/p=.*/, `p=${base64(Buffer.alloc(33))}`))],
    INVALID,
  ],
  ["SCRAM: something before c", [FIRST, edited((m) => `x${m}`)], INVALID],
  ["SCRAM: two proofs", [FIRST, edited((m) => `${m}${/,p=.*/.exec(m)?.[0]}`)], INVALID],
  ["SCRAM: something after the proof", [FIRST, edited((m) => `${m},x=y`)], INVALID],
  ["SCRAM: no nonce at the end", [FIRST, edited((m) => m.replace(/r=[^,]*,/, ""))], INVALID],
  ["SCRAM: no c", [FIRST, edited((m) => m.replace(/c=[^,]*,/, ""))], INVALID],
  ["SCRAM: c that is no base64", [FIRST, proof({ c: "%%%%" })], INVALID],
  ["SCRAM: nonce before c", [FIRST, edited((m) => m.replace(/(c=[^,]*),(r=[^,]*)/, "$2,$1"))], INVALID],
  ["SCRAM: m= at the end", [FIRST, proof({ extensions: ",m=x" })], INVALID],
  ["SCRAM: NUL at the end", [FIRST, proof({ extensions: ",x=\0" })], INVALID],
  ["SCRAM: wrong password", [FIRST, proof({ password: "pen" })], REJECTED],
  [
    "SCRAM: a proof of zeros",
    [FIRST, edited((m) => m.replace(/p=.*/, `p=${base64(Buffer.alloc(32))}`))],
    REJECTED,
  ],
  ["SCRAM: a proof for another name", [FIRST, proof({ name: "admin" })], REJECTED],
  ["SCRAM: the client's nonce alone", [FIRST, proof({ r: "CLIENTNONCE" })], REJECTED],
  ["SCRAM: another nonce, signed", [FIRST, proof({ r: "CLIENTNONCEservernonce" })], REJECTED],
  [
    "SCRAM: the nonce of an exchange before, replayed",
    [FIRST, proof({ nonce: "CLIENTNONCEEARLIER" })],
    REJECTED,
  ],
  ["SCRAM: another GS2 header, signed", [FIRST, proof({ header: "y,," })], REJECTED],
  ["SCRAM: another identity in the header, signed", [FIRST, proof({ header: "n,a=root," })], REJECTED],
  ["SCRAM: a header of PLUS, signed", [FIRST, proof({ header: plusHeader, binding: EXPORTED })], REJECTED],
  ["SCRAM: something behind the header, signed", [FIRST, proof({ binding: EXPORTED })], REJECTED],
  ["SCRAM: an answer to the server's signature", [FIRST, proof(), "{ok}"], INVALID],
  ["SCRAM: the proof again for an answer", [FIRST, proof(), proof()], INVALID],
  ["PLUS: another TLS session's material", [PLUS, plusProof({ binding: Buffer.alloc(32) })], REJECTED],
  ["PLUS: no material", [PLUS, plusProof({ binding: Buffer.alloc(0) })], REJECTED],
  ["PLUS: half of the material", [PLUS, plusProof({ binding: EXPORTED.subarray(16) })], REJECTED],
  ["PLUS: a header without binding", [PLUS, proof()], REJECTED],
];

test("there are at least a hundred of them, no two the same", () => {
  expect(CASES.length).toBeGreaterThanOrEqual(100);
  expect(new Set(CASES.map(([title]) => title)).size).toBe(CASES.length);
});

describe("a malformed or wrong exchange", () => {
  const answer = [null, { user: "me", credentials }] as const;
  test.each(CASES)("%s", (_, lines, reply) => {
    const { exchange, replies, last } = talk(lines, answer, environment);
    expect(replies.at(-1)).toBe(reply);
    expect(replies.slice(0, -1).every((before) => before.startsWith("334 "))).toBe(true);
    expect(replies.length).toBe(lines.length);
    // It is over, and what follows logs no user in.
    expect(last).not.toHaveProperty("user");
    const over = { type: "failure", code: 503, text: "Error: bad sequence of commands" } as const;
    expect(exchange.line(base64("\0tim\0secret"))).toEqual(over);
    expect(exchange.answer(null, { user: "me" })).toEqual(over);
  });

  test("what is no base64 has the enhanced code that RFC 4954 gives it", () => {
    expect(talk(["AUTH PLAIN %%%%"]).last).toMatchObject({ code: 501, enhanced: "5.5.2" });
    expect(talk(["AUTH PLAIN", OVER_LONG]).last).toMatchObject({ code: 500, enhanced: "5.5.6" });
  });

  test("the same ways with nothing wrong log in", () => {
    for (const lines of [
      [FIRST, proof(), ""],
      [FIRST, proof({ extensions: ",x=y,z=long" }), ""],
      [PLUS, plusProof(), ""],
      ["AUTH SCRAM-SHA-256 {n,a=root,n=user,r=CLIENTNONCE}", proof({ header: "n,a=root," }), ""],
    ] as const) {
      expect(talk(lines, answer, environment).replies.at(-1)).toBe("235 Authentication successful");
    }
  });
});

describe("hostile messages stay cheap", () => {
  // Each is as long as a line can be; quadratic work on one would take seconds.
  const most = 9210;
  test.each([
    ["AUTH PLAIN", "\0".repeat(most)],
    ["AUTH XOAUTH2", `user=a\x01auth=bearer${" ".repeat(most - 30)}\n x`],
    ["AUTH XOAUTH2", "a=\x01".repeat(most / 3)],
    ["AUTH OAUTHBEARER", `n,,${"\x01a=".repeat(most / 3 - 1)}`],
    ["AUTH SCRAM-SHA-256", `n,,n=user,r=N${",e=1".repeat(most / 4 - 4)},`],
    ["AUTH SCRAM-SHA-256", `n,,n=${"=2C".repeat(most / 3 - 2)}=`],
    ["AUTH CRAM-MD5", " ".repeat(most)],
  ])("%s %#", (command, message) => {
    for (let i = 0; i < 20; i++) {
      expect(talk([command, `${base64(message)}`], [null], environment).replies.at(-1)).toBe(INVALID);
    }
  });
});
