/** The catcher's mailbox and its web page, without the programs around them. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failures, parseRules, type Stage } from "../../docs/examples/catcher/failures.js";
import { type Change, Mailbox, type Received } from "../../docs/examples/catcher/mailbox.js";
import { serve, type Web } from "../../docs/examples/catcher/web.js";

const received = (id: string): Received => ({
  id,
  received: new Date(0),
  client: "192.0.2.1",
  protocol: "ESMTP",
  mailFrom: "a@a.test",
  rcptTo: ["b@b.test"],
});
const lines = (...lines: string[]) => Buffer.from(lines.join("\r\n"));

describe("the mailbox", () => {
  test("lists the newest first, by what the mail says", () => {
    const mailbox = new Mailbox(10, 1000);
    mailbox.add(received("1"), lines("Subject: =?utf-8?Q?=C3=BC?=", "From: Ann <a@a.test>", "", "a", "\t b"));
    mailbox.add(received("2"), lines("", "x"));
    expect(mailbox.list()).toMatchObject([
      { id: "2", from: "a@a.test", subject: "", preview: "x", attachments: 0, size: 3 },
      { id: "1", from: "Ann <a@a.test>", subject: "ü", preview: "a b" },
    ]);
  });

  test("keeps so many messages and so many octets, and says which ones went", () => {
    const mailbox = new Mailbox(3, 100_000);
    const removed: string[] = [];
    mailbox.onChange = (change: Change) => "removed" in change && removed.push(...change.removed);
    for (const id of "12345") mailbox.add(received(id), Buffer.alloc(10_000));
    expect(mailbox.list().map(({ id }) => id)).toEqual(["5", "4", "3"]);
    mailbox.add(received("6"), Buffer.alloc(85_000));
    expect(mailbox.list().map(({ id }) => id)).toEqual(["6", "5"]);
    expect(removed).toEqual(["1", "2", "3", "4"]);
    // What is gone takes no space.
    expect(mailbox.remove()).toBe(2);
    mailbox.add(received("7"), Buffer.alloc(90_000));
    expect(mailbox.list()).toHaveLength(1);
    // The envelope takes some.
    mailbox.add({ ...received("8"), rcptTo: Array(1000).fill("b@b.test") }, Buffer.alloc(10));
    expect(mailbox.list().map(({ id }) => id)).toEqual(["8"]);
  });

  test("previews the HTML of a mail without text", () => {
    const mailbox = new Mailbox(3, 100_000);
    const html = [
      "<!doctype html><html><head><title>no</title><style>p { color: red }</style></head><body><!-- no -->",
      "<script>no</script><h1>Hel<b>lo</b></h1><p title=x>a&nbsp;&lt;b&gt; &amp; &#8364;&#x20AC;&rsquo;&nope;</p>",
      "&zwnj;\u200c\ufeff<p>5 < 6<style>never closed",
    ];
    mailbox.add(received("1"), lines("Content-Type: text/html; charset=utf-8", "", ...html));
    expect(mailbox.list()[0]?.preview).toBe("Hello a <b> & €€’&nope; 5 < 6");
  });

  describe("a search", () => {
    const mailbox = new Mailbox(10, 1_000_000);
    mailbox.add(
      { ...received("far"), rcptTo: ["Hidden@Bcc.test"] },
      lines(
        "From: Zoë <zoe@a.test>",
        "Message-ID: <unique-17@a.test>",
        "",
        "x ".repeat(5000),
        "At the\t END",
      ),
    );
    mailbox.add(
      { ...received("html"), mailFrom: "bounce@list.test" },
      lines(
        "Content-Type: text/html",
        "",
        "<style>.quux{}</style><p>100% pu<b>rple</b>_</p><a href='https://a.test/?token=s3'>x</a>",
      ),
    );
    mailbox.add(
      received("file"),
      lines('Content-Type: application/pdf; name="Invoice.PDF"', "Subject: Zoe\u0308", "", "purple"),
    );
    test.each([
      ["the end", ["far"]],
      ["  END   the ", ["far"]],
      ["hidden@bcc.test", ["far"]],
      ["unique-17", ["far"]],
      ["ZOË", ["file", "far"]],
      ["bounce@list", ["html"]],
      ["100% purple_", ["html"]],
      ["token=s3", ["html"]],
      ["invoice.pdf", ["file"]],
      ["quux", []],
      ["purple the", []],
      ["%", ["html"]],
      ["", ["file", "html", "far"]],
      [" ", ["file", "html", "far"]],
      ["\ud800 '\"\0", []],
    ])("for %j", (query, ids) => {
      expect(mailbox.list(query).map(({ id }) => id)).toEqual(ids);
    });

    test("for a text of thousands of words looks for the first of them", () => {
      expect(mailbox.list("a ".repeat(5000)).map(({ id }) => id)).toEqual(["file", "html", "far"]);
    });
  });

  describe("in a file", () => {
    const directory = mkdtempSync(join(tmpdir(), "bun-smtp-docs-"));
    afterAll(() => rmSync(directory, { recursive: true }));

    test("keeps what it has, and what was read", () => {
      const path = join(directory, "mail.sqlite");
      const source = Buffer.from("Subject: kept\r\n\r\n\xff\0", "latin1");
      const before = new Mailbox(2, 100_000, path);
      before.add(received("1"), source);
      before.add(received("2"), lines("Subject: other", "", ""));
      expect(before.mark("1", true)).toMatchObject({ id: "1", isRead: true });
      const all = before.list();
      before.close();
      const after = new Mailbox(2, 100_000, path);
      expect(after.list()).toEqual(all);
      expect(after.list().map(({ isRead }) => isRead)).toEqual([false, true]);
      expect(Buffer.from(after.get("1")?.source ?? [])).toEqual(source);
      after.add(received("3"), lines("", ""));
      expect(after.list().map(({ id }) => id)).toEqual(["3", "2"]);
      after.close();
    });

    test("is not shared, and no database of another program is taken", () => {
      const path = join(directory, "shared.sqlite");
      const first = new Mailbox(2, 100_000, path);
      expect(() => new Mailbox(2, 100_000, path)).toThrow("locked");
      first.close();
      const other = join(directory, "application.sqlite");
      using db = new Database(other);
      db.run("CREATE TABLE messages (id INTEGER)");
      expect(() => new Mailbox(2, 100_000, other)).toThrow("this is no database of a catcher");
      expect(db.query("SELECT name FROM sqlite_schema").values()).toEqual([["messages"]]);
      expect(db.query("PRAGMA journal_mode").values()).toEqual([["delete"]]);
    });
  });

  test("marks what was read, and says so", () => {
    const mailbox = new Mailbox(3, 100_000);
    mailbox.add(received("1"), lines("", "x"));
    const changes: Change[] = [];
    mailbox.onChange = (change) => changes.push(change);
    mailbox.mark("1", true);
    expect(mailbox.get("1")?.summary.isRead).toBe(true);
    expect(mailbox.mark("2", true)).toBeUndefined();
    expect(changes).toEqual([{ changed: expect.objectContaining({ id: "1", isRead: true }) as never }]);
  });

  test("shortens what the list shows", () => {
    const mailbox = new Mailbox(3, 100_000);
    mailbox.add(received("1"), lines(`Subject: ${"x".repeat(5000)}`, "", "\u{1f600}".repeat(5000)));
    const [summary] = mailbox.list();
    expect(summary?.subject).toBe(`${"x".repeat(300)}…`);
    expect(summary?.preview).toBe(`${"\u{1f600}".repeat(150)}…`);
  });
});

describe("refusals on purpose", () => {
  const refusal = (act: () => void): string => {
    try {
      act();
      return "";
    } catch (error) {
      const { responseCode, enhancedCode, message } = error as Record<string, unknown>;
      return [responseCode, enhancedCode, message].filter(Boolean).join(" ");
    }
  };

  test.each([
    ["refuse-452@example.com", "452 Refused on purpose"],
    ["ann+REFUSE-550-5.1.1@example.com", "550 5.1.1 Refused on purpose"],
    ["refuse-535", "535 Refused on purpose"],
    ["refuse-452-5.1.1@example.com", "452 5.1.1@example.com"],
    ["refuse-250@example.com", ""],
    ["refuse-600@example.com", ""],
    ["do-not-refuse-452@example.com", ""],
    ["a@refuse-452", ""],
    ["refuse-", ""],
  ])("the name %s: %j", (name, expected) => {
    const found = refusal(() => new Failures([]).check("rcpt", name));
    // The class of an enhanced code is that of its code (RFC 3463 section 2).
    expect(found).toBe(name.includes("452-5") ? "452 5.1.1" : expected);
  });

  test.each([
    ["452 4.2.2 Mailbox full", "452 4.2.2 Mailbox full"],
    ["552", "552 Refused on purpose"],
    ["450 later", "450 later"],
    ["yes", "554 X-Catcher-Fail: must be a reply, as in 452 4.2.2 Mailbox full"],
    ["250 OK", "554 X-Catcher-Fail: must be a reply, as in 452 4.2.2 Mailbox full"],
    ["", ""],
  ])("the header %j: %j", (value, expected) => {
    expect(refusal(() => new Failures([]).checkMessage([{ name: "x-catcher-fail", value }]))).toBe(expected);
  });

  test("FAIL refuses stages, some of them now and then", () => {
    let random = 0;
    const failures = new Failures(parseRules(" rcpt:451:20, data:552,,mail:450:0"), () => random);
    const at = (stage: Stage): string => refusal(() => failures.check(stage));
    expect(at("rcpt")).toBe("451 Refused on purpose, by FAIL");
    expect(at("data")).toBe("552 Refused on purpose, by FAIL");
    expect([at("mail"), at("connect"), at("auth")]).toEqual(["", "", ""]);
    random = 0.2;
    expect(at("rcpt")).toBe("");
    random = 0.999;
    expect(at("data")).toBe("552 Refused on purpose, by FAIL");
  });

  test.each(["rcpt", "rcpt:250", "rcpt:451:101", "quit:451", "rcpt:451:x", "RCPT:451"])(
    "FAIL=%s is no rule",
    (text) => {
      expect(() => parseRules(`data:552,${text}`)).toThrow(
        `${text}: expected a stage (connect, auth, mail, rcpt, data), `,
      );
    },
  );
});

describe("the links of a text", async () => {
  const script = "../../docs/examples/catcher/page/links.js";
  const { linksOf } = (await import(script)) as {
    linksOf: (text: string) => { text: string; href?: string }[];
  };
  test.each([
    ["see https://a.test/b?c=d#e.", ["https://a.test/b?c=d#e"]],
    ["(http://a.test/x), <HTTPS://B.test/>", ["http://a.test/x", "HTTPS://B.test/"]],
    ["http://a.test/a_(b) http://a.test/c)", ["http://a.test/a_(b)", "http://a.test/c"]],
    ["mailto:a@a.test?subject=x!", ["mailto:a@a.test?subject=x"]],
    ["javascript:alert(1) data:text/html,x file:///etc/passwd vbscript:x", []],
    ["xhttp://a.test http:// https://[ mailto:", []],
    ["javascript:https://a.test", ["https://a.test"]],
    ["", []],
  ])("%j", (text, links) => {
    const pieces = linksOf(text);
    expect(pieces.map(({ text }) => text).join("")).toBe(text);
    expect(pieces.flatMap(({ href }) => href ?? [])).toEqual(links);
    for (const { text, href } of pieces) if (href !== undefined) expect(href).toBe(text);
  });

  test("are found in time, whatever the text is", () => {
    const start = performance.now();
    for (const piece of ["http://", "http://a.test ", "http://a" + ")".repeat(1000), "(", "mailto:"])
      linksOf(piece.repeat(500_000 / piece.length));
    linksOf(`http://a${")".repeat(500_000)}x`);
    linksOf(`http://a(${")".repeat(500_000)}`);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("the web page", () => {
  const hostile = lines(
    'Content-Type: multipart/mixed; boundary="b"',
    "Subject: <script>",
    "",
    "--b",
    "Content-Type: text/html",
    "",
    '<script>top.x=1</script><img src="cid:a"><img src=CID:b>',
    "--b",
    'Content-Type: image/png; name="../\\"x\\".png"',
    "Content-ID: <a>",
    "",
    "P",
    "--b",
    "Content-Type: text/html; name*=utf-8''a%0d%0aX-Injected:1",
    "Content-ID: <b>",
    "",
    "<script>top.x=1</script>",
    "--b--",
  );
  let mailbox: Mailbox;
  let web: Web;
  beforeEach(() => {
    mailbox = new Mailbox(10, 10_000);
    web = serve(mailbox, { hostname: "127.0.0.1", port: 0, smtpPort: 2525, startTLS: false, isKept: false });
    mailbox.add(received("m1"), hostile);
  });
  afterEach(() => web.stop());
  const get = (path: string, init?: RequestInit) => fetch(new URL(path, web.url), init);

  test("may load nothing but its own files, and these are there", async () => {
    const page = await get("/");
    expect(page.headers.get("Content-Type")).toStartWith("text/html");
    const policy = page.headers.get("Content-Security-Policy");
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain("unsafe");
    const html = await page.text();
    const files = Array.from(html.matchAll(/(?:src|href)="([\w.]+)"/g), ([, file = ""]) => file);
    expect(files).toEqual(["style.css", "script.js"]);
    for (const file of files) expect((await get(file)).status).toBe(200);
    expect(html).not.toMatch(/<script>|style="|\son\w+="/);
  });

  test("GET and DELETE of messages", async () => {
    const { messages } = (await (await get("/api/messages")).json()) as { messages: object[] };
    expect(messages).toMatchObject([{ id: "m1", subject: "<script>", attachments: 2 }]);
    expect(await (await get("/api/messages/m1")).json()).toMatchObject({
      ...received("m1"),
      received: "1970-01-01T00:00:00.000Z",
      attachments: [
        { name: '.._"x".png', type: "image/png", size: 1 },
        { name: "aX-Injected:1", type: "text/html", size: 24 },
      ],
    });
    mailbox.add(received("m2"), lines("", "x"));
    expect(await (await get("/api/messages/m1", { method: "DELETE" })).json()).toEqual({ removed: 1 });
    expect((await get("/api/messages/m1")).status).toBe(404);
    expect((await get("/api/messages/m1", { method: "DELETE" })).status).toBe(404);
    expect(await (await get("/api/messages", { method: "DELETE" })).json()).toEqual({ removed: 1 });
    expect(mailbox.list()).toEqual([]);
  });

  test("a query finds messages, and deletes those and no others", async () => {
    mailbox.add(received("m2"), lines("", "one two"));
    mailbox.add(received("m3"), lines("", "two three"));
    const found = (await (await get("/api/messages?query=TWO+one")).json()) as { messages: object[] };
    expect(found.messages).toMatchObject([{ id: "m2" }]);
    const { removed } = (await (await get("/api/messages?query=two", { method: "DELETE" })).json()) as {
      removed: number;
    };
    expect(removed).toBe(2);
    expect(mailbox.list().map(({ id }) => id)).toEqual(["m1"]);
  });

  test("PATCH marks a message as read", async () => {
    const patch = (id: string, body: string) => get(`/api/messages/${id}`, { method: "PATCH", body });
    expect(await (await patch("m1", '{ "isRead": true }')).json()).toMatchObject({ id: "m1", isRead: true });
    expect(mailbox.list()[0]?.isRead).toBe(true);
    await patch("m1", '{ "isRead": false }');
    expect(mailbox.list()[0]?.isRead).toBe(false);
    for (const body of ["", "null", "{}", '{ "isRead": 1 }'])
      expect((await patch("m1", body)).status).toBe(400);
    expect((await patch("m2", '{ "isRead": true }')).status).toBe(404);
  });

  test.each([
    [`<img alt="x" src="https://a.test/x.png">`, true],
    [`<IMG SRC = 'http://a.test/x.png'>`, true],
    [`<img src=//a.test/x.png>`, true],
    [`<td background="https://a.test/x.png">`, true],
    [`<p style="background: url(&quot;https://a.test/x.png&quot;)">`, true],
    [`<style>p { background: url( "//a.test/x.png" ) }</style>`, true],
    [`<picture><source srcset="https://a.test/x.png 2x"></picture>`, true],
    [`<img src="cid:a"><img src="data:image/png;base64,//8="><a href="https://a.test/">x</a>`, false],
    [`<p>https://a.test/x.png</p><hr>`, false],
  ])("%s: remote images: %p", async (html, hasRemoteImages) => {
    mailbox.add(received("m2"), lines("Content-Type: text/html", "", html));
    expect(await (await get("/api/messages/m2")).json()).toMatchObject({ hasRemoteImages });
  });

  test("images of other servers are loaded where the reader asks for them, and nothing else is", async () => {
    const policyOf = async (query: string): Promise<string> =>
      (await get(`/api/messages/m1/html${query}`)).headers.get("Content-Security-Policy") ?? "";
    const blocked = await policyOf("");
    expect(blocked).toContain("; img-src data:; ");
    expect(await policyOf("?images=0")).toBe(blocked);
    expect(await policyOf("?images=1")).toBe(blocked.replace("img-src data:", "img-src data: https: http:"));
  });

  test("no <link> of a mail reaches the browser", async () => {
    const html = `<link rel=preconnect href="https://a.test"><LINK/rel=x><linked>`;
    mailbox.add(received("m2"), lines("Content-Type: text/html", "", html));
    const shown = await (await get("/api/messages/m2/html")).text();
    expect(shown).toContain(`<no-link rel=preconnect href="https://a.test"><no-link/rel=x><linked>`);
  });

  test("the HTML of a mail is sandboxed, with the images that it brings", async () => {
    const response = await get("/api/messages/m1/html");
    expect(response.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
    const policy = response.headers.get("Content-Security-Policy") ?? "";
    expect(policy).toStartWith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';");
    expect(policy).not.toMatch(/script|allow-same-origin|\*|http/);
    expect(policy).toContain("; img-src data:; ");
    expect(await response.text()).toContain(`<img src="data:image/png;base64,${btoa("P")}"><img src=CID:b>`);
  });

  test("source and attachments are never taken for a page", async () => {
    const source = await get("/api/messages/m1/source");
    expect(source.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    expect(source.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(Buffer.from(await source.bytes())).toEqual(hostile);
    const attachment = await get("/api/messages/m1/attachments/1");
    expect(attachment.headers.get("Content-Type")).toBe("application/octet-stream");
    expect(attachment.headers.get("X-Injected")).toBeNull();
    expect((await get("/api/messages/m1/attachments/0")).headers.get("Content-Disposition")).toBe(
      "attachment; filename*=UTF-8''.._%22x%22.png",
    );
    for (const index of ["2", "-1", "x"]) {
      expect((await get(`/api/messages/m1/attachments/${index}`)).status).toBe(404);
    }
  });

  test("says what is there and then what changes", async () => {
    const response = await get("/api/events");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const next = async (): Promise<unknown> => {
      while (!text.includes("\n\n")) text += (await reader?.read())?.value ?? "";
      const [event = "", ...rest] = text.split("\n\n");
      text = rest.join("\n\n");
      return JSON.parse(event.replace(/^data: /, ""));
    };
    expect(await next()).toMatchObject({
      all: [{ id: "m1", isRead: false }],
      smtpPort: 2525,
      startTLS: false,
      isKept: false,
    });
    mailbox.add(received("m2"), lines("Subject: new", "", ""));
    expect(await next()).toMatchObject({ added: { id: "m2", subject: "new" } });
    mailbox.mark("m1", true);
    expect(await next()).toMatchObject({ changed: { id: "m1", isRead: true } });
    mailbox.remove(["m1"]);
    expect(await next()).toEqual({ removed: ["m1"] });
    await reader?.cancel();
  });

  test("is not for a site that lets its own name point here", async () => {
    for (const [host, status] of [
      ["attacker.test", 403],
      ["127.0.0.1.attacker.test:80", 403],
      ["localhost.attacker.test", 403],
      ["attackerlocalhost.test", 403],
      ["mail.localhost:8025", 200],
      ["localhost:8025", 200],
      ["192.0.2.1", 200],
      ["[::1]:8025", 200],
      ["catcher", 200],
    ] as const) {
      expect((await get("/api/messages", { headers: { Host: host } })).status, host).toBe(status);
    }
    for (const [path, method] of [
      ["/api/messages", "DELETE"],
      ["/api/messages/m1", "PATCH"],
      ["/", "GET"],
    ] as const) {
      const refused = await get(path, { method, headers: { Host: "a.test" } });
      expect(refused.status).toBe(403);
      expect(await refused.text()).toMatch(/does not answer to the name a\.test: .*\.localhost/);
    }
    expect(mailbox.list()).toHaveLength(1);
  });
});
