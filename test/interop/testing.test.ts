/** bun-smtp/testing and Nodemailer, with Nodemailer's defaults. */
import { expect, setDefaultTimeout, test } from "bun:test";

import { type Inbox, startInbox } from "../../src/testing.js";
import { createTransport } from "./nodemailer.js";

setDefaultTimeout(30_000);

interface Settings {
  host: string;
  port: number;
}
const settings = ({ host, port }: Inbox): Settings => ({ host, port });
const mail = { from: "shop@example.com", to: "ann@example.com", subject: "Grüße ✓", text: "Hällo\n.dot" };

async function send(where: object | string, more: object = {}): Promise<string> {
  const transport = createTransport(where);
  try {
    const { response } = await transport.sendMail({ ...mail, ...more });
    return response;
  } finally {
    transport.close();
  }
}

test("host and port are enough", async () => {
  await using inbox = await startInbox();
  expect(await send(settings(inbox))).toStartWith("250 ");
  expect(
    await send(inbox.url, { html: "<b>Hällo</b>", attachments: [{ filename: "ü.txt", content: "x" }] }),
  ).toStartWith("250 ");
  const { from, to, subject, text } = await inbox.next({ to: "ann@example.com" });
  expect({ from, to, subject, text: text.trimEnd() }).toEqual({ ...mail, to: [mail.to] });
  expect(await inbox.next()).toMatchObject({
    html: "<b>Hällo</b>",
    attachments: [{ name: "ü.txt", type: "text/plain", content: Buffer.from("x") }],
  });
});

test.each([
  ["PLAIN", { user: "ann", pass: "secret" }],
  ["LOGIN", { user: "ann", pass: "secret" }],
  ["CRAM-MD5", { user: "ann", pass: "secret" }],
  ["XOAUTH2", { type: "OAuth2", user: "ann", accessToken: "secret" }],
])("a login by %s", async (authMethod, auth) => {
  await using any = await startInbox();
  await send({ ...settings(any), auth, authMethod });
  expect((await any.next()).user).toBe("ann");
  await using strict = await startInbox({ auth: { user: "ann", pass: "secret" } });
  await send({ ...settings(strict), auth, authMethod });
  expect((await strict.next()).user).toBe("ann");
  const wrong = { ...auth, pass: "no", accessToken: "no" };
  await expect(send({ ...settings(strict), auth: wrong, authMethod })).rejects.toThrow("535");
  await expect(send(settings(strict))).rejects.toThrow("530");
});

test("STARTTLS with a certificate that is trusted, and one that is not", async () => {
  await using inbox = await startInbox({ tls: "starttls" });
  await send({ ...settings(inbox), requireTLS: true, tls: { ca: inbox.certificate } });
  expect((await inbox.next()).secure).toBe(true);
  await expect(send(settings(inbox))).rejects.toThrow(/self.signed/);
  await using implicit = await startInbox({ tls: "implicit" });
  await send({ ...settings(implicit), secure: true, tls: { ca: implicit.certificate } });
  expect((await implicit.next()).secure).toBe(true);
});

test("what fails is what was asked for", async () => {
  await using inbox = await startInbox({ tls: "starttls" });
  const trusting = { ...settings(inbox), tls: { ca: inbox.certificate } };
  inbox.refuse({ connect: true, code: 421, times: 1 });
  await expect(send(trusting)).rejects.toThrow("421");
  inbox.refuse({ tls: true, times: 1 });
  await expect(send(trusting)).rejects.toThrow();
  inbox.refuse({ rcpt: "ann@example.com", code: 452, times: 1 });
  await expect(send(trusting)).rejects.toThrow("452");
  inbox.refuse({ data: { subject: /✓/ }, drop: true, times: 1 });
  await expect(send(trusting)).rejects.toMatchObject({ code: expect.stringMatching(/ECONN|ESOCKET/) });
  expect(inbox.messages).toEqual([]);
  await send(trusting);
  expect(inbox.messages).toHaveLength(1);
});

test("a pool that stays connected does not hold close() up", async () => {
  const inbox = await startInbox();
  const transport = createTransport({ ...settings(inbox), pool: true });
  await transport.sendMail(mail);
  const before = performance.now();
  await inbox.close();
  expect(performance.now() - before).toBeLessThan(2000);
  transport.close();
});
