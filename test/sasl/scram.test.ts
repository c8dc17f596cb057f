import { describe, expect, test } from "bun:test";
import { pbkdf2Sync } from "node:crypto";
import { SMTPError } from "../../src/errors.js";
import { scramCredentials, verifyPassword } from "../../src/sasl/index.js";
import type { SaslEnvironment } from "../../src/sasl/index.js";
import type { AuthResponse } from "../../src/types/index.js";
import { saslprep } from "../../src/sasl/saslprep.js";
import { CLIENT_NONCE, environment, EXPORTED, scramFinal, shown, talk, tlsEnvironment } from "./harness.js";
import type { Answer, Talk } from "./harness.js";

const REJECTED = "535 Error: Authentication credentials invalid";

interface Client {
  readonly name?: string;
  readonly password?: string;
  readonly plus?: boolean;
  readonly header?: string;
}

/** A whole login: the client takes salt and iterations from the server. */
function logIn(client: Client, answer: Answer, env?: SaslEnvironment): Talk {
  const { name = "user", password = "pencil", plus = false } = client;
  const header = client.header ?? (plus ? "p=tls-exporter,," : "n,,");
  const binding = plus ? EXPORTED : Buffer.alloc(0);
  return talk(
    [
      `AUTH SCRAM-SHA-256${plus ? "-PLUS" : ""} {${header}n=${name},r=${CLIENT_NONCE}}`,
      (reply) => `{${scramFinal({ name, password, header, ...shown(reply), binding })}}`,
      "",
    ],
    answer,
    env,
  );
}

const record = scramCredentials("pencil");
const stored: Answer = [null, { user: "me", credentials: record }];

describe("a login", () => {
  test.each<[string, Client, Answer, SaslEnvironment]>([
    ["with a stored record", {}, stored, environment],
    ["with a password", {}, withPassword("pencil"), environment],
    ["with a record of few iterations, made elsewhere", {}, fromElsewhere(), environment],
    ["bound to its TLS session", { plus: true }, stored, tlsEnvironment],
    ["y where PLUS was not offered", { header: "y,," }, stored, environment],
    ["without binding where PLUS is offered", {}, stored, tlsEnvironment],
    [
      "with a password that the server has to prepare",
      { password: "IX" },
      withPassword("\u2168"),
      environment,
    ],
  ])("%s", (_, client, answer, env) => {
    const { replies, last } = logIn(client, answer, env);
    expect(replies.at(-1)).toBe("235 Authentication successful");
    expect(last).toMatchObject({ type: "success", user: "me" });
  });

  test("onAuth is asked once, and the user is known only after the client took our signature", () => {
    const { replies, auths } = logIn({}, stored);
    expect<unknown[]>([...auths]).toStrictEqual([{ method: "SCRAM-SHA-256", username: "user", authzid: "" }]);
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(["334", "334", "235"]);
  });

  test("the answer's text and code are those of the last reply", () => {
    const answer: Answer = [null, { user: 1, credentials: record, message: "Hello", responseCode: 250 }];
    expect(logIn({}, answer).replies.at(-1)).toBe("250 Hello");
  });

  test("our part of the nonce is new each time", () => {
    const { nonce: _, ...real } = environment;
    const nonces = Array.from({ length: 50 }, () => {
      const [reply = ""] = talk(["AUTH SCRAM-SHA-256 {n,,n=user,r=CLIENTNONCE}"], stored, real).replies;
      return Buffer.from(reply.slice(4), "base64").toString().split(",")[0];
    });
    expect(new Set(nonces).size).toBe(50);
    expect(nonces[0]).toMatch(/^r=CLIENTNONCE[0-9a-f]{32}$/);
  });
});

describe("a login that fails is the same for the client, whatever the reason", () => {
  const cases: readonly (readonly [string, Answer])[] = [
    ["a wrong password, record", stored],
    ["a wrong password, password", withPassword("pencil")],
    ["no such user", [null]],
    ["a bare answer with a text", [null, { message: "No such user" }]],
    ["no user, and a code", [null, { responseCode: 454 }]],
    ["an error", [new Error("No such user")]],
    [
      "an error with a code",
      [new SMTPError("Database is away", { responseCode: 454, enhancedCode: "4.3.0" })],
    ],
    ["an error that is a string", ["no"]],
    ["credentials without a user", [null, { credentials: scramCredentials("wrong") }]],
    ["a user without credentials", [null, { user: "me" }]],
    ["a user with null for credentials", [null, { user: "me", credentials: null }]],
    ["a user with credentials of another kind", [null, { user: "me", credentials: {} }]],
    ["a user with an impossible password", [null, { user: "me", credentials: { password: "a\0b" } }]],
    ["a user with a number for a password", [null, { user: "me", credentials: { password: 1 } }]],
    ["a user with text for credentials", [null, { user: "me", credentials: "pencil" }]],
    ["a record without a salt", [null, { user: "me", credentials: { ...record, salt: "" } }]],
    [
      "a record with keys of another hash",
      [null, { user: "me", credentials: { ...record, storedKey: "AAAA" } }],
    ],
    ["a record that is no base64", [null, { user: "me", credentials: { ...record, serverKey: "?" } }]],
    ["a record with no iterations", [null, { user: "me", credentials: { ...record, iterations: 0 } }]],
    [
      "a record with iterations in a string",
      [null, { user: "me", credentials: { ...record, iterations: "1" } }],
    ],
  ];
  test.each(cases)("%s", (_, answer) => {
    const { replies, last } = logIn({ password: "wrong" }, answer);
    expect(replies.length).toBe(2);
    expect(replies.at(-1)).toBe(REJECTED);
    expect(last).not.toHaveProperty("enhanced");
    const { salt, iterations } = shown(replies[0]);
    expect([salt.length, iterations]).toEqual([16, 10_000]);
  });

  test("only a 421 is its own, at the end, so that the connection closes", () => {
    const { replies } = logIn({}, [new SMTPError("Enough of you", { responseCode: 421 })]);
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(["334", "421"]);
    expect(replies.at(-1)).toBe("421 Enough of you");
  });

  test("an application that forgot the credentials gets an error that shows none of them", () => {
    expect(logIn({}, [null, { user: "me", credentials: { password: "sec\0ret" } }]).last).toMatchObject({
      problem: expect.not.stringContaining("sec"),
    });
    const truncated = { ...record, storedKey: "AAAA" };
    expect(logIn({}, [null, { user: "me", credentials: truncated }]).last).toHaveProperty(
      "problem",
      "onAuth answered a user without usable credentials: they must be { password } or what scramCredentials() gives",
    );
    expect(logIn({ password: "wrong" }, stored).last).not.toHaveProperty("problem");
    expect(logIn({}, [null]).last).not.toHaveProperty("problem");
  });
});

describe("the salt that is made up", () => {
  const saltOf = (name: string, scramSecret: string | Uint8Array, answer: Answer = [null]): string => {
    const env = { ...environment, scramSecret };
    const { replies } = talk([`AUTH SCRAM-SHA-256 {n,,n=${name},r=${CLIENT_NONCE}}`], answer, env);
    return shown(replies[0]).salt.toString("hex");
  };
  test("is the same for a name, in every process that has the secret", () =>
    expect(saltOf("unknown", "s")).toBe(saltOf("unknown", Buffer.from("s"))));
  test("is another for another name", () => expect(saltOf("unknown", "s")).not.toBe(saltOf("unknown2", "s")));
  test("is another with another secret", () =>
    expect(saltOf("unknown", "s")).not.toBe(saltOf("unknown", "t")));
  test("is the one of a user whose password the application knows: it tells nothing", () =>
    expect(saltOf("tim", "s", withPassword("pencil"))).toBe(saltOf("tim", "s")));
  test("gives way to what the application shows itself", () => {
    const decoy = { ...record, salt: Buffer.from("fedcba9876543210").toString("base64") };
    expect(saltOf("unknown", "s", [null, { credentials: decoy }])).toBe(
      Buffer.from("fedcba9876543210").toString("hex"),
    );
  });
});

test.each([() => undefined, undefined])("PLUS without keying material is a temporary failure", (none) => {
  const env = { ...tlsEnvironment, exportKeyingMaterial: none };
  expect(logIn({ plus: true }, stored, env).replies).toEqual(["454 Error: channel binding not available"]);
});

test("a nonce of 512 characters is taken, and sent back with ours", () => {
  const nonce = "x".repeat(512);
  const [reply = ""] = talk([`AUTH SCRAM-SHA-256 {n,,n=user,r=${nonce}}`], stored).replies;
  expect(Buffer.from(reply.slice(4), "base64").toString()).toStartWith(`r=${nonce}SERVERNONCE,s=`);
});

test.each([1, 2 ** 31 - 1])("a record of %i rounds is shown to the client", (iterations) => {
  const answer: Answer = [null, { user: "me", credentials: { ...record, iterations } }];
  const { replies } = talk([`AUTH SCRAM-SHA-256 {n,,n=user,r=${CLIENT_NONCE}}`], answer);
  expect(shown(replies[0]).iterations).toBe(iterations);
});

describe("scramCredentials", () => {
  test("makes the record of RFC 7677's user", () => {
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    // Derived from the RFC's exchange; PostgreSQL stores the same.
    expect(scramCredentials("pencil", { iterations: 4096, salt })).toEqual({
      salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
      iterations: 4096,
      storedKey: "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
      serverKey: "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    });
  });
  test("takes a new salt each time", () =>
    expect(scramCredentials("pencil").salt).not.toBe(scramCredentials("pencil").salt));
  test("prepares the password", () => {
    const salt = Buffer.alloc(16);
    expect(scramCredentials("I\u00adX", { salt })).toEqual(scramCredentials("\u2168", { salt }));
  });
  test.each<[string, () => unknown, RegExp]>([
    ["an empty password", () => scramCredentials(""), /^password: /],
    ["a password with a control character", () => scramCredentials("top\0secret"), /^password: /],
    ["no password", () => scramCredentials(undefined as unknown as string), /^password: /],
    ["few iterations", () => scramCredentials("top secret", { iterations: 4095 }), /^iterations: /],
    ["half iterations", () => scramCredentials("top secret", { iterations: 5000.5 }), /^iterations: /],
    ["too many iterations", () => scramCredentials("top secret", { iterations: 2 ** 31 }), /^iterations: /],
    [
      "as many as it can count, and no salt",
      () => scramCredentials("top secret", { iterations: 2 ** 31 - 1, salt: Buffer.alloc(0) }),
      /^salt: /,
    ],
    ["no salt", () => scramCredentials("top secret", { salt: Buffer.alloc(0) }), /^salt: /],
    ["a salt in base64", () => scramCredentials("top secret", { salt: wrong(record.salt) }), /^salt: /],
    ["a salt of numbers", () => scramCredentials("top secret", { salt: wrong([1, 2]) }), /^salt: /],
    ["a salt of words", () => scramCredentials("top secret", { salt: wrong(new Uint16Array(8)) }), /^salt: /],
    ["null for a salt", () => scramCredentials("top secret", { salt: wrong(null) }), /^salt: /],
  ])("refuses %s", (_, make, message) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
    expect(make).not.toThrow("secret");
  });
});

describe("verifyPassword", () => {
  const wanted = [null, { user: "me", credentials: record }] satisfies Answer;
  test("takes the password that SCRAM takes, with the same record, and no other", () => {
    expect(verifyPassword("pencil", wanted[1].credentials)).toBe(true);
    expect(logIn({}, wanted).replies.at(-1)).toStartWith("235 ");
    expect(verifyPassword("pencils", record)).toBe(false);
    expect(verifyPassword("Pencil", record)).toBe(false);
  });
  test("takes the record of RFC 7677's user, and one that another program made of few rounds", () => {
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    const rfc = scramCredentials("pencil", { iterations: 4096, salt });
    expect([verifyPassword("pencil", rfc), verifyPassword("pencil ", rfc)]).toEqual([true, false]);
    const { credentials } = fromElsewhere()[1] as AuthResponse;
    expect([verifyPassword("pencil", credentials), verifyPassword("x", credentials)]).toEqual([true, false]);
  });
  test("takes a password in place of a record", () => {
    expect(verifyPassword("pencil", { password: "pencil" })).toBe(true);
    expect(verifyPassword("pencil", { password: "pencils" })).toBe(false);
  });
  test.each<[string, string]>([
    ["I\u00adX", "\u2168"],
    ["\u2168", "IX"],
    ["u\u0308", "\u00fc"],
  ])("prepares %j and %j, as SCRAM does", (given, stored) => {
    expect(verifyPassword(given, scramCredentials(stored))).toBe(true);
    expect(verifyPassword(given, { password: stored })).toBe(true);
  });
  test.each<[string, unknown]>([
    ["no password, as SCRAM has none", undefined],
    ["null, as XCLIENT has", null],
    ["an empty password", ""],
    ["one of which nothing is left", "\u00ad"],
    ["one that SASLprep prohibits", "pencil\0"],
    ["a number", 1],
  ])("%s is wrong, not an error", (_, password) => {
    expect(verifyPassword(wrong(password), record)).toBe(false);
    expect(verifyPassword(wrong(password), { password: "1" })).toBe(false);
    expect(verifyPassword(wrong(password), undefined)).toBe(false);
  });
  test("a name that does not exist takes as long as one that does", () => {
    const time = (credentials: AuthResponse["credentials"]): number => {
      const start = Bun.nanoseconds();
      verifyPassword("wrong", credentials);
      return Bun.nanoseconds() - start;
    };
    for (const other of [undefined, { password: "pencil" }]) {
      // The least of many is the work itself: on a busy machine most are longer. Without the work it is a hundredth.
      let [known, unknown] = [Infinity, Infinity];
      for (let run = 0; run < 200 && !(unknown > known / 2 && unknown < known * 2); run++) {
        known = Math.min(known, time(record));
        unknown = Math.min(unknown, time(other));
      }
      expect(unknown / known).toBeWithin(0.5, 2);
    }
  });
  test.each([null, undefined])("%p, for a name that does not exist, is no password's", (none) => {
    expect(verifyPassword("pencil", none)).toBe(false);
    expect(verifyPassword("", none)).toBe(false);
  });
  test.each<[string, unknown, RegExp]>([
    ["text", "pencil", /^credentials: must be \{ password \} or what scramCredentials\(\) makes$/],
    ["a promise, not waited for", Promise.resolve(record), /^credentials: must be \{ password \} or what /],
    ["an empty object", {}, /^credentials: must be \{ password \} or what /],
    ["false", false, /^credentials: must be \{ password \} or what /],
    ["an empty password", { password: "" }, /^credentials: password must not be empty /],
    ["a password with a control character", { password: "top\0secret" }, /^credentials: password /],
    ["a number for a password", { password: 1 }, /^credentials: password /],
    ["no salt", { ...record, salt: undefined }, /^credentials: salt must be octets in base64$/],
    ["an empty salt", { ...record, salt: "" }, /^credentials: salt must /],
    ["a salt in octets", { ...record, salt: Buffer.alloc(16) }, /^credentials: salt must /],
    ["a salt that is no base64", { ...record, salt: "top secret" }, /^credentials: salt must /],
    ["no storedKey", { ...record, storedKey: null }, /^credentials: storedKey must be 32 octets in base64$/],
    ["a key of another hash", { ...record, storedKey: "AAAA" }, /^credentials: storedKey must /],
    [
      "a serverKey that is no base64",
      { ...record, serverKey: "top secret" },
      /^credentials: serverKey must /,
    ],
    ["no iterations", { ...record, iterations: undefined }, /^credentials: iterations must be an integer /],
    ["iterations in a string", { ...record, iterations: "10000" }, /^credentials: iterations must /],
    ["too many iterations", { ...record, iterations: 2 ** 31 }, /^credentials: iterations must /],
  ])("refuses %s in place of a record, whatever the password", (_, credentials, message) => {
    for (const password of ["pencil", "top secret", ""]) {
      const verify = (): unknown => verifyPassword(password, wrong(credentials));
      expect(verify).toThrow(TypeError);
      expect(verify).toThrow(message);
      expect(verify).not.toThrow("secret");
    }
  });
});

describe("SASLprep, with the examples of RFC 4013 section 3", () => {
  test.each<[string, string, string | undefined]>([
    ["soft hyphen mapped to nothing", "I\u00adX", "IX"],
    ["no change", "user", "user"],
    ["case kept", "USER", "USER"],
    ["NFKC of a feminine ordinal", "\u00aa", "a"],
    ["NFKC of a Roman numeral", "\u2168", "IX"],
    ["a prohibited character", "\u0007", undefined],
    ["a space of another width", "a\u2003b", "a b"],
    ["composed and decomposed are one", "u\u0308", "ü"],
    ["private use", "a\ue000", undefined],
    ["half a surrogate pair", "a\ud83d", undefined],
    ["a character beyond the first plane", "a\u{1f511}", "a\u{1f511}"],
    ["direction override", "a\u202eb", undefined],
    ["a replacement character", "a\ufffd", undefined],
    ["a tag", "a\u{e0041}", undefined],
    ["nothing", "", undefined],
    ["nothing left", "\u00ad\u200d", undefined],
  ])("%s", (_, text, prepared) => expect(saslprep(text)).toBe(prepared));
});

/** A value that the types exclude. */
function wrong(value: unknown): never {
  return value as never;
}

function withPassword(password: string): Answer {
  return [null, { user: "me", credentials: { password } }];
}

/** The record of a database that thought a thousand rounds enough. */
function fromElsewhere(): Answer {
  const salt = Buffer.from("elsewhere");
  const key = new Bun.CryptoHasher("sha256");
  const salted = pbkdf2Sync("pencil", salt, 1000, 32, "sha256");
  const hmac = (text: string): Buffer => new Bun.CryptoHasher("sha256", salted).update(text).digest();
  const credentials = {
    salt: salt.toString("base64"),
    iterations: 1000,
    storedKey: key.update(hmac("Client Key")).digest("base64"),
    serverKey: hmac("Server Key").toString("base64"),
  };
  return [null, { user: "me", credentials }];
}
