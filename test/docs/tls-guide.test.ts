/** Each example of docs/guide/tls.md does what the page says. */
import { afterAll, afterEach, beforeAll, expect, mock, spyOn, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { SMTPServer } from "../../src/index.js";
import { createAuthority, type Identity } from "../support/certificates.js";
import { examplesOf, runExample } from "../support/examples.js";

const examples = examplesOf("docs/guide/tls.md");
const page = join(import.meta.dir, "../../docs/guide/tls.md");
const directory = mkdtempSync(join(tmpdir(), "bun-smtp-tls-"));
const cert = join(directory, "cert");
const letsEncrypt = join(directory, "etc/letsencrypt/live/mail.example.com");

const authority = createAuthority("Test CA");
const names = ["localhost", "renewed.test", "default.test", "mail.example.com", "smtp.another.com"] as const;
const identities = Object.fromEntries(names.map((name) => [name, authority.issue(name)])) as Record<
  (typeof names)[number],
  Identity
>;

function write(identity: Identity, prefix = ""): void {
  writeFileSync(join(cert, `${prefix}key.pem`), identity.key);
  writeFileSync(join(cert, `${prefix}cert.pem`), identity.cert);
}

beforeAll(() => {
  mkdirSync(letsEncrypt, { recursive: true });
  mkdirSync(cert);
  write(identities.localhost);
  writeFileSync(join(cert, "ca.pem"), authority.cert);
  write(identities["default.test"], "default-");
  write(identities["mail.example.com"], "example-");
  write(identities["smtp.another.com"], "another-");
  for (const name of ["mail.example.com", "smtp.another.com"] as const) {
    mkdirSync(join(cert, name));
    write(identities[name], `${name}/`);
  }
  writeFileSync(join(letsEncrypt, "privkey.pem"), identities["mail.example.com"].key);
  writeFileSync(join(letsEncrypt, "fullchain.pem"), identities["mail.example.com"].cert + authority.cert);
});
const home = process.cwd();
beforeAll(() => process.chdir(directory));
afterAll(() => {
  process.chdir(home);
  rmSync(directory, { recursive: true });
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  mock.restore();
  write(identities.localhost);
});

/** What the example prints. */
function printed(method: "log" | "warn" | "error"): string[] {
  const lines: string[] = [];
  spyOn(console, method).mockImplementation(
    (...parts: unknown[]) => void lines.push(parts.map(String).join(" ")),
  );
  return lines;
}

async function start(title: string): Promise<SMTPServer> {
  const example = examples.find((candidate) => candidate.title === title);
  if (!example) throw new Error(`The page has no example below ${title}`);
  const server = await runExample(example, directory);
  Object.assign(server.options, { closeTimeout: 1, disableReverseLookup: true });
  cleanups.push(() => server.close());
  return server;
}

interface Client {
  socket: Socket;
  /** Sends a line, unless it is empty, and gives the last line of the reply; `undefined` once it is closed. */
  say(line: string): Promise<string | undefined>;
}

function client(socket: Socket): Client {
  let text = "";
  let closed = false;
  let heard = (): void => {};
  socket.on("data", (chunk) => {
    text += String(chunk);
    heard();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    heard();
  });
  cleanups.push(() => socket.destroy());
  return {
    socket,
    async say(line) {
      if (line) socket.write(`${line}\r\n`);
      for (;;) {
        const reply = /^(?:\d{3}-.*\r\n)*(\d{3}(?: .*)?)\r\n/.exec(text);
        if (reply) {
          text = text.slice(reply[0].length);
          return reply[1];
        }
        if (closed) return undefined;
        await new Promise<void>((resolve) => (heard = resolve));
      }
    },
  };
}

function portOf(server: SMTPServer): number {
  return (server.address() as { port: number }).port;
}

function secure(server: SMTPServer, options: ConnectionOptions = {}): Client & { socket: TLSSocket } {
  const socket = connect({ host: "127.0.0.1", port: portOf(server), rejectUnauthorized: false, ...options });
  return { ...client(socket), socket };
}

/** The name on the certificate that a client is shown. */
async function certificateFor(server: SMTPServer, options: ConnectionOptions = {}): Promise<unknown> {
  const { socket, say } = secure(server, options);
  await say("");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN;
}

const LOGIN = `AUTH PLAIN ${btoa("\0user\0pass")}`;

async function deliver({ say }: Client): Promise<(string | undefined)[]> {
  const replies: (string | undefined)[] = [];
  for (const line of ["MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA", "Subject: x\r\n\r\nhi\r\n."]) {
    replies.push((await say(line))?.slice(0, 3));
  }
  return replies;
}

const checks: Record<string, () => Promise<void>> = {
  "STARTTLS (port 587)": async () => {
    printed("log");
    const server = await start("STARTTLS (port 587)");
    const plain = client(connectPlain(portOf(server), "127.0.0.1"));
    await plain.say("");
    await plain.say("EHLO client.test");
    expect(await plain.say(LOGIN)).toBe("530 Must issue a STARTTLS command first");
    expect(await plain.say("MAIL FROM:<a@a.test>")).toBe("530 Must issue a STARTTLS command first");
    expect(await plain.say("STARTTLS")).toBe("220 Ready to start TLS");
    const upgraded = client(connect({ socket: plain.socket, rejectUnauthorized: false }));
    await upgraded.say("EHLO client.test");
    expect(await upgraded.say(`AUTH PLAIN ${btoa("\0user\0no")}`)).toBe("535 Invalid credentials");
    expect(await upgraded.say(LOGIN)).toStartWith("235");
    expect(await deliver(upgraded)).toEqual(["250", "250", "354", "250"]);
  },

  "Implicit TLS (port 465)": async () => {
    printed("log");
    const { say, socket } = secure(await start("Implicit TLS (port 465)"));
    expect(await say("")).toStartWith("220");
    await say("EHLO client.test");
    expect(await say(LOGIN)).toStartWith("235");
    expect(await deliver({ say, socket })).toEqual(["250", "250", "354", "250"]);
  },

  "Using Let's Encrypt certificates": async () => {
    const server = await start("Using Let's Encrypt certificates");
    // A client that knows the root alone can check the whole chain.
    const options = { ca: authority.cert, rejectUnauthorized: true, servername: "mail.example.com" };
    const { say, socket } = secure(server, options);
    expect(await say("")).toStartWith("220");
    expect(socket.authorized).toBe(true);
  },

  "Reloading certificates": async () => {
    const lines = printed("log");
    const errors = printed("error");
    const existing = process.listeners("SIGHUP");
    const server = await start("Reloading certificates");
    const added = process.listeners("SIGHUP").filter((listener) => !existing.includes(listener));
    for (const listener of added) process.off("SIGHUP", listener);
    const reload = added[0] as unknown as () => Promise<void>;
    // certbot has written one of the two.
    writeFileSync(join(cert, "key.pem"), identities["renewed.test"].key);
    await reload();
    expect(errors[0]).toMatch(/^The old TLS certificates stay: TypeError: key: it does not match/);
    expect(await certificateFor(server)).toBe("localhost");
    write(identities["renewed.test"]);
    await reload();
    expect(lines).toEqual(["TLS certificates reloaded"]);
    expect(await certificateFor(server)).toBe("renewed.test");
  },

  "Reloading certificates (2)": async () => {
    const lines = printed("log");
    const errors = printed("error");
    const timer = spyOn(globalThis, "setInterval").mockImplementation((() => 0) as never);
    const server = await start("Reloading certificates (2)");
    const [check, period] = timer.mock.calls.find(([, delay]) => delay === 60_000) as [
      () => Promise<void>,
      number,
    ];
    timer.mockRestore();
    expect(period).toBe(60_000);
    const before = secure(server);
    await before.say("");
    await check();
    expect(lines).toEqual([]);
    // certbot has written one of the two.
    writeFileSync(join(cert, "cert.pem"), identities["renewed.test"].cert);
    await check();
    expect(errors[0]).toMatch(/^The old TLS certificates stay: TypeError: key: it does not match/);
    write(identities["renewed.test"]);
    await check();
    expect(lines).toContain("TLS certificates reloaded");
    expect(await certificateFor(server)).toBe("renewed.test");
    expect(await before.say("NOOP")).toBe("250 OK");
    expect(before.socket.getPeerCertificate().subject.CN).toBe("localhost");
  },

  "Versions and ciphers": async () => {
    writeFileSync(join(directory, "server.key"), identities.localhost.key);
    writeFileSync(join(directory, "server.pem"), identities.localhost.cert);
    const server = await start("Versions and ciphers");
    server.options.secure = true;
    const old = { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA" } as const;
    expect(await certificateFor(server, old)).toBe("localhost");
    const [suites = ""] = /(?<=```text\n)[^`]+/.exec(readFileSync(page, "utf8")) ?? [];
    expect(suites.trim().split(/\s+/)).toHaveLength(6);
    for (const suite of suites
      .trim()
      .split(/\s+/)
      .filter((name) => name.includes("ECDSA")))
      expect(await certificateFor(server, { maxVersion: "TLSv1.2", ciphers: suite })).toBe("localhost");
  },

  "Inspecting the TLS connection": async () => {
    const lines = printed("log");
    const server = await start("Inspecting the TLS connection");
    await certificateFor(server, { servername: "mail.example.com", maxVersion: "TLSv1.2" });
    expect(lines).toEqual([
      "TLS handshake completed",
      expect.stringMatching(/^Cipher: ECDHE-ECDSA-/),
      "Protocol: TLSv1.2",
      "SNI servername: mail.example.com",
    ]);
    await certificateFor(server);
    expect(lines.slice(6)).toEqual(["Protocol: TLSv1.3", "SNI servername: false"]);
  },

  "Client certificate validation": async () => {
    const lines = printed("log");
    const server = await start("Client certificate validation");
    const refusals: unknown[] = [];
    const other = createAuthority("Other CA");
    const refused = {
      ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: {},
      CERT_HAS_EXPIRED: authority.issue("client.test", "clientAuth", "expired"),
      UNABLE_TO_VERIFY_LEAF_SIGNATURE: other.issue("client.test", "clientAuth"),
      INVALID_PURPOSE: authority.issue("client.test", "serverAuth"),
    };
    for (const identity of Object.values(refused)) {
      const { promise, resolve } = Promise.withResolvers<Error & { code?: string }>();
      server.once("error", resolve);
      expect(await secure(server, identity).say("")).toBeUndefined();
      refusals.push((await promise).code);
    }
    expect(refusals).toEqual(Object.keys(refused));
    expect(lines).toEqual([]);
    const good = secure(server, authority.issue("client.test", "clientAuth"));
    expect(await good.say("")).toStartWith("220");
    expect(lines).toEqual(["Client authenticated via certificate"]);
  },

  "SNI (Server Name Indication)": async () => {
    const lines = printed("log");
    const server = await start("SNI (Server Name Indication)");
    expect(await certificateFor(server, { servername: "mail.example.com" })).toBe("mail.example.com");
    expect(await certificateFor(server, { servername: "SMTP.Another.com" })).toBe("smtp.another.com");
    expect(await certificateFor(server, { servername: "other.example.com" })).toBe("default.test");
    expect(await certificateFor(server)).toBe("default.test");
    expect(lines[0]).toBe("Connected via SNI: mail.example.com");
    expect(lines[3]).toBe("Connected via SNI: false");
  },

  "SNI (Server Name Indication) (2)": async () => {
    const server = await start("SNI (Server Name Indication) (2)");
    for (let handshakes = 0; handshakes < 2; handshakes++) {
      expect(await certificateFor(server, { servername: "mail.example.com" })).toBe("mail.example.com");
      expect(await certificateFor(server, { servername: "smtp.another.com" })).toBe("smtp.another.com");
    }
    expect(await certificateFor(server, { servername: "other.example.com" })).toBe("default.test");
    rmSync(join(cert, "mail.example.com"), { recursive: true });
    expect(await certificateFor(server, { servername: "mail.example.com" })).toBe("mail.example.com");
  },

  "When a handshake fails": async () => {
    const lines = printed("warn");
    const server = await start("When a handshake fails");
    const plain = client(connectPlain(portOf(server), "127.0.0.1"));
    expect(await plain.say("EHLO client.test")).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toStartWith("Not served: ");
    expect(await certificateFor(server)).toBe("localhost");
  },
};

test.each(examples.map(({ title }) => title))("%s", async (title) => {
  const check = checks[title];
  if (!check) throw new Error("This example has no test");
  await check();
});

test("the page has every example that is tested", () => {
  expect(examples.map(({ title }) => title)).toEqual(Object.keys(checks));
});
