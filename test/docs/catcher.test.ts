/** The catcher's mailbox and its web page, without the programs around them. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
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
    // What is gone takes no room.
    expect(mailbox.remove()).toBe(2);
    mailbox.add(received("7"), Buffer.alloc(90_000));
    expect(mailbox.list()).toHaveLength(1);
    // The envelope takes some.
    mailbox.add({ ...received("8"), rcptTo: Array(1000).fill("b@b.test") }, Buffer.alloc(10));
    expect(mailbox.list().map(({ id }) => id)).toEqual(["8"]);
  });

  test("shortens what the list shows", () => {
    const mailbox = new Mailbox(3, 100_000);
    mailbox.add(received("1"), lines(`Subject: ${"x".repeat(5000)}`, "", "\u{1f600}".repeat(5000)));
    const [summary] = mailbox.list();
    expect(summary?.subject).toBe(`${"x".repeat(300)}…`);
    expect(summary?.preview).toBe(`${"\u{1f600}".repeat(150)}…`);
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
    web = serve(mailbox, { hostname: "127.0.0.1", port: 0, smtpPort: 2525 });
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

  test("the HTML of a mail is sandboxed, with the images that it brings", async () => {
    const response = await get("/api/messages/m1/html");
    expect(response.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
    const policy = response.headers.get("Content-Security-Policy") ?? "";
    expect(policy).toStartWith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';");
    expect(policy).not.toMatch(/script|allow-same-origin|\*|http/);
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
    expect(await next()).toMatchObject({ all: [{ id: "m1" }], smtpPort: 2525 });
    mailbox.add(received("m2"), lines("Subject: new", "", ""));
    expect(await next()).toMatchObject({ added: { id: "m2", subject: "new" } });
    mailbox.remove(["m1"]);
    expect(await next()).toEqual({ removed: ["m1"] });
    await reader?.cancel();
  });

  test("is not for a site that lets its own name point here", async () => {
    for (const [host, status] of [
      ["attacker.test", 403],
      ["127.0.0.1.attacker.test:80", 403],
      ["localhost:8025", 200],
      ["192.0.2.1", 200],
      ["[::1]:8025", 200],
      ["catcher", 200],
    ] as const) {
      expect((await get("/api/messages", { headers: { Host: host } })).status, host).toBe(status);
    }
    expect((await get("/api/messages", { method: "DELETE", headers: { Host: "a.test" } })).status).toBe(403);
    expect(mailbox.list()).toHaveLength(1);
  });
});
