/** Real programs deliver over STARTTLS and implicit TLS; what arrives is compared byte for byte. */
import { afterAll, describe, expect, setDefaultTimeout } from "bun:test";
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { SMTPServerOptions } from "../../src/index.js";
import { createAuthority } from "../support/certificates.js";
import type { Identity } from "../support/certificates.js";
import { clients, FROM, TO } from "./clients.js";
import type { Security } from "./clients.js";
import { corpus, difference, onTheWire, withLastLineEnd } from "./corpus.js";
import { cleanUp, dialog, file, run, server, TEST_TIMEOUT, testWith } from "./harness.js";
import type { Outcome, Running, Step } from "./harness.js";

setDefaultTimeout(TEST_TIMEOUT);
afterAll(cleanUp);

const authority = createAuthority("Interop Test CA");
const otherAuthority = createAuthority("Another CA");
const localhost = authority.issue("localhost");
const ca = file(authority.cert);
const letter = corpus.get("lines of dots") ?? Buffer.alloc(0);

/** The ways to TLS, and the server option of each. */
const ways: readonly (readonly [security: Security, name: string, options: SMTPServerOptions])[] = [
  ["starttls", "STARTTLS", { ...localhost }],
  ["tls", "implicit TLS", { ...localhost, secure: true, needsUpgrade: true }],
];

for (const [security, way, options] of ways) {
  for (const [name, client] of clients) {
    describe(`${name} over ${way}`, () => {
      for (const [content, data] of corpus) {
        testWith(client.program)(content, async () => {
          await using running = await server(options);
          const { code, output } = await client.send({ port: running.port, data, security, ca });
          expect(code, output).toBe(0);
          expect(running.mail).toHaveLength(1);
          expect(running.mail[0]?.session).toMatchObject({ secure: true, transmissionType: "ESMTPS" });
          expect(running.mail[0]?.session.tlsOptions).toMatchObject({
            version: expect.stringMatching(/^TLSv1\.[23]$/),
          });
          expect(difference(running.mail[0]?.bytes, client.arrives(data))).toBeUndefined();
          expect(running.errors).toEqual([]);
        });
      }

      testWith(client.program)("a certificate from another authority is refused, by the client", async () => {
        await using running = await server({ ...options, ...otherAuthority.issue("localhost") });
        const { code, output } = await client.send({ port: running.port, data: letter, security, ca });
        expect(code, output).not.toBe(0);
        expect(running.mail).toEqual([]);
        // The server is none the worse for it.
        running.server.updateSecureContext({ ...localhost });
        const again = await client.send({ port: running.port, data: letter, security, ca });
        expect(again.code, again.output).toBe(0);
      });
    });
  }
}

/** `openssl s_client` as a mail client: handshake, then one message, its commands one by one. */
function sClient(
  running: Running,
  security: Security,
  args: readonly string[],
  data: Buffer,
): Promise<Outcome> {
  const greeted: Step =
    security === "starttls"
      ? [/^(New|Reused), [^]*^---$/m, "EHLO client.test\r\n"]
      : [/^220 mx\.test ESMTP/m, "EHLO client.test\r\n"];
  const steps: Step[] = [
    greeted,
    [/^250 /m, `MAIL FROM:<${FROM}>\r\n`],
    [/^250 /m, `RCPT TO:<${TO}>\r\n`],
    [/^250 /m, "DATA\r\n"],
    [/^354 /m, onTheWire(data)],
    [/^250 /m, "QUIT\r\n"],
  ];
  // -ign_eof: else a line with Q or R in front is a command to s_client.
  const where = ["s_client", "-ign_eof", "-connect", `localhost:${running.port}`, "-CAfile", ca];
  const starttls = security === "starttls" ? ["-starttls", "smtp"] : [];
  // Debian's configuration would keep s_client itself from the old versions.
  return dialog("openssl", [...where, ...starttls, ...args], steps, { env: { OPENSSL_CONF: "/dev/null" } });
}

const opensslTest = testWith("openssl");
const subject = (name: string): RegExp => new RegExp(`^subject=CN ?= ?${name.replaceAll(".", "\\.")}$`, "m");
const verified = /^Verification: OK$/m;

for (const [security, way, options] of ways) {
  describe(`openssl s_client over ${way}`, () => {
    for (const [flag, version] of [
      ["-tls1_2", "TLSv1.2"],
      ["-tls1_3", "TLSv1.3"],
    ] as const) {
      for (const [content, data] of corpus) {
        opensslTest(`${version}: ${content}`, async () => {
          await using running = await server(options);
          const { output } = await sClient(running, security, [flag, "-verify_return_error"], data);
          expect(output).toMatch(verified);
          expect(running.mail, output).toHaveLength(1);
          expect(running.mail[0]?.session.transmissionType).toBe("ESMTPS");
          expect(running.mail[0]?.session.tlsOptions).toMatchObject({ version });
          expect(difference(running.mail[0]?.bytes, withLastLineEnd(data))).toBeUndefined();
          expect(running.errors).toEqual([]);
        });
      }

      opensslTest(`${version}: a resumed session`, async () => {
        await using running = await server(options);
        const saved = file("");
        const first = await sClient(running, security, [flag, "-sess_out", saved], letter);
        const second = await sClient(running, security, [flag, "-sess_in", saved], letter);
        expect(running.mail, first.output + second.output).toHaveLength(2);
        expect(difference(running.mail[1]?.bytes, letter)).toBeUndefined();
      });
    }

    const refusals: readonly (readonly [what: string, more: SMTPServerOptions, flag: string])[] = [
      ["TLS 1.1", {}, "-tls1_1"],
      ["TLS 1.0", {}, "-tls1"],
      ["TLS 1.2 where minVersion is TLSv1.3", { minVersion: "TLSv1.3" }, "-tls1_2"],
      ["TLS 1.3 where maxVersion is TLSv1.2", { maxVersion: "TLSv1.2" }, "-tls1_3"],
    ];
    for (const [what, more, flag] of refusals) {
      opensslTest(`${what} is refused with an alert, and the server goes on`, async () => {
        await using running = await server({ ...options, ...more });
        const old = await sClient(running, security, [flag, "-cipher", "ALL@SECLEVEL=0"], letter);
        expect(old.code, old.output).not.toBe(0);
        expect(old.output).toContain("alert protocol version");
        expect(running.mail).toEqual([]);
        await sClient(running, security, [], letter);
        expect(running.mail).toHaveLength(1);
      });
    }

    const one = authority.issue("one.test");
    const two = authority.issue("two.test");
    const choosers: readonly (readonly [what: string, more: SMTPServerOptions])[] = [
      ["sniOptions", { sniOptions: { "One.Test": one, "two.test.": two } }],
      [
        "a Map of sniOptions",
        {
          sniOptions: new Map([
            ["one.test", one],
            ["TWO.TEST", two],
          ]),
        },
      ],
      [
        "SNICallback",
        {
          SNICallback(name, callback) {
            const chosen = { "one.test": one, "two.test": two }[name.toLowerCase()];
            if (chosen === undefined) callback(null);
            else setImmediate(() => callback(null, createSecureContext({ ...chosen })));
          },
        },
      ],
    ];
    const names: readonly (readonly [
      what: string,
      args: string[],
      certificate: string,
      servername: string | false,
    ])[] = [
      ["one.test", ["-servername", "one.test"], "one.test", "one.test"],
      ["two.test", ["-servername", "two.test"], "two.test", "two.test"],
      ["ONE.TEST", ["-servername", "ONE.TEST"], "one.test", "one.test"],
      ["a name not known", ["-servername", "three.test"], "localhost", "three.test"],
      ["no name", ["-noservername"], "localhost", false],
    ];
    for (const [chooser, more] of choosers) {
      for (const [what, args, certificate, servername] of names) {
        opensslTest(`${chooser}: ${what} shows the certificate of ${certificate}`, async () => {
          await using running = await server({ ...options, ...more });
          const { output } = await sClient(running, security, args, letter);
          expect(output).toMatch(subject(certificate));
          expect(output).toMatch(verified);
          expect(running.mail).toHaveLength(1);
          const seen = running.mail[0]?.session.servername;
          expect(typeof seen === "string" ? seen.toLowerCase() : seen).toBe(servername);
        });
      }
    }

    const identities: readonly (readonly [what: string, identity: Identity | undefined, good: boolean])[] = [
      ["a good one", authority.issue("client.test", "clientAuth"), true],
      ["none", undefined, false],
      ["one from another authority", otherAuthority.issue("client.test", "clientAuth"), false],
      ["an expired one", authority.issue("client.test", "clientAuth", "expired"), false],
    ];
    for (const flag of ["-tls1_2", "-tls1_3"]) {
      for (const rejectUnauthorized of [false, true]) {
        for (const [what, identity, good] of identities) {
          const taken = good || !rejectUnauthorized;
          const rule = rejectUnauthorized ? "required" : "asked for";
          const title = `client certificate ${rule}, ${flag}: ${what} is ${taken ? "let in" : "refused"}`;
          opensslTest(title, async () => {
            const seen: unknown[] = [];
            await using running = await server({
              ...options,
              ca: authority.cert,
              requestCert: true,
              rejectUnauthorized,
              onSecure(socket, _session, callback) {
                const { subject } = socket.getPeerCertificate();
                seen.push({
                  authorized: socket.authorized,
                  name: subject?.CN,
                  protocol: socket.getProtocol(),
                });
                callback();
              },
            });
            const own =
              identity === undefined ? [] : ["-cert", file(identity.cert), "-key", file(identity.key)];
            const { output } = await sClient(running, security, [flag, ...own], letter);
            expect(running.mail.length, output).toBe(taken ? 1 : 0);
            if (taken) {
              const name = identity === undefined ? undefined : "client.test";
              const protocol = flag === "-tls1_2" ? "TLSv1.2" : "TLSv1.3";
              expect(seen).toEqual([{ authorized: good, name, protocol }]);
              expect(running.errors).toEqual([]);
            } else {
              expect(seen).toEqual([]);
              expect(running.errors).toHaveLength(1);
              expect(running.errors[0]?.message).not.toBe("");
            }
          });
        }
      }
    }

    opensslTest("without a certificate, a self-signed one that OpenSSL can read", async () => {
      const { key: _key, cert: _cert, ...bare } = options;
      await using running = await server({ ...bare, logger: false });
      const { output } = await sClient(running, security, [], letter);
      expect(output).toMatch(subject("mx.test"));
      expect(output).toMatch(/self[- ]signed certificate/);
      expect(running.mail).toHaveLength(1);
      const text = await run("openssl", ["x509", "-noout", "-text"], Buffer.from(output));
      expect(text.code, text.output).toBe(0);
      expect(text.stdout).toContain(
        "DNS:mx.test, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
      );
    });
  });
}

/**
 * Opens 100 sessions on each of two ports, half of them for the name one.test, each stopped in the middle of a
 * message; says so; and when told to, ends the messages. Prints what each was told and which certificate it saw,
 * and then which ones new sessions see.
 */
const reloadScript = `
import hashlib, json, smtplib, ssl, sys
starttls, tls, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=ca)

class Named(ssl.SSLContext):
    """Asks for self.name, whatever host smtplib connects to."""
    def wrap_socket(self, sock, **rest):
        return super().wrap_socket(sock, **{**rest, "server_hostname": self.name})

def connect(port, name):
    context = Named(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    context.name = name
    if port == tls:
        client = smtplib.SMTP_SSL("127.0.0.1", port, "client.test", timeout=50, context=context)
    else:
        client = smtplib.SMTP("127.0.0.1", port, "client.test", timeout=50)
        client.starttls(context=context)
    client.ehlo()
    return client

def certificate(client):
    return hashlib.sha256(client.sock.getpeercert(True)).hexdigest()

kinds = [(port, name) for port in (starttls, tls) for name in ("localhost", "one.test")]
sessions = []
for index in range(200):
    client = connect(*kinds[index % 4])
    client.mail("a@client.test")
    client.rcpt("b@mx.test")
    client.docmd("DATA")
    client.send(b"message %d\\r\\n..first half\\r\\n" % index)
    sessions.append(client)
print("open", flush=True)
sys.stdin.readline()
old = []
for client in sessions:
    client.send(b"second half\\r\\n.\\r\\n")
    reply = client.getreply()
    old.append([reply[0], certificate(client)])
    client.quit()
new = []
for kind in kinds:
    client = connect(*kind)
    new.append(certificate(client))
    client.quit()
print(json.dumps({"old": old, "new": new}))
`;

describe("a reload of the certificates", () => {
  const fingerprint = (identity: Identity): string =>
    new X509Certificate(identity.cert).fingerprint256.replaceAll(":", "").toLowerCase();
  const identities = () => ({ localhost: authority.issue("localhost"), one: authority.issue("one.test") });

  testWith("python3")("loses none of 200 open sessions in the middle of a message", async () => {
    const before = identities();
    const after = identities();
    const options = { ...before.localhost, sniOptions: { "one.test": before.one } };
    await using starttls = await server(options);
    await using tls = await server({ ...options, secure: true, needsUpgrade: true });
    const reload = (): string => {
      for (const { server } of [starttls, tls]) {
        server.updateSecureContext({ ...after.localhost, sniOptions: { "one.test": after.one } });
      }
      return "go on\n";
    };
    const args = ["-c", reloadScript, `${starttls.port}`, `${tls.port}`, ca];
    const { code, stdout, output } = await dialog("python3", args, [[/open\n/, reload]]);
    expect(code, output).toBe(0);
    const seen = JSON.parse(stdout.slice(stdout.indexOf("{"))) as { old: [number, string][]; new: string[] };

    const pair = (pair: { localhost: Identity; one: Identity }) => [
      fingerprint(pair.localhost),
      fingerprint(pair.one),
    ];
    const own = [...pair(before), ...pair(before)];
    expect(seen.old).toEqual(Array.from({ length: 200 }, (_, index) => [250, own[index % 4] ?? ""]));
    expect(seen.new).toEqual([...pair(after), ...pair(after)]);

    const texts = [...starttls.mail, ...tls.mail].map(({ bytes }) => bytes.toString());
    const wanted = Array.from(
      { length: 200 },
      (_, index) => `message ${index}\r\n.first half\r\nsecond half\r\n`,
    );
    expect(texts.toSorted()).toEqual(wanted.toSorted());
    expect([...starttls.errors, ...tls.errors]).toEqual([]);
  });
});
