import { expect, test } from "bun:test";
import { startInbox } from "bun-smtp/testing";
import { signUp } from "./sign-up.js";

test("a new user gets a link to confirm the address", async () => {
  await using inbox = await startInbox();
  await signUp("ann@example.com", inbox);
  expect(await inbox.next()).toMatchObject({
    from: "hello@shop.example",
    to: ["ann@example.com"],
    subject: "Welcome ✓",
    text: expect.stringMatching(/https:\/\/shop\.example\/confirm\/\w+/),
  });
});

test("each user gets a link of their own", async () => {
  await using inbox = await startInbox();
  await Promise.all(["ann@example.com", "bob@example.com"].map((address) => signUp(address, inbox)));
  const toBob = await inbox.next({ to: "bob@example.com" });
  const toAnn = await inbox.next({ to: "ann@example.com" });
  expect(toBob.text).not.toBe(toAnn.text);
  // The mailer waits for the 250, so all that it sent is here.
  expect(inbox.messages).toHaveLength(2);
});

test("an address that does not exist is reported", async () => {
  await using inbox = await startInbox();
  inbox.refuse({ rcpt: "ann@example.com", code: 550, message: "ann@example.com unknown" });
  await expect(signUp("ann@example.com", inbox)).rejects.toThrow("550 ann@example.com unknown");
  expect(inbox.messages).toEqual([]);
});

test("a server that is busy once is tried again by the next sign-up", async () => {
  await using inbox = await startInbox();
  inbox.refuse({ data: true, code: 451, times: 1 });
  await expect(signUp("ann@example.com", inbox)).rejects.toThrow("451");
  await signUp("ann@example.com", inbox);
  expect(inbox.messages).toHaveLength(1);
});

test("a connection that breaks is reported", async () => {
  await using inbox = await startInbox();
  inbox.refuse({ mail: true, drop: true });
  await expect(signUp("ann@example.com", inbox)).rejects.toThrow(/no reply|ECONNRESET/);
});
