/** What the example fleet does without NATS: the client that hands messages over, and the bounces. */
import { describe, expect, test } from "bun:test";
import { s3 } from "../../docs/examples/fleet/bodies.js";
import { bounce } from "../../docs/examples/fleet/bounce.js";
import { Disconnected, MailClient } from "../../docs/examples/fleet/client.js";
import { stuff } from "../../docs/examples/fleet/dots.js";
import { decode, encode } from "../../docs/examples/fleet/envelope.js";
import { haproxyConfig } from "../../docs/examples/fleet/machines.js";
import { SMTPServer, type SMTPServerOptions } from "../../src/index.js";

async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
}

async function stuffed(text: string, size = text.length): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stuff(pieces(text, size)))).toString();
}

describe("dots", () => {
  test.each([
    ["", ".\r\n"],
    ["hi\r\n", "hi\r\n.\r\n"],
    ["hi", "hi\r\n.\r\n"],
    ["hi\r", "hi\r\r\n.\r\n"],
    [".\r\n", "..\r\n.\r\n"],
    ["..a.\r\n.\r\n.b\r\n", "...a.\r\n..\r\n..b\r\n.\r\n"],
    ["a\n.b\r\n\r\n.\r\n", "a\n.b\r\n\r\n..\r\n.\r\n"],
  ])("%j becomes %j, wherever it is cut", async (text, expected) => {
    for (let size = 1; size <= text.length + 1; size++) expect(await stuffed(text, size)).toBe(expected);
  });
});

/** Delivers to a server with these options and gives the replies, and what the server got. */
async function deliver(
  options: SMTPServerOptions,
  mail: { rcptTo: string[]; text?: string; isUTF8?: boolean },
  protocol: "lmtp" | "smtp" = "lmtp",
): Promise<{ codes: number[]; got: string[] }> {
  const got: string[] = [];
  await using server = new SMTPServer({
    lmtp: protocol === "lmtp",
    authOptional: true,
    disableReverseLookup: true,
    hideSMTPUTF8: false,
    async onData(stream, session) {
      const recipients = session.envelope.rcptTo.map(({ address }) => address);
      got.push(`${recipients.join(" ")}: ${Buffer.concat(await Array.fromAsync(stream)).toString()}`);
      return recipients.map((address) =>
        address.startsWith("later") ? Object.assign(new Error("full"), { responseCode: 452 }) : "taken",
      );
    },
    onRcptTo({ address }, _, callback) {
      callback(address.startsWith("no") ? new Error("unknown") : null);
    },
    ...options,
  });
  await server.listen(0, "127.0.0.1");
  const { port } = server.address() as { port: number };
  using client = await MailClient.open(`127.0.0.1:${port}`, "client.test", protocol);
  const { rcptTo, text = "Subject: x\r\n\r\n.\r\n", isUTF8 = false } = mail;
  const all = { mailFrom: "a@client.test", rcptTo, isUTF8, content: pieces(text, 5) };
  const replies = await client.deliver(all);
  // The connection can be used again.
  await client.deliver({ ...all, content: pieces("Subject: next\r\n", 4) });
  return { codes: replies.map(({ code }) => code), got };
}

describe("client", () => {
  test("gives a reply for each recipient of LMTP, in their order", async () => {
    const rcptTo = ["no@x", "yes@x", "later@x", "ok@x"];
    const { codes, got } = await deliver({}, { rcptTo });
    expect(codes).toEqual([550, 250, 452, 250]);
    expect(got).toEqual([
      "yes@x later@x ok@x: Subject: x\r\n\r\n.\r\n",
      "yes@x later@x ok@x: Subject: next\r\n",
    ]);
  });

  test("gives the one reply of SMTP to all", async () => {
    const { codes } = await deliver({}, { rcptTo: ["no@x", "yes@x", "ok@x"] }, "smtp");
    expect(codes).toEqual([550, 250, 250]);
  });

  test("sends no message where no recipient is accepted", async () => {
    const { codes, got } = await deliver({}, { rcptTo: ["no@x", "none@x"] });
    expect(codes).toEqual([550, 550]);
    expect(got).toEqual([]);
  });

  test("refuses a message that needs SMTPUTF8 where the server does not know it", async () => {
    const mail = { rcptTo: ["é@x"], isUTF8: true };
    expect((await deliver({ hideSMTPUTF8: true }, mail)).codes).toEqual([550]);
    expect((await deliver({}, mail)).codes).toEqual([250]);
  });

  test("rejects where the server disconnects, or the content breaks off", async () => {
    const onData: SMTPServerOptions["onData"] = (_stream, _session, callback) =>
      callback(Object.assign(new Error("bye"), { responseCode: 421 }));
    await expect(deliver({ onData }, { rcptTo: ["yes@x"] })).rejects.toThrow(Disconnected);
    const got: string[] = [];
    await using server = new SMTPServer({
      lmtp: true,
      authOptional: true,
      async onData(stream) {
        got.push(String(Buffer.concat(await Array.fromAsync(stream))));
        return [];
      },
    });
    await server.listen(0, "127.0.0.1");
    const { port } = server.address() as { port: number };
    using client = await MailClient.open(`127.0.0.1:${port}`, "client.test", "lmtp");
    const content = (async function* () {
      yield Buffer.from("Subject: half\r\n");
      throw new Error("The digest differs");
    })();
    const mail = { mailFrom: "", rcptTo: ["yes@x"], isUTF8: false, content };
    await expect(client.deliver(mail)).rejects.toThrow("The digest differs");
    await server.close();
    expect(got).toEqual([]);
  });
});

const envelope = {
  id: "7",
  mailFrom: "me@client.test",
  rcptTo: ["no@x", "full@x"],
  head: "Received: by mx.test\r\n",
  isUTF8: false,
  tries: 0,
};

describe("bounce", () => {
  const failures = [
    { address: "no@x", reply: { code: 550, text: "550 5.1.1 No such mailbox" } },
    { address: "full@x", reply: { code: 452, text: "452 4.2.2 Mailbox full" } },
    { address: "odd@x", reply: { code: 554, text: "554 No" } },
  ];

  test("names each recipient, its status and its reply, and returns the header alone", () => {
    const message = Buffer.from("Subject: x\r\nX: y\r\n\r\nthe body\r\n");
    const { envelope: report, body } = bounce(envelope, failures, "d.test", message);
    expect(report).toMatchObject({ mailFrom: "", rcptTo: ["me@client.test"], isBounce: true });
    const text = body.toString();
    const boundary = /boundary="(.+)"/.exec(text)?.[1] ?? "";
    const [head, , status, header, end] = text.split(`--${boundary}`);
    expect(head).toContain("report-type=delivery-status");
    expect(head).toContain("Auto-Submitted: auto-replied\r\n");
    const fields = status?.match(/^(Final-Recipient|Action|Status|Diagnostic-Code): .*$/gm);
    expect(fields?.map((line) => line.trim())).toEqual([
      ...["Final-Recipient: rfc822; no@x", "Action: failed", "Status: 5.1.1"],
      "Diagnostic-Code: smtp; 550 5.1.1 No such mailbox",
      ...["Final-Recipient: rfc822; full@x", "Action: failed", "Status: 5.2.2"],
      "Diagnostic-Code: smtp; 452 4.2.2 Mailbox full",
      ...["Final-Recipient: rfc822; odd@x", "Action: failed", "Status: 5.0.0"],
      "Diagnostic-Code: smtp; 554 No",
    ]);
    expect(header).toEndWith("\r\n\r\nReceived: by mx.test\r\nSubject: x\r\nX: y\r\n\r\n");
    expect(end).toBe("--\r\n");
  });

  test("cuts a header that is too long at the end of a line", () => {
    const message = Buffer.from(`X: ${"y".repeat(70)}\r\n`.repeat(1000));
    const { body } = bounce(envelope, failures, "d.test", message);
    expect(body.length).toBeLessThan(20_000);
    expect(body.toString()).toMatch(/\r\nX: y{70}\r\n\r\n--.*--\r\n$/);
  });
});

test("a payload is taken apart again, whatever its octets", () => {
  for (const body of ["", "\n\n", "Subject: x\r\n\r\n\0"]) {
    const payload = encode({ ...envelope, mailFrom: "\u00fc\n@x" }, [
      Buffer.from(body.slice(0, 3)),
      Buffer.from(body.slice(3)),
    ]);
    const taken = decode(payload);
    expect(taken.envelope).toEqual({ ...envelope, mailFrom: "\u00fc\n@x" });
    expect(taken.body.toString()).toBe(body);
  }
});

describe("S3", () => {
  /** As much of S3 as an upload, a read and a removal need. */
  function storage(): { objects: Map<string, Buffer>; server: Bun.Server<undefined>; client: Bun.S3Client } {
    const objects = new Map<string, Buffer>();
    const parts: Buffer[] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const { pathname, searchParams } = new URL(request.url);
        const octets = Buffer.from(await request.arrayBuffer());
        const etag = { headers: { ETag: '"e"' } };
        if (request.method === "POST" && searchParams.has("uploads"))
          return new Response(
            "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>",
          );
        if (searchParams.has("partNumber")) parts.push(octets);
        else if (request.method === "POST") objects.set(pathname, Buffer.concat(parts));
        else if (request.method === "PUT") objects.set(pathname, octets);
        else if (request.method === "DELETE") objects.delete(pathname);
        else {
          const object = objects.get(pathname);
          return object ? new Response(new Uint8Array(object)) : new Response("", { status: 404 });
        }
        return new Response("<CompleteMultipartUploadResult/>", etag);
      },
    });
    const endpoint = `http://127.0.0.1:${server.port}`;
    const keys = { accessKeyId: "a", secretAccessKey: "s" };
    return { objects, server, client: new Bun.S3Client({ bucket: "mail", endpoint, region: "x", ...keys }) };
  }

  const content = (octets: number, failure?: Error): ReadableStream<Uint8Array> => {
    let left = octets;
    return new ReadableStream({
      pull(controller) {
        if (left > 0) controller.enqueue(new Uint8Array(Math.min(left, 1 << 20)).fill(7));
        else if (failure) controller.error(failure);
        else controller.close();
        left -= 1 << 20;
      },
    });
  };

  test.each([300_000, 12_000_000])("an object of %d octets is stored, read and removed", async (size) => {
    const { objects, server, client } = storage();
    const bodies = s3(client);
    await bodies.put("one", content(size));
    expect(objects.get("/mail/one")?.length).toBe(size);
    expect(Buffer.concat(await Array.fromAsync(bodies.get("one"))).equals(Buffer.alloc(size, 7))).toBeTrue();
    await bodies.remove("one");
    expect(objects.size).toBe(0);
    await expect(Array.fromAsync(bodies.get("one"))).rejects.toThrow();
    await server.stop(true);
  });

  test.each([300_000, 12_000_000])("of one that breaks off after %d octets nothing is left", async (size) => {
    const { objects, server, client } = storage();
    await expect(s3(client).put("half", content(size, new Error("The client has gone")))).rejects.toThrow(
      "gone",
    );
    expect([...objects.keys()]).toEqual([]);
    await server.stop(true);
  });
});

test("HAProxy's configuration has a line for each receiver", () => {
  const receivers = [
    { smtp: 2501, health: 8081 },
    { smtp: 2502, health: 8082 },
  ];
  expect(haproxyConfig(25, receivers, 20)).toMatch(
    /^ {2}server r1 127\.0\.0\.1:2501 port 8081\n {2}server r2 127\.0\.0\.1:2502 port 8082\n$/m,
  );
});
