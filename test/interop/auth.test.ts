/** Real programs log in with every mechanism that they know, with the right password and a wrong one. */
import { afterAll, describe, expect, setDefaultTimeout } from "bun:test";
import { scramCredentials } from "../../src/index.js";
import type { AuthMethod, SMTPServerOptions } from "../../src/index.js";
import { createAuthority } from "../support/certificates.js";
import type { Identity } from "../support/certificates.js";
import { clients, securities } from "./clients.js";
import type { Client, Security } from "./clients.js";
import { corpus, difference } from "./corpus.js";
import { cleanUp, file, run, server, TEST_TIMEOUT, testWith } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);
afterAll(cleanUp);

const USER = "joe@mx.test";
/** With what a shell, a URL, a configuration file or SCRAM would have to escape. */
const PASSWORD = `p&n"c%l=3D,:+ ~'$`;
const TOKEN = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";

const authority = createAuthority("Interop Test CA");
const localhost = authority.issue("localhost");
const ca = file(authority.cert);
const letter = corpus.get("lines of dots") ?? Buffer.alloc(0);

const record = scramCredentials(PASSWORD);
const mechanisms = [
  "PLAIN",
  "LOGIN",
  "CRAM-MD5",
  "XOAUTH2",
  "OAUTHBEARER",
  "SCRAM-SHA-256",
  "SCRAM-SHA-256-PLUS",
  "EXTERNAL",
] as const satisfies AuthMethod[];

/** Options of a server where only {@link USER} may send mail; `asked` gets each method that onAuth was called with. */
function guarded(security: Security, asked: string[]): SMTPServerOptions {
  return {
    ...localhost,
    ca: authority.cert,
    secure: security === "tls",
    needsUpgrade: security === "tls",
    authOptional: false,
    allowInsecureAuth: security === "plain",
    authMethods: [...mechanisms],
    onAuth(auth, _session, callback) {
      asked.push(auth.method);
      const known = auth.username === USER;
      const accept = (right: boolean) => callback(null, right ? { user: USER } : {});
      switch (auth.method) {
        case "SCRAM-SHA-256":
          return callback(null, known ? { user: USER, credentials: record } : {});
        case "SCRAM-SHA-256-PLUS":
          return callback(null, known ? { user: USER, credentials: { password: PASSWORD } } : {});
        case "CRAM-MD5":
          return accept(known && auth.validatePassword(PASSWORD));
        case "XOAUTH2":
        case "OAUTHBEARER":
          if (known && auth.accessToken === TOKEN) return accept(true);
          return callback(null, { data: { status: "401", schemes: "bearer", scope: "mail" } });
        case "EXTERNAL":
          return accept(auth.certificate?.subject.CN === "joe.test");
        default:
          return accept(known && auth.password === PASSWORD);
      }
    },
  };
}

/** What each way of protection is called here, and what a Received header says of it. */
const ways: Record<Security, { name: string; transmissionType: string }> = {
  plain: { name: "plain SMTP", transmissionType: "ESMTPA" },
  starttls: { name: "STARTTLS", transmissionType: "ESMTPSA" },
  tls: { name: "implicit TLS", transmissionType: "ESMTPSA" },
};

for (const security of securities) {
  const { name: way, transmissionType } = ways[security];
  const trust = security === "plain" ? {} : { ca };
  for (const [name, client] of clients) {
    describe(`${name} over ${way}`, () => {
      const clientTest = testWith(client.program);
      for (const mechanism of client.mechanisms) {
        const secret = mechanism.includes("OAUTH") ? TOKEN : PASSWORD;
        // curl takes OAUTHBEARER where it can, whatever its options say.
        const hidden = mechanism === "XOAUTH2" ? "OAUTHBEARER" : "";
        const authMethods = mechanisms.filter((offered) => offered !== hidden);
        const mail = (secret: string, user = USER): Parameters<Client["send"]>[0] => ({
          data: letter,
          port: 0,
          security,
          ...trust,
          login: { mechanism, user, secret },
        });

        clientTest(`${mechanism}: the right password`, async () => {
          const asked: string[] = [];
          await using running = await server({ ...guarded(security, asked), authMethods });
          const { code, output } = await client.send({ ...mail(secret), port: running.port });
          expect(code, output).toBe(0);
          expect(asked).toEqual([mechanism]);
          expect(running.mail).toHaveLength(1);
          expect(running.mail[0]?.session).toMatchObject({ user: USER, transmissionType });
          expect(difference(running.mail[0]?.bytes, client.arrives(letter))).toBeUndefined();
          expect(running.errors).toEqual([]);
        });

        for (const [what, login] of [
          ["a wrong password", mail(`${secret.slice(0, -1)}x`)],
          ["a user not known", mail(secret, "jim@mx.test")],
        ] as const) {
          clientTest(`${mechanism}: ${what}`, async () => {
            const asked: string[] = [];
            await using running = await server({ ...guarded(security, asked), authMethods });
            const { code, output } = await client.send({ ...login, port: running.port });
            expect(code, output).not.toBe(0);
            // curl gives up at the 334 that tells why a token was refused.
            expect(output).toMatch(/535|Login denied/);
            expect(new Set(asked)).toEqual(new Set([mechanism]));
            expect(running.mail).toEqual([]);
          });
        }
      }
    });
  }
}

describe("a password without TLS", () => {
  for (const name of ["curl", "swaks", "smtplib"]) {
    const client = clients.get(name);
    if (client === undefined) continue;
    testWith(client.program)(
      `${name} gets the order to use TLS first, and the hook is not called`,
      async () => {
        const asked: string[] = [];
        await using running = await server({ ...guarded("plain", asked), allowInsecureAuth: false });
        const login = { mechanism: "PLAIN", user: USER, secret: PASSWORD };
        const { code, output } = await client.send({
          port: running.port,
          data: letter,
          security: "plain",
          login,
        });
        expect(code, output).not.toBe(0);
        expect(output).toContain("538");
        expect(asked).toEqual([]);
        expect(running.mail).toEqual([]);
      },
    );
  }
});

describe("EXTERNAL", () => {
  const otherAuthority = createAuthority("Another CA");
  const files = ({ cert, key }: Identity) => ({ cert: file(cert), key: file(key) });
  const good = files(authority.issue("joe.test", "clientAuth"));
  const strange = files(otherAuthority.issue("joe.test", "clientAuth"));
  const external = (security: Security, asked: string[]) =>
    server({ ...guarded(security, asked), requestCert: true, rejectUnauthorized: false });

  for (const security of ["starttls", "tls"] as const) {
    for (const name of ["curl", "msmtp"]) {
      const client = clients.get(name);
      if (client === undefined) continue;
      const login = { mechanism: "EXTERNAL", user: USER, secret: "" };
      const mail = { data: letter, security, ca, login };

      testWith(client.program)(`${name} over ${ways[security].name}: a certificate of ours`, async () => {
        const asked: string[] = [];
        await using running = await external(security, asked);
        const { code, output } = await client.send({ ...mail, port: running.port, identity: good });
        expect(code, output).toBe(0);
        expect(asked).toEqual(["EXTERNAL"]);
        expect(running.mail[0]?.session.user).toBe(USER);
        expect(difference(running.mail[0]?.bytes, client.arrives(letter))).toBeUndefined();
      });

      testWith(client.program)(
        `${name} over ${ways[security].name}: a certificate of another authority`,
        async () => {
          const asked: string[] = [];
          await using running = await external(security, asked);
          const { code, output } = await client.send({ ...mail, port: running.port, identity: strange });
          expect(code, output).not.toBe(0);
          expect(asked).toEqual([]);
          expect(running.mail).toEqual([]);
        },
      );
    }
  }

  testWith("gsasl")("gsasl over STARTTLS", async () => {
    const asked: string[] = [];
    await using running = await external("starttls", asked);
    const certificate = [`--x509-cert-file=${good.cert}`, `--x509-key-file=${good.key}`];
    const args = ["--starttls", `--x509-ca-file=${ca}`, ...certificate, "--authorization-id", USER];
    const { code, output } = await run("gsasl", [
      "--smtp",
      "--connect",
      `localhost:${running.port}`,
      "-m",
      "EXTERNAL",
      ...args,
    ]);
    expect(code, output).toBe(0);
    expect(output).toMatch(/^235 /m);
    expect(asked).toEqual(["EXTERNAL"]);
  });
});

describe("gsasl", () => {
  const tls = ["--starttls", `--x509-ca-file=${ca}`];
  // Where channel binding could be had, its plain SCRAM gives up by itself.
  const kinds: readonly (readonly [
    what: string,
    security: Security,
    mechanism: AuthMethod,
    args: string[],
  ])[] = [
    ["PLAIN over plain SMTP", "plain", "PLAIN", ["--no-starttls"]],
    ["LOGIN over plain SMTP", "plain", "LOGIN", ["--no-starttls"]],
    ["CRAM-MD5 over plain SMTP", "plain", "CRAM-MD5", ["--no-starttls"]],
    ["SCRAM-SHA-256 over plain SMTP", "plain", "SCRAM-SHA-256", ["--no-starttls"]],
    ["PLAIN over STARTTLS", "starttls", "PLAIN", tls],
    ["LOGIN over STARTTLS", "starttls", "LOGIN", tls],
    ["CRAM-MD5 over STARTTLS", "starttls", "CRAM-MD5", tls],
    ["SCRAM-SHA-256 over STARTTLS", "starttls", "SCRAM-SHA-256", [...tls, "--no-cb"]],
    ["SCRAM-SHA-256-PLUS over STARTTLS", "starttls", "SCRAM-SHA-256-PLUS", tls],
  ];
  const login = (port: number, mechanism: AuthMethod, args: string[], user: string, password: string) => {
    const who = ["--authentication-id", user, "--password", password];
    return run("gsasl", ["--smtp", "--connect", `localhost:${port}`, "-m", mechanism, ...who, ...args]);
  };
  const gsaslTest = testWith("gsasl");

  for (const [what, security, mechanism, args] of kinds) {
    gsaslTest(`${what}: the right password`, async () => {
      const asked: string[] = [];
      await using running = await server(guarded(security, asked));
      const { code, output } = await login(running.port, mechanism, args, USER, PASSWORD);
      expect(code, output).toBe(0);
      expect(output).toMatch(/^235 /m);
      expect(asked).toEqual([mechanism]);
      expect(running.errors).toEqual([]);
    });

    for (const [why, user, password] of [
      ["a wrong password", USER, "pencil"],
      ["a user not known", "jim@mx.test", PASSWORD],
    ] as const) {
      gsaslTest(`${what}: ${why}`, async () => {
        const asked: string[] = [];
        await using running = await server(guarded(security, asked));
        const { code, output } = await login(running.port, mechanism, args, user, password);
        expect(code, output).not.toBe(0);
        expect(output).toMatch(/^535 /m);
        expect(output).not.toMatch(/^235 /m);
        expect(asked).toEqual([mechanism]);
      });
    }
  }

  gsaslTest(
    "SCRAM-SHA-256-PLUS bound by tls-unique, which RFC 9266 replaces: refused, other mechanisms go on",
    async () => {
      const asked: string[] = [];
      await using running = await server(guarded("starttls", asked));
      const old = [...tls, "--priority=NORMAL:-VERS-TLS1.3"];
      const bound = await login(running.port, "SCRAM-SHA-256-PLUS", old, USER, PASSWORD);
      expect(bound.output).toMatch(/^535 /m);
      expect(asked).toEqual([]);
      const unbound = await login(running.port, "SCRAM-SHA-256", [...old, "--no-cb"], USER, PASSWORD);
      expect(unbound.output).toMatch(/^235 /m);
    },
  );
});
