/** Dovecot in front of the server, with the settings that the guide shows. */
import { afterAll, describe, expect, setDefaultTimeout } from "bun:test";
import { SMTPError } from "../../src/index.js";
import type { SMTPServerOptions } from "../../src/index.js";
import { Client } from "./behind/client.js";
import type { Message } from "./behind/client.js";
import { dovecotMissing, startDovecot } from "./behind/dovecot.js";
import { Inbox } from "./behind/inbox.js";
import { cleanUp, freePort, testUnless } from "./behind/service.js";

setDefaultTimeout(60_000);
afterAll(cleanUp);

const dovecotTest = testUnless(dovecotMissing());

/** A loopback address that is the client's alone: Dovecot has 127.0.0.1. */
const CLIENT = "127.0.0.9";
const TRUSTED: SMTPServerOptions = { useXClient: ["127.0.0.1"] };
/** Where Dovecot listens with the submission settings of the page, which name no port. */
const submissionPort = (port: number): string =>
  `service submission-login {\n  inet_listener submission {\n    address = 127.0.0.1\n    port = ${port}\n  }\n}\n`;

const MESSAGE: Message = {
  from: "ann@client.test",
  to: ["bob@mx.test"],
  data: "Subject: dovecot\r\n\r\n.\r\n..dots\r\ngr\u00fc\u00dfe\r\n",
};
const login = (user: string, password: string): string => `AUTH PLAIN ${btoa(`\0${user}\0${password}`)}`;

/** A client that Dovecot has greeted. */
async function greeted(port: number, hello: "EHLO" | "LHLO"): Promise<Client> {
  const client = await Client.connect({ to: port, from: CLIENT });
  expect(await client.reply()).toStartWith("220 ");
  expect(await client.say(`${hello} client.test`)).toStartWith("250-dovecot.test");
  return client;
}

describe("LMTP behind Dovecot", () => {
  const results: Record<string, string | Error> = {
    "good@mx.test": "stored for good",
    "full@mx.test": new SMTPError("mailbox full", { responseCode: 452 }),
    "gone@mx.test": new SMTPError("mailbox gone", { responseCode: 550 }),
  };

  dovecotTest("each recipient gets its own answer, and the session is the client's", async () => {
    await using inbox = await Inbox.open({
      ...TRUSTED,
      lmtp: true,
      onRcptTo: async ({ address }) => {
        if (address === "nobody@mx.test") throw new SMTPError("no such mailbox", { responseCode: 550 });
      },
    });
    const keep = inbox.server.onData;
    inbox.server.onData = (stream, session, callback) =>
      keep.call(inbox.server, stream, session, () =>
        callback(
          null,
          session.envelope.rcptTo.map(({ address }) => results[address] ?? "stored"),
        ),
      );
    const port = freePort();
    await using _ = await startDovecot({
      page: "lmtp",
      title: "LMTP",
      ports: { 24: port, 2424: inbox.port },
    });

    using client = await greeted(port, "LHLO");
    expect(await client.say(`MAIL FROM:<${MESSAGE.from}>`)).toStartWith("250 ");
    for (const to of Object.keys(results)) expect(await client.say(`RCPT TO:<${to}>`)).toStartWith("250 ");
    expect(await client.say("RCPT TO:<nobody@mx.test>")).toMatch(/^550 .*no such mailbox$/);
    expect(await client.say("DATA")).toStartWith("354 ");
    // Dovecot has a text of its own for what was stored.
    expect(await client.say(`${MESSAGE.data.replaceAll(/^\./gm, "..")}.`)).toMatch(/^250 .*<good@mx\.test>/);
    expect(await client.reply()).toMatch(/^452 .*mailbox full$/);
    expect(await client.reply()).toMatch(/^550 .*mailbox gone$/);

    const { session, text } = await inbox.next();
    expect(session).toMatchObject({
      remoteAddress: CLIENT,
      remotePort: client.port,
      hostNameAppearsAs: "dovecot.test",
      transmissionType: "LMTP",
    });
    expect(session.envelope.rcptTo.map(({ address }) => address)).toEqual(Object.keys(results));
    expect(session.xClient.get("HELO")).toBe("client.test");
    expect(text).toStartWith("Received: from client.test ");
    expect(text).toEndWith(`\r\n${MESSAGE.data}`);

    // A client of Dovecot that is itself a trusted proxy.
    using proxy = await greeted(port, "LHLO");
    expect(await proxy.say("XCLIENT ADDR=IPV6:2001:db8::7 PORT=4321")).toStartWith("220 ");
    expect(await proxy.say("LHLO proxy.test")).toStartWith("250-");
    expect(await proxy.deliver({ ...MESSAGE, to: ["good@mx.test"] })).toStartWith("250 ");
    expect((await inbox.next()).session).toMatchObject({ remoteAddress: "2001:db8::7", remotePort: 4321 });

    // Where it is not trusted it is the client.
    inbox.server.options.useXClient = false;
    using untrusted = await greeted(port, "LHLO");
    expect(await untrusted.deliver({ ...MESSAGE, to: ["good@mx.test"] })).toStartWith("250 ");
    expect((await inbox.next()).session).toMatchObject({ remoteAddress: "127.0.0.1" });
    expect(inbox.errors).toEqual([]);
  });
});

describe("submission behind Dovecot", () => {
  const options: SMTPServerOptions = {
    ...TRUSTED,
    authOptional: false,
    onAuth: async ({ method, username, password }) => {
      if (method === "XCLIENT") return username === "ann" ? { user: username } : {};
      return password === "secret" ? { user: username } : {};
    },
    onRcptTo: async ({ address }) => {
      if (address === "nobody@mx.test") throw new SMTPError("no such mailbox", { responseCode: 550 });
    },
  };

  dovecotTest("Dovecot logs in, and XCLIENT says who and from where", async () => {
    await using inbox = await Inbox.open(options);
    const port = freePort();
    await using _ = await startDovecot({
      page: "behind-a-proxy",
      title: "submission",
      ports: { 2525: inbox.port },
      more: submissionPort(port),
    });

    using client = await greeted(port, "EHLO");
    expect(await client.say(login("ann", "wrong"))).toStartWith("535 ");
    expect(await client.say(login("ann", "secret"))).toStartWith("235 ");
    expect(await client.say(`MAIL FROM:<${MESSAGE.from}>`)).toStartWith("250 ");
    expect(await client.say("RCPT TO:<nobody@mx.test>")).toMatch(/^550 .*no such mailbox$/);
    expect(await client.say("RSET")).toStartWith("250 ");
    expect(await client.deliver(MESSAGE)).toStartWith("250 ");
    const { session, text } = await inbox.next();
    expect(session).toMatchObject({
      user: "ann",
      remoteAddress: CLIENT,
      remotePort: client.port,
      transmissionType: "ESMTPA",
      envelope: { mailFrom: { address: MESSAGE.from } },
    });
    expect(session.xClient.get("HELO")).toBe("client.test");
    expect(text).toEndWith(`\r\n${MESSAGE.data}`);

    // By BDAT, in several reads.
    const long = `${"Subject: long\r\n\r\n"}${`${"x".repeat(70)}\r\n`.repeat(10_000)}`;
    expect(await client.deliver({ ...MESSAGE, data: long })).toStartWith("250 ");
    expect((await inbox.next()).text).toEndWith(`\r\n${long}`);

    // Whom Dovecot knows and the server does not.
    using other = await greeted(port, "EHLO");
    await other.say(login("eve", "secret"));
    expect(await other.say(`MAIL FROM:<${MESSAGE.from}>`)).not.toStartWith("2");
    expect(inbox.errors).toEqual([]);
  });

  dovecotTest("Dovecot passes the login on, behind XCLIENT with the address", async () => {
    await using inbox = await Inbox.open({ ...options, allowInsecureAuth: true });
    const port = freePort();
    await using _ = await startDovecot({
      page: "behind-a-proxy",
      title: "submission, logins too",
      ports: { 2525: inbox.port },
      more: submissionPort(port),
    });
    using client = await greeted(port, "EHLO");
    expect(await client.say(login("bob", "wrong"))).toStartWith("535 ");
    expect(await client.say(login("bob", "secret"))).toStartWith("235 ");
    expect(await client.deliver(MESSAGE)).toStartWith("250 ");
    const { session, text } = await inbox.next();
    expect(session).toMatchObject({
      user: "bob",
      remoteAddress: CLIENT,
      remotePort: client.port,
      transmissionType: "ESMTPA",
    });
    expect(session.xClient.has("LOGIN")).toBeFalse();
    expect(session.xClient.get("HELO")).toBe("client.test");
    expect(text).toBe(MESSAGE.data);
    expect(inbox.errors).toEqual([]);
  });
});
