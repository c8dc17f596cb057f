/** The log entries of a connection: their levels and fields, by which programs choose and count them. */
import { describe, expect, test } from "bun:test";
import type { SMTPServerOptions } from "../../src/index.js";
import { makeServer, MemoryClient } from "../support/client.js";
import { TestClock } from "../support/clock.js";
import { type Entry, recorder } from "../support/log-entries.js";
import { collectWarnings } from "../support/warnings.js";

collectWarnings();

/** What a client does, on a clock of its own. */
type Act = (client: MemoryClient, clock: TestClock) => unknown;

/** The entries of a client, without those of its commands. */
async function entriesOf(options: SMTPServerOptions, act: Act): Promise<Entry[]> {
  const clock = new TestClock();
  const { logger, entries } = recorder();
  const client = new MemoryClient(makeServer({ socketTimeout: 1000, ...options, logger }, clock));
  await client.idle();
  await act(client, clock);
  await client.idle();
  return entries.filter(({ tnx }) => tnx !== "command" && tnx !== "send");
}

const WHO = { host: "192.0.2.99", port: 50_000 };
const opened: Entry = { level: "info", tnx: "connection", ...WHO, text: expect.any(String) };
const entry = (fields: Entry): Entry => ({ level: "info", ...WHO, text: expect.any(String), ...fields });
const ATTACK = new Error("the hook's own mistake");
const say =
  (...lines: string[]): Act =>
  async (client, clock) => {
    for (const line of lines) {
      client.send(`${line}\r\n`);
      await client.idle();
    }
    clock.pass(1000);
  };

describe("a connection", () => {
  const table: [string, SMTPServerOptions, Act, Entry[]][] = [
    [
      "that a client opens and closes",
      {},
      (client) => client.leave(),
      [opened, entry({ tnx: "close", user: undefined, text: "Connection closed to [192.0.2.99]" })],
    ],
    [
      "of a user",
      { allowInsecureAuth: true, onAuth: (_auth, _session, callback) => callback(null, { user: "ann" }) },
      async (client) => {
        await client.chat("EHLO x", "AUTH PLAIN AGFubgBzZWNyZXQ=");
        await client.leave();
      },
      [opened, entry({ tnx: "auth", method: "PLAIN", user: "ann" }), entry({ tnx: "close", user: "ann" })],
    ],
    ["of a silent client", {}, say(), [opened, entry({ tnx: "timeout" })]],
    [
      "of a client that sends too slowly",
      { minDataRate: 1000 },
      async (client, clock) => {
        await say("EHLO x", "MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>")(client, new TestClock());
        client.send("DATA\r\n");
        clock.pass(900);
        client.send("x");
        clock.pass(900);
      },
      [opened, entry({ tnx: "timeout" })],
    ],
    [
      "with a hook that does not answer",
      { onMailFrom: (_address, _session, _callback) => {} },
      say("EHLO x", "MAIL FROM:<a@a.test>"),
      [opened, entry({ level: "warn", tnx: "timeout" })],
    ],
    [
      "with a hook that throws",
      {
        onMailFrom() {
          throw ATTACK;
        },
      },
      async (client) => client.chat("EHLO x", "MAIL FROM:<a@a.test>"),
      [
        opened,
        entry({ level: "error", tnx: "hook", err: ATTACK.message }),
        entry({ level: "error", tnx: "error", err: ATTACK.message }),
      ],
    ],
    [
      "with a hook whose promise is no answer",
      { onMailFrom: async (_address, _session, _callback) => {} },
      async (client) => {
        client.send("EHLO x\r\nMAIL FROM:<a@a.test>\r\n");
        await client.idle();
        await new Promise((resolve) => setImmediate(resolve));
      },
      [opened, entry({ level: "warn", tnx: "hook" })],
    ],
    [
      "with a hook whose code is wrong",
      {
        async onMailFrom() {
          throw new TypeError("no such function");
        },
      },
      async (client) => client.chat("EHLO x", "MAIL FROM:<a@a.test>"),
      [opened, entry({ level: "warn", tnx: "hook", err: "no such function" })],
    ],
    [
      "that STARTTLS encrypts",
      {},
      async (client) => {
        await client.chat("EHLO x", "STARTTLS");
        client.transport.handshake();
      },
      [opened, entry({ tnx: "starttls", cipher: "TLS_AES_128_GCM_SHA256" })],
    ],
    [
      "from an address with a name that is none",
      {
        disableReverseLookup: false,
        resolver: { reverse: (_ip, callback) => callback(null, [`\r\n${"x".repeat(300)}`]) },
      },
      () => {},
      [
        // The owner of the address chooses the name: it is shown as far as a host name may go.
        entry({ tnx: "connection", text: expect.stringContaining(`"\\r\\n${"x".repeat(253)}"`) }),
        opened,
      ],
    ],
    [
      "from an address without a name",
      {
        disableReverseLookup: false,
        resolver: { reverse: (_ip, callback) => callback(new Error("ENOTFOUND")) },
      },
      () => {},
      [entry({ level: "debug", tnx: "connection" }), opened],
    ],
    [
      "that ends before its address is looked up",
      { disableReverseLookup: false, resolver: { reverse() {} } },
      (client) => client.leave(),
      [entry({ tnx: "close", text: "Connection closed to 192.0.2.99" })],
    ],
    [
      "through a proxy",
      { useProxy: true },
      (client) => client.send("PROXY TCP4 198.51.100.7 192.0.2.1 1234 25\r\n"),
      [
        {
          level: "info",
          tnx: "proxy",
          host: "198.51.100.7",
          port: 1234,
          proxy: "192.0.2.99",
          text: "PROXY from 198.51.100.7 through 192.0.2.99",
        },
        entry({ tnx: "connection", host: "198.51.100.7", port: 1234 }),
      ],
    ],
    [
      "through a proxy, of a client that is left out",
      { useProxy: true, ignoredHosts: ["198.51.100.7"] },
      (client) => client.send("PROXY TCP4 198.51.100.7 192.0.2.1 1234 25\r\n"),
      [],
    ],
    [
      "without the PROXY header that it has to send",
      { useProxy: true },
      (client, clock) => {
        client.send("EHLO x\r\n");
        clock.pass(1000);
      },
      [entry({ tnx: "proxy", text: expect.stringMatching(/^Invalid PROXY header: ./) })],
    ],
    [
      "whose PROXY header never comes",
      { useProxy: true },
      say(),
      [entry({ tnx: "connection", text: "Closing 192.0.2.99: no PROXY header or TLS handshake in time" })],
    ],
    [
      "whose handshake never comes",
      { secure: true },
      say(),
      [entry({ tnx: "connection" }), entry({ level: "error", tnx: "error", err: "TLS handshake timeout" })],
    ],
  ];
  test.each(table)("%s", async (_, options, act, expected) => {
    expect(await entriesOf(options, act)).toEqual(expected);
  });

  test.each(table)("%s, of a client that is left out: only errors are logged", async (_, options, act) => {
    const ignoredHosts = ["192.0.2.99", "198.51.100.7"];
    const entries = await entriesOf({ ...options, ignoredHosts }, act);
    expect(entries.filter(({ tnx }) => tnx !== "error")).toEqual([]);
  });

  test("over maxClientsPerAddress", async () => {
    const { logger, entries } = recorder();
    const server = makeServer({ maxClientsPerAddress: 1, logger });
    await new MemoryClient(server).reply();
    await new MemoryClient(server).closed();
    const refused = entry({ tnx: "connection", text: "Too many connections from 192.0.2.99" });
    expect(entries.filter(({ tnx }) => tnx === "connection")).toEqual([opened, refused]);
  });
});
