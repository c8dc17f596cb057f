import { describe, expect, test } from "bun:test";
import type { PeerCertificate } from "node:tls";
import { SMTPError } from "../../src/errors.js";
import { environment, talk } from "./harness.js";
import type { Answer } from "./harness.js";

const DEFAULT = "Error: Authentication credentials invalid";
const error = (message: string, details: object): Error => Object.assign(new Error(message), details);

/** What onAuth answers, and the reply that the client gets if the mechanism has none of its own. */
const ANSWERS: readonly (readonly [title: string, answer: Answer, code: number, text: string])[] = [
  ["a user", [null, { user: "me" }], 235, "Authentication successful"],
  ["a user that is an object", [undefined, { user: { id: 1 } }], 235, "Authentication successful"],
  ["a user and a text", [null, { user: 1, message: "Welcome" }], 235, "Welcome"],
  ["a user and an empty text", [null, { user: 1, message: "" }], 235, "Authentication successful"],
  ["a user and a code", [null, { user: 1, responseCode: 250 }], 250, "Authentication successful"],
  [
    "a user and a code in a string",
    [null, { user: 1, responseCode: "250" }],
    250,
    "Authentication successful",
  ],
  [
    "a user and a code that refuses",
    [null, { user: 1, responseCode: 535 }],
    235,
    "Authentication successful",
  ],
  ["a user and 200.5", [null, { user: 1, responseCode: 200.5 }], 235, "Authentication successful"],
  ["nothing", [null], 535, DEFAULT],
  ["no user", [null, {}], 535, DEFAULT],
  ["a user that is none", [null, { user: 0 }], 535, DEFAULT],
  ["something that is no object", [null, "tim"], 535, DEFAULT],
  ["null", [null, null], 535, DEFAULT],
  ["no user, and a text", [null, { message: "Locked" }], 535, "Locked"],
  ["no user, and a code", [null, { responseCode: 454 }], 454, DEFAULT],
  ["no user, a code and a text", [null, { responseCode: 454, message: "Later" }], 454, "Later"],
  ["no user, and a code that accepts with a text", [null, { responseCode: 235, message: "Hm" }], 535, "Hm"],
  ["an error", [new Error("No such luck")], 535, "No such luck"],
  ["an error without a text", [new Error()], 535, DEFAULT],
  ["an error with a code", [error("Later", { responseCode: 454 })], 454, "Later"],
  ["an error with a code in a string", [error("Later", { responseCode: "454" })], 454, "Later"],
  ["an error that closes", [error("Enough", { responseCode: 421 })], 421, "Enough"],
  ["an SMTPError", [new SMTPError("Later", { responseCode: 454 })], 454, "Later"],
  ["an error with a code that accepts", [error("Hm", { responseCode: 235 })], 535, "Hm"],
  ["an error with 600", [error("Hm", { responseCode: 600 })], 535, "Hm"],
  ["an error with 450.5", [error("Hm", { responseCode: 450.5 })], 535, "Hm"],
  ["an error with words for a code", [error("Hm", { responseCode: "soon" })], 535, "Hm"],
  ["an error and a user", [new Error("No"), { user: "me" }], 535, "No"],
  ["a string for an error", ["no"], 535, DEFAULT],
  ["true for an error", [true, { user: "me" }], 535, DEFAULT],
];

const certificate = { subject: { CN: "a" } } as PeerCertificate;

describe.each([
  ["PLAIN", ["AUTH PLAIN {\0a\0b}"]],
  ["LOGIN", ["AUTH LOGIN {a}", "{b}"]],
  ["CRAM-MD5", ["AUTH CRAM-MD5", "{a b913a602c7eda7a495b4e6e7334d3890}"]],
  ["EXTERNAL", ["AUTH EXTERNAL ="]],
  ["XOAUTH2", ["AUTH XOAUTH2 {user=a\x01auth=Bearer t\x01\x01}"]],
  ["OAUTHBEARER", ["AUTH OAUTHBEARER {n,a=a,\x01auth=Bearer t\x01\x01}"]],
] as const)("%s: onAuth answers", (name, lines) => {
  test.each(ANSWERS)("%s", (_, answer, code, text) => {
    const env = { ...environment, peerCertificate: () => certificate };
    const { replies, last } = talk(lines, answer, env);
    const isBearer = name === "XOAUTH2" || name === "OAUTHBEARER";
    if (isBearer && !answer[0] && code === 535 && text === DEFAULT) {
      expect(replies.at(-1)).toBe("334 e30=");
      return;
    }
    expect(replies.at(-1)).toBe(`${code} ${text}`);
    const response: unknown = answer[1];
    const user: unknown =
      typeof response === "object" && response && "user" in response ? response.user : undefined;
    if (last.type === "success") expect(last.user).toBe(user);
    expect(last.type).toBe(code < 300 ? "success" : "failure");
  });
});

describe("the JSON of a refused token", () => {
  const after = (data: unknown): string => {
    const { replies } = talk(["AUTH XOAUTH2 {user=a\x01auth=Bearer t\x01\x01}"], [null, { data }]);
    return Buffer.from(replies[0]?.slice(4) ?? "", "base64").toString();
  };
  const cyclic: { self?: object } = {};
  cyclic.self = cyclic;

  test.each<[string, unknown, string]>([
    ["an object", { status: "401", scope: "ü" }, '{"status":"401","scope":"ü"}'],
    ["nothing", undefined, "{}"],
    ["null", null, "{}"],
    ["what JSON does not know", () => 1, "{}"],
    ["what refers to itself", cyclic, "{}"],
    ["a bigint", { n: 1n }, "{}"],
  ])("%s", (_, data, json) => expect(after(data)).toBe(json));
});

test("an error's enhanced status code goes with the reply", () => {
  const locked = new SMTPError("Locked", { responseCode: 535, enhancedCode: "5.7.13" });
  expect(talk(["AUTH PLAIN {\0a\0b}"], [locked]).last).toMatchObject({ code: 535, enhanced: "5.7.13" });
});

test("an answer and an error whose fields are getters of their class", () => {
  class Answer {
    readonly user = "me";
    get message(): string {
      return "Not without a token";
    }
    get responseCode(): number {
      return 454;
    }
  }
  expect(talk(["AUTH OAUTHBEARER {n,,\x01auth=\x01\x01}"], [null, new Answer()]).replies).toEqual([
    "454 Not without a token",
  ]);
  class Locked extends Error {
    get responseCode(): number {
      return 454;
    }
    get enhancedCode(): string {
      return "4.7.0";
    }
  }
  const locked = new SMTPError("Locked", new Locked());
  expect(talk(["AUTH PLAIN {\0a\0b}"], [locked]).last).toMatchObject({ code: 454, enhanced: "4.7.0" });
});
