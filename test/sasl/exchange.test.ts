import { describe, expect, test } from "bun:test";
import type { PeerCertificate } from "node:tls";
import { Exchange, MAX_SASL_LINE, MECHANISMS } from "../../src/sasl/index.js";
import { base64, environment, mechanism, talk, tlsEnvironment, USER } from "./harness.js";

const certificate = { subject: { CN: "client.example" } } as PeerCertificate;
const everything = { ...tlsEnvironment, peerCertificate: () => certificate };

test("the table has every mechanism under its own name", () => {
  expect([...MECHANISMS.keys()]).toEqual([
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "XOAUTH2",
    "OAUTHBEARER",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "EXTERNAL",
  ]);
  for (const [name, { name: own }] of MECHANISMS) expect<string>(own).toBe(name);
});

describe("the words for too many arguments", () => {
  test.each([
    ["PLAIN", "Error: syntax: AUTH PLAIN token"],
    ["LOGIN", "Error: syntax: AUTH LOGIN"],
    ["CRAM-MD5", "Error: syntax: AUTH CRAM-MD5"],
    ["XOAUTH2", "Error: syntax: AUTH XOAUTH2 token"],
    ["OAUTHBEARER", "Error: syntax: AUTH OAUTHBEARER token"],
    ["SCRAM-SHA-256", "Error: syntax: AUTH SCRAM-SHA-256 message"],
    ["SCRAM-SHA-256-PLUS", "Error: syntax: AUTH SCRAM-SHA-256-PLUS message"],
    ["EXTERNAL", "Error: syntax: AUTH EXTERNAL authzid"],
  ])("%s", (name, text) => expect(mechanism(name).syntax).toBe(text));
});

describe("the opening challenge", () => {
  test.each([
    ["PLAIN", ""],
    ["LOGIN", "Username:"],
    ["CRAM-MD5", "<SERVERNONCE.1700000000@mx.test>"],
    ["XOAUTH2", ""],
    ["OAUTHBEARER", ""],
    ["SCRAM-SHA-256", ""],
    ["SCRAM-SHA-256-PLUS", ""],
    ["EXTERNAL", ""],
  ])("%s", (name, challenge) => {
    const { replies, exchange } = talk([`AUTH ${name}`], USER, everything);
    expect(replies).toEqual([`334 ${base64(challenge)}`]);
    expect<string>(exchange.method).toBe(name);
  });

  test("of CRAM-MD5 differs each time, by 128 random bits", () => {
    const { nonce: _, ...real } = environment;
    const challenges = Array.from(
      { length: 100 },
      () => talk(["AUTH CRAM-MD5"], USER, real).replies[0] ?? "",
    );
    expect(new Set(challenges).size).toBe(100);
    expect(Buffer.from(challenges[0]?.slice(4) ?? "", "base64").toString()).toMatch(
      /^<[0-9a-f]{32}\.1700000000@mx\.test>$/,
    );
  });
});

describe("* aborts at every step where the server waits", () => {
  const first = "{n,,n=user,r=CLIENTNONCE}";
  test.each([
    ["AUTH PLAIN"],
    ["AUTH LOGIN"],
    ["AUTH LOGIN {tim}"],
    ["AUTH CRAM-MD5"],
    ["AUTH XOAUTH2"],
    ["AUTH OAUTHBEARER"],
    ["AUTH SCRAM-SHA-256"],
    [`AUTH SCRAM-SHA-256 ${first}`],
    ["AUTH SCRAM-SHA-256-PLUS"],
    ["AUTH EXTERNAL"],
  ])("%s", (command) => {
    const { replies, auths } = talk([command, "*"], [null], everything);
    expect(replies.at(-1)).toBe("501 Authentication aborted");
    expect(auths.length).toBe(command.endsWith(first) ? 1 : 0);
  });

  test.each([
    ["AUTH XOAUTH2 {user=a\x01auth=Bearer t\x01\x01}"],
    ["AUTH OAUTHBEARER {n,a=a,\x01auth=Bearer t\x01\x01}"],
  ])("but a token that was refused stays refused: %s", (command) => {
    for (const acknowledgement of ["*", "", "AQ==", "no base64"]) {
      expect(talk([command, acknowledgement], [null]).replies).toEqual([
        "334 e30=",
        "535 Error: Username and Password not accepted",
      ]);
    }
  });
});

describe("= is an empty initial response", () => {
  test.each([
    ["AUTH PLAIN =", "501 Error: invalid userdata"],
    ["AUTH LOGIN =", "501 Error: missing username"],
    ["AUTH CRAM-MD5 =", "501 Error: syntax: AUTH CRAM-MD5"],
    ["AUTH XOAUTH2 =", "501 Error: invalid userdata"],
    ["AUTH OAUTHBEARER =", "501 Error: invalid userdata"],
    ["AUTH SCRAM-SHA-256 =", "501 Error: invalid userdata"],
    ["AUTH EXTERNAL =", "235 Authentication successful"],
  ])("%s", (command, reply) => expect(talk([command], USER, everything).replies).toEqual([reply]));
});

describe("what onAuth is given", () => {
  test.each([
    [
      "PLAIN: the authzid is the name where there is no authcid",
      "AUTH PLAIN {tim\0\0secret}",
      { method: "PLAIN", username: "tim", authcid: "", authzid: "tim", password: "secret" },
    ],
    [
      "PLAIN: an empty password, and one with anything in it",
      "AUTH PLAIN {\0tim\0}",
      { method: "PLAIN", username: "tim", authcid: "tim", authzid: "", password: "" },
    ],
    [
      "PLAIN: UTF-8",
      "AUTH PLAIN {\0Günter\0päßwörd\u{1f511}}",
      { method: "PLAIN", username: "Günter", authcid: "Günter", authzid: "", password: "päßwörd\u{1f511}" },
    ],
    [
      "PLAIN: a byte order mark is a character like others",
      "AUTH PLAIN {\ufeff\0tim\0secret}",
      { method: "PLAIN", username: "tim", authcid: "tim", authzid: "\ufeff", password: "secret" },
    ],
    [
      "XOAUTH2: keys and scheme in any case",
      "AUTH XOAUTH2 {User=a@b.c\x01AUTH=bearer tok\x01\x01}",
      { method: "XOAUTH2", username: "a@b.c", accessToken: "tok" },
    ],
    [
      "XOAUTH2: spaces around the name and the token, and between its words",
      "AUTH XOAUTH2 {user= a@b.c \x01auth=  Bearer  tok  en \x01\x01}",
      { method: "XOAUTH2", username: "a@b.c", accessToken: "tok en" },
    ],
    [
      "OAUTHBEARER: without host and port, the name decoded, unknown keys left out",
      "AUTH OAUTHBEARER {y,a=a=2Cb=3D@c,\x01auth=bearer tok\x01other=x\x01\x01}",
      { method: "OAUTHBEARER", username: "a,b=@c", accessToken: "tok" },
    ],
    [
      "OAUTHBEARER: without an identity",
      "AUTH OAUTHBEARER {n,,\x01auth=Bearer tok\x01\x01}",
      { method: "OAUTHBEARER", username: "", accessToken: "tok" },
    ],
    [
      "OAUTHBEARER: the first port, and spaces before the token",
      "AUTH OAUTHBEARER {n,,\x01host=h\x01port=1\x01auth=Bearer  tok\x01\x01}",
      { method: "OAUTHBEARER", username: "", accessToken: "tok", host: "h", port: 1 },
    ],
    [
      "OAUTHBEARER: the last port",
      "AUTH OAUTHBEARER {n,,\x01host=\x01port=65535\x01auth=Bearer tok\x01\x01}",
      { method: "OAUTHBEARER", username: "", accessToken: "tok", host: "", port: 65_535 },
    ],
    [
      "SCRAM: the name decoded and prepared, who to act as, unknown extensions passed over",
      "AUTH SCRAM-SHA-256 {n,a=b=2Cc,n=I\u00adX=3D\u2168,r=CLIENTNONCE,e=1,x=long}",
      { method: "SCRAM-SHA-256", username: "IX=IX", authzid: "b,c" },
    ],
    [
      "EXTERNAL: the certificate's name",
      "AUTH EXTERNAL =",
      { method: "EXTERNAL", username: "client.example", authzid: "", certificate },
    ],
    [
      "EXTERNAL: who the client wants to be",
      "AUTH EXTERNAL {list@b.c}",
      { method: "EXTERNAL", username: "list@b.c", authzid: "list@b.c", certificate },
    ],
  ])("%s", (_, command, auth) => {
    const { auths } = talk([command], USER, everything);
    expect<unknown[]>([...auths]).toStrictEqual([auth]);
  });

  test("CRAM-MD5: a name with spaces, a digest in upper case", () => {
    const { auths } = talk(["AUTH CRAM-MD5", "{tim the great B913A602C7EDA7A495B4E6E7334D3890}"]);
    expect(auths[0]).toMatchObject({
      username: "tim the great",
      challengeResponse: "b913a602c7eda7a495b4e6e7334d3890",
    });
  });

  test("only CRAM-MD5 has validatePassword", () => {
    expect("validatePassword" in (talk(["AUTH PLAIN {\0a\0b}"]).auths[0] ?? {})).toBe(false);
    expect("validatePassword" in (talk(["AUTH LOGIN {a}", "{b}"]).auths[0] ?? {})).toBe(false);
  });

  test("EXTERNAL: a certificate without a common name, or with two, gives an empty name", () => {
    for (const subject of [{}, { CN: ["a", "b"] }, undefined]) {
      const env = { ...environment, peerCertificate: () => ({ subject }) as unknown as PeerCertificate };
      expect(talk(["AUTH EXTERNAL ="], USER, env).auths[0]?.username).toBe("");
    }
  });
});

describe("CRAM-MD5's validatePassword", () => {
  // Made with the password "secret" over the challenge of `environment`.
  const digest = new Bun.CryptoHasher("md5", "secret")
    .update("<SERVERNONCE.1700000000@mx.test>")
    .digest("hex");
  const [auth] = talk(["AUTH CRAM-MD5", `{tim ${digest}}`]).auths;
  test.each([
    ["secret", true],
    ["Secret", false],
    ["", false],
    ["secret and much more of it", false],
    // What a lookup of an unknown user gives in plain JavaScript.
    [undefined as unknown as string, false],
    [null as unknown as string, false],
  ])("%p: %p", (password, expected) => expect(auth?.validatePassword(password)).toBe(expected));
});

describe("which mechanisms a connection can have", () => {
  const available = (env: typeof environment): string[] =>
    [...MECHANISMS.values()].filter((each) => each.available?.(env) ?? true).map(({ name }) => name);
  const plain = ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256"];
  test("none of TLS without TLS", () => expect(available(environment)).toEqual(plain));
  test("SCRAM-SHA-256-PLUS with TLS", () =>
    expect(available(tlsEnvironment)).toEqual([...plain, "SCRAM-SHA-256-PLUS"]));
  test("EXTERNAL with a verified certificate", () => expect(available(everything)).toContain("EXTERNAL"));
  test("not EXTERNAL with one that did not verify", () =>
    expect(available({ ...everything, peerCertificate: () => undefined })).not.toContain("EXTERNAL"));
});

test("EXTERNAL without a verified certificate is refused, should it come to that", () => {
  const { replies, auths } = talk(["AUTH EXTERNAL {admin}"]);
  expect(replies).toEqual(["535 Error: verified client certificate required"]);
  expect(auths).toEqual([]);
});

describe("an exchange that is over", () => {
  test("takes no further line and no further answer", () => {
    const { exchange } = talk(["AUTH PLAIN {\0a\0b}"]);
    expect(exchange.line("AHRpbQB0")).toMatchObject({ type: "failure", code: 503 });
    expect(exchange.answer(null, { user: "late" })).toMatchObject({ type: "failure", code: 503 });
  });

  test("has no user from an answer to no question, and takes no line before its first", () => {
    const exchange = new Exchange(mechanism("PLAIN"), environment);
    expect(exchange.answer(null, { user: "early" })).toMatchObject({ type: "failure", code: 503 });
    expect(exchange.line(base64("\0tim\0secret"))).toMatchObject({ type: "failure", code: 503 });
    expect(exchange.answer(null, { user: "early" })).toMatchObject({ type: "failure", code: 503 });
    exchange.begin(undefined);
    expect(exchange.answer(null, { user: "early" })).toMatchObject({ type: "failure", code: 503 });
  });
});

test("the name of a client is known as soon as the client has said all that onAuth needs", () => {
  const exchange = new Exchange(mechanism("LOGIN"), environment);
  exchange.begin(base64("tim"));
  expect(exchange.username).toBeUndefined();
  exchange.line(base64("secret"));
  expect(exchange.username).toBe("tim");
  exchange.answer(new Error("no"));
  expect(exchange.username).toBe("tim");
});

describe("a long line", () => {
  test("of 12288 octets is taken, as RFC 4954 has it", () => {
    const password = "x".repeat(MAX_SASL_LINE * 0.75 - 3);
    const line = base64(`\0a\0${password}`);
    expect(line.length).toBe(MAX_SASL_LINE);
    expect(talk(["AUTH PLAIN", line]).auths[0]?.password).toBe(password);
  });

  test("that the reader gave up on is answered like one that came", () => {
    const { exchange } = talk(["AUTH PLAIN"]);
    expect(exchange.line(undefined)).toMatchObject({ type: "failure", code: 500, enhanced: "5.5.6" });
  });
});
