import { describe, expect, test } from "bun:test";
import { scramCredentials } from "../../src/sasl/index.js";
import type { SaslEnvironment } from "../../src/sasl/index.js";
import type { AuthObject } from "../../src/types/index.js";
import { base64, dialogue, environment, talk } from "./harness.js";
import type { Answer } from "./harness.js";

const OAUTH_ERROR = {
  status: "invalid_token",
  scope: "example_scope",
  "openid-configuration": "https://example.com/.well-known/openid-configuration",
};

/** The examples as printed, in AUTH's clothes where a document shows another protocol. */
const VECTORS: readonly {
  title: string;
  text: string;
  /** The fields that onAuth sees; a function is compared by being there. */
  auth: Partial<AuthObject>;
  answer?: Answer | ((auth: AuthObject) => Answer);
  environment?: Partial<SaslEnvironment>;
}[] = [
  {
    title: "RFC 4616 section 4: tim",
    text: `
      C: AUTH PLAIN
      S: 334
      C: {\0tim\0tanstaaftanstaaf}
      S: 235 Authentication successful`,
    auth: { method: "PLAIN", username: "tim", authcid: "tim", authzid: "", password: "tanstaaftanstaaf" },
  },
  {
    title: "RFC 4616 section 4: Kurt may not act as Ursel",
    text: `
      C: AUTH PLAIN {Ursel\0Kurt\0xipj3plmq}
      S: 535 Not authorized to requested authorization identity`,
    auth: { method: "PLAIN", username: "Kurt", authcid: "Kurt", authzid: "Ursel", password: "xipj3plmq" },
    answer: [new Error("Not authorized to requested authorization identity")],
  },
  {
    title: "RFC 4954 section 4.1: PLAIN with an initial response",
    text: `
      C: AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=
      S: 235 Authentication successful`,
    auth: { method: "PLAIN", username: "test", authcid: "test", authzid: "test", password: "1234" },
  },
  {
    title: "LOGIN as the draft has it",
    text: `
      C: AUTH LOGIN
      S: 334 VXNlcm5hbWU6
      C: dGlt
      S: 334 UGFzc3dvcmQ6
      C: dGFuc3RhYWZ0YW5zdGFhZg==
      S: 235 Authentication successful`,
    auth: { method: "LOGIN", username: "tim", password: "tanstaaftanstaaf" },
  },
  {
    title: "RFC 2195 section 2: tim",
    text: `
      C: AUTH CRAM-MD5
      S: 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+
      C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
      S: 235 Authentication successful`,
    auth: {
      method: "CRAM-MD5",
      username: "tim",
      challenge: "<1896.697170952@postoffice.reston.mci.net>",
      challengeResponse: "b913a602c7eda7a495b4e6e7334d3890",
      validatePassword: expect.any(Function),
    },
    answer: (auth) => [null, { user: auth.validatePassword("tanstaaftanstaaf") }],
    environment: {
      hostname: "postoffice.reston.mci.net",
      nonce: () => "1896",
      now: () => 697_170_952_999,
    },
  },
  {
    title: "Google's XOAUTH2 page: success",
    text: `
      C: AUTH XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==
      S: 235 Authentication successful`,
    auth: {
      method: "XOAUTH2",
      username: "someuser@example.com",
      accessToken: "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
    },
  },
  {
    title: "Google's XOAUTH2 page: failure (its JSON ends in a line feed, ours does not)",
    text: `
      C: AUTH XOAUTH2
      S: 334
      C: dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==
      S: 334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0=
      C:
      S: 535 Error: Username and Password not accepted`,
    auth: {
      method: "XOAUTH2",
      username: "someuser@example.com",
      accessToken: "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
    },
    answer: [null, { data: { status: "401", schemes: "bearer mac", scope: "https://mail.google.com/" } }],
  },
  {
    title: "RFC 7628 section 4.1: success",
    text: `
      C: AUTH OAUTHBEARER bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB
      S: 235 Authentication successful`,
    auth: {
      method: "OAUTHBEARER",
      username: "user@example.com",
      accessToken: "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
      host: "server.example.com",
      port: 143,
    },
  },
  {
    title: "RFC 7628 section 4.2: success without an initial response",
    text: `
      C: AUTH OAUTHBEARER
      S: 334
      C: bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB
      S: 235 Authentication successful`,
    auth: {
      method: "OAUTHBEARER",
      username: "user@example.com",
      accessToken: "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
      host: "server.example.com",
      port: 143,
    },
  },
  {
    title: "RFC 7628 section 4.3: an empty authorization asks for the scope, also where all are let in",
    text: `
      C: AUTH OAUTHBEARER {n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=\x01\x01}
      S: 334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=
      C: AQ==
      S: 535 Error: Username and Password not accepted`,
    auth: {
      method: "OAUTHBEARER",
      username: "user@example.com",
      accessToken: "",
      host: "server.example.com",
      port: 143,
    },
    answer: [null, { user: "any", data: OAUTH_ERROR }],
  },
  {
    title: "RFC 7628 section 4.4: SMTP, the token is refused",
    text: `
      C: AUTH OAUTHBEARER bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB
      S: 334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NoZW1lcyI6ImJlYXJlciBtYWMiLCJzY29wZSI6Imh0dHBzOi8vbWFpbC5leGFtcGxlLmNvbS8ifQ==
      C: AQ==
      S: 535 Error: Username and Password not accepted`,
    auth: {
      method: "OAUTHBEARER",
      username: "user@example.com",
      accessToken: "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
      host: "server.example.com",
      port: 587,
    },
    answer: [
      null,
      { data: { status: "invalid_token", schemes: "bearer mac", scope: "https://mail.example.com/" } },
    ],
  },
  {
    title: "RFC 7677 section 3: user, pencil",
    text: `
      C: AUTH SCRAM-SHA-256 {n,,n=user,r=rOprNGfwEbeRWgbNEkqO}
      S: 334 {r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096}
      C: {c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=}
      S: 334 {v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=}
      C:
      S: 235 Authentication successful`,
    auth: { method: "SCRAM-SHA-256", username: "user", authzid: "" },
    answer: [
      null,
      {
        user: "user",
        credentials: scramCredentials("pencil", {
          iterations: 4096,
          salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"),
        }),
      },
    ],
    environment: { nonce: () => "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" },
  },
];

describe("the documents' examples, octet for octet", () => {
  test.each(VECTORS.map((vector) => [vector.title, vector] as const))("%s", (_, vector) => {
    const { client, server } = dialogue(vector.text);
    const { replies, auths } = talk(client, vector.answer, { ...environment, ...vector.environment });
    expect(replies.map((reply) => reply.trimEnd())).toEqual(server);
    expect(auths).toEqual([vector.auth as AuthObject]);
  });
});

test("the PLAIN examples are the base64 that the RFC's octets give", () => {
  expect(base64("\0tim\0tanstaaftanstaaf")).toBe("AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
});
