/** The log entries of a server: their levels and fields, by which programs choose and count them. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ListenOptions, SMTPServer, SMTPServerOptions } from "../../src/index.js";
import { createAuthority } from "../support/certificates.js";
import { hello, makeServer } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { type Entry, recorder } from "../support/log-entries.js";
import { TLSClient } from "../support/tls-client.js";

/** A server that logs to a list: the fields of each entry but the component, and its text. */
function logging(
  options: SMTPServerOptions = {},
  clock?: TestClock,
): { server: SMTPServer; entries: Entry[] } {
  const { logger, entries } = recorder(["info", "warn", "error"]);
  return { server: makeServer({ ...options, logger }, clock), entries };
}

describe("that it listens, and that it is closed", () => {
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "smtp.sock");

  const table: [string, SMTPServerOptions, ListenOptions, Entry, RegExp][] = [
    [
      "SMTP over IPv4",
      {},
      { host: "127.0.0.1" },
      { host: "127.0.0.1", secure: false, protocol: "SMTP" },
      /^SMTP Server listening on 127\.0\.0\.1:\d+$/,
    ],
    [
      "SMTP with TLS over IPv6",
      { secure: true },
      { host: "::1" },
      { host: "::1", secure: true, protocol: "SMTP" },
      /^Secure SMTP Server listening on \[::1\]:\d+$/,
    ],
    [
      "LMTP over a unix socket",
      { lmtp: true },
      { path },
      { host: path, secure: false, protocol: "LMTP" },
      new RegExp(`^LMTP Server listening on ${path}$`),
    ],
  ];
  test.each(table)("%s", async (_, options, where, fields, text) => {
    const { server, entries } = logging(options);
    await server.listen(where);
    const port = where.path ? undefined : (server.address() as AddressInfo).port;
    await server.close();
    const closed = `${options.lmtp ? "LMTP" : "SMTP"} Server closed`;
    expect(entries).toStrictEqual([
      { level: "info", tnx: "listen", ...fields, port, text: expect.stringMatching(text) },
      { level: "info", tnx: "closed", text: closed },
    ]);
  });
});

test("for how many clients it waits when it closes, and for how many seconds", async () => {
  const clock = new TestClock();
  const { server, entries } = logging({ closeTimeout: 5000 }, clock);
  await server.listen(0, "127.0.0.1");
  await hello(server);
  entries.length = 0;
  const closed = server.close();
  const text = "Server closing with 1 pending connections, waiting 5 seconds before terminating";
  expect(entries).toEqual([{ level: "info", tnx: "close", text }]);
  clock.pass(5000);
  await closed;
  expect(entries.at(-1)).toEqual({ level: "info", tnx: "closed", text: "SMTP Server closed" });
});

test("a message that no onData takes, but for the clients that are left out", async () => {
  const { server, entries } = logging({ ignoredHosts: ["192.0.2.9"] });
  for (const from of ["192.0.2.9", "192.0.2.7"])
    expect(await (await hello(server, from)).deliver()).toBe("250 OK: message queued");
  expect(entries.filter(({ level }) => level === "warn")).toEqual([
    { level: "warn", tnx: "message", host: "192.0.2.7", port: 50_000, text: expect.any(String) },
  ]);
});

test("a name for which SNICallback fails", async () => {
  const identity = createAuthority("Log CA").issue("mx.test");
  const { server, entries } = logging({
    ...identity,
    secure: true,
    SNICallback: (_name, callback) => callback(new Error("no such name")),
  });
  await server.listen(0, "127.0.0.1");
  const { port } = server.address() as AddressInfo;
  const client = await TLSClient.implicit(port, { servername: "other.test" });
  expect(await client.reply()).toBe("220 mx.test ESMTP");
  expect(entries.filter(({ level }) => level === "error")).toEqual([
    { level: "error", tnx: "sni", servername: "other.test", err: "no such name", text: expect.any(String) },
  ]);
});
