import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { constants, createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import {
  connect,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type SecureVersion,
} from "node:tls";
import type { BunSocket, UpgradeOptions } from "../../src/transport/bun-tls.js";
import { canUpgrade, SecureContexts, verdict } from "../../src/transport/secure-contexts.js";
import type { SMTPServerOptions } from "../../src/types/index.js";
import { createAuthority, pkcs12 } from "../support/certificates.js";

const ca = createAuthority("Test CA");
const otherCA = createAuthority("Other CA");
const main = ca.issue("main.test");
const renewed = ca.issue("renewed.test");
const example = ca.issue("example.test");
const another = ca.issue("another.test");

/** Options with what programs pass though the types forbid it. */
const loose = (options: object): SMTPServerOptions => options as SMTPServerOptions;

interface Seen {
  /** Common name of the certificate the client was shown; undefined: no handshake. */
  certificate: string | string[] | undefined;
  /** Whether the client got the greeting. */
  greeted: boolean;
  protocol: string | null;
  cipher: string | undefined;
  alpn: string | false | null;
  session: Buffer | undefined;
  /** Why the server refused. */
  refusal: (Error & { code?: string }) | undefined;
  authorized: boolean;
  resumed: boolean;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface Peer {
  asked: UpgradeOptions;
  settled: (outcome: Pick<Seen, "refusal" | "authorized" | "resumed">) => void;
}

/** The least server that upgrades each client at once, says hello, and then echoes. */
function listen(contexts: SecureContexts): {
  port: number;
  outcomes: Promise<Pick<Seen, "refusal" | "authorized" | "resumed">>[];
} {
  const outcomes: Promise<Pick<Seen, "refusal" | "authorized" | "resumed">>[] = [];
  const listener = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      open(plain) {
        const { promise, resolve } =
          Promise.withResolvers<Pick<Seen, "refusal" | "authorized" | "resumed">>();
        outcomes.push(promise);
        const asked = contexts.upgradeOptions();
        (plain as unknown as BunSocket<Peer>).upgradeTLS({
          isServer: true,
          allowHalfOpen: true,
          data: { asked, settled: resolve },
          tls: asked,
          socket: {
            serverName: (_, name, handle) => contexts.select(name, handle, handle.data.asked),
            handshake(socket, ok, error) {
              const { authorized } = socket;
              const refusal = verdict(socket.data.asked, ok, error, authorized);
              const resumed = (socket as unknown as { isSessionReused(): boolean }).isSessionReused();
              socket.data.settled({ refusal, authorized, resumed });
              if (refusal) socket.terminate();
              else socket.write(Buffer.from("220 hello\r\n"));
            },
            data: (socket, chunk) => void socket.write(chunk),
            end: (socket) => socket.terminate(),
            error() {},
          },
        });
      },
      data() {},
      error() {},
    },
  });
  cleanups.push(() => listener.stop(true));
  return { port: listener.port, outcomes };
}

const CLIENT: ConnectionOptions = { host: "127.0.0.1", rejectUnauthorized: false };

/** One client against a server with these contexts, and what both sides saw. */
async function meet(contexts: SecureContexts, options: ConnectionOptions = {}): Promise<Seen> {
  const server = listen(contexts);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const client = connect({ ...CLIENT, ...options, port: server.port });
  const seen: Partial<Seen> = {};
  client.on("secureConnect", () => {
    seen.certificate = client.getPeerCertificate().subject.CN;
    seen.protocol = client.getProtocol();
    seen.cipher = client.getCipher().name;
    seen.alpn = client.alpnProtocol;
  });
  client.on("session", (session: Buffer) => (seen.session = session));
  // In TLS 1.3 the ticket comes behind the handshake: an echo later it is there.
  client.on("data", (data) => (String(data).startsWith("220") ? client.write("echo") : resolve(true)));
  client.on("error", () => {});
  client.on("close", () => resolve(false));
  const greeted = await promise;
  client.destroy();
  const outcome = (await server.outcomes[0]) ?? { refusal: undefined, authorized: false, resumed: false };
  return { ...(seen as Seen), ...outcome, greeted };
}

describe("canUpgrade", () => {
  const versions: [string, boolean][] = [
    ["1.2.22", false],
    ["1.2.23", true],
    ["1.3.0", false],
    ["1.3.23", false],
    ["1.3.6-canary.1+0123abc", false],
    ["1.4.0", true],
    ["1.4.0-canary.20+abc", true],
    ["1.4.5", true],
    ["1.10.0", true],
    ["2.0.0", true],
    ["0.8.1", false],
  ];
  test.each(versions)("Bun %s: %p", (version, expected) => expect(canUpgrade(version)).toBe(expected));
  test("this one can", () => expect(canUpgrade()).toBe(true));
});

describe("an impossible value throws a TypeError that names the option", () => {
  const { key, cert } = main;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
    type: "pkcs8",
    format: "pem",
  });
  const encrypted = createPrivateKey(key).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "secret",
  });
  const file = Bun.file("./cert/key.pem");
  const wrong: [title: string, options: object, message: RegExp][] = [
    ["a cert without its key", { cert }, /^cert: .*key/],
    ["a key without its cert", { key }, /^key: .*cert/],
    ["an empty key", { key: "", cert }, /^cert: .*key/],
    ["another's key", { key: renewed.key, cert }, /^key: .*match/],
    ["a key of another type", { key: rsa, cert }, /^key: .*match/],
    [
      "a key that is no PEM",
      { key: "./key.pem", cert },
      /^key: it has no such PEM block \(give the content of the file, not its path\): /,
    ],
    ["a key file that is empty", { key: Buffer.alloc(0), cert }, /^key: .*PEM/],
    ["a cert that is no PEM", { key, cert: "./cert.pem" }, /^cert: .*PEM/],
    ["a cert that is cut", { key, cert: cert.slice(0, 200) }, /^cert: /],
    ["key and cert the wrong way round", { key: cert, cert: key }, /^(key|cert): .*PEM/],
    ["one bad cert of two", { key, cert: [cert, "x"] }, /^cert: .*PEM/],
    ["no passphrase", { key: encrypted, cert }, /^key: it is encrypted, .* set the option passphrase$/],
    ["no passphrase for one of two", { key: [key, encrypted], cert }, /^key: it is encrypted/],
    [
      "a bad ca beside an encrypted key",
      { key: encrypted, cert, passphrase: "secret", ca: "x" },
      /^ca: it has no PEM certificate/,
    ],
    [
      "a bad ca beside a pfx",
      { pfx: pkcs12(main, "secret"), passphrase: "secret", ca: "x" },
      /^ca: it has no PEM certificate/,
    ],
    [
      "a host without the passphrase that the server has",
      { key: encrypted, cert, passphrase: "secret", sniOptions: { "a.test": { key: encrypted, cert } } },
      /^sniOptions\["a\.test"\]\.key: it is encrypted/,
    ],
    [
      "a wrong passphrase",
      { key: encrypted, cert, passphrase: "no" },
      /^key: the passphrase does not decrypt it/,
    ],
    ["a pfx that is none", { pfx: Buffer.from("x") }, /^pfx: /],
    ["a wrong passphrase of a pfx", { pfx: pkcs12(main, "secret"), passphrase: "no" }, /^pfx: .*passphrase/],
    ["a ca that is no PEM", { key, cert, ca: "x" }, /^ca: /],
    ["one bad ca of two", { key, cert, ca: [ca.cert, "x"] }, /^ca: /],
    ["a bad ca, and no certificate", { ca: "x" }, /^ca: it has no PEM certificate/],
    ["a bad crl", { key, cert, crl: "x" }, /^crl: /],
    ["a number for a key", { key: 1, cert }, /^key: /],
    ["a file for a key", { key: file, cert }, /^key: .*await .*\.text\(\)/],
    ["a file for a cert", { key, cert: file }, /^cert: .*await .*\.text\(\)/],
    ["a file among several", { key, cert, ca: [ca.cert, file] }, /^ca: .*await .*\.text\(\)/],
    ["a file for a pfx", { pfx: file }, /^pfx: .*await .*\.text\(\)/],
    ["a file for a crl", { key, cert, crl: file }, /^crl: .*await .*\.text\(\)/],
    ["a Blob", { key, cert, ca: new Blob(["x"]) }, /^ca: .*await .*\.text\(\)/],
    ["a promise", { key: Promise.resolve(key), cert }, /^key: .*await .*\.text\(\)/],
    ["unknown ciphers", { ciphers: "NOPE" }, /^ciphers: this Bun has none of these ciphers: /],
    ["an unknown minVersion", { minVersion: "1.2" }, /^minVersion: must be one of TLSv1, .*, got '1\.2'$/],
    ["half a key", { key: key.slice(0, 60), cert }, /^key: its PEM block is cut off or damaged/],
    ["an unknown maxVersion", { maxVersion: "TLSv9" }, /^maxVersion: /],
    ["a maxVersion below minVersion", { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }, /^maxVersion: /],
    ["a maxVersion below the default minVersion", { maxVersion: "TLSv1.1" }, /^maxVersion: .*TLSv1\.2/],
    ["an unknown curve", { ecdhCurve: "nope" }, /^ecdhCurve: /],
    ["unknown sigalgs", { sigalgs: "nope" }, /^sigalgs: /],
    ["a sessionTimeout that is no number", { sessionTimeout: "soon" }, /^sessionTimeout: /],
    ["a sessionTimeout that is true", { sessionTimeout: true }, /^sessionTimeout: must be a number$/],
    [
      "a promise of a sessionTimeout",
      { sessionTimeout: Promise.resolve(300) },
      /^sessionTimeout: must be a number$/,
    ],
    ["a negative sessionTimeout", { sessionTimeout: -1 }, /^sessionTimeout: /],
    ["secureOptions that are no number", { secureOptions: "none", requestCert: true }, /^secureOptions: /],
    ["ALPNProtocols with an empty name", { ALPNProtocols: ["smtp", ""] }, /^ALPNProtocols: /],
    ["ALPNProtocols with a name too long", { ALPNProtocols: ["x".repeat(256)] }, /^ALPNProtocols: /],
    ["ALPNProtocols of numbers", { ALPNProtocols: [1] }, /^ALPNProtocols: /],
    ["sniOptions that is a string", { sniOptions: "a.test" }, /^sniOptions: /],
    ["an entry that is a string", { sniOptions: { "a.test": cert } }, /^sniOptions\["a\.test"\]: /],
    [
      "an entry without its key",
      { sniOptions: { "a.test": { cert } } },
      /^sniOptions\["a\.test"\]\.cert: .*key/,
    ],
    [
      "an entry with another's key",
      { sniOptions: new Map([["a.test", { key: example.key, cert }]]) },
      /^sniOptions\["a\.test"\]\.key: .*match/,
    ],
    [
      "an entry with a bad cert",
      { key, cert, sniOptions: { "a.test": { key, cert: "x" } } },
      /^sniOptions\["a\.test"\]\.cert: .*PEM/,
    ],
    [
      "an entry with a bad ca",
      { key, cert, sniOptions: { "a.test": { ca: "x" } } },
      /^sniOptions\["a\.test"\]\.ca: /,
    ],
    [
      "an entry with no certificate at all",
      { sniOptions: { "a.test": {} } },
      /^sniOptions\["a\.test"\]\.cert: /,
    ],
    ["an entry for no host", { sniOptions: { " ": main } }, /^sniOptions\[" "\]: .*host name/],
    ["an SNICallback that is no function", { SNICallback: {} }, /^SNICallback: /],
  ];

  test.each(wrong)("%s", (_, options, message) => {
    const failure = (act: () => void): unknown => {
      try {
        act();
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const contexts = new SecureContexts(main);
    for (const error of [
      failure(() => new SecureContexts(loose(options))),
      failure(() => contexts.update(loose(options))),
    ]) {
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(message);
    }
  });

  test("with the error of node:tls for its cause, and in its message", () => {
    let error: unknown;
    try {
      new SecureContexts({ ecdhCurve: "nope" });
    } catch (thrown) {
      error = thrown;
    }
    const { message, cause } = error as Error;
    expect(cause).toBeInstanceOf(Error);
    expect(message).toBe(`ecdhCurve: ${(cause as Error).message}`);
  });

  test("and an update that throws leaves every context as it was", async () => {
    const contexts = new SecureContexts({ ...main, sniOptions: { "example.test": example } });
    expect(() =>
      contexts.update({ ...renewed, sniOptions: { "example.test": { key: "x", cert: "x" } } }),
    ).toThrow(TypeError);
    expect(await meet(contexts)).toMatchObject({ certificate: "main.test", greeted: true });
    expect(await meet(contexts, { servername: "example.test" })).toMatchObject({
      certificate: "example.test",
    });
  });
});

describe("the certificate, in every form that node:tls takes", () => {
  const { key, cert } = main;
  const encrypted = createPrivateKey(key).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "secret",
  }) as string;
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const forms: [string, object][] = [
    ["strings", { key, cert }],
    ["Buffers", { key: Buffer.from(key), cert: Buffer.from(cert) }],
    ["Uint8Arrays", { key: bytes(key), cert: bytes(cert) }],
    ["arrays", { key: [key], cert: [Buffer.from(cert)] }],
    ["a chain", { key, cert: cert + ca.cert }],
    ["an encrypted key", { key: encrypted, cert, passphrase: "secret" }],
    ["an encrypted key with its own passphrase", { key: [{ pem: encrypted, passphrase: "secret" }], cert }],
    ["pfx", { pfx: pkcs12(main, "secret"), passphrase: "secret" }],
    ["pfx in an array", { pfx: [{ buf: pkcs12(main, "secret"), passphrase: "secret" }] }],
    [
      "all else not given",
      { key, cert, ca: null, pfx: null, passphrase: undefined, crl: [], ciphers: "", minVersion: "" },
    ],
    [
      "a key below a note",
      { key: `no -----BEGIN ENCRYPTED PRIVATE KEY-----, no Proc-Type: 4,ENCRYPTED\n${key}`, cert },
    ],
    ["numeric strings for numbers", { key, cert, sessionTimeout: "300", secureOptions: "0" }],
    ["dhparam as programs for Node have it", { key, cert, dhparam: "auto" }],
  ];
  test.each(forms)("%s", async (_, options) => {
    const contexts = new SecureContexts(loose(options));
    expect(contexts.hasCertificate).toBe(true);
    expect(await meet(contexts)).toMatchObject({ certificate: "main.test", greeted: true });
  });
});

describe("without a certificate", () => {
  const silence = (): { lines: () => string[] } => {
    const write = spyOn(process.stderr, "write").mockImplementation(() => true);
    cleanups.push(() => write.mockRestore());
    return { lines: () => write.mock.calls.map(([text]) => String(text)) };
  };

  test.each([
    ["nothing given", {}],
    ["null as smtp-server's users pass it", { key: null, cert: null }],
    ["a condition that was false", { key: false, cert: false }],
    ["empty lists", { key: [], cert: [], sniOptions: {} }],
  ])("%s: a self-signed one when TLS is first needed, with one warning", async (_, options) => {
    const stderr = silence();
    const contexts = new SecureContexts(loose({ ...options, name: "mx.example.com" }));
    expect(contexts.hasCertificate).toBe(false);
    expect(stderr.lines()).toEqual([]);
    expect(await meet(contexts)).toMatchObject({ certificate: "mx.example.com", greeted: true });
    await meet(contexts);
    contexts.update(loose(options));
    expect(await meet(contexts)).toMatchObject({ certificate: "mx.example.com" });
    expect(stderr.lines()).toHaveLength(1);
    expect(stderr.lines()[0]).toMatch(/^WARNING: .*certificate.*Set the options key and cert .*\n$/);
  });

  test("logger: false leaves the warning out", async () => {
    const stderr = silence();
    expect(await meet(new SecureContexts({ logger: false }))).toMatchObject({ greeted: true });
    expect(stderr.lines()).toEqual([]);
  });

  test("a certificate for some names is one: no warning", async () => {
    const stderr = silence();
    const contexts = new SecureContexts({ name: "mx.test", sniOptions: { "example.test": example } });
    expect(contexts.hasCertificate).toBe(true);
    expect(await meet(contexts, { servername: "other.test" })).toMatchObject({ certificate: "mx.test" });
    expect(stderr.lines()).toEqual([]);
  });

  test("a certificate that comes with an update takes its place", async () => {
    const contexts = new SecureContexts({ logger: false, name: "mx.test" });
    expect(await meet(contexts)).toMatchObject({ certificate: "mx.test" });
    contexts.update(renewed);
    expect(contexts.hasCertificate).toBe(true);
    expect(await meet(contexts)).toMatchObject({ certificate: "renewed.test" });
  });

  test("two servers have two keys", () => {
    const servers = [1, 2].map(() => new SecureContexts({ logger: false }).upgradeOptions().secureContext);
    expect(servers[0]).not.toBe(servers[1]);
  });
});

describe("protocol versions and ciphers", () => {
  const only = (version: SecureVersion): ConnectionOptions => ({
    minVersion: version,
    maxVersion: version,
    ...(version < "TLSv1.2" && { ciphers: "ALL" }),
  });
  const versions: [options: SMTPServerOptions, client: SecureVersion, expected: string | undefined][] = [
    [{}, "TLSv1.3", "TLSv1.3"],
    [{}, "TLSv1.2", "TLSv1.2"],
    [{}, "TLSv1.1", undefined],
    [{}, "TLSv1", undefined],
    [{ minVersion: "TLSv1" }, "TLSv1", "TLSv1"],
    [{ minVersion: "TLSv1" }, "TLSv1.3", "TLSv1.3"],
    [{ minVersion: "TLSv1.1" }, "TLSv1.1", "TLSv1.1"],
    [{ minVersion: "TLSv1.1" }, "TLSv1", undefined],
    [{ minVersion: "TLSv1.3" }, "TLSv1.2", undefined],
    [{ maxVersion: "TLSv1.2" }, "TLSv1.3", undefined],
    [{ maxVersion: "TLSv1.2" }, "TLSv1.2", "TLSv1.2"],
    [{ secureProtocol: "TLSv1_method" }, "TLSv1", "TLSv1"],
  ];
  test.each(versions)("a server with %j and a client of %s: %p", async (options, client, expected) => {
    const seen = await meet(new SecureContexts({ ...main, ...options }), only(client));
    expect(seen.greeted).toBe(expected !== undefined);
    expect(seen.protocol).toBe(expected as string);
    expect(seen.refusal?.code).toBe(expected ? undefined : "ERR_SSL_UNSUPPORTED_PROTOCOL");
  });

  const [aes128, aes256] = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"];
  const ciphers: [options: SMTPServerOptions, client: string, expected: string | undefined][] = [
    [{ ciphers: aes256 }, `${aes128}:${aes256}`, aes256],
    [{ ciphers: aes256 }, aes128, undefined],
    [{ ciphers: `${aes256}:${aes128}` }, `${aes128}:${aes256}`, aes256],
    [{ ciphers: `${aes256}:${aes128}`, honorCipherOrder: false }, `${aes128}:${aes256}`, aes128],
  ];
  test.each(ciphers)("a server with %j and a client with %s: %p", async (options, offered, expected) => {
    const contexts = new SecureContexts({ ...main, maxVersion: "TLSv1.2", ...options });
    expect((await meet(contexts, { ciphers: offered })).cipher).toBe(expected as string);
  });

  describe("without the option ciphers", () => {
    const rsa = ca.issueRSA("rsa.test");
    // Each client offers one suite of TLS 1.2.
    const suites: [suite: string, identity: typeof main, isTaken: boolean][] = [
      ["ECDHE-ECDSA-AES128-GCM-SHA256", main, true],
      ["ECDHE-ECDSA-AES256-GCM-SHA384", main, true],
      ["ECDHE-ECDSA-CHACHA20-POLY1305", main, true],
      ["ECDHE-RSA-AES128-GCM-SHA256", rsa, true],
      ["ECDHE-RSA-AES256-GCM-SHA384", rsa, true],
      ["ECDHE-RSA-CHACHA20-POLY1305", rsa, true],
      ["ECDHE-ECDSA-AES128-SHA", main, false],
      ["ECDHE-ECDSA-AES256-SHA", main, false],
      ["ECDHE-RSA-AES128-SHA", rsa, false],
      ["ECDHE-RSA-AES128-SHA256", rsa, false],
      ["AES128-GCM-SHA256", rsa, false],
      ["AES256-SHA", rsa, false],
    ];
    test.each(suites)("%s", async (suite, identity, isTaken) => {
      const client = { ciphers: suite, maxVersion: "TLSv1.2" } as const;
      const seen = await meet(new SecureContexts(identity), client);
      expect(seen.cipher).toBe((isTaken ? suite : undefined) as string);
      expect(seen.refusal?.code).toBe(isTaken ? undefined : "ERR_SSL_NO_SHARED_CIPHER");
      // The option widens it.
      if (!isTaken)
        expect((await meet(new SecureContexts({ ...identity, ciphers: suite }), client)).cipher).toBe(suite);
    });

    test("a host of sniOptions has the same", async () => {
      const contexts = new SecureContexts({ ...main, sniOptions: { "rsa.test": rsa } });
      const seen = await meet(contexts, {
        ciphers: "AES128-GCM-SHA256",
        maxVersion: "TLSv1.2",
        servername: "rsa.test",
      });
      expect(seen.greeted).toBe(false);
    });
  });

  const protocols: [options: object, expected: string | false][] = [
    [{}, false],
    [{ ALPNProtocols: null }, false],
    [{ ALPNProtocols: [] }, false],
    [{ ALPNProtocols: false }, false],
    [{ ALPNProtocols: "smtp" }, "smtp"],
    [{ ALPNProtocols: ["x", "x".repeat(255), "smtp"] }, "smtp"],
    [{ ALPNProtocols: ["lmtp", "smtp"] }, "smtp"],
    [{ ALPNProtocols: [Buffer.from("smtp")] }, "smtp"],
    [{ ALPNProtocols: Buffer.from("\x04smtp") }, "smtp"],
  ];
  test.each(protocols)("ALPN: a server with %j and a client with smtp: %p", async (options, expected) => {
    const seen = await meet(new SecureContexts(loose({ ...main, ...options })), { ALPNProtocols: ["smtp"] });
    expect(seen).toMatchObject({ greeted: true, alpn: expected });
  });
});

describe("SNI by sniOptions", () => {
  const asked: [key: string, asked: string, expected: string][] = [
    ["example.test", "example.test", "example.test"],
    ["Example.TEST", "example.test", "example.test"],
    ["example.test", "EXAMPLE.Test", "example.test"],
    ["example.test.", "example.test", "example.test"],
    [" example.test ", "example.test", "example.test"],
    ["bücher.test", "xn--bcher-kva.test", "example.test"],
    ["BÜCHER.test", "xn--bcher-kva.test", "example.test"],
    ["xn--bcher-kva.test", "XN--BCHER-KVA.test", "example.test"],
    ["example.test", "mail.example.test", "main.test"],
    ["example.test", "test", "main.test"],
    ["toString", "constructor", "main.test"],
    ["__proto__.test", "__proto__", "main.test"],
  ];
  test.each(asked)("an entry %j and a client that asks for %j: %s", async (key, servername, expected) => {
    for (const sniOptions of [{ [key]: example }, new Map([[key, example]])]) {
      const contexts = new SecureContexts({ ...main, sniOptions });
      expect(await meet(contexts, { servername })).toMatchObject({ certificate: expected, greeted: true });
    }
  });

  test("a client that names no host gets the default", async () => {
    const contexts = new SecureContexts({ ...main, sniOptions: { "example.test": example } });
    expect(await meet(contexts)).toMatchObject({ certificate: "main.test", greeted: true });
  });

  test("an entry with a certificate of another form than the server's has its own", async () => {
    const files = { pfx: pkcs12(main, "secret"), passphrase: "secret" };
    const hostFiles = { pfx: pkcs12(example, "other"), passphrase: "other" };
    for (const [server, host] of [
      [files, example],
      [main, hostFiles],
      [files, hostFiles],
    ] as const) {
      const contexts = new SecureContexts({ ...server, sniOptions: { "example.test": host } });
      for (const servername of ["main.test", "example.test"])
        expect(await meet(contexts, { servername })).toMatchObject({ certificate: servername });
    }
  });

  test("an entry that is null is not there", async () => {
    const contexts = new SecureContexts(loose({ ...main, sniOptions: { "example.test": null } }));
    expect(await meet(contexts, { servername: "example.test" })).toMatchObject({ certificate: "main.test" });
  });
});

describe("what the handshake of a host is changed to", () => {
  /** The calls for a handshake, in their order. */
  function handleOf(calls: unknown[][]): Parameters<SecureContexts["select"]>[1] {
    return {
      setVerifyMode: (...modes: unknown[]) => void calls.push(["setVerifyMode", ...modes]),
      resumeSNI: (...answer: unknown[]) => void calls.push(["resumeSNI", ...answer]),
    } as unknown as Parameters<SecureContexts["select"]>[1];
  }

  const modes = [false, true].flatMap((requestCert) =>
    [false, true].map((rejectUnauthorized) => ({ requestCert, rejectUnauthorized })),
  );
  const pairs = modes.flatMap((server) => modes.map((host) => [server, host] as const));
  test.each(pairs)("a server with %j and a host with %j", (server, host) => {
    const contexts = new SecureContexts({
      ...main,
      ...server,
      sniOptions: { "a.test": { ...example, ...host } },
    });
    const calls: unknown[][] = [];
    const asked = contexts.upgradeOptions();
    expect(contexts.select("a.test", handleOf(calls), asked)).toBeDefined();
    expect(asked).toMatchObject(host);
    const isSame = JSON.stringify(server) === JSON.stringify(host);
    expect(calls).toEqual(isSame ? [] : [["setVerifyMode", host.requestCert, host.rejectUnauthorized]]);
  });

  test("an answer of SNICallback resumes the handshake only if it comes later", () => {
    const contexts: { context: unknown }[] = [createSecureContext(example), createSecureContext(another)];
    let answer = (_error: null, _context: unknown): void => {};
    const options = loose({
      ...main,
      SNICallback: (name: string, callback: typeof answer) =>
        name === "now.test" ? callback(null, contexts[0]) : void (answer = callback),
    });
    const server = new SecureContexts(options);
    const calls: unknown[][] = [];
    expect(server.select("now.test", handleOf(calls), server.upgradeOptions())).toBe(
      contexts[0]?.context as never,
    );
    expect(server.select("later.test", handleOf(calls), server.upgradeOptions())).toBe(true);
    expect(calls).toEqual([]);
    answer(null, contexts[1]);
    answer(null, contexts[0]);
    expect(calls).toEqual([["resumeSNI", contexts[1]?.context, false]]);
  });

  test("the name is asked for if a host or SNICallback may want it, from the next client on", () => {
    const options: SMTPServerOptions = { ...main };
    const contexts = new SecureContexts(options);
    expect(contexts.asksForName).toBe(false);
    options.SNICallback = (_, callback) => callback(null);
    expect(contexts.asksForName).toBe(true);
    delete options.SNICallback;
    contexts.update({ ...options, sniOptions: { "a.test": example } });
    expect(contexts.asksForName).toBe(true);
  });

  test("tickets are off where a certificate is asked for, and the server's own secureOptions stay", async () => {
    const options = { ...main, requestCert: true, secureOptions: constants.SSL_OP_NO_TLSv1_2 };
    const contexts = new SecureContexts(options);
    expect((await meet(contexts, { maxVersion: "TLSv1.2" })).greeted).toBe(false);
    const seen = await meet(contexts);
    expect([seen.greeted, seen.session]).toEqual([true, undefined]);
  });
});

describe("SNI by SNICallback", () => {
  const context = createSecureContext(another);
  const wanted = { servername: "another.test" };
  type Callback = (error: unknown, context?: unknown) => void;
  const answers: [
    title: string,
    answer: (callback: Callback) => unknown,
    expected: string,
    reported: string,
  ][] = [
    ["a context at once", (callback) => callback(null, context), "another.test", ""],
    ["its native part", (callback) => callback(null, context.context), "another.test", ""],
    ["a context later", (callback) => setImmediate(callback, null, context), "another.test", ""],
    [
      "a context in a microtask",
      (callback) => queueMicrotask(() => callback(null, context)),
      "another.test",
      "",
    ],
    ["a context of an async function", async (callback) => callback(null, context), "another.test", ""],
    [
      "two answers: the first counts",
      (callback) =>
        setImmediate(() => [callback(null, context), callback(null, createSecureContext(example))]),
      "another.test",
      "",
    ],
    ["nothing", (callback) => callback(null), "main.test", ""],
    ["nothing later", (callback) => setImmediate(callback, null, null), "main.test", ""],
    ["an error", (callback) => callback(new Error("no such host")), "main.test", "no such host"],
    ["an error later", (callback) => setImmediate(callback, new Error("late")), "main.test", "late"],
    ["an error and a context", (callback) => callback(new Error("both"), context), "main.test", "both"],
    ["a text for an error", (callback) => callback("a text"), "main.test", "a text"],
    [
      "options instead of a context",
      (callback) => callback(null, another),
      "main.test",
      "must be a secure context",
    ],
    [
      "a string instead of a context",
      (callback) => callback(null, "x"),
      "main.test",
      "must be a secure context",
    ],
    [
      "a context that is a string",
      (callback) => callback(null, { context: "x" }),
      "main.test",
      "must be a secure context",
    ],
    [
      "a throw",
      () => {
        throw new Error("thrown");
      },
      "main.test",
      "thrown",
    ],
    ["a rejection", () => Promise.reject(new Error("rejected")), "main.test", "rejected"],
    [
      "an answer, then a throw",
      (callback) => {
        callback(null, context);
        throw new Error("after");
      },
      "another.test",
      "",
    ],
  ];
  test.each(answers)("%s", async (_, answer, expected, reported) => {
    const reports: string[] = [];
    const contexts = new SecureContexts(
      loose({ ...main, SNICallback: (_name: string, callback: Callback) => answer(callback) }),
      (error, servername) => reports.push(`${servername}: ${error.message}`),
    );
    expect(await meet(contexts, wanted)).toMatchObject({ certificate: expected, greeted: true });
    expect(reports).toHaveLength(reported ? 1 : 0);
    if (reported) expect(reports[0]).toContain(reported);
  });

  test("wins over sniOptions, also when it gives nothing", async () => {
    const options = { ...main, sniOptions: { "another.test": example } };
    const nothing = new SecureContexts({ ...options, SNICallback: (_, callback) => callback(null) });
    expect(await meet(nothing, wanted)).toMatchObject({ certificate: "main.test" });
  });

  test("is given the name in lower case and U-labels", async () => {
    const names: string[] = [];
    const contexts = new SecureContexts({
      ...main,
      SNICallback(name, callback) {
        names.push(name);
        callback(null);
      },
    });
    await meet(contexts, { servername: "MX.xn--bcher-kva.TEST" });
    await meet(contexts);
    expect(names).toEqual(["mx.bücher.test"]);
  });

  test("is read from the options at each handshake, after an update too", async () => {
    const options: SMTPServerOptions = { ...main, sniOptions: { "another.test": example } };
    const contexts = new SecureContexts(options);
    expect(await meet(contexts, wanted)).toMatchObject({ certificate: "example.test" });
    contexts.update({ ...options, ...renewed });
    options.SNICallback = (_, callback) => callback(null, context);
    expect(await meet(contexts, wanted)).toMatchObject({ certificate: "another.test" });
    delete options.SNICallback;
    expect(await meet(contexts, wanted)).toMatchObject({ certificate: "example.test" });
  });

  test("an answer for a client that has left does no harm", async () => {
    const asked = Promise.withResolvers<(error: null, context: SecureContext) => void>();
    const server = listen(
      new SecureContexts({ ...main, SNICallback: (_, callback) => asked.resolve(callback) }),
    );
    const client = connect({ ...CLIENT, ...wanted, port: server.port }).on("error", () => {});
    const answer = await asked.promise;
    client.destroy();
    expect((await server.outcomes[0])?.refusal?.code).toBe("ECONNRESET");
    answer(null, context);
  });
});

describe("a reload", () => {
  test("shows the new certificates to new clients, and lets open sessions be", async () => {
    const contexts = new SecureContexts({ ...main, sniOptions: { "example.test": example } });
    const server = listen(contexts);
    const client = connect({ ...CLIENT, port: server.port });
    const greeting = Promise.withResolvers<string>();
    const echo = Promise.withResolvers<string>();
    client.once("data", (data) => {
      greeting.resolve(String(data));
      client.once("data", (more) => echo.resolve(String(more)));
    });
    expect(await greeting.promise).toBe("220 hello\r\n");

    contexts.update({ ...renewed, sniOptions: { "example.test": another } });
    expect(await meet(contexts)).toMatchObject({ certificate: "renewed.test" });
    expect(await meet(contexts, { servername: "example.test" })).toMatchObject({
      certificate: "another.test",
    });
    client.write("still here");
    expect(await echo.promise).toBe("still here");
    expect(client.getPeerCertificate().subject.CN).toBe("main.test");
    client.destroy();
  });

  test("takes requestCert and the rest of the options with it", async () => {
    const options: SMTPServerOptions = { ...main };
    const contexts = new SecureContexts(options);
    options.requestCert = options.rejectUnauthorized = true;
    expect(await meet(contexts)).toMatchObject({ greeted: true });
    contexts.update(options);
    expect(await meet(contexts)).toMatchObject({ greeted: false });
  });
});

describe("client certificates", () => {
  const clients = {
    none: {},
    good: ca.issue("client", "clientAuth"),
    expired: ca.issue("client", "clientAuth", "expired"),
    foreign: otherCA.issue("client", "clientAuth"),
    "of a server": ca.issue("client", "serverAuth"),
  };
  type Client = keyof typeof clients;
  const serverModes = {
    "nothing asked": {},
    "rejectUnauthorized alone": { rejectUnauthorized: true },
    requestCert: { requestCert: true },
    "requestCert and rejectUnauthorized": { requestCert: true, rejectUnauthorized: true },
  };
  type Mode = keyof typeof serverModes;
  const strict = serverModes["requestCert and rejectUnauthorized"];

  /** Let in with `authorized`, or refused with a code. */
  const expected: Record<Mode, Record<Client, boolean | string>> = {
    "nothing asked": { none: false, good: false, expired: false, foreign: false, "of a server": false },
    "rejectUnauthorized alone": {
      none: false,
      good: false,
      expired: false,
      foreign: false,
      "of a server": false,
    },
    requestCert: { none: false, good: true, expired: false, foreign: false, "of a server": false },
    "requestCert and rejectUnauthorized": {
      none: "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
      good: true,
      expired: "CERT_HAS_EXPIRED",
      foreign: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "of a server": "INVALID_PURPOSE",
    },
  };
  const cases = (["TLSv1.2", "TLSv1.3"] as const).flatMap((version) =>
    (Object.keys(expected) as Mode[]).flatMap((mode) =>
      (Object.keys(clients) as Client[]).map((client) => [version, mode, client] as const),
    ),
  );
  test.each(cases)("%s, %s, client certificate: %s", async (version, mode, client) => {
    const contexts = new SecureContexts({ ...main, ca: ca.cert, ...serverModes[mode] });
    const seen = await meet(contexts, { ...clients[client], minVersion: version, maxVersion: version });
    const outcome = expected[mode][client];
    expect(seen.greeted).toBe(typeof outcome === "boolean");
    expect(seen.refusal?.code).toBe(typeof outcome === "string" ? outcome : undefined);
    expect(seen.authorized).toBe(outcome === true);
  });

  const trusting = { ...main, ca: ca.cert };
  const hosts: [
    title: string,
    server: SMTPServerOptions,
    host: object,
    client: Client,
    outcome: boolean | string,
  ][] = [
    [
      "asks though the server does not",
      trusting,
      { ...example, ...strict },
      "none",
      "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
    ],
    ["asks though the server does not", trusting, { ...example, ...strict }, "good", true],
    ["asks and does not insist", trusting, { ...example, requestCert: true }, "expired", false],
    [
      "does not ask though the server does",
      { ...trusting, ...strict },
      { ...example, requestCert: false },
      "none",
      false,
    ],
    [
      "asks because the server does",
      { ...trusting, ...strict },
      example,
      "none",
      "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
    ],
    ["trusts whom the server trusts", { ...trusting, ...strict }, example, "good", true],
    ["trusts its own ca", { ...trusting, ...strict }, { ...example, ca: otherCA.cert }, "foreign", true],
    [
      "trusts only its own ca",
      { ...trusting, ...strict },
      { ...example, ca: otherCA.cert },
      "good",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ],
  ];
  test.each(hosts)("a host of sniOptions %s (%#)", async (_, server, host, client, outcome) => {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const contexts = new SecureContexts(loose({ ...server, sniOptions: { "example.test": host } }));
      const options = {
        ...clients[client],
        servername: "example.test",
        minVersion: version,
        maxVersion: version,
      };
      const seen = await meet(contexts, options);
      if (version === "TLSv1.3" || typeof outcome === "boolean")
        expect(seen.certificate).toBe("example.test");
      expect(seen.refusal?.code).toBe(typeof outcome === "string" ? outcome : undefined);
      expect(seen.authorized).toBe(outcome === true);
      // What one host asks must not stay for the next client.
      expect(contexts.upgradeOptions().requestCert).toBe(server.requestCert ?? false);
    }
  });

  test("a host may differ in what it asks alone, with the server's certificate", async () => {
    const contexts = new SecureContexts({ ...trusting, sniOptions: { "mtls.test": strict } });
    expect(await meet(contexts, { servername: "mtls.test" })).toMatchObject({ greeted: false });
    const seen = await meet(contexts, { servername: "mtls.test", ...clients.good });
    expect(seen).toMatchObject({ certificate: "main.test", authorized: true, greeted: true });
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "%s: no session resumes with the check of another",
    async (version) => {
      const versions = { minVersion: version, maxVersion: version };
      const sniOptions = { "example.test": { ...example, requestCert: true, ca: otherCA.cert } };
      for (const options of [trusting, { ...trusting, requestCert: true }]) {
        const contexts = new SecureContexts({ ...options, sniOptions });
        const first = await meet(contexts, { ...versions, ...clients.foreign, servername: "example.test" });
        expect(first).toMatchObject({ authorized: true });
        for (const servername of ["main.test", "example.test"]) {
          const again = await meet(contexts, { ...versions, session: first.session, servername });
          expect(again).toMatchObject({ greeted: true, resumed: false, authorized: false });
        }
      }
    },
  );
});

describe("resumption", () => {
  const versions = ["TLSv1.2", "TLSv1.3"] as const;
  test.each(versions)("%s: a session resumes, and after a reload does not", async (version) => {
    const contexts = new SecureContexts({ ...main, ca: ca.cert });
    const options = { minVersion: version, maxVersion: version };
    const { session } = await meet(contexts, options);
    expect(await meet(contexts, { ...options, session })).toMatchObject({ greeted: true, resumed: true });
    contexts.update({ ...main, ca: ca.cert });
    expect(await meet(contexts, { ...options, session })).toMatchObject({ greeted: true, resumed: false });
  });
});

describe("verdict", () => {
  const expired = Object.assign(new Error("certificate has expired"), { code: "CERT_HAS_EXPIRED" });
  const noIssuer = Object.assign(new Error("unable to get issuer certificate"), {
    code: "UNABLE_TO_GET_ISSUER_CERT",
  });
  const broken = Object.assign(new Error("broken"), { code: "EPROTO" });
  const [off, ask, insist] = [
    { requestCert: false, rejectUnauthorized: true },
    { requestCert: true, rejectUnauthorized: false },
    { requestCert: true, rejectUnauthorized: true },
  ];
  const table: [
    asked: typeof off,
    ok: boolean,
    error: Error | null,
    authorized: boolean,
    refusal: string | undefined,
  ][] = [
    [off, true, noIssuer, false, undefined],
    [off, true, null, false, undefined],
    [off, false, broken, false, "broken"],
    [off, false, null, false, "TLS handshake failed"],
    [ask, true, noIssuer, false, undefined],
    [ask, true, expired, false, undefined],
    [ask, true, null, true, undefined],
    [ask, false, broken, false, "broken"],
    [insist, false, broken, false, "broken"],
    [insist, true, expired, false, "certificate has expired"],
    [insist, true, null, false, "The client certificate could not be verified"],
    [insist, true, null, true, undefined],
  ];
  test.each(table)("%j, ok %p (%#)", (asked, ok, error, authorized, refusal) => {
    expect(verdict(asked, ok, error, authorized)?.message).toBe(refusal as string);
  });
});

test("test certificates are what they say", () => {
  const authority = new X509Certificate(ca.cert);
  const leaf = new X509Certificate(main.cert);
  expect(leaf.checkIssued(authority)).toBe(true);
  expect(leaf.verify(authority.publicKey)).toBe(true);
});
