/** XCLIENT and XFORWARD: the event connect, and the logins that fail. Their replies are in transcripts. */
import { describe, expect, test } from "bun:test";
import type { SMTPServerOptions } from "../../src/index.js";
import { hello, makeServer } from "../support/client.js";

const OWN = "192.0.2.99";

describe("connect is emitted", () => {
  /** Lines after EHLO, and the address and the host name of each event that these lines and then MAIL emit. */
  const table: [string, string[], [string, string][], [string, string][]][] = [
    ["at MAIL, where nothing is said about the client", [], [], [[OWN, `[${OWN}]`]]],
    [
      "at XCLIENT ADDR, and not again at MAIL",
      ["XCLIENT ADDR=192.0.2.7 NAME=client.test", "EHLO client.test"],
      [["192.0.2.7", "client.test"]],
      [],
    ],
    ["at XCLIENT without a known address", ["XCLIENT ADDR=[UNAVAILABLE]"], [[OWN, `[${OWN}]`]], []],
    ["at MAIL after XCLIENT NAME", ["XCLIENT NAME=client.test"], [], [[OWN, "client.test"]]],
    [
      "at each XFORWARD ADDR",
      ["XFORWARD ADDR=192.0.2.7", "XFORWARD ADDR=192.0.2.8 NAME=client.test"],
      [
        ["192.0.2.7", "[192.0.2.7]"],
        ["192.0.2.8", "client.test"],
      ],
      [],
    ],
    ["at MAIL after XFORWARD NAME", ["XFORWARD NAME=client.test"], [], [[OWN, "client.test"]]],
    [
      "at MAIL after XFORWARD without a known address",
      ["XFORWARD ADDR=[UNAVAILABLE]"],
      [],
      [[OWN, `[${OWN}]`]],
    ],
  ];
  test.each(table)("%s", async (_, lines, before, atMail) => {
    const seen: [string, unknown][] = [];
    const server = makeServer({ useXClient: true, useXForward: true });
    server.on("connect", ({ remoteAddress, clientHostname }) => seen.push([remoteAddress, clientHostname]));
    const client = await hello(server);
    await client.chat(...lines);
    expect(seen).toEqual(before);
    expect(await client.say("MAIL FROM:<a@a.test>")).toBe("250 Accepted");
    expect(seen.slice(before.length)).toEqual(atMail);
  });
});

test("XFORWARD begins without the recipients of a transaction whose sender a hook has taken back", async () => {
  const recipients: string[][] = [];
  const server = makeServer({
    useXForward: true,
    async onRcptTo({ address }, { envelope }) {
      if (address === "refused@b.test") envelope.mailFrom = false;
    },
    async onData(_stream, { envelope }) {
      recipients.push(envelope.rcptTo.map(({ address }) => address));
    },
  });
  const client = await hello(server);
  await client.envelope("first@b.test", "refused@b.test");
  expect(await client.say("XFORWARD ADDR=192.0.2.7")).toBe("250 OK");
  await client.envelope("second@b.test");
  await client.say("DATA");
  expect(await client.say("hi\r\n.")).toBe("250 OK: message queued");
  expect(recipients).toEqual([["second@b.test"]]);
});

describe("XCLIENT LOGIN that fails closes the connection", () => {
  const hooks: [string, SMTPServerOptions["onAuth"], string][] = [
    [
      "a crash",
      (_auth, _session, _callback) => {
        throw new Error("the database is away");
      },
      "451 Error: internal server error",
    ],
    [
      "a refusal",
      (_auth, _session, callback) => callback(Object.assign(new Error("no"), { responseCode: 454 })),
      "550 no",
    ],
    [
      "a refusal without a text",
      (_auth, _session, callback) => callback(new Error()),
      "550 Authentication credentials invalid",
    ],
    [
      "an answer without a user",
      (_auth, _session, callback) => callback(null, {}),
      "550 Authentication credentials invalid",
    ],
  ];
  test.each(hooks)("%s", async (_, onAuth, reply) => {
    const client = await hello(makeServer({ useXClient: true, onAuth }));
    client.send("XCLIENT LOGIN=ann\r\nNOOP\r\n");
    expect((await client.closed()).trimEnd()).toBe(reply);
  });
});
