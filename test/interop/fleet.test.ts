/** The example fleet under fire: what was answered is delivered, octet for octet, whichever of its programs dies. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MailClient } from "../../docs/examples/fleet/client.js";
import { Fleet, missing } from "../../docs/examples/fleet/machines.js";
import { Client } from "./behind/client.js";
import { cleanUp, directory, testUnless } from "./behind/service.js";
import { type Counts, Load } from "./fleet/load.js";

setDefaultTimeout(120_000);

const lacks = missing();
const fleetTest = testUnless(lacks.length > 0 ? lacks.join(", ") : undefined);
const ROOT = new URL("../..", import.meta.url).pathname;

/** Nothing lost, nothing half: whatever else happened. */
const INTACT = { lost: 0, damaged: 0 } satisfies Partial<Counts>;

describe("fleet", () => {
  let fleet: Fleet;
  let load: Load;
  let mailbox: string;

  beforeAll(async () => {
    if (lacks.length > 0) return;
    const env = { ACK_WAIT: "3", BACK_OFF: "100", TRIES: "6" };
    const folder = directory();
    fleet = new Fleet({ folder, mailboxes: ["you", "me", "full"], deliverers: 2, perAddress: 1000, env });
    mailbox = join(fleet.mail, "you");
    // A mailbox whose deliveries fail each time.
    writeFileSync(join(fleet.mail, "full/new"), "");
    await fleet.start();
    load = new Load(fleet.port);
  });
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await cleanUp();
  });

  async function send(mailFrom: string, rcptTo: readonly string[], text: string): Promise<void> {
    using client = await MailClient.open(`127.0.0.1:${fleet.port}`, "client.test", "smtp");
    const content = (async function* () {
      yield Buffer.from(text);
    })();
    const replies = await client.deliver({ mailFrom, rcptTo, isUTF8: false, content });
    expect(replies.map(({ code }) => code)).toEqual(rcptTo.map(() => 250));
  }

  /** The messages of a mailbox, once there are so many. */
  async function mails(folder: string, count = 0): Promise<string[]> {
    const names = (): string[] => [...new Bun.Glob("new/*").scanSync(folder)];
    while (names().length < count) await Bun.sleep(100);
    return Promise.all(names().map((name) => Bun.file(join(folder, name)).text()));
  }

  fleetTest("type-checks as strictly as the package", async () => {
    const tsc = Bun.spawn([join(ROOT, "node_modules/.bin/tsc"), "-p", join(import.meta.dir, "fleet")]);
    expect(await tsc.stdout.text()).toBe("");
  });

  fleetTest("a small message and a large one go through", async () => {
    await load.one(100);
    await load.one(1_000_000);
    expect(await load.check(mailbox)).toEqual({
      ...{ sent: 2, answered: 2, refused: 0, broken: 0, unwelcome: 0 },
      ...{ ...INTACT, duplicates: 0, deliveredUnanswered: 0 },
    });
  });

  fleetTest("an acknowledgement of a message that the stream does not have is none", async () => {
    // What NATS before 2.11 says of an id that the leader before the election had, and did not store.
    const acks = [{ seq: 0, duplicate: true }, { seq: 7 }];
    const ids: string[] = [];
    const client = {
      async publish(_subject: string, _payload: Uint8Array, { msgID }: { msgID: string }) {
        ids.push(msgID);
        return acks.shift();
      },
    };
    // By a path that the compiler does not follow: the root has no types of NATS.
    const { enqueue } = (await import(join(ROOT, "docs/examples/fleet/queue.ts"))) as {
      enqueue(queue: { client: typeof client }, envelope: { id: string }): Promise<void>;
    };
    await enqueue({ client }, { id: "one" });
    expect(acks).toEqual([]);
    expect(new Set(ids).size).toBe(2);
  });

  fleetTest("each recipient has its own outcome, and the sender gets a bounce for two", async () => {
    const message = "Subject: three\r\n\r\nhello\r\n";
    await send("me@example.com", ["you@example.com", "nobody@example.com", "full@example.com"], message);
    const bounces = await mails(join(fleet.mail, "me"), 2);
    expect(
      bounces.filter((text) => text.includes("Final-Recipient: rfc822; nobody@example.com")),
    ).toHaveLength(1);
    expect(bounces.filter((text) => text.includes("Final-Recipient: rfc822; full@example.com"))).toHaveLength(
      1,
    );
    for (const text of bounces) {
      expect(text).toStartWith("Return-Path: <>\r\n");
      expect(text).toContain("\r\nSubject: three\r\n");
      expect(text).toMatch(/^Status: 5\.(1\.1|2\.0)\r$/m);
    }
    // Two tries more for one of them are none for the others.
    const copies = (await mails(mailbox)).filter((text) => text.includes("Subject: three"));
    expect(copies).toHaveLength(1);
  });

  fleetTest("a bounce is never sent to the null sender, and what is given up is kept", async () => {
    const count = async (): Promise<number | undefined> =>
      (await fleet.streams()).find(({ name }) => name === "MAIL_DEAD")?.state.messages;
    const before = (await count()) ?? 0;
    await send("", ["nobody@example.com"], "Subject: no bounce\r\n\r\n");
    while (((await count()) ?? 0) <= before) await Bun.sleep(100);
    // A message that comes behind it has its turn later than a bounce would have.
    await load.one();
    await load.check(mailbox);
    expect(await mails(join(fleet.mail, "me"))).toHaveLength(2);
  });

  fleetTest("of a large message that breaks off nothing is left", async () => {
    const stored = async (): Promise<number | undefined> =>
      (await fleet.streams()).find(({ name }) => name === "OBJ_mail")?.state.messages;
    const before = (await stored()) ?? 0;
    using client = await MailClient.open(`127.0.0.1:${fleet.port}`, "client.test", "smtp");
    const content = (async function* () {
      yield Buffer.alloc(700_000, "x".repeat(70) + "\r\n");
      while (((await stored()) ?? 0) <= before) await Bun.sleep(50);
      throw new Error("The client breaks off");
    })();
    const mail = { mailFrom: "me@example.com", rcptTo: ["you@example.com"], isUTF8: false, content };
    await expect(client.deliver(mail)).rejects.toThrow("breaks off");
    while ((await stored()) !== before) await Bun.sleep(50);
  });

  fleetTest("the NATS server that leads the queue is killed: the next message goes through", async () => {
    load.start(4);
    await load.more(20);
    const leader = await fleet.leader();
    await leader?.stop("SIGKILL");
    const seconds = await load.one();
    await load.stop();
    await leader?.start();
    expect(seconds).toBeLessThan(30);
    expect(await load.check(mailbox)).toMatchObject(INTACT);
  });

  fleetTest("a receiver and the leader are killed while they hold messages", async () => {
    load.start(8);
    await load.more(20);
    // While the leader stands still, messages wait for it in the receivers and in its sockets.
    const leader = await fleet.leader();
    process.kill(leader?.pid ?? 0, "SIGSTOP");
    await Bun.sleep(500);
    const [victim] = fleet.receivers;
    await Promise.all([victim?.stop("SIGKILL"), leader?.stop("SIGKILL")]);
    await load.more(20);
    await Promise.all([victim?.start(), leader?.start()]);
    await load.stop();
    expect(await load.check(mailbox)).toMatchObject(INTACT);
  });

  fleetTest("a deliverer is killed while it holds messages", async () => {
    load.start(8);
    await load.more(20);
    // While the LMTP server stands still, messages wait for it in the deliverers.
    process.kill(fleet.lmtp.pid, "SIGSTOP");
    await load.more(30);
    const [victim] = fleet.deliverers;
    await victim?.stop("SIGKILL");
    process.kill(fleet.lmtp.pid, "SIGCONT");
    await load.more(20);
    await load.stop();
    expect(await load.check(mailbox)).toMatchObject(INTACT);
    await victim?.start();
  });

  fleetTest("a receiver that ends fails its health check first, and greets until it closes", async () => {
    const [receiver] = fleet.receivers;
    const [{ smtp, health } = { smtp: 0, health: 0 }] = fleet.behind;
    const stopped = receiver?.stop();
    while ((await fetch(`http://127.0.0.1:${health}`)).ok) await Bun.sleep(10);
    const before = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\r\n";
    using client = await Client.connect({ to: smtp, before });
    expect(await client.reply()).toStartWith("220 ");
    expect(await client.say("QUIT")).toStartWith("221 ");
    await stopped;
    await receiver?.start();
  });

  fleetTest("all receivers are restarted one after the other: no connection is refused", async () => {
    const before = load.unwelcome;
    load.start(8);
    await load.more(20);
    await fleet.restartReceivers();
    await load.more(20);
    await load.stop();
    const counts = await load.check(mailbox);
    console.log(counts);
    expect(counts).toMatchObject(INTACT);
    expect(load.unwelcome - before).toBe(0);
  });
});
