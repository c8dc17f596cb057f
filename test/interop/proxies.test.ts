import { afterAll, describe, expect, setDefaultTimeout } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { ConnectionOptions } from "node:tls";
import { SMTPError, SMTPServer } from "../../src/index.js";
import type { Logger, SMTPServerOptions, SMTPSession } from "../../src/index.js";
import { createAuthority } from "../support/certificates.js";
import { Client } from "./behind/client.js";
import type { Message, Target } from "./behind/client.js";
import { haproxyMissing, startHAProxy } from "./behind/haproxy.js";
import { Inbox } from "./behind/inbox.js";
import { nginxMissing, startNginx } from "./behind/nginx.js";
import { Postfix, postfixMissing } from "./behind/postfix.js";
import { cleanUp, directory, freePort, testUnless } from "./behind/service.js";

setDefaultTimeout(60_000);
afterAll(cleanUp);

/** A loopback address of the client alone: the proxies have 127.0.0.1. */
const CLIENT = "127.0.0.9";

const MESSAGE: Message = {
  from: "a@client.test",
  to: ["b@mx.test"],
  data: "Subject: proxies\r\nMessage-ID: <1@client.test>\r\n\r\n.\r\n..dots\r\ngr\u00fc\u00dfe\r\n",
};

/** Sends the message through a proxy that lets SMTP through, and gives the port that it came from. */
async function deliver(target: Target, message: Message = MESSAGE): Promise<number> {
  using client = await Client.connect(target);
  expect(await client.reply()).toBe("220 mx.test ESMTP");
  expect(await client.say("EHLO client.test")).toStartWith("250-mx.test");
  expect(await client.deliver(message)).toStartWith("250 ");
  expect(await client.say("QUIT")).toStartWith("221 ");
  return client.port;
}

describe("HAProxy", () => {
  const haproxyTest = testUnless(haproxyMissing());
  const senders = ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"];
  const listeners: [name: string, options: SMTPServerOptions][] = [
    ["plain", {}],
    ["implicit TLS", { secure: true, needsUpgrade: true }],
  ];
  const uniqueId = ["unique-id-format %ci:%cp:%ts"];

  for (const [name, options] of listeners) {
    for (const sender of senders) {
      haproxyTest(`${sender} to a listener of ${name}`, async () => {
        await using inbox = await Inbox.open({ ...options, useProxy: ["127.0.0.1"], logger: false });
        const port = freePort();
        const route = { bind: `127.0.0.1:${port}`, server: inbox.port, options: sender, lines: uniqueId };
        await using _ = await startHAProxy([route]);
        const tls = options.secure === true;
        const from = await deliver({ to: port, from: CLIENT, tls });
        const { session, text } = await inbox.next();
        expect(session).toMatchObject({
          remoteAddress: CLIENT,
          remotePort: from,
          localAddress: "127.0.0.1",
          localPort: port,
          clientHostname: `[${CLIENT}]`,
          secure: tls,
          transmissionType: tls ? "ESMTPS" : "ESMTP",
        });
        expect(text).toBe(MESSAGE.data);
        expect(inbox.connects).toMatchObject([{ remoteAddress: CLIENT, remotePort: from, localPort: port }]);
        expect(inbox.errors).toEqual([]);
      });
    }
  }

  haproxyTest("an IPv6 client, and one of a unix socket", async () => {
    await using inbox = await Inbox.open({ useProxy: ["127.0.0.1"] });
    const sockets = directory();
    for (const options of ["send-proxy", "send-proxy-v2"]) {
      const port = freePort();
      const path = `${sockets}/${options}`;
      await using _ = await startHAProxy([
        { bind: `127.0.0.1:${port} accept-proxy`, server: inbox.port, options },
        { bind: path, server: inbox.port, options },
      ]);
      await deliver({ to: port, before: "PROXY TCP6 2001:db8::7 2001:db8::1 1234 25\r\n" });
      expect((await inbox.next()).session).toMatchObject({
        remoteAddress: "2001:db8::7",
        remotePort: 1234,
        localAddress: "2001:db8::1",
        localPort: 25,
      });
      await deliver({ to: path });
      // HAProxy names no client of a unix socket.
      expect((await inbox.next()).session).toMatchObject({
        remoteAddress: "127.0.0.1",
        localPort: inbox.port,
      });
    }
    expect(inbox.errors).toEqual([]);
  });

  describe("TLS that ends at HAProxy", () => {
    const authority = createAuthority("the proxy's CA");
    const own = authority.issue("mx.test");
    const other = createAuthority("another CA").issue("other.test", "clientAuth");
    const ann = authority.issue("ann.test", "clientAuth");
    const all = "send-proxy-v2-ssl-cn proxy-v2-options authority,ssl-cipher,crc32c,unique-id";

    /** Delivers through HAProxy and gives the session. */
    async function through(
      options: string,
      tls: ConnectionOptions,
      lines: readonly string[] = [],
    ): Promise<{ session: SMTPSession; from: number; errors: Error[] }> {
      await using inbox = await Inbox.open({ useProxy: ["127.0.0.1"], secure: true, secured: true });
      const files = directory();
      writeFileSync(`${files}/mx.pem`, own.cert + own.key);
      writeFileSync(`${files}/ca.pem`, authority.cert);
      const port = freePort();
      const bind = `127.0.0.1:${port} ssl crt ${files}/mx.pem ca-file ${files}/ca.pem crt-ignore-err all ca-ignore-err all verify optional alpn smtp`;
      await using _ = await startHAProxy([{ bind, server: inbox.port, options, lines }]);
      const from = await deliver({ to: port, from: CLIENT, tls });
      return { session: (await inbox.next()).session, from, errors: inbox.errors };
    }

    haproxyTest("all that it says of a client with a certificate", async () => {
      const tls = { ...ann, servername: "mx.test", ALPNProtocols: ["smtp"] };
      const { session, from, errors } = await through(all, tls, ["unique-id-format %ci:%cp"]);
      const cipher = "TLS_AES_256_GCM_SHA384";
      expect(session).toMatchObject({
        remoteAddress: CLIENT,
        remotePort: from,
        secure: true,
        transmissionType: "ESMTPS",
        servername: "mx.test",
        tlsOptions: { name: cipher, standardName: cipher, version: "TLSv1.3" },
        proxy: {
          version: 2,
          uniqueId: `${CLIENT}:${from}`,
          authority: "mx.test",
          alpn: "smtp",
          ssl: {
            verified: true,
            version: "TLSv1.3",
            cipher,
            commonName: "ann.test",
            clientCertificate: true,
          },
        },
      });
      expect([...(session.proxy?.tlvs?.keys() ?? [])].toSorted()).toEqual([1, 2, 3, 32, 5]);
      expect(errors).toEqual([]);
    });

    haproxyTest("a client with a certificate of another CA, and TLS 1.2", async () => {
      const { session } = await through(all, { ...other, maxVersion: "TLSv1.2" });
      expect(session.proxy).toMatchObject({
        authority: undefined,
        uniqueId: undefined,
        ssl: { verified: false, version: "TLSv1.2", commonName: "other.test", clientCertificate: true },
      });
      expect(session.tlsOptions).toMatchObject({
        name: expect.stringMatching(/^ECDHE-ECDSA-/),
        standardName: expect.stringMatching(/^TLS_ECDHE_ECDSA_WITH_/),
        version: "TLSv1.2",
      });
    });

    haproxyTest("a client without a certificate, of which it says that it is verified", async () => {
      const { session } = await through("send-proxy-v2-ssl", { servername: "mx.test" });
      expect(session.proxy?.ssl).toMatchObject({
        verified: false,
        version: "TLSv1.3",
        clientCertificate: false,
      });
      expect(session.tlsOptions).toEqual({ name: "", standardName: "", version: "TLSv1.3" });
      // It was not asked to pass it on.
      expect(session.servername).toBeUndefined();
    });

    haproxyTest("version 1 says nothing of it", async () => {
      const { session } = await through("send-proxy", {});
      expect(session.proxy).toEqual({ version: 1 });
      expect(session).toMatchObject({ secure: true, tlsOptions: false });
    });
  });

  haproxyTest("counts clients, not proxies", async () => {
    await using inbox = await Inbox.open({ useProxy: ["127.0.0.1"], maxClientsPerAddress: 1 });
    const port = freePort();
    await using _ = await startHAProxy([
      { bind: `127.0.0.1:${port}`, server: inbox.port, options: "send-proxy-v2" },
    ]);
    using first = await Client.connect({ to: port, from: CLIENT });
    expect(await first.reply()).toStartWith("220 ");
    using second = await Client.connect({ to: port, from: CLIENT });
    expect(await second.reply()).toStartWith("421 ");
    using other = await Client.connect({ to: port, from: "127.0.0.10" });
    expect(await other.reply()).toStartWith("220 ");
  });

  haproxyTest("one that is not trusted is served as itself: its header is no SMTP", async () => {
    await using inbox = await Inbox.open({ useProxy: ["192.0.2.1"] });
    const port = freePort();
    await using _ = await startHAProxy([
      { bind: `127.0.0.1:${port}`, server: inbox.port, options: "send-proxy" },
    ]);
    using client = await Client.connect({ to: port, from: CLIENT });
    // Greeted and told that PROXY is no command, or told off for talking first: it is a race.
    const replies = [await client.reply(), await client.reply()];
    expect(replies.join("\n")).toMatch(/^220 .*\n500 |^421 /);
    expect(inbox.connects.every(({ remoteAddress }) => remoteAddress === "127.0.0.1")).toBeTrue();
  });

  haproxyTest("its health checks do not fill the log", async () => {
    const entries: object[] = [];
    const keep = (entry: object): void => void entries.push(entry);
    const logger: Logger = { trace: keep, debug: keep, info: keep, warn: keep, error: keep, fatal: keep };
    const checked = new Map<number, number>();
    const enough = Promise.withResolvers<void>();
    const open = (options: SMTPServerOptions): Promise<Inbox> =>
      Inbox.open({
        useProxy: ["127.0.0.1"],
        ignoredHosts: ["127.0.0.1"],
        logger,
        onClose({ localPort }) {
          checked.set(localPort, (checked.get(localPort) ?? 0) + 1);
          if (checked.size === 2 && [...checked.values()].every((count) => count >= 3)) enough.resolve();
        },
        ...options,
      });
    await using connected = await open({});
    await using greeted = await open({});
    await using secure = await open({ secure: true, needsUpgrade: true });
    const port = freePort();
    const route = (inbox: Inbox, options: string, lines: string[] = []) => ({
      bind: `127.0.0.1:${inbox === greeted ? port : freePort()}`,
      server: inbox.port,
      options: `${options} check inter 100ms`,
      lines,
    });
    // That they listen.
    entries.length = 0;
    await using haproxy = await startHAProxy([
      route(connected, "send-proxy-v2", ["option tcp-check", "tcp-check expect rstring ^220"]),
      route(greeted, "send-proxy", ["option smtpchk EHLO haproxy.test"]),
      route(secure, "send-proxy-v2"),
    ]);
    await haproxy.logged(/server route0\/server succeeded.*Layer7/);
    await haproxy.logged(/server route1\/server succeeded.*Layer7/);
    await haproxy.logged(/server route2\/server succeeded.*Layer4/);
    await enough.promise;
    expect(entries).toEqual([]);
    expect([...connected.errors, ...greeted.errors]).toEqual([]);
    // What comes from a client through the same port is logged.
    await deliver({ to: port, from: CLIENT });
    expect(entries).not.toEqual([]);
  });
});

/** Tells Postfix who the client is, and gives it the message. */
async function submit(port: number, xclient: string, message: Message = MESSAGE): Promise<string> {
  using client = await Client.connect({ to: port });
  await client.reply();
  await client.say("EHLO test");
  expect(await client.say(`XCLIENT ${xclient}`)).toStartWith("220 ");
  expect(await client.say("EHLO client.test")).toStartWith("250-postfix.test");
  return await client.deliver(message);
}

describe("Postfix", () => {
  const postfixTest = testUnless(postfixMissing());
  const XCLIENT = "ADDR=192.0.2.7 NAME=host.client.test PORT=4321";
  const FORWARDED = {
    ADDR: "192.0.2.7",
    NAME: "host.client.test",
    PORT: 4321,
    PROTO: "ESMTP",
    HELO: "client.test",
    SOURCE: "REMOTE",
  };

  /** A recipient's answer, by the name. */
  const answers: Record<string, Error | string> = {
    "good@mx.test": "stored for good",
    "later@mx.test": Object.assign(new Error("not now"), { responseCode: 451 }),
    "never@mx.test": Object.assign(new Error("not ever"), { responseCode: 552 }),
  };
  const stages: [name: string, options: SMTPServerOptions][] = [
    [
      "after the message",
      {
        onData(stream, session, callback) {
          void Array.fromAsync(stream).then(() =>
            callback(
              null,
              session.envelope.rcptTo.map(({ address }) => answers[address] ?? "stored"),
            ),
          );
        },
      },
    ],
    [
      "at RCPT",
      {
        onRcptTo({ address }, _, callback) {
          const answer = answers[address];
          callback(answer instanceof Error ? answer : null);
        },
      },
    ],
  ];

  for (const where of ["TCP", "a unix socket"]) {
    for (const [stage, options] of stages) {
      postfixTest(`LMTP over ${where}: accepted, deferred and refused ${stage}`, async () => {
        const path = where === "TCP" ? undefined : `${directory()}/lmtp`;
        await using inbox = await Inbox.open({ lmtp: true, ...options }, path);
        // The message that tells the sender goes elsewhere.
        await using bounces = await Inbox.open();
        const port = freePort();
        await using postfix = await Postfix.start({
          listeners: [{ port }],
          transport: path === undefined ? `lmtp:inet:127.0.0.1:${inbox.port}` : `lmtp:unix:${path}`,
          settings: { transport_maps: `inline:{client.test=smtp:[127.0.0.1]:${bounces.port}}` },
        });
        const to = Object.keys(answers);
        expect(await submit(port, XCLIENT, { ...MESSAGE, to })).toStartWith("250 ");

        await postfix.logged(/to=<good@mx\.test>.*status=sent \(250 /);
        await postfix.logged(/to=<later@mx\.test>.*status=deferred \(.*451 not now/);
        await postfix.logged(/to=<never@mx\.test>.*status=bounced \(.*552 not ever/);
        const bounce = await bounces.next();
        expect(bounce.session.envelope).toMatchObject({
          mailFrom: { address: "" },
          rcptTo: [{ address: "a@client.test" }],
        });
        expect(bounce.text).toMatch(/Final-Recipient: rfc822; never@mx\.test/);
        expect(bounce.text).toMatch(/Diagnostic-Code: [\s\S]*552 not ever/);
        expect(bounce.text).not.toContain("good@mx.test");
        expect(bounce.text).not.toContain("later@mx.test");
        // What happened to never@ and good@ is over; later@ is tried again, alone.
        await postfix.logged(/to=<a@client\.test>[\s\S]*: removed/);
        expect(
          postfix.queue().map(({ queue_name, recipients }) => [queue_name, recipients.map((r) => r.address)]),
        ).toEqual([["deferred", ["later@mx.test"]]]);

        const retried = Promise.withResolvers<string[]>();
        inbox.server.onRcptTo = (_, __, callback) => callback();
        inbox.server.onData = (stream, session, callback) => {
          retried.resolve(session.envelope.rcptTo.map(({ address }) => address));
          void Array.fromAsync(stream).then(() => callback(null, ["stored at last"]));
        };
        postfix.flush();
        expect(await retried.promise).toEqual(["later@mx.test"]);
        await postfix.logged(/to=<later@mx\.test>.*status=sent \(250 .*stored at last/);
        await postfix.logged(/: removed[\s\S]*: removed/);
        expect(postfix.queue()).toEqual([]);
        expect([...inbox.errors, ...bounces.errors]).toEqual([]);
      });
    }
  }

  for (const isChroot of [false, true]) {
    postfixTest(`LMTP: the settings of the guide, ${isChroot ? "in" : "without"} a chroot`, async () => {
      const guide = readFileSync(new URL("../../docs/guide/lmtp.md", import.meta.url), "utf8");
      const [, block = ""] = /^```\n# main\.cf\n([^]*?)^```$/m.exec(guide) ?? [];
      const settings = Object.fromEntries(
        block
          .trim()
          .split("\n")
          .map((line) => line.split(" = ") as [string, string]),
      );
      expect(Object.keys(settings)).toHaveLength(4);
      const [, install = ""] = /^```sh\n(install .*?) {2,}#/m.exec(guide) ?? [];
      const port = freePort();
      await using postfix = await Postfix.start({
        listeners: [{ port }],
        transport: "error:",
        settings,
        isChroot,
      });
      const command = install
        .replace("-o mail ", "-o root ")
        .replace("/var/spool/postfix", postfix.queueDirectory);
      expect(Bun.spawnSync(command.split(" ")).stderr.toString()).toBe("");
      const stored = Promise.withResolvers<string[]>();
      await using server = new SMTPServer({
        lmtp: true,
        authOptional: true,
        closeTimeout: 1,
        async onRcptTo({ address }) {
          if (address !== "ann@example.com") throw new SMTPError("No such mailbox", { responseCode: 550 });
        },
        async onData(stream, session) {
          await new Response(stream).bytes();
          stored.resolve(session.envelope.rcptTo.map(({ address }) => address));
        },
      });
      await server.listen({ path: `${postfix.queueDirectory}/run/lmtp.sock`, mode: 0o660 });
      // Only the user postfix may use the socket, by its group.
      const { mode, gid } = statSync(`${postfix.queueDirectory}/run/lmtp.sock`);
      expect(mode & 0o777).toBe(0o660);
      expect(gid).not.toBe(0);
      await expect(submit(port, XCLIENT, { ...MESSAGE, to: ["carl@example.com"] })).rejects.toThrow(
        /550 5\.1\.1 .*undeliverable address: .*No such mailbox/,
      );
      expect(await submit(port, XCLIENT, { ...MESSAGE, to: ["ann@example.com"] })).toStartWith("250 ");
      expect(await stored.promise).toEqual(["ann@example.com"]);
    });
  }

  postfixTest("LMTP: the session of a unix socket, and the message unchanged", async () => {
    const path = `${directory()}/lmtp`;
    await using inbox = await Inbox.open({ lmtp: true }, path);
    const port = freePort();
    await using _ = await Postfix.start({ listeners: [{ port }], transport: `lmtp:unix:${path}` });
    await submit(port, XCLIENT);
    const { session, text } = await inbox.next();
    expect(session).toMatchObject({
      remoteAddress: "",
      remotePort: 0,
      localAddress: "",
      localPort: 0,
      openingCommand: "LHLO",
      hostNameAppearsAs: "postfix.test",
      transmissionType: "LMTP",
    });
    expect(text).toEndWith(MESSAGE.data);
  });

  const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ family }) => family === "IPv6"),
  );
  const transports: [name: string, prefix: string, options: SMTPServerOptions][] = [
    ["smtp_send_xforward_command", "smtp:[127.0.0.1]:", {}],
    ["lmtp_send_xforward_command", "lmtp:inet:127.0.0.1:", { lmtp: true }],
  ];
  for (const [setting, prefix, options] of transports) {
    postfixTest(`${setting}: the client of the message`, async () => {
      await using inbox = await Inbox.open({ ...options, useXForward: ["127.0.0.1"] });
      const port = freePort();
      await using _ = await Postfix.start({
        listeners: [{ port }],
        transport: `${prefix}${inbox.port}`,
        settings: { [setting]: "yes" },
      });
      await submit(port, XCLIENT);
      const { session } = await inbox.next();
      expect(session).toMatchObject({
        remoteAddress: "192.0.2.7",
        remotePort: 4321,
        clientHostname: "host.client.test",
        hostNameAppearsAs: "client.test",
      });
      expect(Object.fromEntries(session.xForward)).toMatchObject({
        ...FORWARDED,
        "ADDR:DEFAULT": "127.0.0.1",
      });
      expect(inbox.connects.at(-1)).toMatchObject({
        remoteAddress: "192.0.2.7",
        clientHostname: "host.client.test",
      });

      // Without IPv6 Postfix takes no IPv6 client.
      if (hasIPv6) {
        await submit(port, "ADDR=IPV6:2001:DB8::7 NAME=[UNAVAILABLE]");
        const second = (await inbox.next()).session;
        expect(second).toMatchObject({ remoteAddress: "2001:db8::7", clientHostname: "[2001:db8::7]" });
        expect(second.xForward.get("ADDR")).toBe("2001:db8::7");
      }
      expect(inbox.errors).toEqual([]);
    });
  }

  postfixTest("where XFORWARD is not allowed Postfix is the client", async () => {
    await using inbox = await Inbox.open({ useXForward: ["192.0.2.1"] });
    const port = freePort();
    await using _ = await Postfix.start({
      listeners: [{ port }],
      transport: `smtp:[127.0.0.1]:${inbox.port}`,
      settings: { smtp_send_xforward_command: "yes" },
    });
    await submit(port, XCLIENT);
    const { session } = await inbox.next();
    expect(session).toMatchObject({ remoteAddress: "127.0.0.1", hostNameAppearsAs: "postfix.test" });
    expect(session.xForward.size).toBe(0);
  });

  postfixTest("smtpd_proxy_filter: a filter before the queue, whose answers the client gets", async () => {
    await using inbox = await Inbox.open();
    const [front, back] = [freePort(), freePort()];
    await using filter = await Inbox.open({
      name: "filter.test",
      useXForward: ["127.0.0.1"],
      onData(stream, session, callback) {
        void (async () => {
          const text = Buffer.concat(await Array.fromAsync(stream)).toString();
          filter.keep({ session: structuredClone(session), text });
          if (text.includes("virus")) {
            return callback(Object.assign(new Error("5.7.1 a virus is in it"), { responseCode: 554 }));
          }
          using client = await Client.connect({ to: back });
          await client.reply();
          await client.say("EHLO filter.test");
          const { mailFrom, rcptTo } = session.envelope;
          const from = mailFrom === false ? "" : mailFrom.address;
          const data = `X-Filtered: yes\r\n${text}`;
          const reply = await client.deliver({ from, to: rcptTo.map(({ address }) => address), data });
          callback(null, `filtered, ${reply.slice(4)}`);
        })().catch(callback);
      },
    });
    await using postfix = await Postfix.start({
      listeners: [
        { port: front, settings: { smtpd_proxy_filter: `127.0.0.1:${filter.port}` } },
        { port: back, settings: { smtpd_authorized_xforward_hosts: "127.0.0.1" } },
      ],
      transport: `smtp:[127.0.0.1]:${inbox.port}`,
    });

    expect(await submit(front, XCLIENT)).toMatch(/^250 filtered, 2\.0\.0 Ok: queued as/);
    const { session } = await filter.next();
    expect(session).toMatchObject({ remoteAddress: "192.0.2.7", clientHostname: "host.client.test" });
    expect(Object.fromEntries(session.xForward)).toMatchObject(FORWARDED);
    const { text } = await inbox.next();
    expect(text).toEndWith(MESSAGE.data);
    expect(text).toContain("X-Filtered: yes\r\n");

    const virus = { ...MESSAGE, data: "Subject: x\r\n\r\nvirus\r\n" };
    expect(await submit(front, XCLIENT, virus)).toBe("554 5.7.1 a virus is in it");
    await postfix.logged(/proxy-reject: END-OF-MESSAGE: 554 5\.7\.1 a virus is in it/);
    expect([...filter.errors, ...inbox.errors]).toEqual([]);
  });
});

describe("nginx's mail proxy", () => {
  const nginxTest = testUnless(nginxMissing());

  /** The HTTP server that nginx asks: everyone is let in, to this port. */
  const authority = (port: number) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        const headers = { "Auth-Status": "OK", "Auth-Server": "127.0.0.1", "Auth-Port": String(port) };
        return new Response("", { headers });
      },
    });

  const plain = (user: string, password: string): string =>
    `AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString("base64")}`;

  /** Only who logged in may send; nginx has checked the password, the name is what is left to judge. */
  const options: SMTPServerOptions = {
    authOptional: false,
    onAuth({ method, username, password }, _, callback) {
      if (method !== "XCLIENT" || password !== null) return callback(new Error("not by XCLIENT"));
      callback(username === "nobody@mx.test" ? new Error("no such user") : null, { user: username });
    },
  };

  nginxTest("with xclient: login and address arrive", async () => {
    await using inbox = await Inbox.open({ ...options, useXClient: ["127.0.0.1"] });
    using http = authority(inbox.port);
    const port = freePort();
    await using _ = await startNginx({ port, authPort: http.port ?? 0, auth: "plain login" });
    for (const user of ["user@mx.test", "j+b@mx.test"]) {
      using client = await Client.connect({ to: port, from: CLIENT });
      expect(await client.reply()).toStartWith("220 nginx.test");
      await client.say("EHLO client.test");
      expect(await client.say(plain(user, "secret"))).toStartWith("235 ");
      expect(await client.deliver(MESSAGE)).toStartWith("250 ");
      const { session, text } = await inbox.next();
      expect(session).toMatchObject({
        user,
        remoteAddress: CLIENT,
        hostNameAppearsAs: "client.test",
        transmissionType: "ESMTPA",
      });
      expect(Object.fromEntries(session.xClient)).toMatchObject({
        ADDR: CLIENT,
        "ADDR:DEFAULT": "127.0.0.1",
        LOGIN: user,
      });
      expect(text).toBe(MESSAGE.data);
    }
    // Once each, and not for nginx itself.
    expect(inbox.connects.map(({ remoteAddress }) => remoteAddress)).toEqual([CLIENT, CLIENT]);
    expect(inbox.errors).toEqual([]);
  });

  nginxTest("a user that the server refuses is refused", async () => {
    await using inbox = await Inbox.open({ ...options, useXClient: ["127.0.0.1"] });
    using http = authority(inbox.port);
    const port = freePort();
    await using _ = await startNginx({ port, authPort: http.port ?? 0, auth: "plain" });
    using client = await Client.connect({ to: port, from: CLIENT });
    await client.reply();
    await client.say("EHLO client.test");
    expect(await client.say(plain("nobody@mx.test", "secret"))).toMatch(/^550 .*no such user/);
    expect(inbox.errors).toEqual([]);
  });

  nginxTest("one that is not trusted cannot log a user in", async () => {
    await using inbox = await Inbox.open({ ...options, useXClient: ["192.0.2.1"] });
    using http = authority(inbox.port);
    const port = freePort();
    await using _ = await startNginx({ port, authPort: http.port ?? 0, auth: "plain" });
    using client = await Client.connect({ to: port, from: CLIENT });
    await client.reply();
    await client.say("EHLO client.test");
    expect(await client.say(plain("user@mx.test", "secret"))).toMatch(/^550 .*Not allowed/);
  });

  nginxTest("without AUTH: the address alone", async () => {
    await using inbox = await Inbox.open({ useXClient: ["127.0.0.1"] });
    using http = authority(inbox.port);
    const port = freePort();
    await using _ = await startNginx({ port, authPort: http.port ?? 0, auth: "none" });
    using client = await Client.connect({ to: port, from: CLIENT });
    await client.reply();
    await client.say("EHLO client.test");
    expect(await client.deliver(MESSAGE)).toStartWith("250 ");
    const { session } = await inbox.next();
    expect(session).toMatchObject({
      remoteAddress: CLIENT,
      hostNameAppearsAs: "client.test",
      transmissionType: "ESMTP",
    });
    expect(session.user).toBeFalsy();
  });

  nginxTest(
    "with proxy_protocol: PROXY by the peer's address, XCLIENT by the one behind the header",
    async () => {
      for (const [useXClient, reply] of [
        [["127.0.0.1"], /^550 .*Not allowed/],
        [[CLIENT], /^235 /],
      ] as const) {
        await using inbox = await Inbox.open({ ...options, useProxy: ["127.0.0.1"], useXClient });
        using http = authority(inbox.port);
        const port = freePort();
        const lines = ["proxy_protocol on;"];
        await using _ = await startNginx({ port, authPort: http.port ?? 0, auth: "plain", lines });
        using client = await Client.connect({ to: port, from: CLIENT });
        await client.reply();
        await client.say("EHLO client.test");
        expect(await client.say(plain("user@mx.test", "secret"))).toMatch(reply);
      }
    },
  );
});
