/** bun-smtp/testing: the inbox, as a client on a plain socket and a test meet it. */
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { connect as connectSocket } from "node:net";
import { networkInterfaces } from "node:os";
import { connect, type InboxOptions, type NextOptions, type Refusal, startInbox } from "../../src/testing.js";
import { createAuthority } from "../support/certificates.js";
import { SocketClient } from "../support/client.js";
import { stopTime } from "../support/clock.js";
import { TLSClient } from "../support/tls-client.js";
import { turn } from "../support/turn.js";

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
);

interface Sent {
  from?: string;
  to?: readonly string[];
  subject?: string;
  body?: string;
}

/** Sends a message; the replies to MAIL, each RCPT, DATA and the message. */
async function send(
  { port }: { port: number },
  { from = "shop@example.com", to = ["ann@example.com"], subject = "Hello", body = "Hi" }: Sent = {},
): Promise<(string | undefined)[]> {
  const client = new SocketClient({ port, host: "127.0.0.1" });
  await client.chat("EHLO client.test");
  await client.reply();
  const replies = await client.chat(`MAIL FROM:<${from}>`, ...to.map((one) => `RCPT TO:<${one}>`));
  if (replies.every((reply) => reply?.startsWith("250"))) replies.push(await client.say("DATA"));
  if (replies.at(-1)?.startsWith("354"))
    replies.push(await client.say(`Subject: ${subject}\r\n\r\n${body}\r\n.`));
  client.end();
  return replies;
}
const codes = (replies: readonly (string | undefined)[]): (string | undefined)[] =>
  replies.map((reply) => reply?.slice(0, 3));

/** A client that was greeted and has said EHLO. */
async function hello({ port }: { port: number }): Promise<SocketClient> {
  const client = new SocketClient({ port, host: "127.0.0.1" });
  await client.chat("EHLO client.test");
  await client.reply();
  return client;
}

describe("an inbox", () => {
  test("has defaults that suit a test", async () => {
    await using inbox = await startInbox();
    expect(inbox.server.options).toMatchObject({
      authOptional: true,
      allowInsecureAuth: true,
      bareNewlines: "normalize",
      disableReverseLookup: true,
      logger: false,
      closeTimeout: 100,
    });
    const client = new SocketClient({ port: inbox.port, host: "127.0.0.1" });
    expect(await client.reply()).toBe("220 inbox.test ESMTP");
    expect(await client.say("EHLO x")).toContain("AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2");
  });

  test("is at a free port, or at the one that is given", async () => {
    await using inbox = await startInbox();
    await using other = await startInbox({ port: 0 });
    expect(other.port).not.toBe(inbox.port);
    await expect(startInbox({ port: inbox.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("is closed by `await using`", async () => {
    const used: { port: number }[] = [];
    {
      await using inbox = await startInbox();
      used.push(inbox);
    }
    expect(() => used[0]?.port).toThrow("The inbox is closed");
  });

  test.skipIf(!hasIPv6)("has its IPv6 address in brackets in its URL", async () => {
    await using inbox = await startInbox({ host: "::1" });
    expect(inbox.url).toBe(`smtp://[::1]:${inbox.port}`);
  });
});

describe("messages", () => {
  test("have envelope, header, texts and attachments decoded, and the octets", async () => {
    await using inbox = await startInbox();
    const lines = [
      "From: Shop <shop@example.com>",
      "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
      "Received: one",
      "Received: two",
      "__proto__: x",
      'Content-Type: multipart/mixed; boundary="b"',
      "",
      "--b",
      "Content-Type: text/plain; charset=utf-8",
      "",
      "Text",
      "--b",
      "Content-Type: text/html",
      "",
      "<b>HTML</b>",
      "--b",
      "Content-Type: image/png; name=a.png",
      "Content-ID: <logo>",
      "Content-Transfer-Encoding: base64",
      "",
      "AAEC",
      "--b--",
      "",
    ];
    const client = await hello(inbox);
    await client.chat(
      "MAIL FROM:<a@a.test> BODY=8BITMIME",
      "RCPT TO:<b@b.test>",
      "RCPT TO:<c@c.test>",
      "DATA",
    );
    expect(await client.say(`${lines.join("\r\n")}.`)).toStartWith("250 ");
    const message = await inbox.next();
    expect(message).toMatchObject({
      from: "a@a.test",
      to: ["b@b.test", "c@c.test"],
      subject: "Grüße",
      text: "Text",
      html: "<b>HTML</b>",
      attachments: [{ name: "a.png", type: "image/png", contentId: "logo", content: Buffer.from([0, 1, 2]) }],
      secure: false,
      user: undefined,
    });
    expect(message.headers["from"]).toBe("Shop <shop@example.com>");
    expect(message.headers["received"]).toBe("one");
    expect(Object.entries(message.headers)).toContainEqual(["__proto__", "x"]);
    expect(message.headerLines.filter(({ name }) => name === "Received")).toHaveLength(2);
    expect(message.envelope.bodyType).toBe("8bitmime");
    expect(message.raw.toString()).toBe(lines.join("\r\n"));
    expect(inbox.messages).toEqual([message]);
    message.headers["from"] = "changed by a test";
    delete message.headers["received"];
    expect(Object.keys(message.headers)).not.toContain("received");
  });

  test("may come without a subject, a sender, and with bare LF", async () => {
    await using inbox = await startInbox();
    const client = await hello(inbox);
    await client.chat("MAIL FROM:<>", "RCPT TO:<b@b.test>", "DATA");
    expect(await client.say("a: b\n\nline\nline\r\n.")).toStartWith("250 ");
    expect(await inbox.next()).toMatchObject({ from: "", subject: "", text: "line\nline\n" });
    expect(inbox.messages[0]?.raw.toString()).toBe("a: b\r\n\r\nline\r\nline\r\n");
  });

  test("are forgotten by clear(), with the failures", async () => {
    await using inbox = await startInbox();
    await send(inbox);
    inbox.refuse({ rcpt: true });
    inbox.clear();
    expect(inbox.messages).toEqual([]);
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow("None arrived.");
    expect(codes(await send(inbox))).toEqual(["250", "250", "354", "250"]);
  });

  test("over the size are refused and not kept", async () => {
    await using inbox = await startInbox({ size: 10 });
    expect((await send(inbox)).at(-1)).toBe("552 Error: message exceeds fixed maximum message size");
    expect(inbox.messages).toEqual([]);
  });
});

describe("next()", () => {
  test.each<[NextOptions, number]>([
    [{}, 0],
    [{ to: "CARL@example.com" }, 1],
    [{ to: /^bob@/ }, 1],
    [{ from: "News@example.com" }, 1],
    [{ from: /news/g }, 1],
    [{ subject: "Hello" }, 0],
    [{ subject: /^news/i, to: "bob@example.com" }, 1],
  ])("%p is the message", async (wanted, index) => {
    await using inbox = await startInbox();
    await send(inbox);
    await send(inbox, {
      from: "news@example.com",
      to: ["bob@example.com", "carl@example.com"],
      subject: "News",
    });
    expect(await inbox.next(wanted)).toBe(inbox.messages[index] as never);
  });

  test("waits, and hands each message out once", async () => {
    await using inbox = await startInbox();
    const toAnn = inbox.next({ to: "ann@example.com" });
    const next = inbox.next();
    await send(inbox, { to: ["bob@example.com"] });
    await send(inbox, { to: ["ann@example.com"] });
    expect((await next).to).toEqual(["bob@example.com"]);
    expect((await toAnn).to).toEqual(["ann@example.com"]);
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow("handed out before");
  });

  test("hands out one of two messages that come at once, and the other to the next", async () => {
    await using inbox = await startInbox();
    await using one = await connect(inbox.server);
    await using other = await connect(inbox.server);
    for (const client of [one, other])
      for (const line of ["EHLO x", "MAIL FROM:<>", "RCPT TO:<a@a.test>", "DATA"]) await client.command(line);
    const first = inbox.next();
    await Promise.all([one.data("one"), other.data("other")]);
    expect([await first, await inbox.next({ timeout: 0 })]).toEqual(inbox.messages);
  });

  test("that has given up takes no message from the next", async () => {
    await using inbox = await startInbox();
    await expect(inbox.next({ timeout: 0 })).rejects.toThrow("No message within 0 ms.");
    await send(inbox);
    expect(await inbox.next()).toBe(inbox.messages[0] as never);
  });

  test("waits 2 seconds by default, and no longer than it takes", async () => {
    const clock = stopTime();
    await using inbox = await startInbox();
    let error: Error | undefined;
    const waiting = inbox.next().catch((reason: Error) => (error = reason));
    clock.pass(1999);
    await turn();
    expect(error).toBeUndefined();
    clock.pass(1);
    await waiting;
    expect(error?.message).toBe("No message within 2000 ms. None arrived.");
    const before = clock.timers;
    const next = inbox.next();
    expect(clock.timers).toBe(before + 1);
    {
      await using client = await connect(inbox.server);
      for (const line of ["EHLO x", "MAIL FROM:<>", "RCPT TO:<a@a.test>", "DATA"]) await client.command(line);
      await client.data("hi");
    }
    await next;
    expect(clock.timers).toBe(before);
  });

  test("says what arrived instead, and what was refused", async () => {
    await using inbox = await startInbox();
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow("No message within 1 ms. None arrived.");
    await send(inbox);
    await send(inbox, { to: ["bob@example.com", "carl@example.com"], subject: 'A "B"' });
    await inbox.next();
    inbox.refuse({ rcpt: /^full@/, code: 452, message: "Full" });
    await send(inbox, { to: ["full@example.com"] });
    const wanted = { to: "full@example.com", subject: /x/i, timeout: 1 };
    expect(await inbox.next(wanted).catch((error: Error) => error.message)).toBe(
      [
        'No message to "full@example.com", subject /x/i within 1 ms. Arrived:',
        '  from <shop@example.com> to <ann@example.com>: "Hello", handed out before',
        '  from <shop@example.com> to <bob@example.com>, <carl@example.com>: "A \\"B\\""',
        "The last refusal of a client: 452 Full",
      ].join("\n"),
    );
  });

  test.each([
    [{ mail: true, code: 451 }, "451 Refused by the test"],
    [{ rcpt: true, code: 452, message: "Full" }, "452 Full"],
  ] as [Refusal, string][])("names the refusal %p, and not the 503 that follows", async (refusal, text) => {
    await using inbox = await startInbox();
    inbox.refuse(refusal);
    const client = await hello(inbox);
    await client.chat("MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA");
    const wanted = `None arrived.\nThe last refusal of a client: ${text}`;
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(wanted);
    await client.say("QUIT");
    client.end();
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(wanted);
  });

  test("names a refusal that came after a planned one", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ mail: true, code: 451 });
    await using client = await connect(inbox.server);
    for (const line of ["EHLO x", "MAIL FROM:<a@a.test>", "MAIL FROM:"]) await client.command(line);
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow("\nThe last refusal of a client: 501 ");
  });

  test("names the refusal of one client, whatever the others do", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ mail: true, code: 451 });
    await using client = await connect(inbox.server);
    await using _other = await connect(inbox.server);
    for (const line of ["EHLO x", "MAIL FROM:<a@a.test>"]) await client.command(line);
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow("a client: 451 Refused by the test");
  });

  test("names no refusal from before clear()", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ mail: true });
    {
      await using client = await connect(inbox.server);
      for (const line of ["EHLO x", "MAIL FROM:<a@a.test>"]) await client.command(line);
    }
    inbox.clear();
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(/None arrived\.$/);
  });

  test("says that a connection was dropped", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ mail: true, drop: true });
    await send(inbox).catch(() => {});
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(
      "None arrived.\nThe last connection was dropped, as refuse() asked.",
    );
    inbox.clear();
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(/None arrived\.$/);
  });

  test.each([
    ["is none", "no handshake\r\n"],
    ["breaks off", "\x16\x03\x01"],
  ])("says that a handshake %s", async (_, octets) => {
    await using inbox = await startInbox({ tls: "implicit" });
    const failed = new Promise<void>((resolve) => inbox.server.on("error", () => resolve()));
    await Bun.connect({
      hostname: inbox.host,
      port: inbox.port,
      socket: { open: (socket) => void socket.end(octets), data() {} },
    });
    await failed;
    await expect(inbox.next({ timeout: 1 })).rejects.toThrow(
      /None arrived\.\nThe last TLS handshake failed \(.+\): does the client trust inbox\.certificate\?/,
    );
  });

  test("is rejected when the inbox closes", async () => {
    const inbox = await startInbox();
    const waiting = inbox.next();
    const [closed] = await Promise.all([waiting.catch((error: Error) => error.message), inbox.close()]);
    expect(closed).toBe("The inbox was closed");
    await expect(inbox.next()).rejects.toThrow("The inbox is closed");
    expect(() => inbox.port).toThrow("The inbox is closed");
  });
});

describe("refuse()", () => {
  const ACCEPTED = ["250", "250", "354", "250"];
  test.each<[Refusal, string[]]>([
    [{ mail: "SHOP@example.com" }, ["550", "503"]],
    [{ mail: /news/ }, ACCEPTED],
    [{ rcpt: "ann@example.com", code: 452 }, ["250", "452"]],
    [{ rcpt: "bob@example.com" }, ACCEPTED],
    [{ rcpt: true, delay: 5 }, ACCEPTED],
    [{ rcpt: true, delay: 0 }, ACCEPTED],
    [{ rcpt: true, delay: 5, code: 451 }, ["250", "451"]],
    [{ data: true }, ["250", "250", "354", "554"]],
    [{ data: { subject: "Hello", to: /ann/ }, code: 451 }, ["250", "250", "354", "451"]],
    [{ data: { subject: "Hell" } }, ACCEPTED],
  ])("%p", async (refusal, expected) => {
    await using inbox = await startInbox();
    const planned = inbox.refuse(refusal);
    expect(codes(await send(inbox))).toEqual(expected);
    expect(inbox.messages).toHaveLength(expected.at(-1) === "250" ? 1 : 0);
    expect(planned.count).toBe(expected === ACCEPTED && !("delay" in refusal) ? 0 : 1);
  });

  test("text and enhanced code are the ones given", async () => {
    await using inbox = await startInbox({ hideENHANCEDSTATUSCODES: false });
    const planned = inbox.refuse({ rcpt: true, code: 452, message: "Disk full", enhancedCode: "4.3.1" });
    expect((await send(inbox))[1]).toBe("452 4.3.1 Disk full");
    planned.end();
    inbox.refuse({ rcpt: true, enhancedCode: "5.7.1", delay: 1 });
    expect((await send(inbox))[1]).toBe("550 5.7.1 Refused by the test");
    inbox.clear();
    inbox.refuse({ rcpt: true, code: 452 });
    expect((await send(inbox))[1]).toBe("452 4.2.2 Refused by the test");
  });

  test.each([400, 599])("the code may be %d", async (code) => {
    await using inbox = await startInbox();
    inbox.refuse({ rcpt: true, code });
    expect(codes(await send(inbox))).toEqual(["250", String(code)]);
  });

  test("delay: the reply comes that much later, and at once without", async () => {
    const clock = stopTime();
    await using inbox = await startInbox();
    inbox.refuse({ mail: true, delay: 30, times: 1 });
    await using client = await connect(inbox.server);
    await client.command("EHLO x");
    let reply: number | undefined;
    const late = client.command("MAIL FROM:<a@a.test>").then(({ code }) => (reply = code));
    await turn();
    clock.pass(29);
    await turn();
    expect(reply).toBeUndefined();
    clock.pass(1);
    expect(await late).toBe(250);
    inbox.refuse({ mail: true });
    await client.command("RSET");
    expect((await client.command("MAIL FROM:<a@a.test>")).code).toBe(550);
  });

  test("to end one does not end the others", async () => {
    await using inbox = await startInbox();
    const planned = inbox.refuse({ mail: true, code: 451 });
    inbox.refuse({ mail: true, code: 452 });
    planned.end();
    planned.end();
    expect(codes(await send(inbox))).toEqual(["452", "503"]);
  });

  test("connect: the greeting is the refusal", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ connect: true, code: 421, message: "Busy", times: 1 });
    const refused = new SocketClient({ port: inbox.port, host: "127.0.0.1" });
    expect(await refused.reply()).toBe("421 Busy");
    expect(codes(await send(inbox))).toEqual(ACCEPTED);
    inbox.refuse({ connect: true });
    const other = new SocketClient({ port: inbox.port, host: "127.0.0.1" });
    expect(await other.reply()).toBe("554 Refused by the test");
  });

  test("helo: by the client's name", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ helo: "Bad.test" });
    inbox.refuse({ helo: /^worse/, code: 421 });
    const client = new SocketClient({ port: inbox.port, host: "127.0.0.1" });
    await client.reply();
    const replies = await client.chat("EHLO bad.test", "HELO good.test", "HELO worse.test");
    expect(codes(replies)).toEqual(["550", "250", "421"]);
  });

  test("auth: by the user name", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ auth: "ann", code: 454 });
    inbox.refuse({ auth: /^carl$/ });
    const client = await hello(inbox);
    const login = (name: string): string => `AUTH PLAIN ${btoa(`\0${name}\0x`)}`;
    expect(codes(await client.chat(login("Ann"), login("carl"), login("bob")))).toEqual([
      "454",
      "535",
      "235",
    ]);
  });

  test.each<[Refusal, string[]]>([
    [{ rcpt: true }, ["550", "550", "550", "550"]],
    [{ rcpt: true, times: 2 }, ["550", "550", "250", "250"]],
    [{ rcpt: true, nth: 2 }, ["250", "550", "250", "250"]],
    [{ rcpt: true, nth: 2, times: 2 }, ["250", "550", "550", "250"]],
    [{ rcpt: "c@c.test", nth: 1 }, ["250", "250", "550", "250"]],
  ])("%p: how often", async (refusal, expected) => {
    await using inbox = await startInbox();
    inbox.refuse(refusal);
    const client = await hello(inbox);
    await client.say("MAIL FROM:<a@a.test>");
    const recipients = ["a@a.test", "b@b.test", "c@c.test", "d@d.test"];
    expect(codes(await client.chat(...recipients.map((one) => `RCPT TO:<${one}>`)))).toEqual(expected);
  });

  test("the first that is due counts, and one may be ended", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ rcpt: true, code: 451, times: 1 });
    const client = await hello(inbox);
    await client.say("MAIL FROM:<a@a.test>");
    {
      using full = inbox.refuse({ rcpt: "b@b.test", code: 452 });
      expect(codes(await client.chat("RCPT TO:<b@b.test>", "RCPT TO:<b@b.test>"))).toEqual(["451", "452"]);
      expect(full.count).toBe(1);
    }
    expect(await client.say("RCPT TO:<b@b.test>")).toStartWith("250 ");
  });

  test.each<Refusal>([
    { mail: true, drop: true },
    { rcpt: true, drop: true, delay: 1 },
    { data: true, drop: true },
  ])("%p: the connection closes without a reply", async (refusal) => {
    await using inbox = await startInbox();
    inbox.refuse(refusal);
    const replies = await send(inbox);
    expect(codes(replies).filter((code) => code !== undefined && code >= "400")).toEqual([]);
    expect(replies.at(-1)).toBeUndefined();
    expect(inbox.messages).toEqual([]);
  });

  test("drop closes no other connection", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ mail: true, drop: true });
    await using other = await connect(inbox.server);
    await using client = await connect(inbox.server);
    await client.command("EHLO x");
    await expect(client.command("MAIL FROM:<a@a.test>")).rejects.toThrow("The server closed the connection");
    expect((await other.command("NOOP")).code).toBe(250);
  });

  test("connect, drop: the connection closes before the greeting", async () => {
    await using inbox = await startInbox();
    inbox.refuse({ connect: true, drop: true });
    const socket = connectSocket({ port: inbox.port, host: "127.0.0.1" });
    const received: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    socket.on("error", () => {});
    await new Promise((resolve) => socket.on("close", resolve));
    expect(received).toEqual([]);
  });
});

describe("TLS", () => {
  test("is not offered by default", async () => {
    await using inbox = await startInbox();
    const client = new SocketClient({ port: inbox.port, host: "127.0.0.1" });
    await client.reply();
    expect(await client.say("EHLO x")).not.toContain("STARTTLS");
    expect(inbox.certificate).toBeUndefined();
    expect(inbox.url).toBe(`smtp://127.0.0.1:${inbox.port}`);
  });

  test("STARTTLS, with a certificate that the client can trust", async () => {
    await using inbox = await startInbox({ tls: "starttls" });
    const plain = await hello(inbox);
    expect(await plain.say("EHLO x")).toContain("STARTTLS");
    const trusting = { rejectUnauthorized: true, ca: inbox.certificate ?? "", host: "127.0.0.1" };
    const client = await (await TLSClient.plain(inbox.port)).startTLS(trusting);
    await client.say("EHLO x");
    expect(await client.deliver("Subject: x\r\n\r\nhi\r\n")).toStartWith("250 ");
    expect((await inbox.next()).secure).toBe(true);
    client.destroy();
  });

  test("from the first octet on", async () => {
    await using inbox = await startInbox({ tls: "implicit" });
    expect(inbox.url).toBe(`smtps://127.0.0.1:${inbox.port}`);
    const client = await TLSClient.implicit(inbox.port, {
      rejectUnauthorized: true,
      ca: inbox.certificate ?? "",
    });
    expect(await client.reply()).toStartWith("220 ");
    client.destroy();
  });

  test("the certificate is the one that is given", async () => {
    const identity = createAuthority("CA").issue("localhost");
    await using inbox = await startInbox({ tls: "starttls", ...identity });
    await using plain = await startInbox(identity);
    expect(inbox.certificate).toBe(identity.cert);
    expect(plain.certificate).toBeUndefined();
  });

  const handshake = async (inbox: { port: number }, tls: string): Promise<boolean> => {
    try {
      const client =
        tls === "implicit"
          ? await TLSClient.implicit(inbox.port)
          : await (await TLSClient.plain(inbox.port)).startTLS();
      // The client is done before the server is.
      await (tls === "implicit" ? client.reply() : client.say("NOOP"));
      client.destroy();
      return true;
    } catch {
      return false;
    }
  };
  test.each(["starttls", "implicit"] as const)("a broken handshake, %s: how often", async (tls) => {
    await using inbox = await startInbox({ tls });
    const planned = inbox.refuse({ tls: true, nth: 2, times: 2 });
    const done: boolean[] = [];
    for (let n = 0; n < 4; n++) done.push(await handshake(inbox, tls));
    expect(done).toEqual([true, false, false, true]);
    expect(planned.count).toBe(2);
    inbox.refuse({ tls: true });
    expect(await handshake(inbox, tls)).toBe(false);
    inbox.clear();
    expect(await handshake(inbox, tls)).toBe(true);
  });

  test("only handshakes count: not an error of another client", async () => {
    await using inbox = await startInbox({ tls: "starttls" });
    const other = inbox.refuse({ mail: "nobody@example.com" });
    inbox.refuse({ tls: true, nth: 2 });
    inbox.server.emit("error", Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
    inbox.server.emit("error", new Error("of a hook"));
    expect([await handshake(inbox, "starttls"), await handshake(inbox, "starttls")]).toEqual([true, false]);
    expect(other.count).toBe(0);
    inbox.clear();
    const mail = inbox.refuse({ mail: true });
    expect(await handshake(inbox, "starttls")).toBe(true);
    expect(mail.count).toBe(0);
  });

  test("the first handshake may be the one that breaks", async () => {
    await using inbox = await startInbox({ tls: "starttls" });
    inbox.refuse({ tls: true });
    expect(await handshake(inbox, "starttls")).toBe(false);
  });
});

describe("logins", () => {
  const plain = (name: string, password: string): string => `AUTH PLAIN ${btoa(`\0${name}\0${password}`)}`;

  test("any is taken by default, and none", async () => {
    await using inbox = await startInbox();
    const client = await hello(inbox);
    expect(await client.say(plain("ann", "anything"))).toStartWith("235 ");
    expect(await client.deliver()).toStartWith("250 ");
    expect((await inbox.next()).user).toBe("ann");
  });

  test("auth: these and no other, and no message without one", async () => {
    await using inbox = await startInbox({
      auth: [
        { user: "ann", pass: "secret" },
        { user: "bob", pass: "x" },
      ],
    });
    const client = await hello(inbox);
    expect(await client.say("MAIL FROM:<a@a.test>")).toStartWith("530 ");
    const tries = [plain("ann", "x"), plain("carl", "secret"), plain("bob", "x")];
    const refused = "535 Authentication failed";
    expect(await client.chat(...tries)).toEqual([refused, refused, "235 Authentication successful"]);
    expect(await client.say("MAIL FROM:<a@a.test>")).toStartWith("250 ");
  });

  test("auth: by CRAM-MD5 too", async () => {
    await using inbox = await startInbox({ auth: { user: "ann", pass: "secret" } });
    const login = async (key: string): Promise<string> => {
      const client = await hello(inbox);
      const challenge = (await client.say("AUTH CRAM-MD5"))?.slice("334 ".length) ?? "";
      const digest = createHmac("md5", key).update(atob(challenge)).digest("hex");
      return (await client.say(btoa(`ann ${digest}`)))?.slice(0, 3) ?? "";
    };
    expect([await login("secret"), await login("other")]).toEqual(["235", "535"]);
  });

  test("auth: a token without a name is of anonymous", async () => {
    await using inbox = await startInbox({ authMethods: ["OAUTHBEARER"] });
    await using client = await connect(inbox.server);
    await client.command("EHLO x");
    const token = btoa("n,,\x01auth=Bearer x\x01\x01");
    for (const line of [`AUTH OAUTHBEARER ${token}`, "MAIL FROM:<>", "RCPT TO:<a@a.test>", "DATA"])
      await client.command(line);
    await client.data("hi");
    expect((await inbox.next()).user).toBe("anonymous");
  });
});

describe("what cannot be meant is a TypeError that names it:", () => {
  test.each<[string, unknown]>([
    ["startInbox: port", { port: "25" }],
    ["startInbox: port", { port: 65_536 }],
    ["startInbox: host", { host: 1 }],
    ["startInbox: tls", { tls: true }],
    ["startInbox: auth: user and pass", { auth: { user: "ann" } }],
    ["startInbox: auth: user and pass", { auth: { pass: "secret" } }],
    ['startInbox: auth: there is no option "password"', { auth: { user: "ann", password: "x" } }],
    ["startInbox: onData: the hooks are the inbox's", { onData() {} }],
    ["startInbox: an object", null],
    ["startInbox: an object", "25"],
    ["size", { size: -1 }],
  ])("%s", async (message, options) => {
    const starting = startInbox(options as InboxOptions);
    await expect(starting).rejects.toThrow(TypeError);
    await expect(starting).rejects.toThrow(message);
  });

  test.each<[string, unknown]>([
    ["next: to:", { to: 1 }],
    ["next: timeout", { timeout: -1 }],
    // A timer of that time would fire at once.
    ["next: timeout", { timeout: 2 ** 31 }],
    ['next: there is no option "form"; there are to, from, subject, timeout', { form: "a@a.test" }],
  ])("%s", async (message, wanted) => {
    await using inbox = await startInbox();
    await expect(inbox.next(wanted as NextOptions)).rejects.toThrow(TypeError);
    await expect(inbox.next(wanted as NextOptions)).rejects.toThrow(message);
  });

  test.each<[string, unknown]>([
    ["refuse: one of connect, tls, helo, auth, mail, rcpt, data is wanted, not none", {}],
    ["not mail and rcpt", { mail: true, rcpt: true }],
    ['refuse: there is no option "recipient"', { recipient: "a@a.test" }],
    ["refuse: an object is wanted", "rcpt"],
    ["refuse: code", { rcpt: true, code: 250 }],
    ["refuse: code", { rcpt: true, code: 600 }],
    ["refuse: nth", { rcpt: true, nth: 0 }],
    ["refuse: times", { rcpt: true, times: 0.5 }],
    ["refuse: delay", { rcpt: true, delay: -1 }],
    ["refuse: message", { rcpt: true, message: 1 }],
    ["refuse: drop: true or false", { rcpt: true, drop: 1 }],
    ["refuse: drop: a connection that is dropped has no reply", { rcpt: true, drop: true, code: 421 }],
    ["refuse: rcpt: a string or a RegExp", { rcpt: 1 }],
    ["refuse: connect: true is wanted", { connect: "a" }],
    ["refuse: tls: true is wanted", { tls: "a" }],
    ["refuse: data: an object is wanted", { data: "a" }],
    ["refuse: data: subject", { data: { subject: 1 } }],
    ["refuse: code: a broken handshake has none", { tls: true, code: 454 }],
  ])("%s", async (message, refusal) => {
    await using inbox = await startInbox({ tls: "starttls" });
    expect(() => inbox.refuse(refusal as Refusal)).toThrow(TypeError);
    expect(() => inbox.refuse(refusal as Refusal)).toThrow(message);
  });

  test("a broken handshake of an inbox without TLS", async () => {
    await using inbox = await startInbox();
    expect(() => inbox.refuse({ tls: true })).toThrow("refuse: tls: this inbox has no TLS");
    expect(() => inbox.refuse(null as never)).toThrow("refuse: an object is wanted, not null");
  });
});
