import { expect, test } from "bun:test";
import { SMTPError } from "bun-smtp";
import { Inbox } from "./inbox.js";
import { signUp } from "./sign-up.js";

test("a new user gets a link to confirm the address", async () => {
  await using inbox = await Inbox.open();
  await signUp("ann@example.com", inbox);
  expect(await inbox.next()).toMatchObject({
    from: "hello@shop.example",
    to: ["ann@example.com"],
    subject: "Welcome ✓",
    text: expect.stringMatching(/https:\/\/shop\.example\/confirm\/\w+/),
  });
});

test("each of them gets exactly one", async () => {
  await using inbox = await Inbox.open();
  await Promise.all(["ann@example.com", "bob@example.com"].map((address) => signUp(address, inbox)));
  const toBob = await inbox.next({ to: "bob@example.com" });
  const toAnn = await inbox.next({ to: "Ann@example.com" });
  expect(toBob.text).not.toBe(toAnn.text);
  // The mailer waits for the 250, so what it has sent is there.
  expect(inbox.arrived).toHaveLength(2);
});

test("next() waits for what comes later", async () => {
  await using inbox = await Inbox.open();
  const mail = inbox.next({ to: "ann@example.com" });
  await signUp("bob@example.com", inbox);
  await signUp("ann@example.com", inbox);
  expect((await mail).to).toEqual(["ann@example.com"]);
  expect((await inbox.next()).to).toEqual(["bob@example.com"]);
});

test("an address that does not exist is reported", async () => {
  await using inbox = await Inbox.open({
    onRcptTo: async ({ address }) => {
      throw new SMTPError(`${address} unknown`, { responseCode: 550 });
    },
  });
  await expect(signUp("ann@example.com", inbox)).rejects.toThrow("550 ann@example.com unknown");
  expect(inbox.arrived).toEqual([]);
});

test("what does not come is told with what did", async () => {
  await using inbox = await Inbox.open();
  await expect(inbox.next({ timeout: 1 })).rejects.toThrow("No mail within 1 ms. None arrived at all.");
  await signUp("ann@example.com", inbox);
  await signUp("bob@example.com", inbox);
  await inbox.next();
  await expect(inbox.next({ to: "carl@example.com", timeout: 1 })).rejects.toThrow(
    [
      "No mail to carl@example.com within 1 ms. Arrived:",
      '  from <hello@shop.example> to <ann@example.com>: "Welcome ✓", which next() has given before',
      '  from <hello@shop.example> to <bob@example.com>: "Welcome ✓"',
    ].join("\n"),
  );
});
